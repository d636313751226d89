"""Wall time by category, and blocking work as a generator."""

from __future__ import annotations

import threading

import pytest

from mlagent_tui.agent.background import Background
from mlagent_tui.agent.clock import Clock


def test_every_second_belongs_to_exactly_one_category() -> None:
    moment = [0.0]
    clock = Clock(now=lambda: moment[0])
    moment[0] = 1
    with clock.spend("checking"):
        moment[0] = 3
        with clock.spend("thinking"):
            moment[0] = 7
        moment[0] = 8
    moment[0] = 10
    spent = clock.totals()
    assert spent == {"loading": 0, "thinking": 4, "checking": 3, "training": 0, "other": 3}
    assert sum(spent.values()) == clock.elapsed == 10


def test_standing_still_counts_for_nothing() -> None:
    moment = [0.0]
    clock = Clock(now=lambda: moment[0])
    moment[0] = 1
    with clock.standing():
        moment[0] = 100
    with clock.spend("checking"):
        moment[0] = 102
    assert clock.totals()["checking"] == 2
    assert sum(clock.totals().values()) == clock.elapsed == 3


def test_background_work_yields_what_it_emits_and_returns_its_result() -> None:
    background: Background[int] = Background(threading.Event())

    def work() -> str:
        for number in range(3):
            background.emit(number)
        return "done"

    run = background.run(work)
    seen = []
    with pytest.raises(StopIteration) as end:
        while True:
            seen.append(next(run))
    assert seen == [0, 1, 2]
    assert end.value.value == "done"


def test_an_error_in_background_work_reaches_whoever_iterates() -> None:
    background: Background[int] = Background(threading.Event())

    def work() -> None:
        background.emit(1)
        raise ValueError("broken")

    run = background.run(work)
    assert next(run) == 1
    with pytest.raises(ValueError, match="broken"):
        next(run)


def test_abandoned_background_work_is_cancelled_and_waited_for() -> None:
    cancel, ended = threading.Event(), threading.Event()
    background: Background[int] = Background(cancel)

    def work() -> None:
        background.emit(1)
        cancel.wait(60)
        ended.set()

    run = background.run(work)
    next(run)
    run.close()
    assert ended.is_set()
