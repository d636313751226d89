"""Whether a file of a data set is there, readable and whole, as far as its ends show. No torch.

A header, a size and the last bytes are looked at. Of a compressed file the first bytes are unpacked; all of
them are counted only where the size that it tells of itself is not the one expected. What lies between is for
a confined worker to decode (`files`).
"""

from __future__ import annotations

import errno
import gzip
import os
import stat
import struct
import sys
import zlib
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Literal

from mlagent_tui.files import explain

Kind = Literal["idx", "batch", "archive"]

GZIP = b"\x1f\x8b"
"""How a gzip file begins."""

_FRESH = "Replace the file by a fresh copy."
_LINK = "Replace the link, or put the file in its place."
SPARE = 4
"""How much larger than its images a pickled batch may be: a text protocol writes a byte as four signs."""
_PIECE = 1 << 20


class Fault(Exception):
    """Something is there and cannot be used; `what` begins with its path."""

    def __init__(self, what: str, remedy: str = _FRESH) -> None:
        super().__init__(what)
        self.what, self.remedy = what, remedy


@dataclass(frozen=True)
class Wanted:
    """What a file must hold: so many bytes, as an IDX file, a pickled batch, or an archive of batches."""

    kind: Kind
    shape: tuple[int, ...]


def look(path: Path, wanted: Wanted) -> Path:
    """The file at `path`, all links followed. Raises `FileNotFoundError` where nothing is, and `Fault`."""
    place = _followed(path)
    try:
        facts = os.stat(place)
        if not stat.S_ISREG(facts.st_mode):
            what = "a folder" if stat.S_ISDIR(facts.st_mode) else "not a plain file"
            raise Fault(f"{path} is {what}", "Put the data set's file in its place.")
        with open(place, "rb", buffering=0) as file:
            if not _readable(facts):
                raise PermissionError(errno.EACCES, "for all but root")
            problem = _LOOKS[wanted.kind](file, facts.st_size, wanted.shape)
    except OSError as error:
        what, remedy = explain(error)
        if isinstance(error, PermissionError):
            remedy = f"Let the user who runs mlagent read it: chmod a+r {place}"
        raise Fault(f"{path} cannot be read: {what}", remedy) from None
    if problem:
        raise Fault(f"{path} {problem}")
    return place


def _followed(path: Path) -> Path:
    try:
        return Path(os.path.realpath(path, strict=True))
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.EACCES, errno.EPERM):
            raise Fault(f"{path} cannot be read: {explain(error)[0]}", explain(error)[1]) from None
    for place in (*reversed(path.parents), path):
        _step(place)
    raise FileNotFoundError(errno.ENOENT, "there is no such file", str(path))


def _step(place: Path) -> None:
    """Raise what is wrong with one part of a path, if anything."""
    try:
        link = stat.S_ISLNK(os.lstat(place).st_mode)
        os.stat(place)
    except (FileNotFoundError, NotADirectoryError):
        if os.path.islink(place):
            raise Fault(f"{place} is a link to {os.readlink(place)}, which does not exist", _LINK) from None
        raise FileNotFoundError(errno.ENOENT, "there is no such file", str(place)) from None
    except PermissionError:
        closed = place.parent if not os.path.lexists(place) else place
        raise Fault(
            f"{closed} cannot be read: permission denied",
            f"Let the user who runs mlagent enter and read it: chmod a+rx {closed}",
        ) from None
    except OSError as error:
        if error.errno == errno.ELOOP and link:
            raise Fault(f"{place} is a link that leads back to itself", _LINK) from None
        raise Fault(f"{place} cannot be read: {explain(error)[0]}", explain(error)[1]) from None


