"""Files inside one folder that no path may leave, and writing that is all or nothing.

A path is walked one component at a time, each opened relative to the one before and never through a link, so
that nothing changed meanwhile by someone else can lead outside. A folder that is `held` is neither
read nor written once it was renamed or removed.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO

from mlagent_tui import held
from mlagent_tui.errors import MachineError, MlagentError, ProjectError, ToolError

MAX_READ = 64 * 2**20
DRAFT = re.compile(r"\.[0-9a-f]{16}\.tmp")
"""The name of a file while it is written, before it takes its place."""
_MAX_LINKS = 16
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PLAIN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_REASONS = {
    errno.ENOSPC: ("the disk is full", "Free some space and try again."),
    errno.EDQUOT: ("the disk quota is used up", "Free some space and try again."),
    errno.ENOMEM: ("there is not enough memory", "Close other programs and try again."),
    errno.EAGAIN: ("no more processes can be started", "Close other programs and try again."),
    errno.EMFILE: ("too many files are open", "Allow more open files (`ulimit -n`) and try again."),
    errno.ENFILE: ("too many files are open on this machine", "Close other programs and try again."),
    errno.EIO: ("the disk reported an error", "Check the disk."),
    errno.EROFS: ("the file system is read-only", "Choose a folder that can be written to."),
    errno.EACCES: ("permission denied", "Check the permissions, or choose another folder."),
    errno.EPERM: ("permission denied", "Check the permissions, or choose another folder."),
    errno.ENOENT: ("there is no such file or folder", "Check the name."),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "Check the path."),
    errno.EISDIR: ("it is a folder, not a file", "Name a file."),
    errno.ENAMETOOLONG: ("the name is too long", "Choose a shorter name."),
    errno.ELOOP: ("a link in the path cannot be followed", "Name the file itself, without links."),
    errno.ENXIO: ("it is not a plain file", "Name a file."),
    errno.EEXIST: ("it exists already", "Choose another name."),
}


_MACHINE = (
    errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EIO, errno.EROFS, errno.EAGAIN
)  # fmt: skip


def is_machine_fault(error: OSError) -> bool:
    """Whether the machine is short of something: disk, memory, files, processes; or its disk is at fault."""
    return error.errno in _MACHINE


def explain(error: OSError) -> tuple[str, str]:
    """What an operating system's error means, and a remedy."""
    return _REASONS.get(error.errno or 0, (error.strerror or str(error), ""))


def open_plain(path: Path) -> BinaryIO:
    """A plain file, open for reading, found by a name that may be anything; links are followed.

    Raises `OSError`, for a FIFO, socket or device too, and never waits for what is at the other end of one.
    """
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(file).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(file, "rb")
    os.close(file)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    raise OSError(errno.ENXIO, "it is not a plain file", str(path))


def read_plain(path: Path, limit: int = MAX_READ) -> bytes:
    """The content of a plain file of at most `limit` bytes. Raises `OSError` as `open_plain` does."""
    with open_plain(path) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"it is larger than {limit:,} bytes", str(path))
    return data


