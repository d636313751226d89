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

    Raises `ProjectError` when the folder is no project, cannot be written to, is damaged, or is held by
    another engine.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self.layout = paths.Layout(self.root)
        self.files = Folder(self.root, ProjectError)
        if not self.layout.is_project():
            raise ProjectError(
                f"{root} is not a project", "Start one with: mlagent run GOAL --project " + str(root)
            )
        self._lock = _hold(self.root)
        try:
            self._place = _place(self.root)
            registry.load(self.root)
            self.journal = _open_journal(self.layout.journal)
        except BaseException:
            self._let_go()
            raise

    def check_place(self) -> None:
        """Raise `ProjectError` when the project's folder was renamed or removed since it was opened."""
        self._place.check()

    def registry(self) -> list[RegistryEntry]:
        """All runs."""
        return registry.load(self.root)

    def record(self, entry: RegistryEntry) -> None:
        """Add a run to the registry, or change the one with its id."""
        registry.record(self.root, entry)

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


def _open_journal(path: Path) -> Journal:
    try:
        return Journal(path)
    except OSError as error:
        what, remedy = explain(error)
        raise ProjectError(f"cannot write to {path}: {what}", remedy) from error