def _readable(facts: os.stat_result) -> bool:
    """Whether a confined worker may read a file that this process could open: it has no powers of root."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return True
    if facts.st_uid == 0:
        return bool(facts.st_mode & stat.S_IRUSR)
    ours = facts.st_gid in (os.getegid(), *os.getgroups())
    return bool(facts.st_mode & (stat.S_IRGRP if ours else stat.S_IROTH))


# --- what is wrong with a file's content, or nothing --------------------------------------------------------


def _idx(file: IO[bytes], size: int, shape: tuple[int, ...]) -> str:
    """An IDX file of unsigned bytes (the format is described on the MNIST page of Y. LeCun)."""
    length = 4 + 4 * len(shape)
    packed = _packed(file)
    try:
        head = _head(file, length, packed)
    except _Cut:
        return "is cut short"
    except _Damaged as error:
        return f"is not a gzip file: {error}"
    if len(head) < length or head[:2] != b"\0\0" or head[2] != 8:
        return f"is not an IDX file of bytes: it begins with {head[:4].hex(' ') or 'nothing'}"
    if head[3] != len(shape):
        return f"holds numbers in {head[3]} dimensions, expected {len(shape)}"
    found = struct.unpack(f">{len(shape)}I", head[4:])
    if found != shape:
        return f"holds {_shown(found)} numbers, expected {_shown(shape)}"
    return _size(file, size, length + prod(shape), packed)


def _size(file: IO[bytes], size: int, wanted: int, packed: bool) -> str:
    if packed and _told(file, size) != wanted:
        try:
            size = _counted(file, wanted)
        except _Cut:
            return "is cut short: it cannot be unpacked to its end"
        except _Damaged as error:
            return f"is damaged: {error}"
    elif packed:
        size = wanted
    if size < wanted:
        return f"is cut short: it holds {size:,} of {wanted:,} bytes"
    return f"is longer than the {wanted:,} bytes that its header tells of" if size > wanted else ""


def _batch(file: IO[bytes], size: int, shape: tuple[int, ...]) -> str:
    """A pickle: it holds at least the bytes of its images, and ends with a stop."""
    least = prod(shape)
    if size < least:
        return f"is cut short: it has {size:,} bytes, and its images alone take {least:,}"
    if size > SPARE * least + _PIECE:
        return f"is not a CIFAR batch: it has {size:,} bytes, and its images take {least:,}"
    file.seek(-1, os.SEEK_END)
    return "" if file.read(1) == b"." else "is damaged or cut short: it does not end as a CIFAR batch does"


def _archive(file: IO[bytes], size: int, shape: tuple[int, ...]) -> str:
    """A tar of batches, which comes in blocks of 512 bytes."""
    least = prod(shape)
    most = SPARE * least + _PIECE
    if _packed(file):
        size = _told(file, size)
        if not least <= size <= most or size % 512:
            try:
                size = _counted(file, most)
            except _Cut:
                return "is cut short: it cannot be unpacked to its end"
            except _Damaged as error:
                return f"is damaged: {error}"
    if size < least:
        return f"is cut short: it holds {size:,} bytes, and its images alone take {least:,}"
    return ""


_LOOKS = {"idx": _idx, "batch": _batch, "archive": _archive}


class _Cut(Exception):
    """A compressed file that ends early."""


class _Damaged(Exception):
    """A compressed file that cannot be unpacked."""


def _packed(file: IO[bytes]) -> bool:
    file.seek(0)
    return file.read(2) == GZIP


def _head(file: IO[bytes], length: int, packed: bool) -> bytes:
    file.seek(0)
    if not packed:
        return file.read(length)
    try:
        with gzip.GzipFile(fileobj=file) as unpacked:
            return unpacked.read(length)
    except EOFError:
        raise _Cut from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise _Damaged(str(error)) from None


def _told(file: IO[bytes], size: int) -> int:
    """The size that a gzip file tells of itself, in its last four bytes (RFC 1952)."""
    if size < 18:
        return 0
    file.seek(-4, os.SEEK_END)
    return int.from_bytes(file.read(4), "little")


def _counted(file: IO[bytes], most: int) -> int:
    """Bytes that can be unpacked, at most one more than `most`. Raises `_Cut`, `_Damaged`."""
    file.seek(0)
    count = 0
    try:
        with gzip.GzipFile(fileobj=file) as unpacked:
            while count <= most and (piece := unpacked.read(min(_PIECE, most + 1 - count))):
                count += len(piece)
    except EOFError:
        raise _Cut from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise _Damaged(str(error)) from None
    return count


def _shown(shape: tuple[int, ...]) -> str:
    return "x".join(f"{size:,}" for size in shape)
