"""How far a prompt is read is told when it takes long, and sparingly."""

from __future__ import annotations

from mlagent_tui.agent.listening import Reading


def told(total: int, seconds: float, chunk: int = 128) -> list[tuple[int, int]]:
    """What is told of a prompt of `total` tokens that takes so many seconds."""
    now = 0.0
    heard: list[tuple[int, int]] = []
    reading = Reading(lambda done, of: heard.append((done, of)), lambda: now)
    for done in range(chunk, total + chunk, chunk):
        now += seconds * chunk / total
        reading(min(done, total), total)
    return heard


def test_a_prompt_that_is_read_quickly_is_not_spoken_of() -> None:
    assert told(8192, 0.4) == []


def test_a_long_one_is_told_about_ten_times_a_second() -> None:
    heard = told(8192, 5.0, chunk=32)
    assert 35 <= len(heard) <= 45
    assert heard == sorted(heard)
    assert all(0 < done < total == 8192 for done, total in heard)


def test_however_long_it_takes_the_journal_gets_a_hundred_lines_at_most() -> None:
    assert 50 < len(told(100_000, 600.0)) <= 100
