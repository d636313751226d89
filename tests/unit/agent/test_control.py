"""The user's hands on a loop that is not there: what each command does, and when the loop hears of it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mlagent_tui import events, workspace
from mlagent_tui.agent.control import Control, Hands
from mlagent_tui.agent.options import RunOptions
from mlagent_tui.agent.recovery import Iteration, Saved
from mlagent_tui.commands import (
    Approve,
    Branch,
    EditCode,
    EditConfig,
    EditSettings,
    Hold,
    Pause,
    Ping,
    Reply,
    Rerun,
    Resume,
    Steer,
    Stop,
)
from mlagent_tui.errors import Interrupted
from mlagent_tui.experiments import registry, runs
from mlagent_tui.schemas import EvalConfig, ModelConfig, RegistryEntry
from tests.scripted import CODE, CONFIG


class Made:
    """A control with all it needs; `told` are the events it emitted."""

    def __init__(self, root: Path, hands: Hands | None = None, **saved: Any) -> None:
        self.told: list[events.Event] = []
        self.cancel = threading.Event()
        options = RunOptions(goal_text="a goal", iterations=4)
        known = Saved(options, Iteration(1), **saved)
        self.control = Control(root, known, hands or Hands(), self.cancel, self.told.append)
        self.take = self.control.take


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "p"
    workspace.prepare(folder)
    return folder


def recorded(root: Path, run_id: str, seed: int = 0, code: str | None = CODE) -> str:
    config = ModelConfig.model_validate(CONFIG)
    runs.save(root, run_id, config=config, code=code, eval_config=EvalConfig(dataset="digits", seed=seed))
    entry = RegistryEntry(
        run_id=run_id, timestamp="2026-01-01T00:00:00Z", model_name="CurrentModel", dataset="digits",
        metrics_summary={"accuracy": 0.5}, experiment_dir=f"experiments/{run_id}/", seed=seed,
    )  # fmt: skip
    registry.record(root, entry)
    return run_id


def test_a_loop_that_nobody_touches_stands_still_nowhere(root: Path) -> None:
    made = Made(root)
    assert made.control.arrive("plan") == ""
    assert made.take(Ping()).message == "running"
    assert made.take(Resume()) == Reply(ok=True, message="the run was not paused")


def test_a_pause_takes_effect_before_the_next_step_and_ends_with_resume(root: Path) -> None:
    made = Made(root)
    assert "after this step" in made.take(Pause()).message
    assert made.take(Ping()).message == "pausing"
    assert made.control.arrive("configure") == "requested"
    assert made.take(Ping()).message == "paused before configure"
    made.take(Resume())
    assert made.control.next_edit() is None
    assert made.control.arrive("assemble") == ""
    assert made.take(Ping()).message == "running"


@pytest.mark.parametrize("wanted", [Pause(), Stop()])
def test_what_comes_after_this_step_is_told_and_can_be_taken_back(root: Path, wanted: Any) -> None:
    made = Made(root)
    made.take(wanted)
    made.take(wanted)
    reply = made.take(Resume())
    assert reply.message == f"the {wanted.type} is taken back"
    assert made.control.arrive("plan") == ""
    assert [e.what for e in made.told if isinstance(e, events.Requested)] == [wanted.type, ""]


def test_a_run_that_is_about_to_stop_is_not_paused_and_one_that_stops_now_stops(root: Path) -> None:
    made = Made(root)
    made.take(Stop())
    assert not made.take(Pause()).ok
    made.take(Stop(when="now"))
    assert not made.take(Resume()).ok
    with pytest.raises(Interrupted):
        made.control.arrive("plan")


def test_a_hold_is_set_and_lifted_during_a_run(root: Path) -> None:
    made = Made(root, Hands(holds=frozenset({"assemble"})))
    assert [e.before for e in made.control.opening() if isinstance(e, events.HoldsSet)] == [["assemble"]]
    made.take(Hold(before="evaluate"))
    assert "no longer" in made.take(Hold(before="assemble", wait=False)).message
    assert [made.control.arrive(step) for step in ("assemble", "evaluate")] == ["", "before evaluate"]
    assert "continue to go on" in made.take(Hold(before="evaluate", wait=False)).message
    assert [e.before for e in made.told if isinstance(e, events.HoldsSet)] == [
        ["assemble", "evaluate"], ["evaluate"], [],
    ]  # fmt: skip


def test_a_resume_during_a_step_does_not_release_the_next_hold(root: Path) -> None:
    made = Made(root, Hands(holds=frozenset({"assemble"})))
    made.take(Resume())
    assert made.control.arrive("plan") == ""
    assert made.control.arrive("assemble") == "before assemble"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(made.control.next_edit)
        assert not waiting.done()
        made.take(Resume())
        assert waiting.result(10) is None


@pytest.mark.parametrize("when", ["step", "now"])
def test_a_stop_ends_a_loop_that_stands_still_and_one_that_arrives(root: Path, when: Any) -> None:
    made = Made(root, Hands(holds=frozenset({"assemble"})))
    made.control.arrive("assemble")
    made.take(Stop(when=when))
    assert made.cancel.is_set() == (when == "now")
    with pytest.raises(Interrupted):
        made.control.next_edit()
    with pytest.raises(Interrupted):
        made.control.arrive("summarise")


def test_an_interruption_from_elsewhere_wakes_a_loop_that_stands_still(root: Path) -> None:
    made = Made(root)
    made.take(Pause())
    made.control.arrive("plan")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(made.control.next_edit)
        made.cancel.set()
        with pytest.raises(Interrupted):
            waiting.result(10)


@pytest.mark.parametrize(
    ("command", "places"),
    [
        (EditConfig(config=CONFIG), ["assemble"]),
        (EditCode(code=CODE), ["summarise", "evaluate"]),
        (EditSettings(settings={}), ["assemble", "summarise", "evaluate"]),
    ],
)
def test_an_edit_is_taken_only_where_it_can_have_an_effect(
    root: Path, command: Any, places: list[str]
) -> None:
    made = Made(root)
    reply = made.take(command)
    assert not reply.ok
    assert "only while the run is paused before" in reply.message
    assert "--hold" in reply.remedy
    for step in ("plan", "configure", "assemble", "summarise", "evaluate", "decide", "report"):
        made.take(Pause())
        made.control.arrive(step)
        with ThreadPoolExecutor(1) as pool:
            sent = pool.submit(made.take, command)
            if step in places:
                edit = made.control.next_edit()
                assert edit is not None
                assert edit.command == command
                edit.answer.set_result(Reply(ok=True, message=step))
            assert sent.result(10).ok == (step in places)
        made.take(Resume())
        assert made.control.next_edit() is None


def test_edits_that_nobody_takes_up_any_more_are_answered(root: Path) -> None:
    made = Made(root, Hands(holds=frozenset({"assemble"})))
    made.control.arrive("assemble")
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(made.take, EditConfig(config={}))
        while not made.control._edits:
            assert not sent.done()
        made.control.close()
        assert sent.result(10) == Reply(ok=False, message="the run has ended")
        assert not made.take(EditConfig(config={})).ok


def test_a_sentence_is_shown_in_this_iteration_and_the_next_and_never_after(root: Path) -> None:
    made = Made(root)
    assert made.take(Steer(text=" make it\n  smaller ")).ok
    assert not made.take(Steer(text=" \n ")).ok
    assert [(e.text, e.iteration) for e in made.told if isinstance(e, events.Steered)] == [
        ("make it smaller", 1)
    ]
    shown = []
    for number in (1, 2, 3):
        made.control.begin(number)
        shown.append(made.control.steering())
    assert shown == ["make it smaller", "make it smaller", ""]


def test_of_many_sentences_the_latest_are_shown_each_once(root: Path) -> None:
    made = Made(root)
    for text in ("a", "b", "c", "d", "d"):
        made.take(Steer(text=text))
    assert made.control.steering() == "c; d"


def test_what_an_earlier_process_was_told_still_holds(root: Path) -> None:
    run_id = recorded(root, "qe_1")
    branch = events.Queued(kind="branch", run_id=run_id, iteration=2)
    made = Made(root, steered=[events.Steered(text="smaller", iteration=1)], queued={2: branch})
    assert made.control.steering() == "smaller"
    assert made.control.begin(2) == branch


def test_what_is_said_on_the_command_line_comes_first(root: Path) -> None:
    made = Made(root, Hands(steer="smaller", branch_from="qe_1"))
    branch, steered = made.control.opening()
    assert made.control.begin(1) == branch
    assert made.control.steering() == "smaller"
    assert isinstance(steered, events.Steered)


def test_queued_runs_take_one_iteration_each_until_the_limit(root: Path) -> None:
    run_id = recorded(root, "qe_1", seed=5)
    made = Made(root)
    replies = [
        made.take(c) for c in (Rerun(run_id=run_id), Rerun(run_id=run_id, seed=9), Branch(run_id=run_id))
    ]
    assert [r.ok for r in replies] == [True, True, True]
    over = made.take(Branch(run_id=run_id))
    assert not over.ok
    assert "limit of 4 iterations" in over.message
    found = [made.control.begin(n) for n in (1, 2, 3, 4)]
    assert [q and (q.kind, q.seed) for q in found] == [None, ("rerun", 6), ("rerun", 9), ("branch", None)]
    assert found[1:] == made.told
    assert f"--branch-from {run_id}" in over.remedy


@pytest.mark.parametrize("run_id", ["qe_2", "", "../qe_1", "qe_1/../qe_1", "/etc"])
def test_a_run_that_is_not_in_the_project_cannot_be_started_from(root: Path, run_id: str) -> None:
    recorded(root, "qe_1")
    made = Made(root)
    for command in (Branch(run_id=run_id), Rerun(run_id=run_id)):
        reply = made.take(command)
        assert not reply.ok
        assert "no trial" in reply.message
        assert reply.remedy
    assert made.told == []


def test_a_run_without_code_can_be_changed_but_not_repeated(root: Path) -> None:
    run_id = recorded(root, "qe_1", code=None)
    made = Made(root)
    assert "no stored code" in made.take(Rerun(run_id=run_id)).message
    assert made.take(Branch(run_id=run_id)).ok


# --- approval -------------------------------------------------------------------------------------------


def question(made: Made) -> events.ApprovalAsked:
    while not made.told:
        pass
    asked = made.told[0]
    assert isinstance(asked, events.ApprovalAsked)
    return asked


def test_nobody_is_asked_where_nobody_is(root: Path) -> None:
    made = Made(root)
    assert made.control.ask("bash_run", "rm -rf x") is False
    assert made.told == []


@pytest.mark.parametrize("allowed", [True, False])
def test_a_command_waits_for_the_word_that_comes_through_the_socket(root: Path, allowed: bool) -> None:
    made = Made(root, Hands(waits=True))
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(made.control.ask, "bash_run", "ls")
        asked = question(made)
        assert (asked.tool, asked.command, asked.folder) == ("bash_run", "ls", str(root))
        assert not made.take(Approve(id="another", allowed=True)).ok
        assert made.take(Approve(id=asked.id, allowed=allowed)).ok
        assert asking.result(10) is allowed
    assert not made.take(Approve(id=asked.id, allowed=not allowed)).ok
    assert made.told[1:] == [events.ApprovalGiven(id=asked.id, allowed=allowed, time=made.told[1].time)]


def test_whoever_has_sent_a_command_before_is_there_to_be_asked(root: Path) -> None:
    made = Made(root)
    made.take(Ping())
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(made.control.ask, "bash_run", "ls")
        made.take(Approve(id=question(made).id, allowed=True))
        assert asking.result(10) is True


def test_an_answer_given_elsewhere_settles_the_question(root: Path) -> None:
    answers: list[bool | None] = [None, None, True]
    made = Made(root, Hands(look=lambda asked: answers.pop(0)))
    assert made.control.ask("bash_run", "ls") is True
    assert answers == []


def test_an_interruption_refuses_what_is_being_asked(root: Path) -> None:
    made = Made(root, Hands(waits=True))
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(made.control.ask, "bash_run", "ls")
        question(made)
        made.cancel.set()
        assert asking.result(10) is False
