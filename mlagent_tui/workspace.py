"""Where a run goes: the default name of its folder, and what may become a project."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from mlagent_tui import events, paths, tools
from mlagent_tui.agent import last_run
from mlagent_tui.errors import ProjectError, ToolError
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
    try:
        if layout.is_project():
            if not another:
                _refuse_unfinished(folder, layout)
            return False
        fresh = not folder.exists()
        if not fresh and (not folder.is_dir() or any(folder.iterdir())):
            raise ProjectError(
                f"{folder} exists and is no project", "Name a new or empty folder, or a project of mlagent."
            )
        layout.root.parent.mkdir(parents=True, exist_ok=True)
        tools.create_pytorch_project_scaffold(layout.root.name, str(layout.root.parent))
    except OSError as error:
        what, remedy = explain(error)
        raise ProjectError(f"cannot use {folder}: {what}", remedy or "Choose another folder.") from error
    except ToolError as error:
        raise ProjectError(f"cannot make {folder}: {error.what}", error.remedy) from error
    return fresh


def discard_empty(folder: Path) -> bool:
    """Remove a project in which not even a goal was understood; whether it was one."""
    told = events.read(paths.Layout(folder.absolute()).journal)[0]
    empty = not any(isinstance(event, events.GoalUnderstood) for event in told)
    if empty:
        shutil.rmtree(folder, ignore_errors=True)
    return empty


def _refuse_unfinished(folder: Path, layout: paths.Layout) -> None:
    saved = last_run(events.read(layout.journal)[0])
    if saved and (saved.finished is None or saved.finished.outcome not in ENDED):
        raise ProjectError(
            f"the last run in {folder} has not ended",
            f"Go on with it: mlagent resume {folder}\nStart another all the same: add --another.",
        )
