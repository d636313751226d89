"""Makes `multiprocessing` and torch's data loader work in commands: these have no sockets, often no /dev/shm.

Every Python that a command starts imports this file by its name (see the module `site`). Listeners, and
semaphores that cannot be had, become named pipes, shared memory becomes files in the temporary folder, and
tensors are sent from process to process as copies. It stands alone, and runs under any Python 3.8 or newer.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

RECURSIVE, SEMAPHORE = 0, 1  # kinds of Modules/_multiprocessing/semaphore.c
_COUNTED = 32_768
"""Semaphores that begin higher never wait: a pipe holds 65,536 bytes. A queue without a limit has one."""


_NAME = 16
"""Characters of the name by which a client asks for its connection."""


def _place(name: str) -> str:
    """The file that stands for a semaphore or piece of shared memory called `/name`."""
    return os.path.join(os.environ.get("TMPDIR") or "/tmp", "." + name.lstrip("/"))


class SemLock:
    """`_multiprocessing.SemLock` as a pipe that holds a byte for each time it can be acquired.

    One that begins too high for that holds a byte for each time it was acquired, and never waits.
    """

    SEM_VALUE_MAX = 2**31 - 1
    name: str | None

    def __init__(self, kind: int, value: int, maxvalue: int, name: str, unlink: bool) -> None:
        self._initial = value if value > _COUNTED else 0
        name = f"{name}.{self._initial}" if self._initial else name
        os.mkfifo(_place(name), 0o600)
        self._open(kind, maxvalue, name)
        if unlink:
            os.unlink(_place(name))
            self.name = None  # nobody can open it again
        if not self._initial:
            os.write(self.handle, b"x" * value)

    def _open(self, kind: int, maxvalue: int, name: str) -> None:
        self.kind, self.maxvalue = kind, maxvalue
        self.name = name
        self.handle = os.open(_place(name), os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._held, self._owner = 0, 0

    @classmethod
    def _rebuild(cls, handle: int, kind: int, maxvalue: int, name: str) -> SemLock:
        """The same semaphore in a process that was not forked."""
        again = cls.__new__(cls)
        again._initial = int(name.rpartition(".")[2]) if "." in name else 0
        again._open(kind, maxvalue, name)
        return again

    def __del__(self) -> None:
        if hasattr(self, "handle"):
            os.close(self.handle)

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take one; False when there was none in time (`timeout` in seconds)."""
        import threading

        me = threading.get_ident()
        if self.kind == RECURSIVE and self._held and self._owner == me:
            self._held += 1
            return True
        if self._initial:
            self._put()
        elif not self._take(block, timeout):
            return False
        self._held += 1
        self._owner = me
        return True

    __enter__ = acquire

    def _take(self, block: bool, timeout: float | None) -> bool:
        import select
        import time

        end = None if timeout is None else time.monotonic() + timeout
        waiting = select.poll()
        waiting.register(self.handle, select.POLLIN)
        while True:
            try:
                os.read(self.handle, 1)
                return True
            except BlockingIOError:
                left = None if end is None else end - time.monotonic()
                if not block or (left is not None and left <= 0):
                    return False
                waiting.poll(None if left is None else left * 1000)

    def _put(self) -> None:
        try:
            os.write(self.handle, b"x")
        except BlockingIOError:
            if not self._initial:
                raise OverflowError("the semaphore was released too often") from None

    def release(self) -> None:
        """Give one back."""
        if self.kind == RECURSIVE:
            if not self._is_mine():
                raise AssertionError("attempt to release recursive lock not owned by thread")
            if self._held > 1:
                self._held -= 1
                return
        elif self.maxvalue != self.SEM_VALUE_MAX and self._get_value() >= self.maxvalue:
            raise ValueError("semaphore or lock released too many times")
        if self._initial:
            self._take(False, None)
        else:
            self._put()
        self._held -= 1

    def __exit__(self, *_: object) -> None:
        self.release()

    def _count(self) -> int:
        return self._held

    def _is_mine(self) -> bool:
        import threading

        return self._held > 0 and self._owner == threading.get_ident()

    def _get_value(self) -> int:
        import fcntl
        import struct
        import termios

        waiting = struct.unpack("i", fcntl.ioctl(self.handle, termios.FIONREAD, bytes(4)))[0]
        return self._initial - waiting if self._initial else int(waiting)

    def _is_zero(self) -> bool:
        return self._get_value() == 0

    def _after_fork(self) -> None:
        self._held = 0


def sem_unlink(name: str) -> None:
    """Remove a semaphore's name."""
    os.unlink(_place(name))


def shm_open(path: str, flags: int, mode: int = 0o777) -> int:
    """`_posixshmem.shm_open` with a file of the temporary folder."""
    return os.open(_place(path), flags | os.O_CLOEXEC, mode)


def shm_unlink(path: str) -> None:
    """`_posixshmem.shm_unlink` for such a file."""
    os.unlink(_place(path))


# --- what is changed in modules once they are loaded ------------------------------------------------------


def _heap(module: Any) -> None:
    module.Arena._dir_candidates = []  # the temporary folder then


def _reduction(module: Any) -> None:
    module.HAVE_SEND_HANDLE = False  # says that there is no forkserver


