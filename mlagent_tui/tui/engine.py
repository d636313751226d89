"""The link to the engine: a process of its own that is started here, and outlives the interface.

Nothing of a run is done here. The engine's journal is read elsewhere; commands go through its socket.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from mlagent_tui import paths, presence, temporary
from mlagent_tui.errors import MlagentError, ProjectError

if TYPE_CHECKING:
    from mlagent_tui.commands import Command, Reply

LOG = paths.ENGINE_LOG
"""The log of the engine, in its project: what it prints when it fails before its journal is open."""

_TAIL = 20_000
_FULL = 64 * 1024
"""Bytes that a disk has left when it counts as full."""

_AFTER = 10.0
"""Seconds that the end of an engine's log may be older than that of its journal."""

_CHECK_SECONDS = 60.0
_NAMED = "mlagent: "


@dataclass(frozen=True)
class Request:
    """What the start screen asks for; None and empty mean the engine's own default."""

    goal: str
    project: Path
    planner: str = "bundled"
    coder: str = "bundled"
    planner_options: tuple[str, ...] = ()
    coder_options: tuple[str, ...] = ()
    dataset: str = ""
    metric: str = ""
    threshold: float | None = None
    max_parameters: int | None = None
    max_seconds: float | None = None
    device: str = "auto"
    sandbox: str = "auto"
    fallback: str = "bundled"
    iterations: int | None = None
    patience: int | None = None
    time_budget: str = ""
    seed: int | None = None
    data_dir: Path | None = None
    hold: tuple[str, ...] = ()
    another: bool = False
    branch_from: str = ""

    def arguments(self) -> list[str]:
        """The arguments of `mlagent`; the goal comes last, so that it may begin with a dash."""
        said: list[tuple[str, object]] = [
            ("--project", self.project),
            ("--planner", self.planner),
            ("--coder", self.coder),
            ("--dataset", self.dataset),
            ("--metric", self.metric),
            ("--threshold", self.threshold),
            ("--max-parameters", self.max_parameters),
            ("--max-seconds", self.max_seconds),
            ("--device", self.device),
            ("--sandbox", self.sandbox),
            ("--fallback", self.fallback),
            ("--iterations", self.iterations),
            ("--patience", self.patience),
            ("--time-budget", self.time_budget),
            ("--seed", self.seed),
            ("--data-dir", self.data_dir),
            ("--branch-from", self.branch_from),
            *(("--planner-option", option) for option in self.planner_options),
            *(("--coder-option", option) for option in self.coder_options),
            *(("--hold", point) for point in self.hold),
        ]
        options = [f"{name}={value}" for name, value in said if value not in (None, "")]
        return ["run", *options, *(["--another"] if self.another else []), "--", self.goal]


@dataclass(frozen=True)
class Problem:
    """A problem that prevents a run from starting: the field, what is wrong, and the remedy."""

    field: str
    message: str
    remedy: str = ""


@dataclass(frozen=True)
class Check:
    """What the engine says of a request before anything is made or started."""

    problems: tuple[Problem, ...] = ()
    sandbox: str = ""
    datasets: dict[str, str] = field(default_factory=dict)
    """What is missing of each data set; empty where it can be used."""
    goal: dict[str, Any] = field(default_factory=dict)
    """What the engine understands of the goal, by rules."""
    wishes: tuple[str, ...] = ()
    """What the goal asks of the network besides its numbers."""
    models: dict[str, str] = field(default_factory=dict)
    """What `mlagent models check` found of each role's model, where it was checked."""
    slow: str = ""
    """That the models are too slow for the time budget; empty where they are not, or were not checked."""


