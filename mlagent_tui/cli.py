"""The commands, their exit statuses and their errors. The arguments are in `arguments`.

Results go to stdout, everything else to stderr. Exit status: 0 goal achieved or command done; 3 finished
without achieving the goal; 2 bad usage; 1 error; 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlagent_tui import events, paths, presence, streams
from mlagent_tui.arguments import (
    absolute,
    parser,
    resumed_options,
    run_options,
    said_options,
    with_command,
)
from mlagent_tui.errors import MlagentError, ProjectError, UsageError
from mlagent_tui.files import explain

RUNS_SHOWN = 50
"""Rows of the table of `mlagent runs` without --all."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status and never raises."""
    streams.prepare()
    try:
        status = _command(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
        return status
    except MlagentError as error:
        _tell_error(error.title, error.what, error.remedy)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        _tell("mlagent: interrupted")
        return 130
    except BrokenPipeError:
        streams.drop(sys.stdout)
        return 0  # whoever read the output, `head` for instance, has seen enough of it
    except OSError as error:
        streams.drop(sys.stdout)  # it may be what failed
        _tell_error(*_file_error(error))
        return 1
    except SystemExit as stop:  # of `_ends_in_good_order`
        return int(stop.code or 0)
    except Exception as error:
        what = f"{type(error).__name__}: {error}. The details are in {_log(error)}"
        _tell_error("Unexpected error", what, "This is a defect of mlagent; please report it.")
        return 1


def _command(argv: Sequence[str]) -> int:
    try:
        arguments = parser(_COMMANDS).parse_args(with_command(argv))
    except SystemExit as stop:  # argparse has printed its help
        return int(stop.code or 0)
    with _ends_in_good_order() if arguments.command not in (_interface, _replay) else nullcontext():
        status: int = arguments.command(arguments)
    return status


@contextmanager
def _ends_in_good_order() -> Iterator[None]:
    """Let a closed terminal and `kill` end a command as its own end would: what is temporary is removed.

    A run has its own way to end, and a signal that is ignored stays ignored, as under `nohup`.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGTERM)}
    mine = [number for number, handler in before.items() if handler is signal.SIG_DFL]
    for number in mine:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, before[number])


def _tell(text: str) -> None:
    with suppress(streams.OutputLost):
        streams.put(sys.stderr, text + "\n")


def _file_error(error: OSError) -> tuple[str, str, str]:
    """An error of the file system that nothing else explained: title, what happened, remedy."""
    what, remedy = explain(error)
    try:
        os.getcwd()
    except OSError:
        return "File system", "the current folder no longer exists", "Change to a folder that exists."
    return "File system", f"{error.filename}: {what}" if error.filename else what, remedy


def _tell_error(title: str, what: str, remedy: str) -> None:
    from mlagent_tui.console import error_text

    _tell(error_text(title, what, remedy))


def _log(error: Exception) -> Path:
    """Write the traceback to a file of its own, in the user's log folder where that can be written to."""
    name = f"error-{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}.log"
    text = "".join(traceback.format_exception(error))
    for folder in (paths.log_folder(), Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
            return folder / name
        except OSError:
            continue
    return Path(os.devnull)


# --- commands -------------------------------------------------------------------------------------------


def _run(arguments: argparse.Namespace) -> int:
    """A new run."""
    from mlagent_tui import own_prompts, settings, workspace
    from mlagent_tui.clarify import clarified
    from mlagent_tui.experiments import Project
    from mlagent_tui.headless import Output, drive

    if arguments.check:
        return _check(arguments)
    options = run_options(arguments, settings.load())
    output = Output(jsonl=arguments.events == "jsonl", quiet=arguments.quiet)
    options = clarified(options, output.say, _ask if sys.stdin.isatty() and sys.stderr.isatty() else None)
    _check_models(options)
    own_prompts.read(arguments.project)
    if arguments.branch_from:
        workspace.check_branch(arguments.project, arguments.branch_from)
    folder = arguments.project or workspace.default_folder(options.goal_text)
    fresh = workspace.prepare(folder, another=arguments.another)
    output.say(f"project    {folder}")
    with Project(folder) as project:
        status = drive(project, options, folder, output, _hands(arguments))
    named = arguments.project is not None  # and then it may be looked at: whoever named it removes it
    if fresh and not named and status in (1, 2) and workspace.discard_empty(folder):
        output.say("project    removed: no network was tried in it")
    elif status == 1 and paths.Layout(folder.absolute()).is_project():
        output.say(f"resume     mlagent resume {folder}")
    return status


def _ask(prompt: str) -> str:
    """A line of the user's; empty at the end of the input."""
    streams.put(sys.stderr, prompt)
    return sys.stdin.readline()


def _resume(arguments: argparse.Namespace) -> int:
    """Resume the last run of a project."""
    from mlagent_tui import own_prompts, workspace
    from mlagent_tui.agent import check_origin
    from mlagent_tui.experiments import Project, history
    from mlagent_tui.headless import Output, drive

    folder: Path = arguments.project
    with Project(folder) as project:
        limits = (arguments.iterations, arguments.patience, arguments.time_budget)
        try:
            hands = _hands(arguments)
            raised = any(limit is not None for limit in limits)
            _refuse_ended(history.ending(project.root), folder, raised, more=hands.more is not None)
            if hands.more is not None:
                check_origin(project.root, *hands.more)
            saved = workspace.last_saved(project.layout)
        except MlagentError:
            _tell_repairs(project.repairs)  # of a run that goes on, its events tell them
            raise
        if saved is None:
            _tell_repairs(project.repairs)
            raise ProjectError(
                f"no run has been started in {folder}", f"Start one: mlagent run GOAL --project {folder}"
            )
        saved.options = resumed_options(arguments, saved.options)
        _refuse_timeless(saved, arguments)
        own_prompts.read(folder)
        output = Output(jsonl=arguments.events == "jsonl", quiet=arguments.quiet)
        output.say(f"project    {folder}")
        return drive(project, saved, folder, output, hands)


def _check(arguments: argparse.Namespace) -> int:
    """What is wrong with a run before it starts, as one JSON object; nothing is started or made."""
    from mlagent_tui import preflight

    told = preflight.check(arguments)
    print(json.dumps(told.model_dump(), indent=2, ensure_ascii=False))
    return 2 if told.problems else 0


def _hands(arguments: argparse.Namespace) -> Any:
    from mlagent_tui.agent import Hands

    new = hasattr(arguments, "goal")
    named = arguments.branch_from or ""
    rerun = None if new else arguments.rerun
    more: tuple[events.QueueKind, str] | None = None
    if not new and (named or rerun):
        more = ("branch", named) if named else ("rerun", str(rerun))
    return Hands(
        holds=frozenset(arguments.hold),
        steer=arguments.steer,
        branch_from=named if new else "",
        more=more,
        waits=arguments.wait_for_approval,
    )


def _refuse_ended(finished: events.RunFinished | None, folder: Path, raised: bool, more: bool) -> None:
    """Raise the error of a run that has ended, unless a limit was `raised` or `more` was asked for."""
    if finished is None or finished.outcome in ("interrupted", "failed") or more:
        return
    or_more = "Or run one more iteration: add --branch-from RUN or --rerun RUN."
    if finished.outcome == "achieved":
        raise UsageError(
            f"the run in {folder} has achieved its goal",
            f"Start another run in the same project: mlagent run GOAL --project {folder}\n{or_more}",
        )
    if not raised:
        raise UsageError(
            f"the run in {folder} has stopped: {finished.reason}",
            f"Raise a limit to resume it: --iterations, --patience or --time-budget.\n{or_more}",
        )


def _refuse_timeless(saved: Any, arguments: argparse.Namespace) -> None:
    """Raise the error of one more iteration for which there is no time."""
    budget = saved.options.time_budget
    if (arguments.branch_from or arguments.rerun) and budget is not None and saved.seconds >= budget:
        raise UsageError(
            f"the time budget of {budget:g} s is used up",
            "Give the run more time in total: --time-budget, such as 30m.",
        )


def _tell_repairs(repairs: Sequence[str]) -> None:
    for text in repairs:
        _tell(f"mlagent: {text}")


def _runs(arguments: argparse.Namespace) -> int:
    """The trials of a project, the newest page of them or all."""
    from mlagent_tui.console import runs_table
    from mlagent_tui.experiments import history, registry

    root = _project(arguments.project)
    listed = registry.read(root)
    if holder := presence.holder(root):
        before = history.held(root)
        _tell(f"a run is held before {before} ({holder})" if before else f"a run is in progress ({holder})")
    entries = listed.entries
    _tell_repairs([f"{listed.notice} The file is written again when a run starts."] if listed.notice else [])
    if arguments.json:
        print(json.dumps([entry.model_dump(mode="json") for entry in entries], indent=2))
        return 0
    shown = entries if arguments.all else entries[-RUNS_SHOWN:]
    if shown:
        print(runs_table(shown))
    else:
        _tell("no runs yet")
    if len(shown) < len(entries):
        _tell(f"the newest {len(shown)} of {len(entries):,} runs; --all lists all of them")
    return 0


def _report(arguments: argparse.Namespace) -> int:
    """The report of a project's last run, written again from its journal."""
    from mlagent_tui.experiments import concluded, report

    root = _project(arguments.project)
    conclusion = concluded(root)
    unsaved: ProjectError | None = None
    try:
        drawn = report.draw(root, conclusion.run_ids, report.leader(root, conclusion))
    except report.NotDrawn as error:
        drawn = False
        _tell(f"mlagent: {error.what}. {error.remedy}")
    except ProjectError as error:
        drawn, unsaved = False, error
    text = report.compose(root, conclusion, drawn)
    print(text, end="", flush=True)
    try:
        report.save(root, text)
    except ProjectError as error:
        unsaved = error
    if unsaved:
        _tell(f"mlagent: the report was not saved: {unsaved.what}. {unsaved.remedy}".rstrip())
    return 0


def _models(arguments: argparse.Namespace) -> int:
    """Every language model on this machine, or one of them measured."""
    from mlagent_tui import doctor, models_command, settings

    if arguments.check is not None:
        options = said_options(arguments.model_option)
        spec, seconds = absolute(arguments.check), arguments.seconds
        return models_command.check(spec, options, seconds=seconds, as_json=arguments.json)
    return models_command.show(doctor.named_folders(settings.load()), as_json=arguments.json)


def _prompts(arguments: argparse.Namespace) -> int:
    """Which prompts are used, or copies of the shipped ones."""
    from mlagent_tui import prompts_command
    from mlagent_tui.prompts import PROFILES

    if not arguments.copies:
        return prompts_command.show(arguments.project or Path.cwd(), as_json=arguments.json)
    into = (arguments.project or Path.cwd()) if arguments.to == "project" else None
    profiles = [arguments.profile] if arguments.profile else PROFILES
    return prompts_command.copy(into, profiles, force=arguments.force)


def _doctor(arguments: argparse.Namespace) -> int:
    """What a run needs on this machine."""
    from mlagent_tui import settings
    from mlagent_tui.doctor import doctor

    return doctor(settings.load(), as_json=arguments.json)


def _interface(arguments: argparse.Namespace) -> int:
    """The terminal interface, on a project or on its start screen."""
    _need_terminal()
    from mlagent_tui.tui import run_app

    return run_app(arguments.project and _project(arguments.project))


def _replay(arguments: argparse.Namespace) -> int:
    """A project's last run, played again in the interface."""
    project = _project(arguments.project)
    _need_terminal()
    from mlagent_tui.tui import replay_app

    return replay_app(project, arguments.speed)


def _need_terminal() -> None:
    if not (sys.stdin and sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "the interface needs a terminal", "Without one: mlagent run GOAL. See: mlagent --help"
        )


_COMMANDS = {
    "interface": _interface, "run": _run, "resume": _resume, "replay": _replay, "runs": _runs,
    "report": _report,
    "models": _models,
    "prompts": _prompts,
    "doctor": _doctor,
}  # fmt: skip


def _project(folder: Path) -> Path:
    if not paths.Layout(folder.absolute()).is_project():
        raise ProjectError(f"{folder} is not a project", "Name a folder that `mlagent run` has made.")
    return folder.absolute()


def _check_models(options: Any) -> None:
    """Raises `ModelError` for a model that cannot be used, before anything is made or started."""
    from mlagent_tui.llm import check_options, check_spec

    for spec in (options.planner, options.coder):
        check_spec(spec)
    for how in (options.planner_options, options.coder_options):
        check_options(how)
