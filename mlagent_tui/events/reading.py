"""Reading a journal, whatever it holds: forwards, backwards from its end, and while it grows.

A line that cannot be read is an `Unreadable` event. Nothing here needs a journal to fit into memory.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import threading
from collections.abc import Collection, Iterator, Set
from pathlib import Path
from typing import BinaryIO

from mlagent_tui.events.base import Event
from mlagent_tui.events.kinds import Unreadable, parse

CHUNK = 2**20
"""Bytes that are read at a time."""

_TYPE = re.compile(rb'"type":"(\w+)"')
_TYPE_WITHIN = 120
"""Bytes of a line that hold its time, number and type."""


def open_plain(path: Path) -> BinaryIO:
    """Open a plain file for reading. Raises `OSError`, also for a folder, and for a pipe without waiting."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        need_plain(file, path)
    except OSError:
        os.close(file)
        raise
    return os.fdopen(file, "rb")


def need_plain(file: int, path: Path) -> None:
    """Raise `OSError` unless an open file is a plain one."""
    mode = os.fstat(file).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is not a plain file", str(path))


def read(path: Path, offset: int = 0, limit: int | None = None) -> tuple[list[Event], int]:
    """The events of the complete lines from byte `offset` on, and the offset to read on from.

    Of a long journal, those of the next `limit` bytes, and of one line at least. A line still being written
    is left for the next call. A missing file holds no events. Raises `OSError`.
    """
    try:
        with open_plain(path) as file:
            file.seek(offset)
            data = file.read(-1 if limit is None else limit)
            if limit is not None and b"\n" not in data:
                data += file.readline()
    except FileNotFoundError:
        return [], offset
    end = data.rfind(b"\n") + 1
    return [parse(line) for line in data[:end].split(b"\n") if line.strip()], offset + end


def scan(path: Path, *, skip: Set[str] = frozenset(), start: int = 0) -> Iterator[Event]:
    """The events of all complete lines from byte `start` on, but those of the types in `skip`.

    An `Unreadable` event says the number of its line in the whole file. Raises `OSError`.
    """
    try:
        file = open_plain(path)
    except FileNotFoundError:
        return
    with file:
        before = -1
        file.seek(start)
        for number, line in enumerate(file, 1):
            found = _TYPE.search(line, 0, _TYPE_WITHIN) if skip else None
            skipped = found is not None and found[1].decode() in skip
            if skipped or not line.endswith(b"\n") or not line.strip():
                continue
            event = parse(line)
            if isinstance(event, Unreadable):
                before = _lines(path, start) if before < 0 else before
                event = event.but(line=before + number)
            yield event


def last(path: Path, types: Collection[str]) -> tuple[int, Event] | None:
    """The last complete line whose type is one of `types`: its offset and event; None when there is none.

    Read backwards from the end. An event whose other fields are damaged is `Unreadable`, with its line's
    number. Raises `OSError`.
    """
    wanted = re.compile(b'"type":"(?:%b)"' % b"|".join(name.encode() for name in types))
    try:
        file = open_plain(path)
    except FileNotFoundError:
        return None
    with file:
        end = os.fstat(file.fileno()).st_size
        while end > 0:
            start = max(0, end - CHUNK)
            margin = min(start, _TYPE_WITHIN)
            block = os.pread(file.fileno(), end - start + margin + _TYPE_WITHIN, start - margin)
            for hit in reversed(list(wanted.finditer(block))):
                begin = block.rfind(b"\n", 0, hit.start()) + 1
                whole = begin > 0 or start == margin
                if not start <= start - margin + hit.start() < end:
                    continue  # it belongs to a neighbouring block
                if whole and hit.start() - begin < _TYPE_WITHIN:
                    file.seek(start - margin + begin)
                    line = file.readline()
                    found = _TYPE.search(line, 0, _TYPE_WITHIN)
                    if found and found[1].decode() in types and line.endswith(b"\n"):
                        return _numbered(path, start - margin + begin, parse(line))
            end = start
    return None


def follow(path: Path, offset: int = 0, *, stop: threading.Event, interval: float = 0.1) -> Iterator[Event]:
    """The events of `path` from byte `offset` on, and those appended later, until `stop` is set.

    What was appended before `stop` was set is still delivered.
    """
    while True:
        last_round = stop.is_set()
        end = path.stat().st_size if path.exists() else 0
        while offset < end:
            events, after = read(path, offset, CHUNK)
            yield from events
            if after == offset:
                break
            offset = after
        if last_round:
            return
        stop.wait(interval)


def _numbered(path: Path, offset: int, event: Event) -> tuple[int, Event]:
    if isinstance(event, Unreadable):
        event = event.but(line=_lines(path, offset) + 1)
    return offset, event


def _lines(path: Path, end: int) -> int:
    """How many line ends there are before byte `end`."""
    count = 0
    with open_plain(path) as file:
        while end > 0 and (data := file.read(min(CHUNK, end))):
            count += data.count(b"\n")
            end -= len(data)
    return count
