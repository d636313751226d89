"""A model behind a server: what is asked of it, and what is made of its answers. The server is a stub."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from mlagent_tui.errors import ModelError
from mlagent_tui.llm import (
    Enough,
    LanguageModel,
    Message,
    PromptTooLong,
    Request,
    ServedModel,
    check_spec,
    open_model,
    open_models,
    structured,
)
from mlagent_tui.schemas import Decision
from tests.odd_server import BREAK_OFF, WAIT, OddServer, answer, body, error, listing, serving

ASK = Request((Message("system", "Be brief."), Message("user", "decide")), max_tokens=100)
GOOD = '{"decision":"iterate","assessment":"too small","changes":["widen"]}'
REASONING = ("reasoning_content", "reasoning", "thinking")


@pytest.fixture
def stub() -> Iterator[OddServer]:
    with serving() as stub:
        yield stub


@pytest.fixture
def model(stub: OddServer) -> Iterator[LanguageModel]:
    model = open_model(stub.url)
    yield model
    model.close()


def test_the_only_model_of_a_server_and_its_context_are_found(model: LanguageModel) -> None:
    assert (model.name, model.context_length) == ("some", 4096)


def test_of_several_models_one_must_be_named(stub: OddServer) -> None:
    stub.models = listing({"id": "some"}, {"id": "other"})
    with pytest.raises(ModelError, match="other, some") as caught:
        open_model(stub.url)
    assert "#MODEL" in caught.value.remedy
    model = open_model(f"{stub.url}#other")
    assert model.name == "other"
    model.close()


def test_the_schema_goes_as_response_format_and_in_the_prompt(stub: OddServer, model: LanguageModel) -> None:
    stub.answers = [answer(GOOD)]
    assert structured(model, ASK, Decision).changes == ["widen"]
    sent = stub.asked[0]
    assert sent["response_format"]["type"] == "json_schema"
    assert sent["response_format"]["json_schema"]["schema"] == Decision.model_json_schema()
    assert '"assessment"' in sent["messages"][0]["content"]


def test_a_server_that_refuses_a_form_of_the_schema_is_asked_in_another_from_then_on(
    stub: OddServer, model: LanguageModel
) -> None:
    stub.answers = [error(400, "json_schema is not supported"), answer(GOOD)]
    structured(model, ASK, Decision)
    structured(model, ASK, Decision)
    assert [sent["response_format"]["type"] for sent in stub.asked] == ["json_schema", *["json_object"] * 2]


def test_a_server_that_refuses_everything_is_an_error_with_what_it_said(
    stub: OddServer, model: LanguageModel
) -> None:
    stub.answers = [error(400, "no such thing")]
    with pytest.raises(ModelError, match=r"status 400: .*no such thing"):
        structured(model, ASK, Decision)
    stub.answers = [answer(GOOD)]
    structured(model, ASK, Decision)
    assert stub.asked[-1]["response_format"]["type"] == "json_schema"


@pytest.mark.parametrize("name", REASONING)
def test_what_a_model_thought_is_no_part_of_its_answer(
    stub: OddServer, model: LanguageModel, name: str
) -> None:
    heard: list[tuple[str, bool]] = []
    stub.answers = [answer({name: "hm, "}, {name: "wide"}, GOOD)]
    got = model.generate(ASK, lambda piece, thinking: heard.append((piece, thinking)))
    assert (got.thinking, got.text) == ("hm, wide", GOOD)
    assert heard == [("hm, ", True), ("wide", True), (GOOD, False)]


@pytest.mark.parametrize(
    "pieces",
    [
        ["<think>", "hm</th", "ink>", "\n\nyes"],
        ["hm</think>yes"],
        ["<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>yes"],
    ],
)
def test_marks_that_a_server_leaves_in_are_taken_out(
    stub: OddServer, model: LanguageModel, pieces: list[str]
) -> None:
    stub.answers = [answer(*pieces)]
    got = model.generate(ASK)
    assert (got.thinking, got.text) == ("hm", "yes")


@pytest.mark.parametrize(
    "pieces",
    [
        [{"reasoning_content": f"I would say {GOOD}"}],
        [f"Here you are:\n```json\n{GOOD}\n```\nDone."],
        ['{"decision":"stop"} or rather ', GOOD],
    ],
)
def test_the_object_is_found_wherever_it_was_put(
    stub: OddServer, model: LanguageModel, pieces: list[Any]
) -> None:
    stub.answers = [answer(*pieces)]
    assert structured(model, ASK, Decision).assessment == "too small"


def test_an_empty_or_wrong_answer_is_asked_again_with_the_reason(
    stub: OddServer, model: LanguageModel
) -> None:
    stub.answers = [answer(), answer('{"decision":"iterate","assessment":"a"}'), answer(GOOD)]
    structured(model, ASK, Decision)
    said = [sent["messages"][-1]["content"] for sent in stub.asked]
    assert "the answer was empty" in said[1]
    assert "names at least one change" in said[2]


def test_thinking_that_used_up_the_answers_tokens_gets_its_own(stub: OddServer, model: LanguageModel) -> None:
    thought = {"reasoning": "on and on"}
    stub.answers = [answer(thought, finish="length"), answer(thought, "yes", finish="length")]
    assert model.generate(ASK).text == "yes"
    assert [sent["max_tokens"] for sent in stub.asked] == [100, 100 + 2048]


def test_an_answer_that_breaks_off_is_asked_for_once_more_and_heard_once(
    stub: OddServer, model: LanguageModel
) -> None:
    heard: list[str] = []
    stub.answers = [answer("one ", BREAK_OFF), answer("one ", "two")]
    assert model.generate(ASK, lambda piece, _: heard.append(piece)).text == "one two"
    assert "".join(heard) == "one two"
    stub.answers = [answer(BREAK_OFF)]
    with pytest.raises(ModelError, match="gave no complete answer: the connection ended in the middle of it"):
        model.generate(ASK)


@pytest.mark.parametrize(
    "said",
    ["This model's maximum context length is 4096 tokens", "the request exceeds the available context size"],
)
def test_a_prompt_too_long_for_the_server_is_told_as_such(
    stub: OddServer, model: LanguageModel, said: str
) -> None:
    stub.answers = [error(400, said)]
    with pytest.raises(PromptTooLong):
        model.generate(ASK)


@pytest.mark.parametrize(
    ("status", "remedy"), [(401, "MLAGENT_API_KEY"), (404, "model's name"), (507, "log of the server")]
)
def test_each_refusal_has_its_remedy(stub: OddServer, model: LanguageModel, status: int, remedy: str) -> None:
    stub.answers = [error(status, "no")]
    with pytest.raises(ModelError) as caught:
        model.generate(ASK)
    assert remedy in caught.value.remedy


def test_a_silent_server_is_left_at_once_when_cancelled(stub: OddServer, model: LanguageModel) -> None:
    stub.answers = [answer(WAIT, "late")]
    cancel = threading.Event()
    timer = threading.Timer(0.2, cancel.set)
    timer.start()
    got = model.generate(ASK, None, cancel)
    assert (got.finish, got.text) == ("cancelled", "")
    assert not stub.release.is_set()


def test_a_redirect_is_not_followed(stub: OddServer, model: LanguageModel) -> None:
    stub.answers = [body(None, 307, Location=f"{stub.url}/elsewhere"), answer(GOOD)]
    with pytest.raises(ModelError, match="status 307"):
        model.generate(ASK)
    assert len(stub.asked) == 1


def test_nothing_that_is_meant_for_other_services_is_sent(
    stub: OddServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Extra: secret")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/")
    monkeypatch.setenv("MLAGENT_API_KEY", "ours")
    stub.answers = [answer("yes")]
    model = open_model(stub.url)
    assert model.generate(ASK).text == "yes"
    model.close()
    assert {n.lower(): v for n, v in stub.headers[0].items()}["authorization"] == "Bearer ours"
    assert "secret" not in json.dumps(stub.headers)


def test_a_server_can_have_one_role_and_a_file_the_other(stub: OddServer, tmp_path: Any) -> None:
    from tests.tiny_gguf import make

    planner, coder = open_models(stub.url, str(make(tmp_path / "tiny.gguf")))
    assert (planner.name, coder.name) == ("some", "tiny")
    assert isinstance(coder, ServedModel)
    planner.close()
    coder.close()


def test_a_url_is_checked_without_being_asked(stub: OddServer) -> None:
    check_spec(stub.url)
    assert stub.paths == []


class EnoughAt:
    """Has enough at a piece of text."""

    def __init__(self, piece: str) -> None:
        self.piece, self.heard = piece, ""

    def __call__(self, piece: str, thinking: bool) -> None:
        self.heard += piece
        if piece == self.piece:
            raise Enough


def test_who_listens_ends_an_answer_that_goes_on_and_on(stub: OddServer, model: LanguageModel) -> None:
    stub.answers = [answer("one ", "two ", "three ", WAIT, "late")]
    listener = EnoughAt("two ")
    got = model.generate(ASK, listener)
    assert (got.text, got.finish, listener.heard) == ("one two ", "enough", "one two ")
    assert not stub.release.is_set()


def test_an_answer_that_repeats_itself_is_ended(stub: OddServer, model: LanguageModel) -> None:
    stub.answers = [answer(*["x = self.fc1(x)\n"] * 90, WAIT, "late")]
    assert model.generate(ASK).finish == "repetition"


BEGIN = "class Net:\n    def __init__(self):\n        self.fc1 = "
BEGUN = replace(ASK, begin=BEGIN)


@pytest.mark.parametrize("said", ["nn.Linear(4, 2)", f"```python\n{BEGIN}nn.Linear(4, 2)"])
def test_a_begun_answer_is_the_last_message_and_only_its_rest_comes_back(
    stub: OddServer, model: LanguageModel, said: str
) -> None:
    heard: list[str] = []
    stub.answers = [answer(*said)]
    assert model.generate(BEGUN, lambda piece, _: heard.append(piece)).text == "nn.Linear(4, 2)"
    assert "".join(heard) == "nn.Linear(4, 2)"
    sent = stub.asked[0]
    assert sent["messages"][-1] == {"role": "assistant", "content": BEGIN.rstrip()}
    assert (sent["continue_final_message"], sent["add_generation_prompt"]) == (True, False)


def test_a_server_that_refuses_a_begun_answer_is_asked_for_it_in_other_ways(
    stub: OddServer, model: LanguageModel
) -> None:
    thinks = "Assistant response prefill is incompatible with enable_thinking."
    last = "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant"
    stub.answers = [error(400, thinks), error(400, "extra inputs: continue_final_message"), error(400, last),
                    answer("self.fc1 = nn.Linear(4, 2)")]  # fmt: skip
    assert model.generate(BEGUN).text == "nn.Linear(4, 2)"
    assert stub.asked[1]["chat_template_kwargs"] == {"enable_thinking": False}
    assert "continue_final_message" not in stub.asked[2]
    *_, asked = stub.asked[3]["messages"]
    assert asked["role"] == "user"
    assert asked["content"].startswith("decide\n\n")
    assert asked["content"].endswith(BEGIN.rstrip())
    model.generate(BEGUN)
    assert stub.asked[4]["messages"] == stub.asked[3]["messages"]


def test_a_begun_answer_under_a_schema_is_refused(stub: OddServer, model: LanguageModel) -> None:
    with pytest.raises(ModelError, match="begun answer under a schema"):
        model.generate(replace(BEGUN, schema=Decision.model_json_schema()))


STOPPED = replace(ASK, stops=("\n\n", "#", "a", "b", "c"))


def test_stops_are_sent_and_an_answer_ends_before_the_first_whatever_the_server_does(
    stub: OddServer, model: LanguageModel
) -> None:
    stub.answers = [error(400, "unknown field: stop"), answer("one\n", "\ntwo", WAIT, "late")]
    got = model.generate(STOPPED)
    assert (got.text, got.finish) == ("one", "stop")
    assert stub.asked[0]["stop"] == ["\n\n", "#", "a", "b"]
    assert "stop" not in stub.asked[1]


def test_a_stop_that_a_server_found_in_its_thinking_is_not_sent_again(
    stub: OddServer, model: LanguageModel
) -> None:
    stub.answers = [answer({"reasoning": "first"}), answer({"reasoning": "first\n\nthen"}, "one\n\ntwo")]
    assert model.generate(STOPPED).text == "one"
    assert ["stop" in sent for sent in stub.asked] == [True, False]
