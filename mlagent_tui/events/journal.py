"""The journal of a project: its events, one JSON line each, written by one process and read by any number.

Nothing here needs a journal to fit into memory.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Self

from mlagent_tui.events.base import Event
from mlagent_tui.events.kinds import DURABLE, Unreadable, parse

CHUNK = 2**20
"""Bytes that are read at a time."""

_TYPE = re.compile(rb'"type":"(\w+)"')
_TYPE_WITHIN = 120
"""Bytes of a line that hold its time, number and type."""


def read(path: Path, offset: int = 0, limit: int | None = None) -> tuple[list[Event], int]:
    """The events of the complete lines from byte `offset` on, and the offset to read on from.

    Of a long journal, those of the next `limit` bytes, and of one line at least. A line still being written
    is left for the next call. A missing file holds no events. Raises `OSError`.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(limit)
            if limit is not None and b"\n" not in data:
                data += file.readline()
    except FileNotFoundError:
        return [], offset
    end = data.rfind(b"\n") + 1
    return [parse(line) for line in data[:end].split(b"\n") if line.strip()], offset + end


def scan(path: Path, *, skip: Set[str] = frozenset()) -> Iterator[Event]:
    """The events of all complete lines but those of the types in `skip`, one at a time. Raises `OSError`."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        for line in file:
            found = _TYPE.search(line, 0, _TYPE_WITHIN) if skip else None
            skipped = found is not None and found[1].decode() in skip
            if line.endswith(b"\n") and line.strip() and not skipped:
                yield parse(line)


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


class Journal:
    """The writer of a journal; the holder of the project's lock has one. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        """Open or create `path`, first repairing a torn last line. Raises `OSError`."""
        self.path = path
        self._lock = threading.Lock()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            self._seq = self._repair()
        except BaseException:
            os.close(self._file)
            raise

    def append(self, event: Event) -> Event:
        """Write `event` and return it as written, numbered. What ends a step also reaches the disk.

        Raises `OSError` (a full disk, say); the journal then ends where it ended before.
        """
        with self._lock:
            numbered = event.but(seq=self._seq + 1)
            line = numbered.to_json().encode() + b"\n"
            size = os.fstat(self._file).st_size
            try:
                while line:
                    line = line[os.write(self._file, line) :]
                if isinstance(event, DURABLE):
                    os.fsync(self._file)
            except OSError:
                os.ftruncate(self._file, size)
                raise
            self._seq += 1
            return numbered

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _repair(self) -> int:
        """Make the file end with a complete line, and return the last event's number."""
        for index, (start, line) in enumerate(_backwards(self._file)):
            event = parse(line)
            if index == 0 and line:  # what follows the last line end
                if isinstance(event, Unreadable):
                    os.ftruncate(self._file, start)
                else:
                    os.write(self._file, b"\n")
            if not isinstance(event, Unreadable):
                return event.seq
        return 0


def _backwards(file: int) -> Iterator[tuple[int, bytes]]:
    """(offset, line) from what follows the last line end of `file`, which may be empty, to the first line."""
    end = os.fstat(file).st_size
    size, rest = 2**16, b""
    while end > 0:
        start = max(0, end - size)
        first, *lines = (os.pread(file, end - start, start) + rest).split(b"\n")
        offset = end + len(rest)
        for line in reversed(lines):
            offset -= len(line)
            yield offset, line
            offset -= 1
        end, rest, size = start, first, 2 * size
    yield 0, rest
