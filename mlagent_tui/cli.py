"""The command line: arguments, exit statuses, and errors in words.

Results go to stdout, everything else to stderr. Exit status: 0 goal achieved or command done; 3 finished
without achieving the goal; 2 bad usage; 1 error; 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from mlagent_tui import events, paths, settings
from mlagent_tui.console import error_text
from mlagent_tui.errors import MlagentError, ModelError, ProjectError, UsageError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status and never raises."""
    try:
        arguments = _parser().parse_args(argv)
        status: int = arguments.command(arguments)
        sys.stdout.flush()
        return status
    except MlagentError as error:
        _tell(error_text(error.title, error.what, error.remedy))
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        _tell("mlagent: interrupted")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader is gone; so that nothing fails at exit
        return 1
    except Exception as error:
        what = f"{type(error).__name__}: {error}; the details are in {_log(error)}"
        _tell(error_text("Unexpected error", what, "This is a defect of mlagent; please report it."))
        return 1


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


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
    from mlagent_tui import workspace
    from mlagent_tui.experiments import Project
    from mlagent_tui.headless import Output, drive

    options = _options(arguments, settings.load())
    _check_models(options.planner, options.coder)
    folder = arguments.project or workspace.default_folder(options.goal_text, Path("."))
    fresh = workspace.prepare(folder, another=arguments.another)
    output = Output(jsonl=arguments.events == "jsonl", quiet=arguments.quiet)
    output.say(f"project    {folder}")
    with Project(folder) as project:
        status = drive(project, options, folder, output)
    if fresh and status in (1, 2) and workspace.discard_empty(folder):
        output.say("project    removed again: nothing was tried in it")
    elif status == 1:
        output.say(f"go on      mlagent resume {folder}")
    return status


def _resume(arguments: argparse.Namespace) -> int:
    """Go on with the last run of a project."""
    from mlagent_tui.agent import last_run
    from mlagent_tui.experiments import Project
    from mlagent_tui.headless import Output, drive

    folder: Path = arguments.project
    with Project(folder) as project:
        saved = last_run(events.read(project.layout.journal)[0])
        if saved is None:
            raise ProjectError(f"no run was ever started in {folder}", "Start one with: mlagent run GOAL")
        limits = {name: getattr(arguments, name) for name in ("iterations", "patience", "time_budget")}
        raised = {name: value for name, value in limits.items() if value is not None}
        _refuse_ended(saved.finished, folder, bool(raised))
        saved.options = saved.options.model_copy(update=raised)
        output = Output(jsonl=arguments.events == "jsonl", quiet=arguments.quiet)
        output.say(f"project    {folder}")
        return drive(project, saved, folder, output)


def _refuse_ended(finished: events.RunFinished | None, folder: Path, raised: bool) -> None:
    if finished is None or finished.outcome in ("interrupted", "failed"):
        return
    if finished.outcome == "achieved":
        raise UsageError(
            f"the run in {folder} has achieved its goal",
            f"Start another in the same project: mlagent run GOAL --project {folder}",
        )
    if not raised:
        raise UsageError(
            f"the run in {folder} has stopped: {finished.reason}",
            "Raise a limit to go on: --iterations, --patience or --time-budget.",
        )


def _runs(arguments: argparse.Namespace) -> int:
    """The runs of a project."""
    from mlagent_tui.console import runs_table
    from mlagent_tui.experiments import registry

    entries = registry.load(_project(arguments.project))
    if arguments.json:
        print(json.dumps([entry.model_dump(mode="json") for entry in entries], indent=2))
    elif entries:
        print(runs_table(entries))
    else:
        _tell("no runs yet")
    return 0


def _report(arguments: argparse.Namespace) -> int:
    """The report of a project's last run, written again from its journal."""
    from mlagent_tui.experiments import report

    root = _project(arguments.project)
    told = events.read(paths.Layout(root).journal)[0]
    path = report.write(root, report.from_journal(told))
    print(path.read_text(encoding="utf-8"), end="")
    return 0


def _project(folder: Path) -> Path:
    if not paths.Layout(folder.absolute()).is_project():
        raise ProjectError(f"{folder} is not a project", "Name a folder that `mlagent run` has made.")
    return folder.absolute()


# --- from arguments to options --------------------------------------------------------------------------


