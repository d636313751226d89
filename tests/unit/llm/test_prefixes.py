"""Which beginnings of prompts are kept, and which go."""

from __future__ import annotations

from mlagent_tui.llm.prefixes import CHUNK, Prefixes, common_chunks


def test_the_longest_beginning_is_found_and_never_the_whole_prompt() -> None:
    held: Prefixes[str] = Prefixes(100)
    held.keep([1], "short", 10)
    held.keep([1, 2], "long", 10)
    assert held.longest([1, 2, 3]) == (2, "long")
    assert held.longest([1, 2]) == (1, "short")
    assert held.longest([2, 1]) is None


def test_the_least_used_goes_when_the_room_is_full() -> None:
    held: Prefixes[str] = Prefixes(25)
    held.keep([1], "one", 10)
    held.keep([2], "two", 10)
    held.longest([1, 9])
    held.keep([3], "three", 10)
    assert ([1] in held, [2] in held, [3] in held) == (True, False, True)
    held.keep([4], "too large", 26)
    assert [4] not in held


def test_only_whole_chunks_are_in_common() -> None:
    prompt = list(range(3 * CHUNK))
    other = [*prompt[: 2 * CHUNK + 5], -1, *prompt]
    assert common_chunks(prompt, other) == 2 * CHUNK
    assert common_chunks(prompt, prompt[: CHUNK - 1]) == 0
