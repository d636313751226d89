"""Writing the journal of a project: its events, one JSON line each, by one process."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from mlagent_tui.events.base import Event
from mlagent_tui.events.kinds import DURABLE, Unreadable, parse
from mlagent_tui.events.reading import need_plain


class Journal:
    """The writer of a journal; the holder of the project's lock has one. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        """Open or create `path`, first repairing a torn last line. Raises `OSError`."""
        self.path = path
        self._lock = threading.Lock()
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        self._file = os.open(path, flags, 0o666)
        try:
            need_plain(self._file, path)
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
