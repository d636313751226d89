"""Runs a confined command to its end and returns what it said, within limits of time and resources."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import threading
import time
from dataclasses import dataclass

from mlagent_tui.sandbox.confinement import Confined
from mlagent_tui.sandbox.limits import Guard, Limits

_LOOK_EVERY = 0.02  # seconds; a fork bomb doubles faster than that


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
    kept, stopped, length = bytearray(), "", 0
    assert process.stdout is not None
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            look = 0.0
            while True:
                if selector.select(_LOOK_EVERY):
                    chunk = os.read(process.stdout.fileno(), 65_536)
                    if not chunk:
                        break
                    length += len(chunk)
                    kept += chunk[: max(0, output_bytes - len(kept))]
                if time.monotonic() >= look:
                    look = time.monotonic() + _LOOK_EVERY
                    stopped = _why_stop(guard, deadline, seconds, cancel)
                if stopped or (process.poll() is not None and not selector.select(0)):
                    break
    finally:
        guard.kill()
        with contextlib.suppress(OSError):
            process.stdout.close()
        status = process.wait()
    text = kept.decode("utf-8", "replace")
    if length > len(kept):
        text += f"\n[{length - len(kept)} more bytes]"
    return Finished(status, text, stopped)


def _why_stop(guard: Guard, deadline: float, seconds: float, cancel: threading.Event | None) -> str:
    if cancel is not None and cancel.is_set():
        return "cancelled"
    if time.monotonic() > deadline:
        return f"took longer than {seconds:g} seconds"
    return guard.breach() or ""
