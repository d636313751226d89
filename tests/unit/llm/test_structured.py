"""Retries of structured answers. Canned answers stand in for a model: what matters is what is asked."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from mlagent_tui.errors import Interrupted, ModelError
from mlagent_tui.llm import Answer, Message, OnProgress, OnText, PromptTooLong, Request, structured
from mlagent_tui.llm.base import Finish
from mlagent_tui.prompts import Profile
from mlagent_tui.schemas import Decision

GOOD = '{"decision":"iterate","assessment":"too small","changes":["widen"]}'
WITHOUT_CHANGES = '{"decision":"iterate","assessment":"too small"}'
ASK = Request((Message("system", "s"), Message("user", "decide")), seed=7)


class Canned:
    name = "canned"
    context_length = 100
    profile: Profile = "minnow"

    def __init__(self, *answers: str, finish: Finish = "stop", tokens: int = 10) -> None:
        self.answers, self.finish, self.tokens = list(answers), finish, tokens
        self.asked: list[Request] = []
        self.finishes: list[Finish] = []

    def generate(
        self,
        request: Request,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> Answer:
        self.asked.append(request)
        finish = self.finishes.pop(0) if self.finishes else self.finish
        return Answer(self.answers.pop(0), "", finish, 50, self.tokens, 0.0, 0.0)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return 50

    def close(self) -> None:
        pass


def test_a_valid_answer_becomes_a_value() -> None:
    heard: list[Answer] = []
    model = Canned(GOOD)
    assert structured(model, ASK, Decision, on_answer=heard.append).changes == ["widen"]
    assert model.asked[0].schema == Decision.model_json_schema()
    assert model.asked[0].messages == ASK.messages
    assert len(heard) == 1


def test_a_refused_answer_is_asked_again_with_the_reason_and_the_next_seed() -> None:
    model = Canned(WITHOUT_CHANGES, GOOD)
    structured(model, ASK, Decision)
    again = model.asked[1]
    assert "names at least one change" in again.messages[-1].content
    assert again.messages[-1].content.startswith("decide")
    assert (again.seed, again.temperature > 0) == (8, True)


def test_a_model_that_is_never_valid_is_an_error_that_tells_why() -> None:
    model = Canned(*[WITHOUT_CHANGES] * 3)
    with pytest.raises(ModelError, match=r"no valid Decision in 3 attempts.*names at least one change"):
        structured(model, ASK, Decision)


def test_an_answer_cut_by_its_limit_is_tried_again_and_one_cut_by_the_context_is_not() -> None:
    with pytest.raises(ModelError, match="not complete after 2048 tokens"):
        structured(Canned(*[GOOD[:20]] * 3, finish="length"), ASK, Decision)
    model = Canned(GOOD[:20], finish="length", tokens=50)
    with pytest.raises(PromptTooLong):
        structured(model, ASK, Decision)
    assert len(model.asked) == 1


def test_an_answer_that_repeated_itself_is_asked_again_with_what_it_said() -> None:
    model = Canned(f'{{"decision":"{"iterate and " * 50}', GOOD)
    model.finishes = ["repetition"]
    structured(model, ASK, Decision)
    assert "the answer repeated itself: 'iterate and iterate" in model.asked[1].messages[-1].content


def test_a_begun_answer_is_read_with_its_beginning() -> None:
    model = Canned(GOOD.removeprefix('{"decision":'))
    asked = Request(ASK.messages, begin='{"decision":')
    assert structured(model, asked, Decision).changes == ["widen"]


def test_a_cancelled_answer_interrupts() -> None:
    with pytest.raises(Interrupted):
        structured(Canned("", finish="cancelled"), ASK, Decision)
