"""One run from its first event to its last: opened, journalled, ended in every case, and closed."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Generator
from contextlib import closing
from importlib import metadata

from mlagent_tui import check_results, events, sandbox
from mlagent_tui.agent.control import Hands
from mlagent_tui.agent.loop import Loop
from mlagent_tui.agent.options import RunOptions
from mlagent_tui.agent.reading import read
from mlagent_tui.agent.recovery import Iteration, Saved
from mlagent_tui.agent.session import OpenBundled, OpenModels, Session
from mlagent_tui.errors import Interrupted, MlagentError, ProjectError, UsageError
from mlagent_tui.experiments import Project, leftovers
from mlagent_tui.files import explain
from mlagent_tui.llm import start_bundled, start_models

EXIT_ERROR, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130


def research(
    project: Project,
    run: RunOptions | Saved,
    *,
    cancel: threading.Event | None = None,
    hands: Hands | None = None,
    open_models: OpenModels = start_models,
    open_bundled: OpenBundled = start_bundled,
) -> Generator[events.Event, None, None]:
    """A run as its events, each in the journal before it is yielded; the last is `RunFinished`.

    `run` is what to do, or what an earlier process has done of it. `cancel` interrupts at any step; `hands`
    is what the user brings to this process, and commands come through the project's socket. `open_models`
    starts loading both models, and `open_bundled` the one that may stand in for them. Errors meant for people
    become events; any other is told as `Failed` and raised again. Raises `ProjectError` when the journal
    cannot be written to.
    """
    saved = run if isinstance(run, Saved) else Saved(run, Iteration(1))
    session = Session(
        saved, project, cancel or threading.Event(), hands or Hands(), open_models, open_bundled
    )
    told = _ended(session, resumed=isinstance(run, Saved))
    with closing(told):
        for event in told:
            try:
                event = project.journal.append(event)
            except OSError as error:
                what, remedy = explain(error)
                raise ProjectError(f"cannot write to {project.journal.path}: {what}", remedy) from error
            yield event


def _ended(session: Session, resumed: bool) -> Generator[events.Event, None, None]:
    """The run's events, an ending for every way it can go, and every process closed before the ending."""
    try:
        try:
            yield from _begun(session, resumed)
            ending = yield from Loop(session).run()
        finally:
            session.close()
    except (MlagentError, OSError) as error:
        yield from _stopped(session, error)
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        yield from _failed(session, "Unexpected error", what, "This is a defect of mlagent.", EXIT_ERROR)
        raise
    else:
        yield session.spent()
        yield ending.but(time=events.now())


def _stopped(session: Session, error: MlagentError | OSError) -> Generator[events.Event, None, None]:
    """The ending of a run that could not go on. What fails after a stop has failed because of the stop."""
    try:
        session.project.check_place()
    except ProjectError as moved:
        error = moved
    else:
        if session.cancel.is_set() and not session.lost:
            error = Interrupted(error.what if isinstance(error, Interrupted) else "stopped on request")
    if isinstance(error, Interrupted):
        yield session.spent()
        yield events.RunFinished(outcome="interrupted", reason=error.what, exit_status=EXIT_INTERRUPTED)
    elif isinstance(error, MlagentError):
        yield from _failed(session, error.title, error.what, error.remedy, _status(error))
    else:
        what, remedy = explain(error)
        where = f"{error.filename}: {what}" if error.filename else what
        yield from _failed(session, "File system", where, remedy, EXIT_ERROR)


def _begun(session: Session, resumed: bool) -> Generator[events.Event, None, None]:
    """What can be missing is found first, cheapest first; workers and models then start side by side."""
    saved, options, current = session.saved, session.options, session.saved.current
    leftovers.remove(session.project.root)
    session.read_prompts()
    deaf = session.listen()
    with session.clock.spend("loading"):
        named = (saved.goal or read(options.goal_text, options.typed())).dataset
        if named:
            session.data_card(named)
        session.start_workers()
        level = session.pool.level
        if resumed:
            yield events.RunResumed(
                iteration=current.number,
                step=saved.step,
                iterations=options.iterations,
                sandbox=level,
                versions=versions(),
                pid=os.getpid(),
            )
        else:
            yield started(options, level)
        yield from _said(session, saved)
        yield from _slow(options)
        yield from session.control.opening()
        if deaf:
            yield deaf
        if level == "none":
            yield _unconfined(options)
        yield from session.background.run(lambda: session.load_models(named))
        session.warm_up()


def _said(session: Session, saved: Saved) -> Generator[events.Event, None, None]:
    """What was repaired in the project, and what its journal no longer tells."""
    repairs = session.project.repairs
    while repairs:
        yield events.Warned(message=repairs.pop(0))
    if saved.skipped.count:
        yield events.Warned(message=str(saved.skipped), remedy="The steps that they told of are done again.")


def _slow(options: RunOptions) -> Generator[events.Event, None, None]:
    """That the models are too slow for the time budget, by what a check of them has measured."""
    networks = min(options.iterations, options.patience)
    for message, remedy in check_results.warnings(
        options.planner, options.coder, options.time_budget, networks
    ):
        yield events.Warned(message=message, remedy=remedy)


def _unconfined(options: RunOptions) -> events.Warned:
    if options.sandbox == "none":
        return events.Warned(
            message="generated code runs unconfined, as asked", remedy="Use `--sandbox auto`."
        )
    return events.Warned(
        message=f"generated code runs unconfined: no sandbox works here ({sandbox.why_not()})",
        remedy=f"{sandbox.remedy()} `--sandbox required` refuses to run without one.",
    )


def started(options: RunOptions, sandbox: str) -> events.RunStarted:
    """The first event of a run."""
    return events.RunStarted(
        goal_text=options.goal_text,
        seed=options.seed,
        planner=options.planner,
        coder=options.coder,
        sandbox=sandbox,
        device=options.device,
        versions=versions(),
        options=options.model_dump(mode="json", exclude={"goal_text"}),
        pid=os.getpid(),
    )


def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for package in ("mlagent-tui", "torch", "llama-cpp-python", "llguidance"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _failed(
    session: Session, title: str, what: str, remedy: str, status: int
) -> Generator[events.Event, None, None]:
    yield events.Failed(title=title, what=what, remedy=remedy)
    yield session.spent()
    yield events.RunFinished(outcome="failed", reason=f"{title}: {what}", exit_status=status)


def _status(error: MlagentError) -> int:
    return EXIT_USAGE if isinstance(error, UsageError) else EXIT_ERROR
