"""Questions before a run: asked where somebody can answer, and answered by options."""

import pytest

from mlagent_tui.agent import RunOptions
from mlagent_tui.clarify import clarified
from mlagent_tui.errors import GoalError


def test_each_question_is_asked_and_the_answers_become_options() -> None:
    answers = iter(["somewhere", "95 %", "digits"])
    said: list[str] = []
    asked = RunOptions(goal_text="a small network, under 20k parameters")
    options = clarified(asked, said.append, lambda _: next(answers))
    assert (options.dataset, options.threshold, options.goal_text) == ("digits", 0.95, asked.goal_text)
    assert said[-1] == "read as    digits · accuracy >= 0.95 · at most 20,000 parameters"
    assert any("somewhere" in line for line in said)


def test_no_answer_refuses_the_run_with_every_question() -> None:
    with pytest.raises(GoalError, match="150 % is not a possible accuracy") as caught:
        clarified(RunOptions(goal_text="mnist and cifar10, 150 %"), lambda _: None, lambda _: "")
    assert "the goal names 2 data sets" in caught.value.remedy


def test_a_clear_goal_asks_nothing() -> None:
    options = RunOptions(goal_text="digits, at least 95%")
    assert clarified(options, lambda _: None, None) == options
