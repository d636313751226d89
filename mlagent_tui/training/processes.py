"""Starts trial workers, each for one request: forked from a warm template, or started ahead one by one.

Both are confined. A fork takes milliseconds where importing torch takes seconds; macOS's libraries do not
survive a fork, so that there a worker waits, started ahead.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Protocol, TypeVar

from mlagent_tui import paths, temporary
from mlagent_tui.errors import MachineError, WorkerLost
from mlagent_tui.files import explain
from mlagent_tui.removal import remove_folder
from mlagent_tui.sandbox import Confined, Level, confine

_FILE_MB = 4096
STARTED = b"started"
_FORKS = sys.platform == "linux"
_DETERMINISTIC = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
_CREDENTIALS = struct.calcsize("3i")  # struct ucred of unix(7): pid, uid, gid
T = TypeVar("T")


@dataclass(frozen=True)
class Settings:
    """How workers are confined: at which level, what else they may read, and whether with the GPU."""

    level: Level
    readable: tuple[Path, ...]
    gpu: bool


class Process(Protocol):
    """One worker. `requests`, `replies` and `errors` are the engine's ends of its pipes or sockets."""

    folder: Path
    requests: int
    replies: int
    errors: int

    def pid(self) -> int:
        """Its process id, once it is ready."""

    def kill(self) -> None:
        """Kill it; harmless when it has ended."""

    def wait(self, seconds: float) -> int | None:
        """Its exit status, minus the signal's number when killed; None when that is not known by then."""

    def why_not_started(self) -> str:
        """What is known of why it did not become ready."""

    def close(self) -> None:
        """Kill it and remove its folder. Idempotent."""


class Workers(Protocol):
    """Where workers come from."""

    def take(self) -> Process:
        """A worker for one request. Raises `MachineError`."""

    def renew(self, readable: tuple[Path, ...] | None = None) -> None:
        """Start afresh, after a worker was lost or with other files to read."""

    def close(self) -> None:
        """End every process of its own. Idempotent."""


def workers(settings: Settings) -> Workers:
    """The quickest way that is safe on this system."""
    return Forking(settings) if _FORKS else StartingAhead(settings)


class _Home:
    """A folder outside of the project: the package to import, read-only, and beside it room to write."""

    def __init__(self) -> None:
        self._folder = temporary.folder("trial")
        root, package = self._folder.path.resolve(), paths.package_file()
        self.package, self.library, self.work = package, root / "lib", root / "work"
        self.library.mkdir()
        self.work.mkdir()
        (self.library / package.name).symlink_to(package)

    def room(self) -> Path:
        """A new folder for one worker."""
        folder = self.work / secrets.token_hex(8)
        folder.mkdir(mode=0o700)
        return folder

    def remove(self) -> None:
        """Remove it with all that workers have left there."""
        self._folder.close()


def _confined(home: _Home, settings: Settings, module: str, *, processes: bool) -> Confined:
    return confine(
        [sys.executable, "-sP", "-m", f"mlagent_tui.training.{module}"],
        level=settings.level, writable=home.work, readable=[home.package, home.library, *settings.readable],
        gpu=settings.gpu, processes=processes, file_mb=_FILE_MB,
        env={"PYTHONPATH": str(home.library), **_DETERMINISTIC},
    )  # fmt: skip


def _guarded(act: Callable[[], T]) -> T:
    """`act`, which starts something. Raises `MachineError` when the machine does not let it."""
    try:
        return act()
    except OSError as error:
        what, remedy = explain(error)
        raise MachineError(
            f"a trial worker cannot be started: {what}", remedy or "Free memory or disk space."
        ) from None


# --- forked ------------------------------------------------------------------------------------------------


