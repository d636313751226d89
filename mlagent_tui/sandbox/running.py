"""Runs a confined command to its end and returns what it said, within limits of time and resources."""

from __future__ import annotations

import os
import select
import selectors
import subprocess
import threading
import time
from dataclasses import dataclass

from mlagent_tui.sandbox.confinement import Confined
from mlagent_tui.sandbox.limits import Guard, Limits

_LOOK_EVERY = 0.02  # seconds; a fork bomb doubles faster than that
_GONE_WITHIN = 5.0  # seconds after the kill


@dataclass(frozen=True)
class Finished:
    """`stopped` is why it was killed, in words, or empty; `output` is stdout and stderr together."""

    status: int
    output: str
    stopped: str


def run(
    command: Confined,
    *,
    seconds: float,
    limits: Limits,
    output_bytes: int = 1 << 20,
    cancel: threading.Event | None = None,
) -> Finished:
    """Run `command` and wait for it and for all it started to be gone.

    Only the first `output_bytes` are kept; the rest is read and dropped. Raises `OSError` when it cannot
    be started.
    """
    process = subprocess.Popen(
        command.argv, env=command.env, cwd=command.cwd, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    guard = Guard(process.pid, limits, command.cwd)
    deadline = time.monotonic() + seconds
    output, stopped = _Output(output_bytes), ""
    assert process.stdout is not None
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            look = 0.0
            while not stopped:
                ended = process.poll() is not None  # asked first: what it said last is then there to be read
                if selector.get_map() and selector.select(0 if ended else _LOOK_EVERY):
                    if not output.read(process.stdout.fileno()):
                        selector.unregister(process.stdout)  # it may close its output and live on
                elif ended:
                    break
                elif not selector.get_map():
                    time.sleep(_LOOK_EVERY)
                if time.monotonic() >= look:
                    look = time.monotonic() + _LOOK_EVERY
                    stopped = _why_stop(guard, deadline, seconds, cancel)
    finally:
        guard.kill()
        output.drain(process.stdout.fileno(), _GONE_WITHIN)
        process.stdout.close()
        status = process.wait()
    return Finished(status, output.text(), stopped)


class _Output:
    """The first `limit` bytes of what is read, and how many there were."""

    def __init__(self, limit: int) -> None:
        self._limit, self._kept, self._length = limit, bytearray(), 0

    def read(self, file: int) -> bool:
        """Read once; False at the end."""
        chunk = os.read(file, 65_536)
        self._length += len(chunk)
        self._kept += chunk[: max(0, self._limit - len(self._kept))]
        return bool(chunk)

    def drain(self, file: int, seconds: float) -> None:
        """Read to the end, which comes when the last process that could write has gone."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and select.select([file], [], [], left)[0]:
            if not self.read(file):
                return

    def text(self) -> str:
        dropped = self._length - len(self._kept)
        return self._kept.decode("utf-8", "replace") + (f"\n[{dropped} more bytes]" if dropped else "")


def _why_stop(guard: Guard, deadline: float, seconds: float, cancel: threading.Event | None) -> str:
    if cancel is not None and cancel.is_set():
        return "cancelled"
    if time.monotonic() > deadline:
        return f"took longer than {seconds:g} seconds"
    return guard.breach() or ""
