"""Where each entry of a journal begins: an index by byte offset, so that only what is shown is read.

Neighbouring events that stream (tokens of one model, batches of one trial) are one entry. An entry costs nine
bytes of memory, however long it is in the file.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from mlagent_tui import events

STREAMING = {"tokens_streamed", "batch_done", "prompt_progress"}
LATEST = {"batch_done", "prompt_progress"}
"""Of these, the last one tells all."""
MARKS = {"run_started", "step_started"}
"""What a run or an iteration may begin with."""

MAX_ENTRY = 256 * 1024
"""Bytes read of one entry; of a longer one, the end."""

_TYPE = b'"type":"'
_WIDTH = len(_TYPE)
_PLAN = b'"step":"plan"'


class Index:
    """The entries of one journal so far. One thread adds, any may read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.end = 0
        """The offset behind the last complete line that was added."""
        self.kinds: list[str] = []
        self.offsets = array("Q")
        self.kind_of = bytearray()
        self.iterations = array("Q")
        """The entries at which an iteration begins."""
        self.run = -1
        """The entry of the last `run_started`; -1 before there is one."""
        self.lines = 0
        self._numbers: dict[bytes, int] = {}
        self._streaming: set[int] = set()
        self._marks: set[int] = set()
        self._last = -1
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.offsets)

    def add(self, block: bytes) -> None:
        """Take in the next bytes of the journal: complete lines only."""
        with self._lock:  # the loop is written to be fast: a long journal has millions of lines
            offset, last, numbers = self.end, self._last, self._numbers
            for text in block.split(b"\n")[:-1]:
                start = text.find(_TYPE, 0, 200) + _WIDTH
                name = text[start : text.find(b'"', start, start + 40)] if start >= _WIDTH else b""
                number = numbers.get(name)
                if number is None:
                    number = self._number(name)
                if text and (number != last or number not in self._streaming):
                    last = number
                    if number in self._marks:
                        self._mark(name, text)
                    self.offsets.append(offset)
                    self.kind_of.append(number)
                self.lines += bool(text)
                offset += len(text) + 1
            self.end, self._last = offset, last

    def _mark(self, name: bytes, text: bytes) -> None:
        if name == b"run_started":
            self.run = len(self.offsets)
        elif _PLAN in text:
            self.iterations.append(len(self.offsets))

    def _number(self, name: bytes) -> int:
        known = name.decode("utf-8", "replace") if len(self.kinds) < 250 and len(name) < 40 else ""
        if known not in self.kinds:
            self.kinds.append(known)
        number = self._numbers.setdefault(name, self.kinds.index(known))
        if known in STREAMING:
            self._streaming.add(number)
        if known in MARKS:
            self._marks.add(number)
        return number

    def kind(self, entry: int) -> str:
        """The type of an entry's events; empty for a line that is damaged."""
        return self.kinds[self.kind_of[entry]]

    def entries(self, kinds: set[str] | None = None, since: int = 0) -> list[int]:
        """The entries of these kinds (None: all), from `since` on, in their order."""
        if kinds is None:
            return list(range(since, len(self)))
        numbers = {number for number, name in enumerate(self.kinds) if name in kinds}
        return [i for i, number in enumerate(self.kind_of[since:], since) if number in numbers]

    def span(self, entry: int) -> tuple[int, int]:
        """Where an entry lies in the file: from and to."""
        with self._lock:
            last = entry + 1 >= len(self.offsets)
            return self.offsets[entry], self.end if last else self.offsets[entry + 1]

    def raw(self, entry: int) -> bytes:
        """The lines of an entry; of more than `MAX_ENTRY` bytes, the last complete ones. Raises `OSError`."""
        with events.open_plain(self.path) as file:
            return self._raw(file, entry)

    def _raw(self, file: BinaryIO, entry: int) -> bytes:
        start, end = self.span(entry)
        streams = self.kind(entry) in STREAMING
        file.seek(max(start, end - MAX_ENTRY) if streams else start)
        data = file.read(end - file.tell())
        if streams and end - start > MAX_ENTRY:
            data = data[data.find(b"\n") + 1 :]
        return data

    def read(self, entry: int) -> list[events.Event]:
        """The events of an entry; of batches and progress, the last. Raises `OSError`."""
        return list(self.read_all([entry]))

    def read_all(self, entries: Iterable[int]) -> Iterator[events.Event]:
        """The events of some entries, the file opened once. Raises `OSError`."""
        with events.open_plain(self.path) as file:
            for entry in entries:
                lines = [text for text in self._raw(file, entry).split(b"\n") if text]
                yield from map(events.parse, lines[-1:] if self.kind(entry) in LATEST else lines)