def _connection(module: Any) -> None:
    """Listeners and clients on this machine, such as a manager's, meet at a named pipe, not at a socket."""
    sockets, client = module.SocketListener, module.SocketClient

    class Connection(module.Connection):  # type: ignore[misc]
        """A pipe to read from and one to write to."""

        def __init__(self, reading: int, writing: int) -> None:
            super().__init__(reading)
            self._writing = writing

        def _send(self, data: Any, write: Any = os.write) -> None:
            data = memoryview(data)
            while data:
                data = data[write(self._writing, data) :]

        def _close(self, close: Any = os.close) -> None:
            close(self._writing)
            close(self._handle)

    class Listener:
        """In the place of `SocketListener`: clients write to the pipe `address` where they wait."""

        def __init__(self, address: Any, family: str, backlog: int = 1) -> None:
            os.mkfifo(address, 0o600)
            self._address, self._last_accepted = address, None
            self._asked = os.open(address, os.O_RDWR | os.O_CLOEXEC)

        def accept(self) -> Connection:
            up, down = _pipes(self._address, os.read(self._asked, _NAME).decode())
            reading, writing = os.open(up, os.O_RDONLY), os.open(down, os.O_WRONLY)
            os.unlink(up)
            os.unlink(down)
            return Connection(reading, writing)

        def close(self) -> None:
            if self._asked >= 0:
                os.close(self._asked)
                os.unlink(self._address)
                self._asked = -1

    def connected(address: Any) -> Any:
        if not isinstance(address, str):
            return client(address)
        name = os.urandom(_NAME // 2).hex()
        asking = os.open(address, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        up, down = _pipes(address, name)
        os.mkfifo(up, 0o600)
        os.mkfifo(down, 0o600)
        os.write(asking, name.encode())
        os.close(asking)
        writing = os.open(up, os.O_WRONLY)
        return Connection(os.open(down, os.O_RDONLY), writing)

    def listening(address: Any, family: str, backlog: int = 1) -> Any:
        return (Listener if family == "AF_UNIX" else sockets)(address, family, backlog)

    module.SocketListener, module.SocketClient = listening, connected


def _pipes(address: str, name: str) -> tuple[str, str]:
    """From client to listener and back."""
    return f"{address}-{name}-up", f"{address}-{name}-down"


def _reductions(module: Any) -> None:
    """Tensors are pickled as everywhere else: as copies."""

    def init_reductions() -> None:
        from multiprocessing.reduction import ForkingPickler

        torch = sys.modules["torch"]
        for kind in (torch.Tensor, torch.nn.Parameter):
            ForkingPickler.register(kind, _copied)

    module.init_reductions = init_reductions


def _copied(tensor: Any) -> Any:
    from multiprocessing.context import get_spawning_popen

    if tensor.is_shared() and get_spawning_popen() is not None:
        raise RuntimeError("here a new process shares the memory of a tensor only if it is forked")
    return tensor.__reduce_ex__(2)


def _storage(module: Any) -> None:
    """A batch is collated in ordinary memory: it is sent as a copy in any case."""

    def _new_shared(cls: Any, size: int, *, device: str = "cpu") -> Any:
        return cls(size, device=device)

    module.UntypedStorage._new_shared = classmethod(_new_shared)


def _tensor(module: Any) -> None:
    module.Tensor.share_memory_ = share_memory_


def share_memory_(tensor: Any) -> Any:
    """Move the tensor's numbers to a file that has no name, which processes forked later share."""
    import tempfile

    torch: Any = sys.modules["torch"]
    if tensor.is_shared():
        return tensor
    old = tensor.untyped_storage()
    handle, path = tempfile.mkstemp(prefix=".torch-")
    os.close(handle)
    new = torch.UntypedStorage.from_file(path, shared=True, nbytes=max(old.nbytes(), 1))
    os.unlink(path)
    new.copy_(old) if old.nbytes() else None
    shape = tensor.storage_offset(), tensor.size(), tensor.stride()
    tensor.data = torch.empty(0, dtype=tensor.dtype).set_(new, *shape)
    return tensor


class _After:
    """Finds modules as usual, and changes some once they are loaded."""

    def __init__(self, changes: dict[str, Callable[[Any], None]]) -> None:
        self._changes = changes

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """As `importlib.abc.MetaPathFinder` says."""
        change = self._changes.get(name)
        spec = PathFinder.find_spec(name, path, target) if change else None
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_and_change(module: Any) -> None:
            execute(module)
            assert change is not None
            change(module)

        spec.loader.exec_module = execute_and_change  # type: ignore[method-assign]
        return spec


def _has_semaphores(native: Any) -> bool:
    try:
        native.SemLock(SEMAPHORE, 1, 1, f"/mlagent-{os.getpid()}", True)
    except OSError:
        return False
    return True


def _install() -> None:
    changes: dict[str, Callable[[Any], None]] = {
        "multiprocessing.connection": _connection,
        "multiprocessing.reduction": _reduction,
        "torch.multiprocessing.reductions": _reductions,
        "torch.storage": _storage,
    }
    import _multiprocessing as native  # type: ignore[import-not-found]

    if not _has_semaphores(native):
        native.SemLock, native.sem_unlink = SemLock, sem_unlink
        shared = ModuleType("_posixshmem")
        vars(shared).update(shm_open=shm_open, shm_unlink=shm_unlink)
        sys.modules[shared.__name__] = shared
        changes.update({"multiprocessing.heap": _heap, "torch._tensor": _tensor})
    sys.meta_path.insert(0, _After(changes))


if __name__ == "sitecustomize":
    with suppress(ImportError):  # a Python without these modules has no use for this either
        _install()
