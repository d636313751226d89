"""A journal as the screen needs it: read in a thread, coalesced, in bites that the screen takes when it can.

A journal is opened by indexing it and reading only what the first screen shows: the beginning of the last
run, how its earlier trials ended, and its last two iterations. Then it is followed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from mlagent_tui import events
from mlagent_tui.tui.index import Index

BLOCK = 4 * 2**20
INTERVAL = 0.08
BITE = 400
"""Events that the screen takes at once; a busy moment is told over several ticks, not in one long one."""

OUTLINE = {
    "run_resumed", "goal_understood", "trial_started", "trial_finished", "trial_recorded", "decision_made",
    "warned", "steered", "queued", "holds_set", "run_finished", "failed", "best_tested",
}  # fmt: skip
"""What is read of iterations that are over."""


class Source(Protocol):
    """Where a screen's events come from: a journal that is followed, or one that is played."""

    index: Index

    def start(self) -> None:
        """Begin to read."""

    def stop(self) -> None:
        """Read no more, and wait until that is so."""

    def wait(self, seconds: float) -> None:
        """Wait, so long at most, until what was there at the start can be taken."""

    def take(self) -> list[events.Event]:
        """The next events, if there are any by now."""

    @property
    def ready(self) -> bool:
        """Whether all that had been there at the start has been taken."""

    @property
    def fraction(self) -> float:
        """How much of what was there at the start has been read, 0 to 1."""

    @property
    def problem(self) -> str:
        """Why nothing can be read; empty while it can."""

    @property
    def generation(self) -> int:
        """Changes when the journal was replaced by another, and all that was told before is void."""


def coalesce(told: Iterable[events.Event]) -> Iterator[events.Event]:
    """The same events, neighbouring pieces of an answer joined, of batches and progress only the last."""
    held: events.Event | None = None
    pieces: list[str] = []
    for event in told:
        if isinstance(event, events.TokensStreamed):
            if isinstance(held, events.TokensStreamed) and _same_answer(held, event):
                pieces.append(event.text)
                held = event
                continue
        elif _replaces(event, held):
            held = event
            continue
        if held is not None:
            yield _joined(held, pieces)
        held, pieces = event, [event.text] if isinstance(event, events.TokensStreamed) else []
    if held is not None:
        yield _joined(held, pieces)


def _replaces(event: events.Event, held: events.Event | None) -> bool:
    """Whether an event tells all that `held` does: a later batch of an epoch, more of a prompt."""
    if isinstance(event, events.BatchDone) and isinstance(held, events.BatchDone):
        return (held.run_id, held.epoch) == (event.run_id, event.epoch)
    if isinstance(event, events.PromptProgress) and isinstance(held, events.PromptProgress):
        return (held.role, held.task) == (event.role, event.task)
    return False


def _same_answer(a: events.TokensStreamed, b: events.TokensStreamed) -> bool:
    return (a.role, a.task, a.thinking) == (b.role, b.task, b.thinking)


def _joined(event: events.Event, pieces: list[str]) -> events.Event:
    return event.but(text="".join(pieces)) if len(pieces) > 1 else event


class Feed:
    """A journal that is followed. `take` gives what is new since the last time."""

    def __init__(self, journal: Path, *, interval: float = INTERVAL) -> None:
        self.journal = journal
        self.index = Index(journal)
        self.problem = ""
        self.generation = 0
        self.fraction = 0.0
        self._interval = interval
        self._pending: list[events.Event] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._opened = threading.Event()

    @property
    def ready(self) -> bool:
        return self._opened.is_set() and not self._pending

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def wait(self, seconds: float) -> None:
        self._opened.wait(seconds)

    def take(self) -> list[events.Event]:
        with self._lock:
            bite, self._pending = self._pending[:BITE], self._pending[BITE:]
        return bite

    # --- in the thread ---

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if not self._opened.is_set():
                    self._open()
                else:
                    self._follow()
                self.problem = ""
            except FileNotFoundError:
                self._opened.set()  # an engine that is starting has not written yet
            except OSError as error:
                self.problem = f"the journal cannot be read: {error.strerror or error}"
                self._opened.set()  # what the registry knows is shown all the same
            self._stop.wait(self._interval)

    def _open(self) -> None:
        size = self.journal.stat().st_size
        for block in self._blocks(size):
            self.index.add(block)
            self.fraction = self.index.end / size if size else 1.0
        self._tell(self._first_screen())
        self.fraction = 1.0
        self._opened.set()

    def _first_screen(self) -> Iterator[events.Event]:
        index = self.index
        if index.run < 0:  # it failed before it began, or has not begun yet
            yield from index.read_all(range(len(index)))
            return
        begun = [entry for entry in index.iterations if entry > index.run]
        whole = begun[-2] if len(begun) > 1 else index.run
        first = begun[0] if begun else whole
        outline = [entry for entry in index.entries(OUTLINE, first) if entry < whole]
        over = sorted({*outline, *(entry for entry in begun if entry < whole)})
        yield from index.read_all((*range(index.run, first), *over, *range(whole, len(index))))

    def _follow(self) -> None:
        size = self.journal.stat().st_size
        if size < self.index.end:
            self._replaced()
            return
        for block in self._blocks(size):
            self.index.add(block)
            self._tell(events.parse(line) for line in block.split(b"\n") if line)

    def _replaced(self) -> None:
        """Start again: another journal has taken the place of the one that was read."""
        with self._lock:
            self._pending = []
            self.index = Index(self.journal)
            self.generation += 1
            self._opened.clear()

    def _tell(self, told: Iterable[events.Event]) -> None:
        new = list(coalesce(told))
        if not new:
            return
        with self._lock:
            self._pending = [*self._pending[:-1], *coalesce([*self._pending[-1:], *new])]

    def _blocks(self, size: int) -> Iterator[bytes]:
        """What lies between the index's end and `size`, as complete lines, some megabytes at a time."""
        with events.open_plain(self.journal) as file:
            file.seek(self.index.end)
            rest = b""
            while file.tell() < size and not self._stop.is_set():
                data = rest + file.read(min(BLOCK, size - file.tell()))
                end = data.rfind(b"\n") + 1
                rest = data[end:]
                if end:
                    yield data[:end]
