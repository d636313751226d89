"""Has a backend read prompts, and keeps what it computed for their beginnings: the instructions that a role
is given each time.

A backend stores whatever it can go on from. The states least used go first when the room is full. What took
long to read is also put into a store that outlives the process, where there is one.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Generic, Protocol, TypeVar

from mlagent_tui.llm.generation import Progress, Stopped, in_common

State = TypeVar("State")
Part = tuple[int, ...]

CHUNK = 256
"""Tokens evaluated at a time. Cancelling waits for no more than one chunk."""
STEP = 64
"""A beginning is kept to a multiple of so many tokens: where its last token depends on what follows, as in
some vocabularies, most of it is still the same."""
TAILS = (CHUNK // 2, STEP)
"""Tokens of the parts that the end of a prompt is read in: a prompt that goes on where an earlier one ended
has most of it in common."""
WORTH_SECONDS = 0.5
"""Reading a beginning takes so long where its state is worth storing for the next start."""


class Memory(Protocol[State]):
    """What a backend holds of the text that it has read: keys and values, or a recurrent model's state."""

    def append(self, tokens: Sequence[int], more: bool = False) -> None:
        """Reads on. With `more` to come at once, nobody asks for logits. Raises `Stopped`."""

    def cut(self, length: int) -> bool:
        """Forgets all but the first `length` tokens; False, and nothing is changed, where it cannot.

        A length of 0 is always possible.
        """

    def state_bytes(self) -> int:
        """The size of what `save` would return."""

    def save(self) -> State | None:
        """A copy of all that is held; None where there is no memory for it."""

    def restore(self, state: State, length: int) -> bool:
        """Holds the `length` tokens of a saved state and nothing else; False where that went wrong."""


class Store(Protocol[State]):
    """Where states outlive the process."""

    def load(self, tokens: Sequence[int]) -> State | None:
        """The state after `tokens`; None where there is none."""

    def save(self, tokens: Sequence[int], state: State) -> None:
        """Stores the state after `tokens`, if it can."""


class Prefixes(Generic[State]):
    """States by the parts of a prompt that led to them, in at most `room` bytes."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._held: OrderedDict[tuple[Part, ...], tuple[State, int]] = OrderedDict()

    def __contains__(self, parts: Sequence[Part]) -> bool:
        return tuple(parts) in self._held

    def __len__(self) -> int:
        return len(self._held)

    def takes(self, size: int) -> bool:
        """Whether a state of `size` bytes can be kept at all."""
        return size <= self._room

    def keep(self, parts: Sequence[Part], state: State, size: int) -> None:
        """Stores the state after `parts`."""
        if not self.takes(size):
            return
        self._held[tuple(parts)] = (state, size)
        while sum(held for _, held in self._held.values()) > self._room:
            self._held.popitem(last=False)

    def longest(self, parts: Sequence[Part]) -> tuple[int, State] | None:
        """The state that saves most of a prompt and leaves its last part, with its number of parts."""
        fitting = [key for key in self._held if len(key) < len(parts) and tuple(parts[: len(key)]) == key]
        if not fitting:
            return None
        best = max(fitting, key=len)
        self._held.move_to_end(best)
        return len(best), self._held[best][0]


class Reader(Generic[State]):
    """Reads prompts into a memory from its start, each part of a prompt that is there already but once.

    Parts are reused whole, and where they begin is a matter of the prompt alone. So each token is computed in
    the same company whatever was asked before: the same request gives the same answer to the last bit.
    """

    def __init__(self, memory: Memory[State], room: int, store: Store[State] | None = None) -> None:
        """`room` is what states may take, in bytes."""
        self._memory = memory
        self._store = store
        self._states: Prefixes[State] = Prefixes(room)
        self._held: list[Part] = []

    def begin(
        self, prompt: Sequence[int], cancelled: Callable[[], bool], fixed: int, progress: Progress
    ) -> int | None:
        """Reads `prompt`; None when cancelled. Returns how many of its tokens were there already.

        The state after the first `fixed` tokens, which are likely to begin other prompts too, is kept.
        `progress(done, all)` follows each part.
        """
        boundary = _boundary(prompt, fixed)
        parts = split(prompt, boundary)
        started = time.monotonic()
        held = self._go_back(parts, boundary)
        done = reused = _length(parts[:held])
        for part in parts[held:]:
            if cancelled():
                return None
            if boundary and done == boundary:
                self._keep(worth_storing=time.monotonic() - started >= WORTH_SECONDS)
            try:
                self._memory.append(part, more=done + len(part) < len(prompt))
            except Stopped:
                return None
            self._held.append(part)
            done += len(part)
            progress(done, len(prompt))
        return reused

    def _go_back(self, parts: Sequence[Part], boundary: int) -> int:
        """Makes the memory hold as many of the first parts as are known, never the last; returns how many."""
        held = in_common(self._held, parts[:-1])
        stored, state = self._states.longest(parts) or (0, None)
        if self._store and _length(parts[: max(held, stored)]) < boundary:
            fixed = -(-boundary // CHUNK)
            loaded = self._store.load(_joined(parts[:fixed]))
            stored, state = (fixed, loaded) if loaded is not None else (stored, state)
        if stored > held or not self._memory.cut(_length(parts[:held])):
            if state is not None and self._memory.restore(state, _length(parts[:stored])):
                held = stored
            else:
                self._memory.cut(0)
                held = 0
        self._held = list(parts[:held])
        return held

    def _keep(self, worth_storing: bool) -> None:
        size = self._memory.state_bytes()
        if self._held in self._states or not self._states.takes(size):
            return
        state = self._memory.save()
        if state is not None:
            self._states.keep(self._held, state, size)
            if self._store and worth_storing:
                self._store.save(_joined(self._held), state)


def split(prompt: Sequence[int], boundary: int = 0) -> list[Part]:
    """The prompt in parts of at most `CHUNK` tokens, of which one ends at `boundary`.

    The tokens after the last whole chunk are split again; see `TAILS`.
    """
    starts = [*range(0, boundary, CHUNK), *range(boundary, len(prompt), CHUNK)]
    for tail in TAILS:
        if starts and len(prompt) - starts[-1] > tail:
            starts.append(starts[-1] + tail)
    return [tuple(prompt[begin:end]) for begin, end in pairwise([*starts, len(prompt)])]


def _boundary(prompt: Sequence[int], fixed: int) -> int:
    return min(fixed, len(prompt) - 1) // STEP * STEP


def _joined(parts: Sequence[Part]) -> list[int]:
    return [token for part in parts for token in part]


def _length(parts: Sequence[Part]) -> int:
    return sum(map(len, parts))
