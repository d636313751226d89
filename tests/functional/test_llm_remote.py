"""What servers answer in the wild. A stub says it word by word: such servers cannot be had in a test."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mlagent_tui.errors import ModelError
from mlagent_tui.llm import (
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

ASK = Request((Message("system", "Be brief."), Message("user", "decide")), max_tokens=100)
GOOD = '{"decision":"iterate","assessment":"too small","changes":["widen"]}'
BREAK_OFF, WAIT = object(), object()
REASONING = ("reasoning_content", "reasoning", "thinking")


@dataclass
class Stub:
    """Answers each request with the next of `answers`: (status, error), or pieces, each a delta or a text."""

    answers: list[Any] = field(default_factory=list)
    models: list[dict[str, Any]] = field(default_factory=lambda: [{"id": "some", "max_model_len": 4096}])
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    finish: str = "stop"
    release: threading.Event = field(default_factory=threading.Event)
    url: str = ""


def _handler(stub: Stub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._json(200, {"object": "list", "data": [{"object": "model", **m} for m in stub.models]})

        def do_POST(self) -> None:
            stub.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            stub.headers.append(dict(self.headers))
            answer = stub.answers.pop(0)
            if isinstance(answer, tuple):
                self._json(*answer)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for piece in answer:
                if piece is BREAK_OFF:
                    return
                if piece is WAIT:
                    stub.release.wait(60)
                    continue
                self._event({"delta": {"content": piece} if isinstance(piece, str) else piece})
            self._event({"delta": {}, "finish_reason": stub.finish})
            self.wfile.write(b"data: [DONE]\n\n")

        def _event(self, choice: dict[str, Any]) -> None:
            chunk = {
                "id": "1", "object": "chat.completion.chunk", "created": 1, "model": "some",
                "choices": [{"index": 0, "finish_reason": None, **choice}],
            }  # fmt: skip
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            self.wfile.flush()

        def _json(self, status: int, value: Any) -> None:
            if status == 307:
                self.send_response(status)
                self.send_header("Location", value)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@pytest.fixture
def stub() -> Iterator[Stub]:
    stub = Stub()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(stub)) as server:
        server.daemon_threads = True
        stub.url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield stub
        stub.release.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def model(stub: Stub) -> Iterator[LanguageModel]:
    model = open_model(stub.url)
    yield model
    model.close()


def refusal(text: str) -> dict[str, Any]:
    return {"error": {"message": text, "type": "invalid_request_error", "code": None, "param": None}}


def test_the_only_model_of_a_server_and_its_context_are_found(model: LanguageModel) -> None:
    assert (model.name, model.context_length) == ("some", 4096)


def test_of_several_models_one_must_be_named(stub: Stub) -> None:
    stub.models.append({"id": "other"})
    with pytest.raises(ModelError, match="other, some") as caught:
        open_model(stub.url)
    assert "#MODEL" in caught.value.remedy
    model = open_model(f"{stub.url}#other")
    assert model.name == "other"
    model.close()


def test_the_schema_goes_as_response_format_and_in_the_prompt(stub: Stub, model: LanguageModel) -> None:
    stub.answers = [[GOOD]]
    assert structured(model, ASK, Decision).changes == ["widen"]
    sent = stub.asked[0]
    assert sent["response_format"]["type"] == "json_schema"
    assert sent["response_format"]["json_schema"]["schema"] == Decision.model_json_schema()
    assert '"assessment"' in sent["messages"][0]["content"]


def test_a_server_that_refuses_a_form_of_the_schema_is_asked_in_another_from_then_on(
    stub: Stub, model: LanguageModel
) -> None:
    stub.answers = [(400, refusal("json_schema is not supported")), [GOOD], [GOOD]]
    structured(model, ASK, Decision)
    structured(model, ASK, Decision)
    assert [sent["response_format"]["type"] for sent in stub.asked] == ["json_schema", *["json_object"] * 2]


def test_a_server_that_refuses_everything_is_an_error_with_what_it_said(
    stub: Stub, model: LanguageModel
) -> None:
    stub.answers = [(400, refusal("no such thing"))] * 4
    with pytest.raises(ModelError, match=r"status 400: .*no such thing"):
        structured(model, ASK, Decision)
    stub.answers = [[GOOD]]
    structured(model, ASK, Decision)
    assert stub.asked[-1]["response_format"]["type"] == "json_schema"


@pytest.mark.parametrize("name", REASONING)
def test_what_a_model_thought_is_no_part_of_its_answer(stub: Stub, model: LanguageModel, name: str) -> None:
    heard: list[tuple[str, bool]] = []
    stub.answers = [[{name: "hm, "}, {name: "wide"}, GOOD]]
    answer = model.generate(ASK, lambda piece, thinking: heard.append((piece, thinking)))
    assert (answer.thinking, answer.text) == ("hm, wide", GOOD)
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
    stub: Stub, model: LanguageModel, pieces: list[str]
) -> None:
    stub.answers = [pieces]
    answer = model.generate(ASK)
    assert (answer.thinking, answer.text) == ("hm", "yes")


@pytest.mark.parametrize(
    "pieces",
    [
        [{"reasoning_content": f"I would say {GOOD}"}],
        [f"Here you are:\n```json\n{GOOD}\n```\nDone."],
        ['{"decision":"stop"} or rather ', GOOD],
    ],
)
def test_the_object_is_found_wherever_it_was_put(stub: Stub, model: LanguageModel, pieces: list[Any]) -> None:
    stub.answers = [pieces]
    assert structured(model, ASK, Decision).assessment == "too small"


def test_an_empty_or_wrong_answer_is_asked_again_with_the_reason(stub: Stub, model: LanguageModel) -> None:
    stub.answers = [[], ['{"decision":"iterate","assessment":"a"}'], [GOOD]]
    structured(model, ASK, Decision)
    said = [sent["messages"][-1]["content"] for sent in stub.asked]
    assert "the answer was empty" in said[1]
    assert "names at least one change" in said[2]


def test_thinking_that_used_up_the_answers_tokens_gets_its_own(stub: Stub, model: LanguageModel) -> None:
    stub.finish = "length"
    stub.answers = [[{"reasoning": "on and on"}], [{"reasoning": "on and on"}, "yes"]]
    assert model.generate(ASK).text == "yes"
    assert [sent["max_tokens"] for sent in stub.asked] == [100, 100 + 2048]


def test_an_answer_that_breaks_off_is_asked_for_once_more_and_heard_once(
    stub: Stub, model: LanguageModel
) -> None:
    heard: list[str] = []
    stub.answers = [["one ", BREAK_OFF], ["one ", "two"]]
    assert model.generate(ASK, lambda piece, _: heard.append(piece)).text == "one two"
    assert "".join(heard) == "one two"
    stub.answers = [[BREAK_OFF], [BREAK_OFF]]
    with pytest.raises(ModelError, match="closed the connection"):
        model.generate(ASK)


@pytest.mark.parametrize(
    "said",
    ["This model's maximum context length is 4096 tokens", "the request exceeds the available context size"],
)
def test_a_prompt_too_long_for_the_server_is_told_as_such(
    stub: Stub, model: LanguageModel, said: str
) -> None:
    stub.answers = [(400, refusal(said))]
    with pytest.raises(PromptTooLong):
        model.generate(ASK)


@pytest.mark.parametrize(
    ("status", "remedy"), [(401, "MLAGENT_API_KEY"), (404, "model's name"), (503, "log of the server")]
)
def test_each_refusal_has_its_remedy(stub: Stub, model: LanguageModel, status: int, remedy: str) -> None:
    stub.answers = [(status, refusal("no"))]
    with pytest.raises(ModelError) as caught:
        model.generate(ASK)
    assert remedy in caught.value.remedy


def test_a_silent_server_is_left_at_once_when_cancelled(stub: Stub, model: LanguageModel) -> None:
    stub.answers = [[WAIT, "late"]]
    cancel = threading.Event()
    timer = threading.Timer(0.2, cancel.set)
    timer.start()
    answer = model.generate(ASK, None, cancel)
    assert (answer.finish, answer.text) == ("cancelled", "")
    assert not stub.release.is_set()


def test_a_redirect_is_not_followed(stub: Stub, model: LanguageModel) -> None:
    stub.answers = [(307, f"{stub.url}/elsewhere"), [GOOD]]
    with pytest.raises(ModelError, match="status 307"):
        model.generate(ASK)
    assert len(stub.asked) == 1


def test_nothing_that_is_meant_for_other_services_is_sent(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Extra: secret")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/")
    monkeypatch.setenv("MLAGENT_API_KEY", "ours")
    stub.answers = [["yes"]]
    model = open_model(stub.url)
    assert model.generate(ASK).text == "yes"
    model.close()
    assert {n.lower(): v for n, v in stub.headers[0].items()}["authorization"] == "Bearer ours"
    assert "secret" not in json.dumps(stub.headers)


def test_a_server_can_have_one_role_and_a_file_the_other(stub: Stub, tmp_path: Any) -> None:
    from tests.tiny_gguf import make

    planner, coder = open_models(stub.url, str(make(tmp_path / "tiny.gguf")))
    assert (planner.name, coder.name) == ("some", "tiny")
    assert isinstance(coder, ServedModel)
    planner.close()
    coder.close()


def test_a_url_is_checked_without_being_asked(stub: Stub) -> None:
    stub.models.clear()
    check_spec(stub.url)
    assert stub.asked == []