def _options(arguments: argparse.Namespace, defaults: settings.Settings) -> Any:
    from mlagent_tui.agent import RunOptions

    names = ("planner", "coder", "dataset", "iterations", "patience", "time_budget", "seed", "device")
    said = {name: getattr(arguments, name) for name in (*names, "data_dir", "sandbox")}
    given = {name: value for name, value in said.items() if value is not None}
    if arguments.model:
        given = {"planner": arguments.model, "coder": arguments.model} | given
    given = defaults.model_dump() | given
    for role in ("planner", "coder"):
        given[role] = _absolute(given[role])
    given["data_dir"] = given["data_dir"] and given["data_dir"].expanduser().absolute()
    try:
        return RunOptions.model_validate(given | {"goal_text": arguments.goal.strip()})
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][0]).replace("_", "-")
        name = "GOAL" if option == "goal-text" else f"--{option}"
        raise UsageError(f"{name}: {first['msg']}", "See: mlagent run --help") from error


def _absolute(spec: str) -> str:
    """A model file's name as it is valid from every folder; a run may be resumed from another."""
    if spec == "bundled" or "://" in spec:
        return spec
    return str(Path(spec).expanduser().absolute())


def _check_models(*specs: str) -> None:
    """Raises `ModelError` for a model file that is not there, before anything is made or started."""
    from mlagent_tui.llm import locate

    for spec in specs:
        path = locate(spec)
        if not path.is_file():
            raise ModelError(f"there is no file {path}", "Name a .gguf file with --model, or use `bundled`.")


def duration(text: str) -> float:
    """Seconds from `90`, `90s`, `30m`, `1h30m`. Raises `argparse.ArgumentTypeError`."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip().lower())
    if not parts or "".join(a + b for a, b in parts) != text.strip().lower():
        raise argparse.ArgumentTypeError(f"{text!r} is no duration such as 90s, 30m or 1h30m")
    seconds = sum(float(number) * _UNITS[unit or "s"] for number, unit in parts)
    if seconds <= 0:
        raise argparse.ArgumentTypeError("a duration is more than zero")
    return seconds


class _Parser(argparse.ArgumentParser):
    """argparse with errors in the form of all others."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, f"See: {self.prog} --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="mlagent",
        description="Design neural networks with language models on your own machine.",
        epilog="Exit status: 0 goal achieved or command done; 3 finished without achieving the goal; "
        "2 bad usage; 1 error; 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"mlagent {_version()}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_run(commands)
    _add_resume(commands)
    runs = commands.add_parser("runs", help="list the runs of a project")
    runs.add_argument("project", type=Path, metavar="PROJECT")
    runs.add_argument("--json", action="store_true", help="the registry's entries as JSON")
    runs.set_defaults(command=_runs)
    report = commands.add_parser("report", help="write and print the report of a project's last run")
    report.add_argument("project", type=Path, metavar="PROJECT")
    report.set_defaults(command=_report)
    return parser


def _add_run(commands: Any) -> None:
    run = commands.add_parser(
        "run",
        help="work on a goal",
        epilog='Example: mlagent run "a small CNN for the digits data set, at least 95% accuracy"',
    )
    run.add_argument("goal", metavar="GOAL", help="what to reach, in your own words, with a number")
    add = run.add_argument
    add("--project", type=Path, metavar="DIR", help="folder of the project (default: ./<goal>-<n>)")
    add("--another", action="store_true", help="start although the project's last run has not ended")
    add("--model", metavar="M", help="language model for both roles: bundled, or a .gguf file")
    add("--planner", metavar="M", help="language model that plans and decides")
    add("--coder", metavar="M", help="language model that writes code")
    add("--dataset", metavar="D", help="digits, mnist, fashion_mnist, cifar10, cifar100 or dummy")
    add("--seed", type=int, metavar="N", help="everything random follows from it (default: 0)")
    add("--device", metavar="D", help="where networks train: auto, cuda, mps or cpu")
    add("--data-dir", type=Path, metavar="DIR", help="folder of the data sets")
    add("--sandbox", metavar="S", help="confinement of generated code: auto, required or none")
    _add_limits(run)
    _add_output(run)
    run.set_defaults(command=_run)


def _add_resume(commands: Any) -> None:
    resume = commands.add_parser("resume", help="go on with the last run of a project")
    resume.add_argument("project", type=Path, metavar="PROJECT")
    _add_limits(resume)
    _add_output(resume)
    resume.set_defaults(command=_resume)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--iterations", type=int, metavar="N", help="try at most N networks (default: 8)")
    add("--patience", type=int, metavar="N", help="stop after N networks without improvement (default: 3)")
    add("--time-budget", type=duration, metavar="T", help="start nothing new after T, such as 90s or 30m")


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--events", choices=["jsonl"], help="print the run's events as JSON lines on stdout")
    parser.add_argument("--quiet", action="store_true", help="print warnings, errors and the outcome only")


def _version() -> str:
    try:
        return metadata.version("mlagent-tui")
    except metadata.PackageNotFoundError:
        return "(not installed)"
