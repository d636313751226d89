"""A recording played again: its pace, holding it, its end."""

from __future__ import annotations

from pathlib import Path

from mlagent_tui import events, paths
from mlagent_tui.tui import fold
from mlagent_tui.tui.replay import LONGEST_WAIT, Replay
from mlagent_tui.tui.state import RunState
from tests import recording


class Clock:
    """Time that passes when it is told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def playing(tmp_path: Path, speed: float = 1.0) -> tuple[Replay, Clock]:
    clock = Clock()
    replay = Replay(recording.project(tmp_path) / paths.JOURNAL, speed, clock=clock)
    replay.start()
    return replay, clock


def test_a_recording_keeps_its_pace(tmp_path: Path) -> None:
    replay, clock = playing(tmp_path)
    assert [type(event) for event in replay.take()] == [events.RunStarted]
    clock.now += 0.6  # the step began 0.472 s after the run, and tokens streamed from 0.573 s on
    second = replay.take()
    assert isinstance(second[0], events.StepStarted) and isinstance(second[-1], events.TokensStreamed)
    assert replay.take() == []
    assert 0 < replay.progress < 0.1


def test_twice_the_speed_is_half_the_time_and_no_wait_is_long(tmp_path: Path) -> None:
    def seconds(speed: float) -> float:
        folder = tmp_path / str(speed)
        replay, clock = playing(folder, speed)
        begun = clock.now
        while not replay.ended:
            clock.now += 0.05
            replay.take()
        return clock.now - begun

    slow, fast = seconds(1), seconds(2)
    assert 1.9 < slow / fast < 2.1
    assert LONGEST_WAIT < slow < 29.1  # of 29 seconds, five were spent waiting for one check


def test_held_it_stands_still_and_at_the_end_all_has_been_told(tmp_path: Path) -> None:
    replay, clock = playing(tmp_path)
    replay.take()
    assert replay.hold()
    clock.now += 1000
    assert replay.take() == []
    assert not replay.hold()
    assert replay.take() == []
    replay.to_end()
    state = RunState()
    while told := replay.take():
        fold.apply(state, told)
    assert replay.ended and replay.progress == 1
    assert state.finished is not None and state.finished.outcome == "stopped"
    assert replay.index.lines == len(recording.lines())


def test_what_was_due_when_it_was_held_or_sped_up_is_told(tmp_path: Path) -> None:
    replay, clock = playing(tmp_path)
    clock.now += 0.6
    replay.hold()
    assert [type(event) for event in replay.take()][:2] == [events.RunStarted, events.StepStarted]
    replay.hold()
    played = replay._now
    clock.now += 0.1
    replay.faster(100)  # the time before keeps its speed
    assert played < replay._now < played + 0.2


def test_of_several_runs_the_last_is_played(tmp_path: Path) -> None:
    root = recording.project(tmp_path)
    recording.append(root, events.RunStarted(goal_text="another"), events.RunFinished(outcome="interrupted"))
    replay = Replay(root / paths.JOURNAL)
    replay.start()
    replay.to_end()
    told = replay.take()
    assert [type(event) for event in told] == [events.RunStarted, events.RunFinished]
    assert replay.index.lines == len(recording.lines()) + 2
