"""The commands that a user can send to a running engine, and the socket in the project that carries them.

A command is one JSON line, its reply another. Only the owner of the project can connect. Carrying a command
out is up to the engine.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from mlagent_tui import paths, temporary
from mlagent_tui.errors import ProjectError

MAX_LINE = 4 * 2**20
"""Bytes of a command or a reply; a model file is at most one mebibyte before it is JSON."""

MAX_PATH = 100
"""Bytes that the name of a socket may have everywhere: sun_path holds 108 on Linux, 104 on macOS."""

READ_SECONDS = 10.0
"""How long an engine waits for the rest of a command that has begun to arrive."""


class _Command(BaseModel):
    """Base of all commands. `patience` is how many seconds a reply may take."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    patience: ClassVar[float] = 5.0


class Pause(_Command):
    """Pause before the next step."""

    type: Literal["pause"] = "pause"


class Resume(_Command):
    """Continue after a pause or at a hold point; during a step, take back a pause or stop asked for."""

    type: Literal["resume"] = "resume"


class Stop(_Command):
    """End the run: after the current step, or now, as Ctrl-C does. It can be resumed later."""

    type: Literal["stop"] = "stop"
    when: Literal["step", "now"] = "step"


class Steer(_Command):
    """A sentence for the planner, in its prompts of this iteration and the next."""

    type: Literal["steer"] = "steer"
    text: Annotated[str, Field(min_length=1, max_length=400)]


class EditConfig(_Command):
    """The user's model_config in place of the planner's, while the run is paused before `assemble`.

    `confirmed`: accept it although it is over the goal's limit, or was tried already.
    """

    type: Literal["edit_config"] = "edit_config"
    config: dict[str, Any]
    confirmed: bool = False
    patience: ClassVar[float] = 180.0


class EditSettings(_Command):
    """The user's settings of the training, while the run is paused between `configure` and `evaluate`.

    `settings` are fields of `schemas.EvalConfig`; what is left out stays as it is. `confirmed`: accept them
    although this network was trained with them already.
    """

    type: Literal["edit_settings"] = "edit_settings"
    settings: dict[str, Any]
    confirmed: bool = False
    patience: ClassVar[float] = 30.0


class Hold(_Command):
    """Always pause before the step `before`, or, with `wait` false, no longer. It counts for this process."""

    type: Literal["hold"] = "hold"
    before: Literal["assemble", "evaluate"]
    wait: bool = True


class EditCode(_Command):
    """The user's code in place of the coder's, while the run is paused between `assemble` and `evaluate`."""

    type: Literal["edit_code"] = "edit_code"
    code: Annotated[str, Field(min_length=1, max_length=2**20)]
    patience: ClassVar[float] = 300.0


class Approve(_Command):
    """The user's answer about the command that `events.ApprovalAsked` showed under `id`."""

    type: Literal["approve"] = "approve"
    id: str
    allowed: bool


class Branch(_Command):
    """Start the next iteration from the network of an earlier trial."""

    type: Literal["branch"] = "branch"
    run_id: str


class Rerun(_Command):
    """Train the network of an earlier trial again in the next iteration; without `seed`, with a new one."""

    type: Literal["rerun"] = "rerun"
    run_id: str
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None


class Ping(_Command):
    """Ask for the state of the run; it is the message of the reply."""

    type: Literal["ping"] = "ping"


Command = (
    Pause
    | Resume
    | Stop
    | Steer
    | Hold
    | EditConfig
    | EditSettings
    | EditCode
    | Approve
    | Branch
    | Rerun
    | Ping
)
_COMMANDS: TypeAdapter[Command] = TypeAdapter(Annotated[Command, Field(discriminator="type")])


