"""Where a run goes: the default name of its folder, and what may become a project."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from mlagent_tui import events, paths, tools
from mlagent_tui.agent import Saved, last_run
from mlagent_tui.errors import ProjectError, ToolError
from mlagent_tui.experiments import history, registry, runs
from mlagent_tui.files import explain

SLUG_WIDTH = 40
ENDED = ("achieved", "stopped", "failed")


def default_folder(goal_text: str, base: Path) -> Path:
    """The first of `base/<slug of the goal>-<n>` that does not exist."""
    words = re.sub(r"[^a-z0-9]+", "-", goal_text.lower()).strip("-")[:SLUG_WIDTH].rstrip("-") or "run"
    number = 1
    while (folder := base / f"{words}-{number}").exists():
        number += 1
    return folder


def prepare(folder: Path, *, another: bool = False) -> bool:
    """Make `folder` a project; True when it did not exist before. An existing project is taken as it is.

    Raises `ProjectError` for a folder that cannot become one, and, unless `another` run is asked for, for a
    project whose last run has not ended.
    """
    layout = paths.Layout(folder.absolute())
    check(folder, another=another)
    try:
        if layout.is_project():
            return False
        fresh = not folder.exists()
        layout.root.parent.mkdir(parents=True, exist_ok=True)
        tools.create_pytorch_project_scaffold(layout.root.name, str(layout.root.parent))
    except OSError as error:
        what, remedy = explain(error)
        raise ProjectError(f"cannot use {folder}: {what}", remedy or "Choose another folder.") from error
    except ToolError as error:
        raise ProjectError(f"cannot make {folder}: {error.what}", error.remedy) from error
    return fresh


def check(folder: Path, *, another: bool = False) -> None:
    """Raise the `ProjectError` that `prepare` would raise for `folder`, as far as a look can tell."""
    layout = paths.Layout(folder.absolute())
    try:
        if layout.is_project():
            if not another:
                _refuse_unfinished(folder, layout)
        elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ProjectError(
                f"{folder} exists and is not a project: it has neither {paths.REGISTRY} nor {paths.JOURNAL}",
                "Name a new or empty folder, or a project of mlagent.",
            )
    except OSError as error:
        what, remedy = explain(error)
        raise ProjectError(f"cannot use {folder}: {what}", remedy or "Choose another folder.") from error


def last_saved(layout: paths.Layout) -> Saved | None:
    """How far the last run of a project came; its journal may be long. Raises `ProjectError`."""
    return last_run(history.last_run(layout.root))


def discard_empty(folder: Path) -> bool:
    """Remove a project in which not even a goal was understood; whether it was one."""
    try:
        told = list(history.whole(folder.absolute()))
    except ProjectError:
        return False
    empty = not any(isinstance(event, events.GoalUnderstood | events.Unreadable) for event in told)
    if empty:
        shutil.rmtree(folder, ignore_errors=True)
    return empty


def _refuse_unfinished(folder: Path, layout: paths.Layout) -> None:
    ending = history.ending(layout.root)
    if history.started(layout.root) and (ending is None or ending.outcome not in ENDED):
        raise ProjectError(
            f"the last run in {folder} has not ended",
            f"Resume it: mlagent resume {folder}\nStart another anyway: add --another.",
        )


def check_branch(folder: Path | None, run_id: str) -> None:
    """Raises `ProjectError` unless a run of the project in `folder` has a network to start from."""
    if folder is None:
        raise ProjectError(
            f"{run_id} cannot be found without its project", "Name the project with --project."
        )
    is_project = paths.Layout(folder.absolute()).is_project()
    known = {entry.run_id for entry in registry.load(folder)} if is_project else set()
    if run_id not in known or runs.load(folder, run_id).config is None:
        raise ProjectError(
            f"there is no run {run_id} with a network in {folder}", f"See: mlagent runs {folder}"
        )
