"""Where a run goes: the default name of its folder, and what may become a project."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mlagent_tui import events, paths, presence, tools
from mlagent_tui.agent import Saved, last_run
from mlagent_tui.errors import ProjectError, ToolError
from mlagent_tui.experiments import history, registry, runs
from mlagent_tui.files import explain
from mlagent_tui.removal import remove_folder

SLUG_WIDTH = 40
ENDED = ("achieved", "stopped", "failed")


def default_folder(goal_text: str, base: Path | None = None) -> Path:
    """The first of `base/<slug of the goal>-<n>` that does not exist; without `base`, where new projects go.

    Relative to the current folder where it lies in it.
    """
    base = paths.new_projects() if base is None else base
    if base.is_absolute() and base.is_relative_to(Path.cwd()):
        base = base.relative_to(Path.cwd())
    words = re.sub(r"[^a-z0-9]+", "-", goal_text.lower()).strip("-")[:SLUG_WIDTH].rstrip("-") or "run"
    number = 1
    while os.path.lexists(folder := base / f"{words}-{number}"):
        number += 1
    return folder


def prepare(folder: Path, *, another: bool = False) -> bool:
    """Make `folder` a project; True when it did not exist before. An existing project is taken as it is.

    Raises `ProjectError` for a folder that cannot become one, and, unless `another` run is asked for, for a
    project whose last run has not ended.
    """
    layout = paths.Layout(folder.absolute())
    check(folder, another=another)
    with _explained(folder):
        if layout.is_project():
            return False
        fresh = not folder.exists()
        layout.root.parent.mkdir(parents=True, exist_ok=True)
        try:
            tools.create_pytorch_project_scaffold(layout.root.name, str(layout.root.parent))
        except ToolError as error:
            raise ProjectError(f"cannot make {folder}: {error.what}", error.remedy) from error
    return fresh


def check(folder: Path, *, another: bool = False) -> None:
    """Raise the `ProjectError` that a run in `folder` would end with before its first step.

    Nothing stays changed: to know whether a folder can be written to, an empty one is made and removed in it.
    """
    layout = paths.Layout(folder.absolute())
    _refuse_name(folder)
    if own := paths.own_source(layout.root):
        raise ProjectError(f"{folder} lies in mlagent's own source code ({own})", "Choose another folder.")
    with _explained(folder):
        if layout.is_project():
            _refuse_occupied(folder)
            for name in (paths.LOCK, paths.JOURNAL):
                _try_opening(layout.root / name)
            if not another:
                _refuse_unfinished(folder, layout)
            _try_writing(layout.experiments)
        elif _is_there(layout.root):
            if not layout.root.is_dir() or any(layout.root.iterdir()):
                raise ProjectError(
                    f"{folder} exists and is not a project: "
                    f"it has neither {paths.REGISTRY} nor {paths.JOURNAL}",
                    "Name a new or empty folder, or a project that `mlagent run` has made.",
                )
            _try_writing(layout.root)
        else:
            _is_there(layout.experiments / "qe_20260101_000000_10" / f".{paths.RUN_WEIGHTS}.tmp")
            _try_writing(next(place for place in layout.root.parents if _is_there(place)))


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what, _ = explain(error)
        raise ProjectError(f"cannot use {folder}: {what}", "Choose another folder.") from error


def _refuse_name(folder: Path) -> None:
    name = str(folder)
    if not name.isprintable():  # neither control characters nor bytes that are not UTF-8
        what = f"{name!r} cannot be the name of a project: it has characters that cannot be printed"
        raise ProjectError(what, "Use plain names, such as MyProject.")


def _is_there(place: Path) -> bool:
    """Whether there is anything of this name. Raises `OSError` where there could never be."""
    try:
        place.lstat()
    except FileNotFoundError:
        return False
    if place.is_symlink():
        place.stat()  # a link that leads nowhere, or to itself
    return True


def _try_writing(folder: Path) -> None:
    """Raise `OSError` unless a folder can be made in `folder`. Rights alone do not tell: think of /proc."""
    try:
        probe = folder / f".{secrets.token_hex(8)}"
        probe.mkdir()
        probe.rmdir()
    except FileNotFoundError as error:
        raise OSError(errno.EACCES, "nothing can be made there", str(folder)) from error


def _try_opening(file: Path) -> None:
    """Raise `OSError` unless `file` can be written to as a plain file, or is not there."""
    with suppress(FileNotFoundError):
        opened = os.open(file, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(opened, "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise OSError(errno.EINVAL, f"{file.name} is not a plain file", str(file))


def _refuse_occupied(folder: Path) -> None:
    if holder := presence.holder(folder):
        raise ProjectError(
            f"{folder} is in use by {holder}: a run is going on in it",
            f"Watch it: mlagent {folder}\nOr wait for it to end, or stop it there.",
        )


def last_saved(layout: paths.Layout) -> Saved | None:
    """How far the last run of a project came; its journal may be long. Raises `ProjectError`."""
    return last_run(history.last_run(layout.root))


def discard_empty(folder: Path) -> bool:
    """Remove a project in which not even a goal was understood; whether it was one."""
    layout = paths.Layout(folder.absolute())
    try:
        told = list(history.whole(layout.root))
    except ProjectError:
        return False
    known = any(isinstance(event, events.GoalUnderstood | events.Unreadable) for event in told)
    empty = layout.is_project() and not known
    if empty:
        remove_folder(layout.root)
    return empty


def _refuse_unfinished(folder: Path, layout: paths.Layout) -> None:
    ending = history.ending(layout.root)
    if history.started(layout.root) and (ending is None or ending.outcome not in ENDED):
        raise ProjectError(
            f"the last run in {folder} has not ended",
            f"Resume it: mlagent resume {folder}\nOr start another run in the same project: add --another.",
        )


def check_branch(folder: Path | None, run_id: str) -> None:
    """Raises `ProjectError` unless a run of the project in `folder` has a network to start from."""
    if folder is None:
        raise ProjectError(
            f"--branch-from {run_id} needs the project of that run", "Name the project with --project."
        )
    is_project = paths.Layout(folder.absolute()).is_project()
    known = {entry.run_id for entry in registry.load(folder)} if is_project else set()
    found = runs.load(folder, run_id) if run_id in known else None
    if found and (why := found.damaged.get(paths.RUN_CONFIG)):
        where = paths.Layout(folder).run(run_id) / paths.RUN_CONFIG
        raise ProjectError(f"the network of {run_id} cannot be read: {where}, {why}", "Correct the file.")
    if found is None or found.config is None:
        raise ProjectError(
            f"there is no run {run_id} with a network in {folder}", f"See: mlagent runs {folder}"
        )
