"""One confined worker process and the lines that go to and fro: bounded, checked, watched. No torch here."""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from mlagent_tui import errors, paths
from mlagent_tui.errors import Interrupted, MlagentError, TrialError
from mlagent_tui.sandbox import Guard, Level, Limits, confine
from mlagent_tui.training.replies import Batch, Done, Epoch, Progress, Ready, Refused, Reply, Started

_REPLY: TypeAdapter[Reply] = TypeAdapter(Reply)
_LONGEST_LINE = 4 << 20
_LOOK_EVERY = 0.1  # seconds
_FILE_MB = 4096
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

SILENCE_LIMIT = 300.0  # seconds without a word from a worker that is at work


def clean(text: str) -> str:
    """Without control characters, which could reach a terminal."""
    return _CONTROL.sub("", text)


class Channel:
    """A worker process. Used by one thread; `close` may be called by any."""

    def __init__(self, *, level: Level, limits: Limits, readable: list[Path], gpu: bool) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="mlagent-trial-", ignore_cleanup_errors=True)
        self.folder = Path(self._folder.name).resolve()
        package = paths.package_file()
        (self.folder / "lib").mkdir()
        (self.folder / "lib" / package.name).symlink_to(package)
        self._log = self.folder / "worker.log"
        command = confine(
            [sys.executable, "-sP", "-m", "mlagent_tui.training.worker"],
            level=level, writable=self.folder, readable=[package, *readable], gpu=gpu, processes=False,
            file_mb=_FILE_MB,
            env={"PYTHONPATH": str(self.folder / "lib"), "CUBLAS_WORKSPACE_CONFIG": ":4096:8"},
        )  # fmt: skip
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                command.argv, env=command.env, cwd=command.cwd, start_new_session=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, bufsize=0,
            )  # fmt: skip
        self._guard = Guard(self._process.pid, limits, self.folder)
        self._buffer = bytearray()
        self._closed = threading.Event()
        self._at_work = threading.RLock()
        self._ready = False

    @property
    def alive(self) -> bool:
        """Whether it can still be asked something."""
        return not self._closed.is_set() and self._process.poll() is None

    def wait_ready(self, seconds: float) -> None:
        """Return once torch is imported. Raises `TrialError`."""
        if not self._ready:
            reply = self._receive(time.monotonic() + seconds, f"it did not start within {seconds:g} s", None)
            self._ready = isinstance(reply, Ready)
            if not self._ready:
                raise TrialError("the worker sent something else before it was ready")

    def call(
        self,
        method: str,
        arguments: dict[str, Any],
        *,
        seconds: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Any:
        """Ask and wait for the answer, at most `seconds`, and `SILENCE_LIMIT` without output.

        Raises what the worker was refused with, `TrialError` when it crashed, hung or broke a limit (it is
        dead then), and `Interrupted` on cancel or close.
        """
        with self._at_work:
            self.wait_ready(SILENCE_LIMIT)
            end = time.monotonic() + seconds if seconds else None
            self._send(json.dumps({"method": method, "arguments": arguments}).encode() + b"\n")
            while True:
                quiet = time.monotonic() + SILENCE_LIMIT
                if end is not None and end < quiet:
                    reply = self._receive(end, f"it took longer than {seconds:g} s", cancel)
                else:
                    reply = self._receive(quiet, f"it said nothing for {SILENCE_LIMIT:g} s", cancel)
                match reply:
                    case Done(value=value):
                        return value
                    case Refused():
                        raise _refusal(reply)
                    case Started() | Batch() | Epoch():
                        if on_progress:
                            on_progress(reply)

    def close(self) -> None:
        """Kill the worker and all it started, and remove its folder. Idempotent."""
        self._closed.set()
        self._kill()
        with self._at_work:  # a call in flight ends now that the process has; then nobody reads the pipes
            for pipe in (self._process.stdin, self._process.stdout):
                with contextlib.suppress(OSError):
                    if pipe:
                        pipe.close()
            self._folder.cleanup()

    def _kill(self) -> None:
        if self._process.returncode is None:
            self._guard.kill()
            self._process.wait()

    def _send(self, line: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
        except (OSError, ValueError):
            raise self._death() from None

    def _receive(self, deadline: float, late: str, cancel: threading.Event | None) -> Reply:
        """The next reply; watches limits while waiting."""
        while b"\n" not in self._buffer:
            if self._closed.is_set() or (cancel is not None and cancel.is_set()):
                self._kill()
                raise Interrupted("the trial was stopped")
            breach = late if time.monotonic() > deadline else self._guard.breach()
            if breach:
                self._kill()
                raise TrialError(breach, "Use a smaller model, batch or data set, or raise the limit.")
            self._read()
            if len(self._buffer) > _LONGEST_LINE:
                self._kill()
                raise TrialError("the worker sent a line that is too long")
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer = bytearray(rest)
        try:
            return _REPLY.validate_json(line)
        except ValidationError:
            self._kill()
            raise TrialError(
                f"the worker sent something else than a reply: {clean(repr(line[:80]))}"
            ) from None

    def _read(self) -> None:
        """Wait a little for bytes and keep them. Raises `TrialError` when there will be none."""
        try:
            assert self._process.stdout is not None
            with selectors.DefaultSelector() as selector:
                selector.register(self._process.stdout, selectors.EVENT_READ)
                if not selector.select(_LOOK_EVERY):
                    return
            chunk = os.read(self._process.stdout.fileno(), 1 << 20)
        except (OSError, ValueError):
            chunk = b""
        if not chunk:
            raise self._death()
        self._buffer += chunk

    def _death(self) -> MlagentError:
        if self._closed.is_set():
            return Interrupted("the trial was stopped")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        self._guard.kill()
        status = self._process.wait()
        how = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
        last = self._last_words()
        return TrialError(f"the worker ended ({how})" + (f": {last}" if last else ""))

    def _last_words(self) -> str:
        """The last line of its log. The file may have been replaced by anything."""
        try:
            place = os.open(self._log, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return ""
        with os.fdopen(place, "rb") as file:
            file.seek(max(0, os.fstat(place).st_size - 4096))
            lines = file.read(4096).decode("utf-8", "replace").strip().splitlines()
        return clean(lines[-1])[:300] if lines else ""


def _refusal(reply: Refused) -> MlagentError:
    kind: type[MlagentError] = getattr(errors, reply.error)
    return kind(clean(reply.what), clean(reply.remedy))
