"""How many threads are chosen, remembered, and used while others compute."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from mlagent_tui import paths
from mlagent_tui.llm import cores


@pytest.mark.parametrize(
    ("speeds", "best"),
    [
        ({1: 20.0, 2: 35.0, 4: 60.0, 8: 70.0}, 8),
        ({1: 20.0, 2: 35.0, 4: 50.0, 8: 5.0}, 4),
        ({1: 9.0, 8: 1.2}, 1),
    ],
)
def test_the_fastest_number_of_threads_is_found(speeds: dict[int, float], best: int) -> None:
    tried: list[int] = []

    def seconds(threads: int) -> float:
        tried.append(threads)
        return 1 / speeds.get(threads, 1.0)

    assert cores.fastest(seconds, 8) == best
    assert tried[0] == 8


def test_fewer_threads_are_not_tried_once_they_are_much_slower() -> None:
    tried: list[int] = []
    cores.fastest(lambda threads: tried.append(threads) or 1 / threads, 16)  # type: ignore[func-returns-value]
    assert tried == [16, 8]


class Quiet(cores.Load):
    """A machine on which others use `cores` cores."""

    used = 0.0

    def others(self) -> float:
        super().others()
        return self.used


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Quiet:
    load = Quiet()
    monkeypatch.setattr(cores, "Load", lambda: load)
    monkeypatch.setattr(cores, "physical_cores", lambda: 4)
    return load


def measured(threads: int) -> float:
    return {4: 3.0, 2: 1.0, 1: 2.0}[threads]


def refused(threads: int) -> float:
    raise AssertionError("it was measured before")


def test_a_measurement_is_remembered_for_the_model(home: Path, load: Quiet) -> None:
    assert cores.chosen("one", measured) == 2
    assert cores.chosen("one", refused) == 2
    with pytest.raises(AssertionError):
        cores.chosen("other", refused)


@pytest.mark.parametrize("content", ["", "[1, 2]", "null", '{"one": 3}', "{"])
def test_a_damaged_memory_is_measured_again(home: Path, load: Quiet, content: str) -> None:
    file = paths.cache_folder() / cores.FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    assert cores.chosen("one", measured) == 2
    assert 2 in json.loads(file.read_text()).values()


def test_on_a_busy_machine_nothing_is_remembered(home: Path, load: Quiet) -> None:
    load.used = 1.0
    assert cores.chosen("one", measured) == 4
    load.used = 0.0
    assert cores.chosen("one", measured) == 2


def test_a_busy_machine_gets_fewer_threads_and_a_quiet_one_all_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores.os, "cpu_count", lambda: 4)
    monkeypatch.setattr(cores, "LOOK_SECONDS", 0.0)
    applied: list[int] = []
    load = Quiet()
    threads = cores.Threads(3, applied.append, load)
    for load.used in (0.0, 0.9, 1.9, 2.8, 9.0, 0.0):
        threads.between_tokens()
    assert applied == [2, 1, 3]


def test_what_others_compute_is_told_from_what_this_process_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=0.0, own=0.0)
    told = SimpleNamespace(monotonic=lambda: clock.now, process_time=lambda: clock.own)
    monkeypatch.setattr(cores, "time", told)
    stat, tick = tmp_path / "stat", os.sysconf("SC_CLK_TCK")
    stat.write_text(f"cpu  {tick} 0 0 500 0 0 0 0 0 0\ncpu0 1 0 0 5 0 0 0\n")
    load = cores.Load(stat)
    clock.now, clock.own = 10.0, 5.0
    stat.write_text(f"cpu  {10 * tick} {3 * tick} {2 * tick} 900 70 0 {tick} 0 0 0\n")
    assert load.age == 10.0
    assert load.others() == pytest.approx((15 - 5) / 10)
    assert load.age == 0.0


def test_where_the_system_does_not_tell_nobody_else_computes(tmp_path: Path) -> None:
    assert cores.Load(tmp_path / "none").others() == 0.0
