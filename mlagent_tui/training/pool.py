"""Confined trial workers: a fresh process for each request, so that nothing of one reaches the next."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlagent_tui import paths
from mlagent_tui.errors import DataError, MachineError
from mlagent_tui.sandbox import Limits, Policy, default_memory_mb, resolve_level
from mlagent_tui.training.catalog import DATASETS, locate
from mlagent_tui.training.channel import Channel, Starting
from mlagent_tui.training.client import TrialWorker
from mlagent_tui.training.processes import Settings, workers

_DISK_MB = 8192


class WorkerPool:
    """Hands out trial workers, confined at `level`, which may use `memory_mb` each.

    Raises `SandboxError` as `resolve_level` does.
    """

    def __init__(
        self,
        root: Path,
        *,
        sandbox: Policy = "auto",
        data_dir: Path | None = None,
        memory_limit_mb: int | None = None,
    ) -> None:
        self.level = resolve_level(sandbox)
        self._root = Path(root).resolve()
        self.data_dir = paths.user_path(data_dir or paths.data_folder()).absolute()
        self.memory_mb = memory_limit_mb or default_memory_mb()
        self._limits = Limits(memory_mb=self.memory_mb, disk_mb=_DISK_MB)
        self.has_gpu = _has_gpu()
        self._lock = threading.Lock()
        self._allowed = _known(self.data_dir)
        self._workers = workers(Settings(self.level, tuple(self._allowed), self.has_gpu))
        self._in_use: set[TrialWorker] = set()
        self._closed = False
        self.starting: Starting = contextlib.nullcontext
        """Entered while a worker is waited for, which takes seconds for the first one."""

    @contextlib.contextmanager
    def worker(self) -> Iterator[TrialWorker]:
        """Someone to ask; each request is answered by a confined process of its own.

        Raises `MachineError` when the pool is closed.
        """
        worker = TrialWorker(
            self._open, self._workers.renew, root=self._root, level=self.level, data_dir=self.data_dir,
            memory_mb=self.memory_mb, allow=self._allow,
        )  # fmt: skip
        with self._lock:
            if self._closed:
                raise MachineError("the worker pool is closed")
            self._in_use.add(worker)
        try:
            yield worker
        finally:
            with self._lock:
                self._in_use.discard(worker)
            worker.close()

    def close(self) -> None:
        """Kill every worker, those at work too. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            in_use = list(self._in_use)
        for worker in in_use:
            worker.close()
        self._workers.close()

    def _allow(self, files: Sequence[Path]) -> None:
        """Let workers read these files, which may have come, or been replaced, since the pool was made."""
        with self._lock:
            if all(self._allowed.get(file) == _identity(file) for file in files):
                return
            self._allowed = _known(self.data_dir) | {file: _identity(file) for file in files}
            readable = tuple(self._allowed)
        self._workers.renew(readable)

    def _open(self) -> Channel:
        return Channel(self._workers.take(), self._limits, self.starting)


def _known(data_dir: Path) -> dict[Path, tuple[int, int]]:
    """The files of all data sets that are there, with what tells each from one that takes its place."""
    found: dict[Path, tuple[int, int]] = {}
    for name in DATASETS:
        with contextlib.suppress(DataError):
            found |= {file: _identity(file) for file in locate(name, data_dir)}
    return found


def _identity(file: Path) -> tuple[int, int]:
    with contextlib.suppress(OSError):
        facts = os.stat(file)
        return facts.st_dev, facts.st_ino
    return 0, 0


def _has_gpu() -> bool:
    return sys.platform == "darwin" or any(
        os.path.exists(name) for name in ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
    )
