"""Retries of structured answers. Canned answers stand in for a model: what matters is what is asked."""

from __future__ import annotations

import pytest

from mlagent_tui.errors import Interrupted, ModelError
from mlagent_tui.llm import Answer, Message, PromptTooLong, Request, structured
from mlagent_tui.llm.base import Finish
from mlagent_tui.schemas import Decision
from tests.canned import Canned

GOOD = '{"decision":"iterate","assessment":"too small","changes":["widen"]}'
WITHOUT_CHANGES = '{"decision":"iterate","assessment":"too small"}'
ASK = Request((Message("system", "s"), Message("user", "decide")), seed=7)


def canned(*answers: str, finish: Finish = "stop", tokens: int = 10) -> Canned:
    return Canned(*(Canned.said(text, finish, tokens) for text in answers))


def test_a_valid_answer_becomes_a_value() -> None:
    heard: list[Answer] = []
    model = canned(GOOD)
    assert structured(model, ASK, Decision, on_answer=heard.append).changes == ["widen"]
    assert model.asked[0].schema == Decision.model_json_schema()
    assert model.asked[0].messages == ASK.messages
    assert len(heard) == 1


def test_a_refused_answer_is_asked_again_with_the_reason_and_the_next_seed() -> None:
    model = canned(WITHOUT_CHANGES, GOOD)
    structured(model, ASK, Decision)
    again = model.asked[1]
    assert "names at least one change" in again.messages[-1].content
    assert again.messages[-1].content.startswith("decide")
    assert (again.seed, again.temperature > 0) == (8, True)


def test_a_model_that_is_never_valid_is_an_error_that_tells_why() -> None:
    model = canned(*[WITHOUT_CHANGES] * 3)
    with pytest.raises(ModelError, match=r"no valid Decision in 3 attempts.*names at least one change"):
        structured(model, ASK, Decision)


def test_an_answer_cut_by_its_limit_is_tried_again_and_one_cut_by_the_context_is_not() -> None:
    with pytest.raises(ModelError, match="not complete after 2048 tokens"):
        structured(canned(*[GOOD[:20]] * 3, finish="length"), ASK, Decision)
    model = canned(GOOD[:20], finish="length", tokens=4050)
    with pytest.raises(PromptTooLong):
        structured(model, ASK, Decision)
    assert len(model.asked) == 1


def test_an_answer_that_repeated_itself_is_asked_again_with_what_it_said() -> None:
    looping = f'{{"decision":"{"iterate and " * 50}'
    model = Canned(Canned.said(looping, "repetition"), Canned.said(GOOD))
    structured(model, ASK, Decision)
    assert "the answer repeated itself: 'iterate and iterate" in model.asked[1].messages[-1].content


def test_what_was_complete_of_a_cut_answer_is_told_and_enough_where_nothing_else_is_needed() -> None:
    model = canned(GOOD[:40], GOOD, finish="length")
    structured(model, ASK, Decision)
    assert 'the answer ended after {"decision":"iterate"}' in model.asked[1].messages[-1].content
    assert structured(canned(GOOD[:-1], finish="length"), ASK, Decision).changes == ["widen"]


def test_an_answer_given_again_is_asked_for_at_a_higher_temperature_and_no_request_is_the_same() -> None:
    model = canned(WITHOUT_CHANGES, WITHOUT_CHANGES, WITHOUT_CHANGES, GOOD)
    structured(model, ASK, Decision, attempts=4)
    assert [request.temperature for request in model.asked] == [0.0, 0.5, 0.8, 1.1]
    assert [request.seed for request in model.asked] == [7, 8, 9, 10]
    other = canned(WITHOUT_CHANGES, WITHOUT_CHANGES + " ", WITHOUT_CHANGES, GOOD)
    structured(other, ASK, Decision, attempts=4)
    assert [request.temperature for request in other.asked] == [0.0, 0.5, 0.5, 0.5]


def test_an_answer_that_was_begun_is_read_with_its_beginning() -> None:
    begin = "Answer: " + GOOD[:12]
    asked = Request(ASK.messages, begin=begin)
    assert structured(canned(GOOD[12:]), asked, Decision).changes == ["widen"]


def test_an_answer_that_a_model_put_into_its_thinking_counts_once_it_has_ended() -> None:
    model = Canned(Canned.said("", thinking=GOOD))
    assert structured(model, ASK, Decision).changes == ["widen"]
    model = Canned(Canned.said("", "length", thinking=GOOD), Canned.said(GOOD))
    structured(model, ASK, Decision)
    assert "not complete after 2048 tokens" in model.asked[1].messages[-1].content


def test_a_cancelled_answer_interrupts() -> None:
    with pytest.raises(Interrupted):
        structured(canned("", finish="cancelled"), ASK, Decision)
