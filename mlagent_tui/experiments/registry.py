"""`experiments/registry.json`: the list of all trials, in the order they were first recorded.

The journal is the record, and this list derives from it: what is lost or damaged here is rebuilt from there
and from the trials' folders. Entries and fields that others have added are kept.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mlagent_tui import held, paths
from mlagent_tui.errors import ProjectError
from mlagent_tui.experiments import listing, rebuild
from mlagent_tui.files import Folder, explain
from mlagent_tui.schemas import RegistryEntry

_LARGEST = 2**29
"""Bytes of a list that are read; some 700,000 entries."""
_AGAIN_SECONDS = 0.03
"""After this a damaged list is read again: the engine may have been writing its end."""


@dataclass(frozen=True)
class Listed:
    """All trials, and what had to be rebuilt for that: a sentence for people, empty where nothing was wrong.

    `damaged` says that the file itself is not as it should be.
    """

    entries: list[RegistryEntry]
    notice: str = ""
    damaged: bool = False


def load(root: Path) -> list[RegistryEntry]:
    """All trials of the project at `root`. Raises `ProjectError` when it is not a project."""
    return read(root).entries


def read(root: Path) -> Listed:
    """All trials of the project at `root`, rebuilt where the list is damaged. Nothing is written.

    Raises `ProjectError` when it is not a project, or no longer the one that this process works in.
    """
    held.check(root)
    if not paths.Layout(root).is_project():
        raise ProjectError(f"{root} is not a project", f"Start one with: mlagent run GOAL --project {root}")
    found = _parsed(root)
    if found.problem:
        time.sleep(_AGAIN_SECONDS)
        found = _parsed(root)
    known = {entry.run_id: entry for entry in found.entries}
    repeated = len(found.entries) - len(known)
    problem = found.problem or (f"{repeated} entries occur twice" if repeated else "")
    if not problem and not _unlisted(root, known):
        return Listed(found.entries)
    rebuilt, unread = rebuild.entries(root)
    whole = _merged(known, rebuilt)
    added = len(whole) - len(known)
    if not problem and not added:
        return Listed(found.entries)
    return Listed(whole, _notice(problem, len(whole), added, unread), damaged=bool(problem))


def repair(root: Path) -> str:
    """Write the list again where it is lost or damaged; what was done as a sentence, empty for nothing.

    A damaged file is kept beside the new one. For the holder of the project's lock. Raises `ProjectError`.
    """
    found = read(root)
    if not found.notice:
        return ""
    files, aside = Folder(root, ProjectError), ""
    if found.damaged and os.path.lexists(root / paths.REGISTRY):
        aside = files.set_aside(paths.REGISTRY)
    try:
        files.write(paths.REGISTRY, listing.dumped(found.entries))
    except ProjectError:
        if aside:
            os.rename(root / aside, root / paths.REGISTRY)
        raise
    return found.notice + (f" The damaged file was kept as {aside}." if aside else "")


class Registry:
    """The list as the engine of a project writes it: adding a trial costs the same whatever its length."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files = Folder(root, ProjectError)
        self._known: set[str] = set()
        self._seen: tuple[int, ...] = ()

    def record(self, entry: RegistryEntry) -> None:
        """Append `entry`, or let it take the place of the one with its `run_id`.

        Raises `ProjectError` when the file cannot be written to; it is then as it was.
        """
        if self._stamp() != self._seen:  # someone else has written to it
            if read(self._root).damaged:
                repair(self._root)
            self._known = {one.run_id for one in _parsed(self._root).entries}
        if not self._at_the_end(entry):
            self._whole(entry)
        self._known.add(entry.run_id)
        self._seen = self._stamp()

    def _at_the_end(self, entry: RegistryEntry) -> bool:
        file = self._files.open_to_change(paths.REGISTRY)
        try:
            return (listing.change if entry.run_id in self._known else listing.add)(file, entry)
        except OSError as error:
            what, remedy = explain(error)
            raise ProjectError(f"cannot write {self._root / paths.REGISTRY}: {what}", remedy) from error
        finally:
            os.close(file)

    def _whole(self, entry: RegistryEntry) -> None:
        entries = {one.run_id: one for one in load(self._root)}
        before = entries.get(entry.run_id)
        entries[entry.run_id] = listing.kept(before, entry) if before else entry
        self._files.write(paths.REGISTRY, listing.dumped(list(entries.values())))

    def _stamp(self) -> tuple[int, ...]:
        try:
            now = os.stat(self._root / paths.REGISTRY)
        except OSError:
            return (-1,)
        return now.st_ino, now.st_size, now.st_mtime_ns


def record(root: Path, entry: RegistryEntry) -> None:
    """Record one trial in a project that nobody else writes to. Raises `ProjectError`."""
    Registry(root).record(entry)


def _parsed(root: Path) -> listing.Parsed:
    try:
        return listing.parsed(Folder(root, ProjectError).read(paths.REGISTRY, _LARGEST))
    except ProjectError as error:
        missing = not os.path.lexists(root / paths.REGISTRY)
        return listing.Parsed([], "it is missing" if missing else error.what)


def _unlisted(root: Path, known: Iterable[str]) -> bool:
    """Whether a trial's folder holds results that the list does not know."""
    lost = set(rebuild.folders(root)).difference(known)
    layout = paths.Layout(root)
    return any((layout.run(name) / paths.RUN_RESULTS).is_file() for name in lost)


def _merged(known: dict[str, RegistryEntry], rebuilt: list[RegistryEntry]) -> list[RegistryEntry]:
    """The entries of the file, and those that it lacks, each in its place."""
    order = [entry.run_id for entry in rebuilt]
    place = {run_id: index for index, run_id in enumerate(order)}
    added: dict[int, list[str]] = {}
    after = -1
    for run_id in known:  # those that only the file knows stay behind their neighbour
        after = place.get(run_id, after)
        if run_id not in place:
            added.setdefault(after, []).append(run_id)
    names = [*added.get(-1, [])]
    for index, run_id in enumerate(order):
        names += [run_id, *added.get(index, [])]
    entries = {entry.run_id: entry for entry in rebuilt} | known
    return [entries[run_id] for run_id in names]


def _notice(problem: str, count: int, added: int, unread: str) -> str:
    trials = "1 trial" if count == 1 else f"{count:,} trials"
    sources = "the trials' folders" if unread else "the journal and the trials' folders"
    if not problem:
        said = f"{paths.REGISTRY} lacked {added:,} of {trials}; restored from {sources}."
    elif "missing" in problem:
        said = f"{paths.REGISTRY} is missing; {trials} restored from {sources}."
    else:
        said = (
            f"{paths.REGISTRY} is damaged ({problem}); {trials} restored, {added:,} of them from {sources}."
        )
    return f"{said} The journal could not be read: {unread}." if unread else said
