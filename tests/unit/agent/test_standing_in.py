"""Which errors are about a model and which about what runs it, and when a task is taken over."""

from __future__ import annotations

import pytest

from mlagent_tui import events
from mlagent_tui.agent.standing_in import AFTER, Attended, StandIns, Unavailable, holding_back
from mlagent_tui.errors import ModelError
from mlagent_tui.llm import Message, PromptTooLong, Request
from tests.scripted import GOAL, Scripted

ASK = Request(messages=(Message("user", "Task: goal"),), task="goal")
GONE = ModelError("the server cannot be reached", "Start it.")


def none_taken() -> StandIns:
    return StandIns(frozenset({"planner"}), {})


def test_an_error_of_what_runs_a_model_is_told_from_one_about_its_prompt() -> None:
    stand_ins = none_taken()
    model = Attended(Scripted(goal=[GONE, PromptTooLong(9, 5), GOAL, GONE]), "own.gguf", stand_ins)
    with pytest.raises(Unavailable) as first:
        model.generate(ASK)
    assert (first.value.what, first.value.remedy) == (GONE.what, GONE.remedy)
    assert not first.value.ever_answered
    with pytest.raises(PromptTooLong):
        model.generate(ASK)
    model.generate(ASK)
    with pytest.raises(Unavailable) as later:
        model.generate(ASK)
    assert later.value.ever_answered
    assert stand_ins.fault is later.value


def test_the_same_model_in_the_other_role_has_answered_too() -> None:
    stand_ins = none_taken()
    Attended(Scripted(), "own.gguf", stand_ins).generate(ASK)
    with pytest.raises(Unavailable) as error:
        Attended(Scripted(goal=GONE), "own.gguf", stand_ins).generate(ASK)
    assert error.value.ever_answered
    with pytest.raises(Unavailable) as error:
        Attended(Scripted(goal=GONE), "another.gguf", stand_ins).generate(ASK)
    assert not error.value.ever_answered


def test_a_task_is_taken_over_after_failures_in_a_row_and_no_other_task_with_it() -> None:
    stand_ins = none_taken()
    for _ in range(AFTER - 1):
        assert not stand_ins.failed("plan", iteration=1)
    stand_ins.succeeded("plan")
    for _ in range(AFTER - 1):
        assert not stand_ins.failed("plan", iteration=2)
    assert not stand_ins.failed("config", iteration=2)
    assert stand_ins.failed("plan", iteration=3)
    assert stand_ins.taken == {"plan": 3}


def test_only_what_belongs_to_a_composed_explanation_is_held_back() -> None:
    told: list[events.Event] = []
    held: list[events.Event] = []
    listen = holding_back(told.append, held)
    composed = events.SummaryMade(summary={"explanation_source": "measurement"})
    own = events.SummaryMade(summary={"explanation_source": "coder"})
    warned, called = events.Warned(message="no explanation"), events.ToolCalled(tool="summary")
    for event in (called, warned, composed, own):
        listen(event)
    assert (told, held) == ([called, own], [warned, composed])