class EngineLink:
    """The engine of one project, whoever started it. Safe to use when there is none."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._process: subprocess.Popen[bytes] | None = None
        self._log: BinaryIO | None = None
        self._log_path = root / LOG
        self._written_before = 0

    # --- starting -----------------------------------------------------------------------------------------

    def start(self, request: Request) -> None:
        """Start a new run in a process of its own. Raises `ProjectError` when no process can be made."""
        self._launch([*request.arguments()[:1], "--quiet", *request.arguments()[1:]])

    def resume(self, arguments: list[str] | None = None) -> None:
        """Resume the project's last run in a new process, as `arguments` say. Raises `ProjectError`."""
        self._launch(arguments or ["resume", "--quiet", "--", str(self.root)])

    async def ready(self, timeout: float = 60.0) -> bool:
        """Wait until the engine just started writes its journal; False when it ended before it did."""
        journal = paths.Layout(self.root).journal
        limit = time.monotonic() + timeout
        while time.monotonic() < limit:
            ended = self.status() is not None
            if _size(journal) > self._written_before:
                self._keep_log()
                return True
            if ended:
                return False
            await asyncio.sleep(0.05)
        return True  # slow, not dead: the run screen shows what there is

    # --- watching -----------------------------------------------------------------------------------------

    def alive(self) -> bool:
        """Whether an engine works on the project, or one started here is on its way to. Takes no time."""
        mine = self._process is not None and self.status() is None
        return mine or presence.engine_alive(self.root)

    def status(self) -> int | None:
        """The exit status of the engine started here; None while it runs, or when there was none."""
        return None if self._process is None else self._process.poll()

    def log_tail(self) -> str:
        """The end of the engine's own log: why it ended, when its journal does not say."""
        try:
            if self._log is not None:
                size = os.fstat(self._log.fileno()).st_size
                tail = os.pread(self._log.fileno(), _TAIL, max(0, size - _TAIL))
            else:
                with (self.root / LOG).open("rb") as file:
                    file.seek(max(0, _size(self.root / LOG) - _TAIL))
                    tail = file.read(_TAIL)
        except OSError:
            return ""
        return tail.decode("utf-8", "replace").strip()

    def why_ended(self) -> Problem:
        """Why the engine ended, as far as its log, its exit status and the disk tell; empty for nothing."""
        told = _last_error(self.log_tail()) if self._log_is_of_now() else Problem("", "")
        if told.message:
            return told
        if _is_full(self.root):
            return Problem("", "The disk is full.", "Free some space, then resume the run.")
        status = self.status()
        if status is not None and status < 0:
            return Problem("", f"The engine was ended by signal {-status} ({_signal_name(-status)}).")
        return Problem("", f"The engine ended with status {status}." if status else "")

    def _log_is_of_now(self) -> bool:
        """Whether the log was written by the engine that wrote the journal's end, and not by one before."""
        if self._log is not None:
            return True
        try:
            written = (self.root / LOG).stat().st_mtime
            return written >= paths.Layout(self.root).journal.stat().st_mtime - _AFTER
        except OSError:
            return False

    # --- commands -----------------------------------------------------------------------------------------

    async def send(self, command: Command, timeout: float | None = None) -> Reply:
        """Send a command, away from the thread that draws; what goes wrong is a reply that is not ok."""
        from mlagent_tui import commands

        try:
            return await asyncio.to_thread(commands.send, self.root, command, timeout)
        except MlagentError as error:
            return commands.Reply(ok=False, message=error.what, remedy=error.remedy)

    def close(self) -> None:
        """Detach from the engine, which continues."""
        if self._log is not None:
            self._log.close()
            self._log = None

    # --- inside -------------------------------------------------------------------------------------------

    def _launch(self, arguments: list[str]) -> None:
        self.close()
        self._written_before = _size(paths.Layout(self.root).journal)
        try:
            self._log, self._log_path = _open_log(self.root)
            self._process = subprocess.Popen(
                _command(arguments),
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                env=_environment(),
                start_new_session=True,  # a closed terminal is no reason to end a run
            )
        except OSError as error:
            remedy = "Check that the disk is not full and that Python can be started."
            raise ProjectError(f"the engine cannot be started: {error}", remedy) from error

    def _keep_log(self) -> None:
        """Move the log of a run into its project, which was not there when the log was opened."""
        with suppress(OSError):
            os.replace(self._log_path, self.root / LOG)
            self._log_path = self.root / LOG


async def check(request: Request) -> Check:
    """Ask the engine's own command line what would keep `request` from starting. Starts and makes nothing."""
    try:
        out, err = await ask([*request.arguments()[:1], "--check", *request.arguments()[1:]], _CHECK_SECONDS)
    except TimeoutError:
        return Check(
            (Problem("", "The check did not end within a minute.", "Check what keeps the machine busy."),)
        )
    return read_check(out, err)


async def ask(arguments: list[str], seconds: float) -> tuple[bytes, bytes]:
    """What the command line prints to stdout and stderr. Raises `TimeoutError` and `OSError`."""
    process = await asyncio.create_subprocess_exec(
        *_command(arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
        start_new_session=True,
    )
    try:
        return await asyncio.wait_for(process.communicate(), seconds)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def read_check(out: bytes, err: bytes = b"") -> Check:
    """What `mlagent run … --check` has printed; anything but its JSON is itself a problem."""
    try:
        told: dict[str, Any] = json.loads(out)
        problems = [Problem(p.get("field", ""), p["message"], p.get("remedy", "")) for p in told["problems"]]
        return Check(
            tuple(problems),
            str(told.get("sandbox", "")),
            dict(told.get("datasets", {})),
            told.get("goal") or {},
            tuple(map(str, told.get("wishes") or ())),
            {str(role): str(line) for role, line in (told.get("models") or {}).items()},
            str(told.get("slow") or ""),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        words = err.decode("utf-8", "replace").strip() or "The check printed nothing."
        what, _, remedy = words.partition("\n")
        return Check((Problem("", what.strip(), remedy.strip()),))


def _last_error(log: str) -> Problem:
    """The last error of a log: `mlagent: TITLE: WHAT`, with its remedy in the indented lines below."""
    lines = [line.rstrip() for line in log.splitlines() if line.strip()]
    begin = max((place for place, line in enumerate(lines) if line.startswith(_NAMED)), default=None)
    if begin is None:
        told = lines[-2:] if len(lines) > 1 else [*lines, ""]
        return Problem("", told[0].strip() if lines else "", told[-1].strip())
    remedy = " ".join(line.strip() for line in lines[begin + 1 :] if line.startswith(" "))
    return Problem("", lines[begin].removeprefix(_NAMED).strip(), remedy)


def _is_full(root: Path) -> bool:
    try:
        return shutil.disk_usage(root).free < _FULL
    except OSError:
        return False


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"


def _command(arguments: list[str]) -> list[str]:
    return [sys.executable, "-P", "-m", "mlagent_tui", *arguments]


def _environment() -> dict[str, str]:
    """Ours, with this very package first: the engine is of the interface's version."""
    here = str(paths.package_file().parent)
    search = os.pathsep.join(p for p in (here, os.environ.get("PYTHONPATH", "")) if p)
    return {**os.environ, "PYTHONPATH": search}


def _open_log(root: Path) -> tuple[BinaryIO, Path]:
    """The log in the project, or in the log folder of the user before there is a project."""
    path = root / LOG
    if not paths.Layout(root).is_project():
        path = _log_folder() / f"engine-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=0), path


def _log_folder() -> Path:
    """The user's folder of logs; a temporary one where it cannot be written to."""
    folder = paths.log_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return temporary.folder("log").path


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
