"""A value is taken from an answer only where nothing about it is in doubt."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from mlagent_tui.llm.typed import NotUnderstood, value_of
from mlagent_tui.schemas import Goal, Plan
from tests.scripted import plan

GOAL = Goal(
    dataset="mnist", metric="val_loss", comparison="<", threshold=0.125, max_parameters=123_456, wishes="a, b"
)
TEXT = GOAL.model_dump_json(exclude_defaults=True)


class Numbers(BaseModel):
    """A whole number, and another one."""

    whole: int = 7
    share: float | None = 0.5


@given(end=st.integers(0, len(TEXT) - 1))
def test_a_cut_answer_never_gives_a_value_that_was_not_written(end: int) -> None:
    try:
        value = value_of(TEXT[:end], Goal)
    except NotUnderstood:
        assert '"threshold":0.125,' not in TEXT[:end]
    else:
        default = Goal.model_construct(**{"max_parameters": None, "wishes": ""})
        for name in ("dataset", "metric", "comparison", "threshold"):
            assert getattr(value, name) == getattr(GOAL, name)
        for name in ("max_parameters", "wishes"):
            assert getattr(value, name) in (getattr(GOAL, name), getattr(default, name))


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("95%", 0.95), ("99.5 %", 0.995), ("95 percent", 0.95), (".5%", 0.005), ("1 000", 1000),
        ("0,5", 0.5), ("2k", 2000), ("1.5M", 1_500_000), ("none", None),
    ],
)  # fmt: skip
def test_a_number_in_words_that_can_only_mean_one_is_read(written: str, number: float | None) -> None:
    assert value_of(json.dumps({"share": written}), Numbers).share == number


@pytest.mark.parametrize("written", ["1,000", "5m", "95", "95%%", "1/2", "about 1", "1e", "k", "1.5.2k"])
def test_a_number_that_could_mean_another_is_not_changed(written: str) -> None:
    try:
        assert value_of(json.dumps({"share": written}), Numbers).share == float(written)
    except NotUnderstood as error:
        assert f"got {written!r}" in str(error)
        with pytest.raises(ValueError, match="could not convert"):
            float(written)


def test_a_whole_number_is_no_share_and_no_fraction_of_a_thousand() -> None:
    assert value_of('{"whole": "1,234,567"}', Numbers).whole == 1_234_567
    for written in ("95%", "1.2345k", "0,5"):
        with pytest.raises(NotUnderstood, match="whole: expected a whole number"):
            value_of(json.dumps({"whole": written}), Numbers)


def test_a_name_that_would_be_there_twice_is_refused() -> None:
    with pytest.raises(NotUnderstood, match="there is no field 'Threshold'"):
        value_of(TEXT[:-1] + ',"Threshold":0.5}', Goal)


def test_two_objects_inside_one_that_differ_are_refused() -> None:
    with pytest.raises(NotUnderstood, match="they differ"):
        value_of(f'{{"first":{TEXT},"second":{TEXT.replace("0.125", "0.5")}}}', Goal)
    assert value_of(f'{{"first":{TEXT},"second":{TEXT}}}', Goal) == GOAL


def test_a_complete_answer_before_one_that_was_cut_counts_only_where_both_agree() -> None:
    assert value_of(f"{TEXT} {TEXT[:-20]}", Goal) == GOAL
    with pytest.raises(NotUnderstood, match="they differ"):
        value_of(f"{TEXT} {TEXT.replace('mnist', 'digits')[:25]}", Goal)


def test_a_call_of_a_plan_may_name_its_parts_as_tool_calls_do() -> None:
    wanted = Plan.model_validate(plan())
    calls = [{"name": call["tool"], "parameters": call["arguments"]} for call in plan()["calls"]]
    assert value_of(json.dumps({"calls": calls}), Plan) == wanted
    assert value_of(json.dumps({"steps": calls}), Plan) == wanted