class _Template:
    """A running template and the engine's end of its socket. Its log is a file that no worker can reach."""

    def __init__(self, settings: Settings) -> None:
        self.home = _Home()
        command = _confined(self.home, settings, "template", processes=True)
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `close`)
        with theirs:
            self._process = subprocess.Popen(
                command.argv, env=command.env, cwd=command.cwd, start_new_session=True,
                stdin=theirs.fileno(), stdout=self.log, stderr=self.log,
            )  # fmt: skip

    @property
    def alive(self) -> bool:
        """Whether it can fork."""
        return self._process.poll() is None

    def why_ended(self) -> str:
        """Its exit status and the last line that it printed."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        status = self._process.poll()
        self.log.seek(0)
        lines = self.log.read(1 << 20).decode("utf-8", "replace").strip().splitlines()
        said = f": {lines[-1][:300]}" if lines else ""
        if status is None:
            return f"it closed its socket{said}"
        return (f"exit status {status}" if status >= 0 else f"killed by signal {-status}") + said

    def close(self) -> None:
        """Kill it; its workers die with it."""
        self.control.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, 9)
        self._process.wait()
        self.log.close()
        self.home.remove()


def _pair(kind: int, ours: ExitStack, theirs: ExitStack) -> tuple[socket.socket, socket.socket]:
    """Two connected sockets, closed with one stack each."""
    here, there = socket.socketpair(socket.AF_UNIX, kind)
    return ours.enter_context(here), theirs.enter_context(there)


class _Forked:
    """A worker that a template was asked to fork."""

    _status: int | None

    def __init__(self, template: _Template) -> None:
        self._template = template
        self._pid, self._status = 0, None
        self._closed = False
        with ExitStack() as ours, ExitStack() as theirs:
            self.folder = template.home.room()
            ours.callback(remove_folder, self.folder)
            self._link, link = _pair(socket.SOCK_SEQPACKET, ours, theirs)
            lines, answers = _pair(socket.SOCK_STREAM, ours, theirs)
            self.errors, said = os.pipe()
            ours.callback(os.close, self.errors)
            theirs.callback(os.close, said)
            self.requests = self.replies = lines.fileno()
            self._link.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            message = json.dumps({"folder": str(self.folder)}).encode()
            with contextlib.suppress(OSError):  # it has ended: that the worker is never ready says so
                socket.send_fds(template.control, [message], [answers.fileno(), said, link.fileno()])
            self._ours = ours.pop_all()

    def pid(self) -> int:
        """As the engine sees it, also from outside of the sandbox's namespace: the kernel says who wrote."""
        while not self._pid and self._listen(2):
            pass
        if not self._pid:
            raise WorkerLost("a trial worker ended before it could be used")
        return self._pid

    def kill(self) -> None:
        with contextlib.suppress(OSError):
            self._link.send(b"kill")

    def wait(self, seconds: float) -> int | None:
        while self._status is None and self._listen(seconds):
            pass
        return self._status

    def _listen(self, seconds: float) -> bool:
        """Take one message of the link in; False when none comes, or no more will."""
        self._link.settimeout(seconds)
        try:
            said, extra, _, _ = self._link.recvmsg(64, socket.CMSG_SPACE(_CREDENTIALS))
        except (OSError, ValueError):
            return False
        if said == STARTED:
            self._pid = next(
                (struct.unpack("3i", data)[0] for _, _, data in extra if len(data) == _CREDENTIALS), 0
            )
        elif said:
            self._status = int(said)
        return bool(said)

    def why_not_started(self) -> str:
        status = self.wait(2)
        return self._template.why_ended() if status is None else f"exit status {status}"

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self.kill()
        self.wait(5)
        self._ours.close()


class Forking:
    """Workers forked from one template, which a thread of its own keeps: it would die with another's."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="trial-starter")
        self._lock = threading.Lock()
        self._closed = False
        self._template: Future[_Template] = self._starter.submit(_Template, settings)

    def take(self) -> Process:
        with self._lock:
            if self._closed:
                raise MachineError("the trial workers have been closed")
            found = self._template
            if found.done() and (found.exception() or not found.result().alive):
                found = self._replace()
        template = _guarded(found.result)
        return _guarded(lambda: _Forked(template))

    def renew(self, readable: tuple[Path, ...] | None = None) -> None:
        with self._lock:
            if readable is not None:
                self._settings = replace(self._settings, readable=readable)
            if not self._closed:
                self._replace()

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
        _end(self._template)
        self._starter.shutdown()

    def _replace(self) -> Future[_Template]:
        _end(self._template)
        self._template = self._starter.submit(_Template, self._settings)
        return self._template


def _end(template: Future[_Template]) -> None:
    with contextlib.suppress(OSError):  # it was never started
        template.result().close()


# --- started ahead -----------------------------------------------------------------------------------------


class _Started:
    """A worker that was started by itself."""

    def __init__(self, settings: Settings) -> None:
        self._home = _Home()
        self.folder = self._home.work
        command = _confined(self._home, settings, "worker", processes=False)
        self._process = subprocess.Popen(
            command.argv, env=command.env, cwd=command.cwd, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
        )  # fmt: skip
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._pipes = (self._process.stdin, self._process.stdout, self._process.stderr)
        self.requests, self.replies, self.errors = (pipe.fileno() for pipe in self._pipes)
        self._closed = False

    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()

    def wait(self, seconds: float) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(seconds)
        return None

    def why_not_started(self) -> str:
        status = self.wait(2)
        return "" if status is None else f"exit status {status}"

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self.kill()
        self._process.wait()
        for pipe in self._pipes:
            with contextlib.suppress(OSError):
                pipe.close()
        self._home.remove()


class StartingAhead:
    """One idle worker is always kept ready. One thread that lasts starts them all: they die with it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="trial-starter")
        self._lock = threading.Lock()
        self._closed = False
        self._next: Future[_Started] = self._starter.submit(_Started, settings)

    def take(self) -> Process:
        with self._lock:
            if self._closed:
                raise MachineError("the trial workers have been closed")
            ahead, self._next = self._next, self._starter.submit(_Started, self._settings)
        return _guarded(ahead.result)

    def renew(self, readable: tuple[Path, ...] | None = None) -> None:
        """The next worker is a fresh one in any case; the one that waits may not read other files."""
        with self._lock:
            if readable is None or self._closed:
                return
            self._settings = replace(self._settings, readable=readable)
            waiting, self._next = self._next, self._starter.submit(_Started, self._settings)
        with contextlib.suppress(OSError):  # it was never started
            waiting.result().close()

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
        with contextlib.suppress(OSError):  # it was never started
            self._next.result().close()
        self._starter.shutdown()
