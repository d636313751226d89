"""Keeps what a model computed for the beginnings of prompts: the instructions that a role is given each time.

A backend stores whatever it can go on from. The states least used go first when the room is full.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Generic, TypeVar

State = TypeVar("State")

CHUNK = 128
"""Tokens evaluated at a time. Cancelling waits for no more than one chunk. The beginning of a prompt is
reused in whole chunks, so that each token is computed in the same company whatever was asked before: the
same request gives the same answer to the last bit."""


class Prefixes(Generic[State]):
    """States by the tokens that led to them, in at most `room` bytes."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._held: OrderedDict[tuple[int, ...], tuple[State, int]] = OrderedDict()

    def __contains__(self, tokens: Sequence[int]) -> bool:
        return tuple(tokens) in self._held

    def __len__(self) -> int:
        return len(self._held)

    def takes(self, size: int) -> bool:
        """Whether a state of `size` bytes can be kept at all."""
        return size <= self._room

    def keep(self, tokens: Sequence[int], state: State, size: int) -> None:
        """Stores the state after `tokens`."""
        if not self.takes(size):
            return
        self._held[tuple(tokens)] = (state, size)
        while sum(held for _, held in self._held.values()) > self._room:
            self._held.popitem(last=False)

    def longest(self, prompt: Sequence[int]) -> tuple[int, State] | None:
        """The state that saves most of `prompt`, with its number of tokens."""
        fitting = [key for key in self._held if len(key) < len(prompt) and tuple(prompt[: len(key)]) == key]
        if not fitting:
            return None
        best = max(fitting, key=len)
        self._held.move_to_end(best)
        return len(best), self._held[best][0]


def common_chunks(held: Sequence[int], wanted: Sequence[int]) -> int:
    """How many tokens, in whole chunks, `wanted` has in common with what was evaluated."""
    kept = 0
    while (
        kept + CHUNK <= min(len(held), len(wanted))
        and held[kept : kept + CHUNK] == wanted[kept : kept + CHUNK]
    ):
        kept += CHUNK
    return kept
