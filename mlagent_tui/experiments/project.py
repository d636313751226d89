"""A project that is being worked on: its lock, its journal, and everything that is written to it."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Self

from mlagent_tui import paths, presence
from mlagent_tui.errors import ProjectError
from mlagent_tui.events import Journal
from mlagent_tui.experiments import registry, runs
from mlagent_tui.files import Folder, explain
from mlagent_tui.held import Place
from mlagent_tui.schemas import EvalConfig, EvalResult, ModelConfig, RegistryEntry, Summary

_LOOKS, _LOOK_SECONDS = 5, 0.02


class Project:
    """The one engine's hold on a project folder, from opening to `close`.

    Damaged parts are repaired on opening; `repairs` says what was done, a sentence each. Raises
    `ProjectError` when the folder is not a project, cannot be written to, or is held by another engine.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self.layout = paths.Layout(self.root)
        self.files = Folder(self.root, ProjectError)
        if not self.layout.is_project():
            raise ProjectError(
                f"{root} is not a project", f"Start one with: mlagent run GOAL --project {root}"
            )
        self._lock = _hold(self.root)
        self.repairs: list[str] = []
        try:
            self._place = _place(self.root)
            self.journal = self._open_journal()
            self._registry = registry.Registry(self.root)
            if repaired := registry.repair(self.root):
                self.repairs.append(repaired)
        except BaseException:
            self._let_go()
            raise

    def check_place(self) -> None:
        """Raise `ProjectError` when the project's folder was renamed or removed since it was opened."""
        self._place.check()

    def registry(self) -> list[RegistryEntry]:
        """All trials."""
        return registry.load(self.root)

    def record(self, entry: RegistryEntry) -> None:
        """Add a trial to the registry, or change the one with its id. Raises `ProjectError`."""
        self._registry.record(entry)

    def claim_run(self) -> str:
        """An id and a folder for a run that has none from the evaluator."""
        return runs.claim(self.root)

    def load_run(self, run_id: str) -> runs.Run:
        """What is stored of a run."""
        return runs.load(self.root, run_id)

    def save_run(
        self,
        run_id: str,
        *,
        config: ModelConfig | None = None,
        eval_config: EvalConfig | None = None,
        code: str | None = None,
        summary: Summary | None = None,
        result: EvalResult | None = None,
    ) -> None:
        """Store parts of a run."""
        runs.save(
            self.root,
            run_id,
            config=config,
            eval_config=eval_config,
            code=code,
            summary=summary,
            result=result,
        )

    def close(self) -> None:
        """Close the journal and let go of the lock; a second call does nothing."""
        self.journal.close()
        self._let_go()

    def _let_go(self) -> None:
        if place := getattr(self, "_place", None):
            place.release()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _open_journal(self) -> Journal:
        """The journal; a folder or a pipe in its place is set aside for a new one."""
        path = self.layout.journal
        if os.path.lexists(path) and not os.path.islink(path) and not os.path.isfile(path):
            aside = self.files.set_aside(paths.JOURNAL)
            self.repairs.append(f"{paths.JOURNAL} was not a plain file. It was renamed to {aside}.")
        try:
            return Journal(path)
        except OSError as error:
            what, remedy = explain(error)
            raise ProjectError(f"cannot write to {path}: {what}", remedy) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _hold(root: Path) -> int:
    path = root / paths.LOCK
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        what, remedy = explain(error)
        raise ProjectError(f"cannot write to {root / paths.EXPERIMENTS}: {what}", remedy) from error
    try:
        _lock_exclusively(lock)
        os.ftruncate(lock, 0)
        os.pwrite(lock, presence.this_process().encode(), 0)
    except BlockingIOError as error:
        holder = presence.written_by(lock)
        os.close(lock)
        raise ProjectError(f"{root} is in use by {holder}", "Wait for it to end, or stop it.") from error
    except OSError as error:
        os.close(lock)
        what, remedy = explain(error)
        raise ProjectError(f"cannot lock {path}: {what}", remedy) from error
    return lock


def _place(root: Path) -> Place:
    try:
        return Place(root)
    except OSError as error:
        what, remedy = explain(error)
        raise ProjectError(f"cannot open {root}: {what}", remedy) from error


def _lock_exclusively(lock: int) -> None:
    """Lock a file against every other holder. Raises `BlockingIOError` when there is one.

    Whoever only looks at the lock, as `presence.engine_alive` does, holds it for microseconds.
    """
    for _ in range(_LOOKS):
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOOK_SECONDS)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
