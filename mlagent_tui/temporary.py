"""Temporary folders that do not stay behind: what a killed process has left, the next one removes.

A process keeps its temporary folders in one folder of its own, `mlagent-…`, beside a file `.owner` that it
holds locked. The system gives up the lock when the process ends, however it ends. So a folder whose `.owner`
can be locked has no owner any more. Nothing else is ever removed.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import secrets
import stat
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mlagent_tui.removal import remove_folder

PREFIX = "mlagent-"
OWNER = ".owner"
_MARK = b"A temporary folder of mlagent. A later start of mlagent removes it when its process has ended.\n"
_PLAIN = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_changing = threading.Lock()
_swept: set[Path] = set()
_bases: dict[Path, _Base] = {}


class TemporaryFolder:
    """An empty folder that only this user can enter. `close` removes it with all that is in it.

    What runs in it may do anything to it: the owner's file lies outside.
    """

    def __init__(self, path: Path, base: _Base) -> None:
        self.path = path
        self._base: _Base | None = base

    def close(self) -> None:
        """Remove the folder; a second call does nothing. Raises nothing."""
        with _changing:
            base, self._base = self._base, None
        if base is not None:
            remove_folder(self.path)
            with _changing:
                base.users -= 1
                if base.users == 0:
                    _discard(base)

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        self.close()


def folder(purpose: str) -> TemporaryFolder:
    """A new folder `<purpose>-…` in the temporary folder of this process. Raises `OSError`.

    The first one that a process makes removes what processes that have ended left behind.
    """
    parent = Path(tempfile.gettempdir()).absolute()
    with _changing:
        if parent not in _swept:
            _swept.add(parent)
            sweep(parent)
        base = _bases.get(parent)
        if base is None or base.process != os.getpid() or not base.path.is_dir():
            base = _bases[parent] = _new_base(parent)
        try:
            path = Path(tempfile.mkdtemp(prefix=f"{purpose}-", dir=base.path))
        except BaseException:
            if base.users == 0:
                _discard(base)
            raise
        base.users += 1
        return TemporaryFolder(path, base)


def sweep(parent: Path) -> list[Path]:
    """Remove what processes of this user left behind in `parent`; the removed folders. Raises nothing."""
    removed = []
    with suppress(OSError):
        for entry in list(os.scandir(parent)):
            if entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False):
                path = Path(entry.path)
                if _sweep_one(path):
                    removed.append(path)
    return removed


@dataclass
class _Base:
    """The folder of one process; `users` counts the temporary folders in it."""

    path: Path
    owner: int
    process: int
    users: int = 0


def _new_base(parent: Path) -> _Base:
    path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    owner = -1
    try:
        draft = path / f".{secrets.token_hex(4)}"
        owner = os.open(draft, _PLAIN | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(owner, _MARK)
        with suppress(OSError):  # a disk without locks: then nobody can tell later that it may be removed
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
            draft.rename(path / OWNER)  # under this name it is locked from the first moment on
    except OSError:
        remove_folder(path)
        if owner >= 0:
            os.close(owner)
        raise
    return _Base(path, owner, os.getpid())


def _discard(base: _Base) -> None:
    """Remove the folder of this process. The lock goes last: until then nobody else may touch it."""
    if _bases.get(base.path.parent) is base:
        del _bases[base.path.parent]
    if base.process == os.getpid():
        _remove_base(base.path)
        os.close(base.owner)


def _remove_base(path: Path) -> bool:
    """Remove the folder of a process, the owner's file last: the rest can be found as long as it is there."""
    with suppress(OSError):
        for entry in list(os.scandir(path)):
            if entry.is_dir(follow_symlinks=False):
                remove_folder(Path(entry.path))
    return remove_folder(path)


def _sweep_one(path: Path) -> bool:
    try:
        if path.lstat().st_uid != os.geteuid():
            return False
        owner = os.open(path / OWNER, _PLAIN)
    except OSError:
        return False
    try:
        about = os.fstat(owner)
        if not stat.S_ISREG(about.st_mode) or about.st_uid != os.geteuid():
            return False
        if os.pread(owner, len(_MARK) + 1, 0) != _MARK:
            return False
        fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return _remove_base(path)
    except OSError:
        return False
    finally:
        os.close(owner)


def _at_exit() -> None:
    with _changing:
        for base in list(_bases.values()):
            _discard(base)


atexit.register(_at_exit)