class Reply(BaseModel):
    """Whether a command was accepted; `message` says what it does or why it was not, `remedy` what to do.

    `confirm`: it was not accepted, and would be when sent again with `confirmed`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    ok: bool
    message: str = ""
    remedy: str = ""
    confirm: bool = False


# --- the user's side ------------------------------------------------------------------------------------


def send(root: Path, command: Command, timeout: float | None = None) -> Reply:
    """Tell the engine of the project at `root`, and wait for its reply: `timeout` seconds, else its patience.

    Raises `ProjectError` when no engine is running there or none answers.
    """
    again = f"Open the project to see how its run ended and how to go on: mlagent {root}"
    try:
        with socket.socket(socket.AF_UNIX) as connection, _reachable(root) as name:
            connection.settimeout(command.patience if timeout is None else timeout)
            connection.connect(name)
            connection.sendall(command.model_dump_json().encode() + b"\n")
            line = _line(connection)
        return Reply.model_validate_json(line)
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise ProjectError(f"no engine is running in {root}", again) from error
    except TimeoutError as error:
        what = f"the engine in {root} does not answer"
        raise ProjectError(what, "It may be busy. Try again, or stop its process.") from error
    except PermissionError as error:
        what = f"the engine in {root} belongs to another user"
        raise ProjectError(what, "Only the user who started it can give it commands.") from error
    except (OSError, ValidationError) as error:
        what = f"the engine in {root} ended before it answered"
        raise ProjectError(what, again) from error


# --- the engine's side ----------------------------------------------------------------------------------


class Listener:
    """Hands the commands that arrive in the project at `root` to `take`, from opening to `close`.

    `take` is called on a thread of its own for each command, so that one which takes long keeps no other
    waiting. Only whoever holds the project's lock may have a listener: what lies there under the socket's
    name is then a leftover, and is replaced. Raises `ProjectError` when there can be no socket.
    """

    def __init__(self, root: Path, take: Callable[[Command], Reply]) -> None:
        self._take = take
        self._path = root / paths.SOCKET
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            _remove_leftover(self._path)
            with _reachable(root) as name:
                self._socket.bind(name)
            self._path.chmod(0o600)  # before listening: until then nobody can connect
            self._made = self._path.lstat().st_ino
            self._socket.listen()
        except OSError as error:
            self._socket.close()
            what = f"no commands can be received in {root}: {error.strerror or error}"
            raise ProjectError(what, "Use a folder on a local disk.") from error
        self._thread = threading.Thread(target=self._serve, name="commands", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more commands; a second call does nothing."""
        if self._socket.fileno() < 0:
            return
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # ends `accept`, which closing alone does not
        self._socket.close()
        self._thread.join(1)
        with suppress(OSError):
            if self._path.lstat().st_ino == self._made:  # and not another engine's, in another project
                self._path.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except ConnectionAbortedError:
                continue
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), name="command", daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):  # who has gone away needs no reply
            if _owner(connection) not in (os.geteuid(), 0):
                return
            connection.settimeout(READ_SECONDS)
            try:
                reply = self._take(_COMMANDS.validate_json(_line(connection)))
            except ValidationError as error:
                first = error.errors(include_url=False, include_context=False)[0]
                where = ".".join(map(str, first["loc"]))
                reply = Reply(ok=False, message=f"{where}: {first['msg']}".removeprefix(": "))
            except Exception as error:  # whoever sent it hears of it; the run goes on
                what = f"{type(error).__name__}: {error}"
                reply = Reply(ok=False, message=what, remedy="This is a defect of mlagent; please report it.")
            connection.sendall(reply.model_dump_json().encode() + b"\n")


def _remove_leftover(path: Path) -> None:
    """Remove the socket of an engine that was killed. Anything else under its name stays."""
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.lstat().st_mode):
            path.unlink()


def _line(connection: socket.socket) -> bytes:
    """What arrives before the first line end, or before the other side closes. Raises `OSError`."""
    data = b""
    while b"\n" not in data:
        piece = connection.recv(2**16)
        if not piece:
            break
        data += piece
        if len(data) > MAX_LINE:
            raise OSError("a line is too long")
    return data.partition(b"\n")[0]


def _owner(connection: socket.socket) -> int:
    """The user at the other end."""
    if sys.platform == "darwin":
        level, option = 0, 1  # SOL_LOCAL, LOCAL_PEERCRED: struct xucred begins with a version and the user
        return int(struct.unpack_from("=II", connection.getsockopt(level, option, 76))[1])
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])


@contextmanager
def _reachable(root: Path) -> Iterator[str]:
    """A name of the project's socket that is short enough for one, by way of a link where it is not."""
    path = root.absolute() / paths.SOCKET
    if len(os.fsencode(path)) <= MAX_PATH:
        yield str(path)
        return
    with temporary.folder("socket") as folder:
        link = folder / "p"
        link.symlink_to(path.parent)
        yield str(link / path.name)
