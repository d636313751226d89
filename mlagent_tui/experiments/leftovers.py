"""What an engine that was killed has left in its project: trials without a result, half-written files.

For the holder of the project's lock: nobody else can be writing these files.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from mlagent_tui import events, paths
from mlagent_tui.errors import ProjectError
from mlagent_tui.experiments import registry
from mlagent_tui.files import DRAFT, Folder

_RUN = re.compile(r"qe_\d{8}_\d{6}(_\d+)?/")
_OF_A_TRIAL = {paths.RUN_EVAL_CONFIG, paths.RUN_METRICS, paths.RUN_WEIGHTS, paths.RUN_PREPROCESSING}
"""What a run's folder holds before its trial has a result."""
_DRAFT_OF_WEIGHTS = f".{paths.RUN_WEIGHTS}.tmp"


def remove(root: Path) -> list[str]:
    """Remove them; returns their paths in the project. Whatever may be of use, or is not ours, stays.

    Raises `ProjectError` when the registry or the journal cannot be read.
    """
    inside = Folder(root, ProjectError)
    removed = []
    runs = [name for name in inside.entries(paths.EXPERIMENTS) if _RUN.fullmatch(name)]
    folders = [".", *paths.FOLDERS, *(f"{paths.EXPERIMENTS}/{name.rstrip('/')}" for name in runs)]
    for folder in folders:
        removed += _remove_drafts(inside, folder)
    unfinished = [name.rstrip("/") for name in runs if _has_no_result(inside, name)]
    if unfinished:
        known = {entry.run_id for entry in registry.load(root)} | _told(root)
        for name in unfinished:
            if name not in known:
                removed.append(_remove_run(inside, f"{paths.EXPERIMENTS}/{name}"))
    return removed


def _remove_drafts(inside: Folder, folder: str) -> list[str]:
    removed = []
    with suppress(ProjectError):
        for name in inside.entries(folder):
            if DRAFT.fullmatch(name) or name == _DRAFT_OF_WEIGHTS:
                inside.remove(f"{folder}/{name}")
                removed.append(f"{folder}/{name}".removeprefix("./"))
    return removed


def _has_no_result(inside: Folder, run: str) -> bool:
    """Whether a run's folder holds nothing but what a trial leaves before it has ended."""
    return set(inside.entries(f"{paths.EXPERIMENTS}/{run}")) <= _OF_A_TRIAL


def _told(root: Path) -> set[str]:
    """The runs whose results are in the journal, and may be stored from there."""
    told = events.scan(paths.Layout(root).journal, skip=events.STREAMED)
    return {str(event.result.get("run_id")) for event in told if isinstance(event, events.TrialFinished)}


def _remove_run(inside: Folder, run: str) -> str:
    for name in inside.entries(run):
        inside.remove(f"{run}/{name}")
    inside.remove(run)
    return f"{run}/"
