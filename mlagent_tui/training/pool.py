"""Keeps one idle, confined trial worker started ahead, because importing torch takes seconds."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from mlagent_tui import paths
from mlagent_tui.errors import TrialError
from mlagent_tui.sandbox import Limits, Policy, default_memory_mb, resolve_level
from mlagent_tui.training.channel import Channel
from mlagent_tui.training.client import TrialWorker

_DISK_MB = 8192


class WorkerPool:
    """Hands out trial workers, confined at `level`. Raises `SandboxError` as `resolve_level` does."""

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
        self._data_dir = paths.user_path(data_dir or paths.data_folder()).absolute()
        self._limits = Limits(memory_mb=memory_limit_mb or default_memory_mb(), disk_mb=_DISK_MB)
        # Confined processes die with the thread that starts them, so one that lasts starts them all.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="trial-starter")
        self._lock = threading.Lock()
        self._in_use: set[Channel] = set()
        self._closed = False
        self._next = self._starter.submit(self._start)

    @contextlib.contextmanager
    def worker(self) -> Iterator[TrialWorker]:
        """The worker started ahead; the next is started at once, this one is closed at the end.

        Raises `TrialError` when none can be started.
        """
        channel = self._take()
        try:
            yield TrialWorker(channel, root=self._root, level=self.level, data_dir=self._data_dir)
        finally:
            with self._lock:
                self._in_use.discard(channel)
            channel.close()

    def close(self) -> None:
        """Kill every worker, those at work too. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            channels = list(self._in_use)
        with contextlib.suppress(OSError, TrialError):
            channels.append(self._next.result())
        for channel in channels:
            channel.close()
        self._starter.shutdown()

    def _take(self) -> Channel:
        with self._lock:
            if self._closed:
                raise TrialError("the worker pool is closed")
            ahead: Future[Channel] = self._next
            self._next = self._starter.submit(self._start)
        try:
            channel = ahead.result()
        except OSError as error:
            raise TrialError(
                f"a trial worker cannot be started: {error}", "Free memory or disk space."
            ) from None
        with self._lock:
            self._in_use.add(channel)
        return channel

    def _start(self) -> Channel:
        return Channel(level=self.level, limits=self._limits, readable=[self._data_dir], gpu=_has_gpu())


def _has_gpu() -> bool:
    return sys.platform == "darwin" or any(
        Path(name).exists() for name in ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
    )
