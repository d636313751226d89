"""A recorded run played again: the journal's events at the pace they were written, or faster.

It stands in for `feed.Feed`. The moments between events are kept in proportion, but none is longer than a few
seconds: nobody waits for a night to pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mlagent_tui import events
from mlagent_tui.tui.feed import BITE, coalesce
from mlagent_tui.tui.index import Index
from mlagent_tui.tui.state import seconds_of

LONGEST_WAIT = 3.0
"""Seconds of the recording between two events at most, before it is sped up."""

SLOWEST, FASTEST = 1 / 8, 1024.0
BLOCK = 1 << 20


class Replay:
    """The last run in `journal`, played at `speed` times its pace. `clock` gives seconds."""

    def __init__(
        self, journal: Path, speed: float = 1.0, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.journal = journal
        self.speed = min(FASTEST, max(SLOWEST, speed))
        self.held = False
        self.problem = ""
        self.generation = 0
        self.index = Index(journal)
        self._clock = clock
        self._seen = clock()
        self._now = 0.0
        self._due = 0.0
        self._written = 0.0
        self._next: tuple[bytes, events.Event] | None = None
        self._lines: Iterator[bytes] = iter(())
        self._size = 0
        self._rush = False
        self.ended = False

    @property
    def ready(self) -> bool:
        return True

    @property
    def fraction(self) -> float:
        return 1.0

    @property
    def progress(self) -> float:
        """How much of the recording has been played, 0 to 1."""
        return 1.0 if self.ended else self.index.end / self._size if self._size else 0.0

    def start(self) -> None:
        """Find the last run in the journal; what was before it is known to the log only."""
        try:
            self._size = self.journal.stat().st_size
            whole = Index(self.journal)
            for block in _blocks(self.journal, 0):
                whole.add(block)
            begin = whole.offsets[whole.run] if whole.run >= 0 else 0
            for block in _blocks(self.journal, 0, begin):
                self.index.add(block)
            self._lines = _lines(self.journal, begin)
        except OSError as error:
            self.problem = f"the journal cannot be read: {error.strerror or error}"
        self._seen = self._clock()
        self._advance()

    def stop(self) -> None:
        """Nothing runs by itself."""

    def wait(self, seconds: float) -> None:
        """There is nothing to wait for."""

    def take(self) -> list[events.Event]:
        """The events that are due."""
        self._play_on()
        due: list[events.Event] = []
        raw: list[bytes] = []
        while self._next is not None and len(due) < 20 * BITE and (self._rush or self._due <= self._now):
            text, event = self._next
            raw.append(text)
            due.append(event)
            self._advance()
        if raw:
            self.index.add(b"".join(raw))
        return list(coalesce(due))

    def hold(self) -> bool:
        """Hold, or go on; returns whether it is held now."""
        self._play_on()
        self.held = not self.held
        return self.held

    def faster(self, factor: float) -> float:
        """Change the speed by `factor` from now on; returns what it is."""
        self._play_on()
        self.speed = min(FASTEST, max(SLOWEST, self.speed * factor))
        return self.speed

    def to_end(self) -> None:
        """Everything that is left is due now."""
        self._rush = True

    def _play_on(self) -> None:
        """Let the time pass that has passed."""
        now = self._clock()
        if not self.held:
            self._now += (now - self._seen) * self.speed
        self._seen = now

    def _advance(self) -> None:
        """Make ready the next event, and say when it is due."""
        line = next(self._lines, None)
        if line is None:
            self._next, self.ended = None, True
            return
        event = events.parse(line)
        written = seconds_of(event.time)
        if written and self._written:
            self._due += min(LONGEST_WAIT, max(0.0, written - self._written))
        self._written = written or self._written
        self._next = (line, event)


def _blocks(path: Path, begin: int, end: int | None = None) -> Iterator[bytes]:
    """Complete lines between two offsets."""
    with events.open_plain(path) as file:
        file.seek(begin)
        rest = b""
        while data := file.read(BLOCK if end is None else min(BLOCK, end - file.tell())):
            data = rest + data
            cut = data.rfind(b"\n") + 1
            rest = data[cut:]
            if cut:
                yield data[:cut]


def _lines(path: Path, begin: int) -> Iterator[bytes]:
    """The lines from an offset on, each with its end."""
    for block in _blocks(path, begin):
        yield from block.splitlines(keepends=True)