class Folder:
    """A folder whose files are named by paths relative to it, or absolute and inside it.

    `..` and links are followed as long as they stay inside. Failures raise `error`, naming the path; where
    tools fail because the machine is short of something (`is_machine_fault`), that is a `MachineError`.
    """

    def __init__(self, root: Path, error: type[MlagentError] = ToolError) -> None:
        self.root = root.absolute()
        self._error = error

    def read(self, path: str, limit: int = MAX_READ) -> bytes:
        """The content of a plain file of at most `limit` bytes."""
        with self._guard("read", path), self._at(path) as (folder, name):
            file = os.open(name, _PLAIN, dir_fd=folder)
            with os.fdopen(file, "rb") as stream:
                now = os.fstat(file)
                if not stat.S_ISREG(now.st_mode):
                    raise self._error(f"cannot read {path}: it is not a plain file", "Name a file.")
                data = b"" if now.st_size > limit else stream.read(limit + 1)
        if max(now.st_size, len(data)) > limit:
            what = f"cannot read {path}: it is larger than {limit:,} bytes"
            raise self._error(what, "Use a smaller file, or read only a part of it.")
        return data

    def write(self, path: str, content: str | bytes) -> None:
        """Create or replace a file, all or nothing; missing folders are made."""
        with self._guard("write", path), self._at(path, create=True, file=True) as (folder, name):
            if name == ".":
                raise IsADirectoryError(errno.EISDIR, "is a folder")
            _replace(folder, name, content.encode() if isinstance(content, str) else content)

    def make(self, path: str) -> bool:
        """Make a folder and its missing parents; False when it was there already."""
        with self._guard("make", path), self._at(path, create=True) as (folder, name):
            try:
                os.mkdir(name, dir_fd=folder)
            except FileExistsError:
                os.close(os.open(name, _FOLDER, dir_fd=folder))
                return False
        return True

    def append_to(self, path: str) -> int:
        """Create a new file and return its descriptor, open for appending; the caller closes it."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        with self._guard("write", path), self._at(path, create=True, file=True) as (folder, name):
            return os.open(name, flags, 0o666, dir_fd=folder)

    def open_to_change(self, path: str) -> int:
        """Open a plain file for reading and writing in place; the caller closes the descriptor."""
        with self._guard("write", path), self._at(path, file=True) as (folder, name):
            file = os.open(name, _PLAIN & ~os.O_ACCMODE | os.O_RDWR, dir_fd=folder)
            if not stat.S_ISREG(os.fstat(file).st_mode):
                os.close(file)
                raise self._error(f"cannot write {path}: it is not a plain file", "Move it away.")
            return file

    def set_aside(self, path: str) -> str:
        """Rename a file, folder or link to `path.damaged-1`, or the next free number; returns that."""
        parent, _, name = path.rpartition("/")
        with self._guard("rename", path), self._at(parent or ".") as (outer, inner):
            folder = os.open(inner, _FOLDER, dir_fd=outer)
            try:
                asides = (f".damaged-{number}" for number in count(1))
                aside = next(aside for aside in asides if not _there(name + aside, folder))
                os.rename(name, name + aside, src_dir_fd=folder, dst_dir_fd=folder)
            finally:
                os.close(folder)
        return path + aside

    def remove(self, path: str) -> None:
        """Remove a file, or an empty folder."""
        with self._guard("remove", path), self._at(path) as (folder, name):
            if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                os.rmdir(name, dir_fd=folder)
            else:
                os.unlink(name, dir_fd=folder)

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder of this name inside."""
        with self._guard("find", path):
            try:
                with self._at(path) as (folder, name):
                    os.stat(name, dir_fd=folder, follow_symlinks=False)
            except (FileNotFoundError, NotADirectoryError):
                return False
        return True

    def entries(self, path: str = ".", *, recursive: bool = False) -> list[str]:
        """The names in a folder, sorted, folders with a `/` at the end; links are listed, not entered."""
        found: list[str] = []
        size = 0
        with self._guard("list", path), self._at(path) as (parent, name):
            for entry in walk(name, parent, recursive):
                found.append(entry)
                size += len(entry)
                if size > MAX_READ:
                    what = f"cannot list {path}: the names in it come to more than {MAX_READ:,} characters"
                    raise self._error(what, "List a folder inside of it.")
        return [_printable(entry) for entry in sorted(found)]

    def resolve(self, path: str) -> Path:
        """The real place of a file or folder, for programs that are given its name."""
        with self._guard("open", path), self._at(path) as (folder, name):
            mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise self._error(f"cannot open {path}: it is not a plain file", "Name a file.")
        return Path(os.path.realpath(self.root / path))

    @contextmanager
    def _guard(self, doing: str, path: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            what, remedy = explain(error)
            kind = MachineError if is_machine_fault(error) and self._error is ToolError else self._error
            raise kind(f"cannot {doing} {path or '(no name)'}: {what}", remedy) from error
        except ValueError as error:
            raise self._error(f"cannot {doing} {path!r}: {error}", "Use plain names and text.") from error

    @contextmanager
    def _at(self, path: str, *, create: bool = False, file: bool = False) -> Iterator[tuple[int, str]]:
        """The open folder that holds `path`, and its name there: never a link, `.` for the root itself.

        A path that ends in a slash means a folder: it is refused for a `file`, and where there is another.
        """
        if (means_folder := path.endswith(("/", "/."))) and file:
            raise IsADirectoryError(errno.EISDIR, "names a folder")
        opened = [held.open_folder(self.root)]
        try:
            name = self._descend(path, opened, create)
            if means_folder and _is_file(name, opened[-1]):
                raise NotADirectoryError(errno.ENOTDIR, "is a file")
            yield opened[-1], name
        finally:
            for descriptor in opened:
                os.close(descriptor)

    def _descend(self, path: str, opened: list[int], create: bool) -> str:
        """Walk to the last component of `path`, leaving its folder as the last that is `opened`."""
        todo = deque(self._parts(path))
        links = 0
        while todo:
            part = todo.popleft()
            if part == "..":
                if len(opened) == 1:
                    raise self._outside(path)
                os.close(opened.pop())
            elif (target := _link(part, opened[-1])) is not None:
                links += 1
                if links > _MAX_LINKS:
                    raise OSError(errno.ELOOP, "too many links")
                if os.path.isabs(target):
                    while len(opened) > 1:
                        os.close(opened.pop())
                todo.extendleft(reversed(self._parts(target, path)))
            elif todo:
                opened.append(_enter(part, opened[-1], create))
            else:
                return part
        return "."

    def _parts(self, path: str, shown: str = "") -> tuple[str, ...]:
        if not path:
            raise FileNotFoundError(errno.ENOENT, "empty path")
        if not os.path.isabs(path):
            return Path(path).parts
        for root in (self.root, Path(os.path.realpath(self.root))):
            if Path(path).is_relative_to(root):
                return Path(path).relative_to(root).parts
        raise self._outside(shown or path)

    def _outside(self, path: str) -> MlagentError:
        return self._error(f"{path} is outside of {self.root}", "Name a file inside the project folder.")


def atomic_write(path: Path, content: str | bytes) -> None:
    """Create or replace `path`, all or nothing: a temporary file beside it, fsync, rename.

    For places that the caller chose, whose folder exists. Raises `ProjectError`.
    """
    Folder(path.parent, ProjectError).write(path.name, content)


def _there(name: str, folder: int) -> bool:
    """Whether a folder has an entry of this name, a broken link included."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _link(name: str, folder: int) -> str | None:
    """What a link points to; None for anything else, existing or not."""
    try:
        return os.readlink(name, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOENT):
            return None
        raise


def _enter(name: str, folder: int, create: bool) -> int:
    if create:
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=folder)
    return os.open(name, _FOLDER, dir_fd=folder)


def _replace(folder: int, name: str, data: bytes) -> None:
    temporary = f".{secrets.token_hex(8)}.tmp"  # as DRAFT says
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    file = os.open(temporary, flags, 0o666, dir_fd=folder)
    try:
        with os.fdopen(file, "wb") as stream:
            with suppress(FileNotFoundError):
                os.fchmod(file, stat.S_IMODE(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode))
            stream.write(data)
            stream.flush()
            os.fsync(file)
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise
    os.fsync(folder)


def walk(name: str, parent: int, recursive: bool = True) -> Iterator[str]:
    """All that is in the folder `name` of the open folder `parent`, folders with a `/` at the end.

    Neither recursion nor the length of a path limits the depth, and two open folders do for any. Links are
    not entered. Raises `OSError`, also where a folder is moved away while the walk is in it.
    """
    here = os.open(name, _FOLDER, dir_fd=parent)
    above: list[tuple[tuple[int, int], list[str]]] = []  # who each folder on the way is; its folders to come
    trail: list[str] = []
    try:
        while True:
            prefix = "".join(trail)
            inner = []
            with os.scandir(here) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        inner.append(entry.name)
                        yield f"{prefix}{entry.name}/"
                    else:
                        yield prefix + entry.name
            above.append((_identity(here), inner if recursive else []))
            while not above[-1][1]:
                above.pop()
                if not above:
                    return
                trail.pop()
                here = _replaced(here, "..")
                if _identity(here) != above[-1][0]:
                    raise OSError(errno.ESTALE, "a folder was moved while it was read")
            trail.append(above[-1][1].pop() + "/")
            here = _replaced(here, trail[-1][:-1])
    finally:
        os.close(here)


def _replaced(here: int, name: str) -> int:
    """The folder `name` of `here`, open in its place."""
    there = os.open(name, _FOLDER, dir_fd=here)
    os.dup2(there, here, inheritable=False)
    os.close(there)
    return here


def _identity(folder: int) -> tuple[int, int]:
    about = os.fstat(folder)
    return about.st_dev, about.st_ino


def _is_file(name: str, folder: int) -> bool:
    """Whether there is something of this name that is not a folder."""
    try:
        return not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _printable(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "backslashreplace")
