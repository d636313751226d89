"""One request to one confined worker, and the lines it answers: bounded, checked, watched. No torch here."""

from __future__ import annotations

import json
import os
import select
import selectors
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from pydantic import TypeAdapter, ValidationError

from mlagent_tui import errors
from mlagent_tui.errors import Interrupted, MlagentError, OutOfMemory, TookTooLong, TrialError, WorkerLost
from mlagent_tui.sandbox import OUT_OF_MEMORY, Guard, Limits
from mlagent_tui.text import clean
from mlagent_tui.training.processes import Process
from mlagent_tui.training.replies import Batch, Done, Epoch, Progress, Ready, Refused, Reply, Started, Trained

_REPLY: TypeAdapter[Reply] = TypeAdapter(Reply)
_LONGEST_LINE = 4 << 20
_PIECE = 1 << 16
_LOOK_EVERY = 0.1  # seconds

Starting = Callable[[], AbstractContextManager[None]]
"""Makes what is entered while a worker is waited for."""

_GUARD_EVERY = 0.02
_LOG_KEPT = 4096  # bytes
_LINES, _LINES_A_SECOND = 200, 50
_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)

SILENCE_LIMIT = 300.0
"""Seconds without a line from a worker that is at work."""


class Channel:
    """A worker for one request. Used by one thread; `close` may be called by any."""

    def __init__(self, process: Process, limits: Limits, starting: Starting = nullcontext) -> None:
        self._process, self._limits, self._starting = process, limits, starting
        self._guard: Guard | None = None
        self._guarded = 0.0
        self._lines: deque[bytes] = deque()
        self._partial = bytearray()
        self._log = bytearray()
        self._count, self._began = 0, time.monotonic()
        self._selector = selectors.PollSelector()  # no descriptor of its own
        for source in (process.replies, process.errors):
            os.set_blocking(source, False)
            self._selector.register(source, selectors.EVENT_READ)
        self._closed = threading.Event()
        self._at_work = threading.RLock()
        self.folder = process.folder

    def call(
        self,
        method: str,
        arguments: dict[str, Any],
        *,
        seconds: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        progress_lines: int = 0,
        cancel: threading.Event | None = None,
    ) -> Any:
        """Ask and wait for the answer, at most `seconds`; the worker has ended when this returns.

        `progress_lines` is how many lines of progress are expected, besides some each second. Raises what
        the worker refused with, `TrialError` when it crashed, hung, broke a limit or said what it may not,
        `WorkerLost` when it did not start or was killed from outside, `Interrupted` on cancel or close.
        """
        with self._at_work:
            with self._starting():
                self._wait_ready(cancel)
            end = time.monotonic() + seconds if seconds else None
            self._send(json.dumps({"method": method, "arguments": arguments}).encode() + b"\n", cancel)
            while True:
                quiet = time.monotonic() + SILENCE_LIMIT
                if end is not None and end < quiet:
                    reply = self._receive(end, f"it took longer than {seconds:g} s", cancel)
                else:
                    reply = self._receive(quiet, f"it said nothing for {SILENCE_LIMIT:g} s", cancel)
                match reply:
                    case Done(value=value):
                        self._kill()
                        return value
                    case Refused():
                        self._kill()
                        raise _refusal(reply)
                    case Started() | Batch() | Epoch() | Trained() if on_progress:
                        self._count_line(progress_lines)
                        on_progress(reply)
                    case _:
                        raise self._stopped(f"the worker reported {reply.event!r} where none was expected")

    def close(self) -> None:
        """Kill the worker and all it started, and remove its folder. Idempotent."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._kill()
        with self._at_work:  # a call in flight ends now that the process has; then nobody reads the pipes
            self._selector.close()
            self._process.close()

    def _wait_ready(self, cancel: threading.Event | None) -> None:
        reply = self._receive(
            time.monotonic() + SILENCE_LIMIT, f"it did not start within {SILENCE_LIMIT:g} s", cancel
        )
        if not isinstance(reply, Ready):
            raise self._stopped(f"the worker reported {reply.event!r} before it was ready")
        pid = self._process.pid()
        self._guard = Guard(pid, self._limits, self.folder, leads=_leads(pid))

    def _kill(self) -> None:
        if self._guard is not None:
            self._guard.kill()
        self._process.kill()

    def _stopped(self, what: str, remedy: str = "") -> TrialError:
        self._kill()
        return TrialError(what, remedy)

    def _count_line(self, expected: int) -> None:
        self._count += 1
        if self._count > expected + _LINES + _LINES_A_SECOND * (time.monotonic() - self._began):
            raise self._stopped("the worker sent far more lines than a training has")

    def _send(self, line: bytes, cancel: threading.Event | None) -> None:
        deadline = time.monotonic() + SILENCE_LIMIT
        while line:
            try:
                line = line[os.write(self._process.requests, line) :]
            except BlockingIOError:  # it has not read the rest yet
                self._look(deadline, "it did not read its request", cancel)
                select.select([], [self._process.requests], [], _LOOK_EVERY)
            except OSError:
                raise self._death() from None

    def _receive(self, deadline: float, late: str, cancel: threading.Event | None) -> Reply:
        """The next reply; looks at limits and at `cancel` before each, and while waiting."""
        while True:
            self._look(deadline, late, cancel)
            if self._lines:
                return self._parsed(self._lines.popleft())
            self._read()

    def _look(self, deadline: float, late: str, cancel: threading.Event | None) -> None:
        if self._closed.is_set() or (cancel is not None and cancel.is_set()):
            self._kill()
            raise Interrupted("the trial was stopped")
        now = time.monotonic()
        if now > deadline:
            self._kill()
            raise TookTooLong(late, _LIMIT)
        if self._guard is not None and now - self._guarded >= _GUARD_EVERY:
            self._guarded = now
            breach = self._guard.breach()
            if breach:
                self._kill()
                raise _broken(breach)

    def _parsed(self, line: bytes) -> Reply:
        try:
            return _REPLY.validate_json(line)
        except ValidationError:
            raise self._stopped(
                f"the worker sent something else than a reply: {clean(repr(line[:80]))}"
            ) from None

    def _read(self) -> None:
        """Wait a little for bytes and keep them. Raises when there will be no more replies."""
        for key, _ in self._selector.select(_LOOK_EVERY):
            try:
                piece = os.read(key.fd, _PIECE)
            except BlockingIOError:
                continue
            if key.fd == self._process.errors:
                self._log = (self._log + piece)[-_LOG_KEPT:]
                if not piece:
                    self._selector.unregister(key.fd)
            elif piece:
                *lines, rest = (self._partial + piece).split(b"\n")
                self._lines.extend(bytes(line) for line in lines)
                self._partial = rest
                if len(rest) > _LONGEST_LINE:
                    raise self._stopped("the worker sent a line that is too long")
            else:
                raise self._death()

    def _death(self) -> MlagentError:
        """Why there are no more replies: what the worker did itself is its own; other ends are not."""
        if self._closed.is_set():
            return Interrupted("the trial was stopped")
        if self._guard is None:
            how = self._process.why_not_started()
            reason = ": ".join(part for part in (how, self._last_line()) if part)
            return WorkerLost(f"a trial worker could not be started: {clean(reason)}", _START)
        breach = self._guard.breach()
        status = self._process.wait(2)
        if status is None and not self._gone():
            return self._stopped("the worker closed its replies and went on")
        self._kill()
        if breach:
            return _broken(breach)
        if status is None:
            return WorkerLost("the process that starts trial workers ended", _MACHINE)
        if status < 0 and -status in _FROM_OUTSIDE:
            return WorkerLost(f"a trial worker was killed from outside, by signal {-status}", _MACHINE)
        ending = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
        last = self._last_line()
        return TrialError(f"the worker ended ({ending})" + (f": {last}" if last else ""))

    def _gone(self) -> bool:
        """Whether no such process is left."""
        try:
            os.kill(self._process.pid(), 0)
        except ProcessLookupError:
            return True
        return False

    def _last_line(self) -> str:
        """The last line that it printed."""
        while self._process.errors in self._selector.get_map():
            try:
                piece = os.read(self._process.errors, _PIECE)
            except BlockingIOError:
                break
            if not piece:
                break
            self._log = (self._log + piece)[-_LOG_KEPT:]
        lines = clean(self._log.decode("utf-8", "replace")).strip().splitlines()
        return lines[-1][:300] if lines else ""


_LIMIT = "Use a smaller model, batch or data set, or raise the limit."
_START = "Run `mlagent doctor` to see what is missing, then resume."
_MACHINE = (
    "The system may have run out of memory and ended it. Close other programs, or set a lower "
    "memory_limit_mb, then resume."
)


def _broken(breach: str) -> TrialError:
    """The error of a limit that was exceeded."""
    return (OutOfMemory if breach.startswith(OUT_OF_MEMORY) else TrialError)(breach, _LIMIT)


def _leads(pid: int) -> bool:
    """Whether a process has a group of its own."""
    try:
        return os.getpgid(pid) == pid
    except ProcessLookupError:
        return False


def _refusal(reply: Refused) -> MlagentError:
    kind: type[MlagentError] = getattr(errors, reply.error)
    return kind(clean(reply.what), clean(reply.remedy))
