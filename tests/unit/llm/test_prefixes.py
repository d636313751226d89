"""Which beginnings of prompts are kept, which go, and how a backend is led back to them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent_tui.llm import prefixes
from mlagent_tui.llm.generation import Stopped
from mlagent_tui.llm.prefixes import CHUNK, STEP, Prefixes, Reader, split


def test_the_longest_beginning_is_found_and_never_the_whole_prompt() -> None:
    held: Prefixes[str] = Prefixes(100)
    held.keep([(1,)], "short", 10)
    held.keep([(1,), (2, 3)], "long", 10)
    assert held.longest([(1,), (2, 3), (4,)]) == (2, "long")
    assert held.longest([(1,), (2, 3)]) == (1, "short")
    assert held.longest([(1,), (2,), (3,)]) == (1, "short")
    assert held.longest([(2,), (1,)]) is None


def test_the_least_used_goes_when_the_room_is_full() -> None:
    held: Prefixes[str] = Prefixes(25)
    held.keep([(1,)], "one", 10)
    held.keep([(2,)], "two", 10)
    held.longest([(1,), (9,)])
    held.keep([(3,)], "three", 10)
    assert ([(1,)] in held, [(2,)] in held, [(3,)] in held) == (True, False, True)
    held.keep([(4,)], "too large", 26)
    assert [(4,)] not in held


@given(st.integers(1, 4 * CHUNK), st.integers(0, 4 * CHUNK))
def test_parts_make_up_the_prompt_and_meet_at_the_boundary(length: int, boundary: int) -> None:
    prompt = list(range(length))
    boundary = min(boundary, length - 1)
    parts = split(prompt, boundary)
    assert [token for part in parts for token in part] == prompt
    assert all(0 < len(part) <= CHUNK for part in parts)
    assert boundary in {sum(map(len, parts[:number])) for number in range(len(parts))}


class Noted:
    """A memory that notes the parts it was given; `cuts` says whether it can be cut back."""

    def __init__(self, cuts: bool = True) -> None:
        self.held: list[tuple[int, ...]] = []
        self.logits = False
        self.stops = self.full = False
        self._cuts = cuts

    def append(self, tokens: Sequence[int], more: bool = False) -> None:
        if self.stops:
            self.held = []
            raise Stopped
        self.held.append(tuple(tokens))
        self.logits = not more

    def cut(self, length: int) -> bool:
        held = 0
        for number, part in enumerate([*self.held, ()]):
            if held == length:
                if length and not self._cuts and number < len(self.held):
                    return False
                self.held = self.held[:number]
                return True
            held += len(part)
        return False

    def state_bytes(self) -> int:
        return sum(map(len, self.held))

    def save(self) -> list[tuple[int, ...]] | None:
        return None if self.full else list(self.held)

    def restore(self, state: list[tuple[int, ...]], length: int) -> bool:
        self.held = list(state)
        assert length == self.state_bytes()
        return True


def read(reader: Reader[list[tuple[int, ...]]], prompt: Sequence[int], fixed: int = 0) -> int | None:
    return reader.begin(prompt, lambda: False, fixed, lambda done, total: None)


ROLE, OTHER = [7] * (CHUNK + STEP + 5), [8] * 3 * STEP
BOUNDARY = CHUNK + STEP


@pytest.mark.parametrize("cuts", [True, False])
def test_what_is_held_and_asked_for_logits_is_the_prompt_whatever_was_read_before(cuts: bool) -> None:
    memory = Noted(cuts)
    reader = Reader(memory, 10**6)
    prompts = [[*ROLE, 1], [*OTHER, 2], [*ROLE, *range(2 * CHUNK)], [*OTHER, 2], [*ROLE, 1]]
    for prompt in prompts:
        fixed = len(ROLE) if prompt[0] == ROLE[0] else len(OTHER)
        read(reader, prompt, fixed)
        assert memory.held == split(prompt, fixed // STEP * STEP)
        assert memory.logits
        memory.append([3])  # an answer


@pytest.mark.parametrize("cuts", [True, False])
def test_the_instructions_of_each_role_are_read_once(cuts: bool) -> None:
    reader = Reader(Noted(cuts), 10**6)
    assert read(reader, [*ROLE, 1], len(ROLE)) == 0
    assert read(reader, [*OTHER, 1], len(OTHER)) == 0
    assert read(reader, [*ROLE, 2], len(ROLE)) == BOUNDARY
    assert read(reader, [*OTHER, 2], len(OTHER)) == len(OTHER)


def test_a_memory_that_cannot_be_cut_back_and_has_no_room_reads_everything_again() -> None:
    reader = Reader(Noted(cuts=False), 0)
    assert read(reader, [*ROLE, 1], len(ROLE)) == 0
    assert read(reader, [*ROLE, 2], len(ROLE)) == 0


def test_a_state_that_could_not_be_saved_is_not_gone_back_to() -> None:
    memory = Noted()
    memory.full = True
    reader = Reader(memory, 10**6)
    assert read(reader, [*ROLE, 1], len(ROLE)) == 0
    assert read(reader, [*OTHER, 1], len(OTHER)) == 0
    assert read(reader, [*ROLE, 1], len(ROLE)) == 0


def test_only_whole_parts_are_used_again() -> None:
    reader = Reader(Noted(), 0)
    prompt = list(range(3 * CHUNK))
    assert read(reader, prompt) == 0
    assert read(reader, [*prompt[: 2 * CHUNK + 5], -1, *prompt]) == 2 * CHUNK
    assert read(reader, [*prompt[: CHUNK - 1], -1]) == 0


def test_after_a_stop_in_mid_part_the_next_prompt_is_read_from_its_start() -> None:
    memory = Noted()
    reader = Reader(memory, 0)
    read(reader, ROLE)
    memory.stops = True
    assert read(reader, [*ROLE[:CHUNK], 1]) is None
    memory.stops = False
    assert read(reader, ROLE) == 0
    assert memory.held == split(ROLE)


def test_a_cancel_is_heard_between_parts() -> None:
    memory = Noted()
    told: list[tuple[int, int]] = []
    reader = Reader(memory, 0)
    begun = reader.begin(ROLE, lambda: bool(told), 0, lambda done, total: told.append((done, total)))
    assert begun is None
    assert told == [(CHUNK, len(ROLE))]
    assert memory.held == split(ROLE)[:1]


def test_a_prompt_asked_again_has_its_last_part_read_again_for_its_logits() -> None:
    memory = Noted()
    reader = Reader(memory, 10**6)
    prompt = [*ROLE, 1]
    read(reader, prompt)
    memory.logits = False
    assert read(reader, prompt) == len(prompt) - len(split(prompt)[-1])
    assert memory.logits


def test_a_prompt_that_goes_on_where_another_ended_has_little_read_again() -> None:
    reader = Reader(Noted(), 0)
    prompt = list(range(2 * CHUNK + 200))
    read(reader, prompt)
    assert read(reader, [*prompt, *range(50)]) == 2 * CHUNK + 128 + 64
    assert read(reader, [*prompt, *range(56)]) == 2 * CHUNK + 128 + 64
    assert read(reader, [*prompt, *range(57)]) == 2 * CHUNK


class Shelf:
    """A store that outlives readers."""

    def __init__(self) -> None:
        self.held: dict[tuple[int, ...], list[tuple[int, ...]]] = {}

    def load(self, tokens: Sequence[int]) -> list[tuple[int, ...]] | None:
        return self.held.get(tuple(tokens))

    def save(self, tokens: Sequence[int], state: list[tuple[int, ...]]) -> None:
        self.held[tuple(tokens)] = state


@pytest.mark.parametrize("cuts", [True, False])
def test_what_took_long_to_read_is_there_after_a_restart(cuts: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefixes, "WORTH_SECONDS", 0.0)
    shelf = Shelf()
    read(Reader(Noted(cuts), 10**6, shelf), [*ROLE, 1], len(ROLE))
    memory = Noted(cuts)
    reader = Reader(memory, 10**6, shelf)
    assert read(reader, [*ROLE, *range(CHUNK)], len(ROLE)) == BOUNDARY
    assert memory.held == split([*ROLE, *range(CHUNK)], BOUNDARY)
    shelf.held.clear()
    assert read(reader, [*OTHER, 1], len(OTHER)) == 0
    assert read(reader, [*ROLE, 2], len(ROLE)) == BOUNDARY


def test_what_is_read_quickly_is_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefixes, "WORTH_SECONDS", 60.0)
    shelf = Shelf()
    read(Reader(Noted(), 10**6, shelf), [*ROLE, 1], len(ROLE))
    assert not shelf.held
