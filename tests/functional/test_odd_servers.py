"""Odd but ordinary answers of servers, each with what it gives: the text of the answer, or one sentence."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mlagent_tui.errors import ModelError
from mlagent_tui.llm import (
    Message,
    PromptTooLong,
    Request,
    check_spec,
    code_block,
    event_stream,
    open_model,
    open_models,
)
from mlagent_tui.llm.client import Manner
from mlagent_tui.llm.remote import RemoteModel
from mlagent_tui.llm.waiting import Limits
from tests.odd_server import (
    BREAK_OFF,
    WAIT,
    OddServer,
    Reply,
    answer,
    body,
    delta,
    error,
    events,
    listing,
    page,
    serving,
)

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}
FREE = Request((Message("system", "Be brief."), Message("user", "go")), max_tokens=40)
HELD = Request(FREE.messages, SCHEMA, max_tokens=40)
CODE = "```python\nclass Net(nn.Module):\n    pass\n```"
PYTHONS = ("Traceback", "NoneType", "object has no attribute", "Error:", "Exception", "defect", "errno", "0x")
TOO_LONG = "the prompt has"


@dataclass(frozen=True)
class Case:
    """What a server sends, and what comes of it: `text`, or an error that says `says`."""

    name: str
    answers: list[Reply]
    text: str = ""
    says: str = ""
    request: Request = FREE
    asked: int = 1
    """How many requests it takes."""
    sent: Callable[[dict[str, Any]], Any] = field(default=lambda sent: True)
    """What holds of the last of them."""


def chunks(**fields: Any) -> dict[str, Any]:
    return {"choices": [{"delta": {"content": "hi"}}], **fields}


def whole(**message: Any) -> Reply:
    return body({"choices": [{"message": {"role": "assistant", **message}, "finish_reason": "stop"}]})


OK = answer("hi")
DONE = "[DONE]"
BUSY = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}

SHAPES = [
    Case("choices null", [events({"choices": None}, delta("hi"), delta(finish="stop"), DONE)], "hi"),
    Case("choices empty, as with usage", [events(delta("hi"), {"choices": [], "usage": {}}, DONE)], "hi"),
    Case("delta null", [events({"choices": [{"delta": None}]}, delta("hi"), DONE)], "hi"),
    Case("a null between events", [events("null", delta("hi"), "null", DONE)], "hi"),
    Case("a role first, and content null", [events(delta(role="assistant", content=None), delta("hi"), DONE)], "hi"),
    Case("content as a list of parts", [events(delta([{"type": "text", "text": "h"}, "i"]), DONE)], "hi"),
    Case(
        "thinking as a part",
        [events(delta([{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]), delta("hi"), DONE)],
        "hi",
    ),
    Case("usage null", [events(delta("hi"), {"choices": [], "usage": None}, DONE)], "hi"),
    Case("usage partial", [events(delta("hi"), {"choices": [], "usage": {"total_tokens": 9}}, DONE)], "hi"),
    Case("usage as texts", [events(chunks(usage={"prompt_tokens": "7", "completion_tokens": "1"}), DONE)], "hi"),
    Case("not a number", [events('{"choices":[{"delta":{"content":"hi"}}],"usage":{"prompt_tokens":NaN}}', DONE)], "hi"),
    Case("ids null, fields unknown", [events(chunks(id=None, created=None, model=None, x=[{}]), DONE)], "hi"),
    Case("tool_calls null", [events(delta("hi", tool_calls=None, function_call=None), DONE)], "hi"),
    Case("an error that is null", [events(chunks(error=None), DONE)], "hi"),
    Case("a second choice", [events({"choices": [{"index": 1, "delta": {"content": "no"}}]}, delta("hi"), DONE)], "hi"),
    Case("a message in place of a delta", [events({"choices": [{"message": {"content": "hi"}}]}, DONE)], "hi"),
    Case("a text in place of a delta", [events({"choices": [{"text": "hi", "delta": None}]}, DONE)], "hi"),
    Case("the whole answer at once, not streamed", [whole(content="hi")], "hi"),
    Case("one value a line, without data:", [events(delta("h"), delta("i", finish="stop"), prefix="", sep="\n")], "hi"),
    Case("refusal", [answer({"refusal": "I cannot."})], says="some declined to answer: I cannot."),
    Case("refusal null", [answer({"refusal": None, "content": "hi"})], "hi"),
]  # fmt: skip

FRAMES = [
    Case("comments to keep alive", [events(delta("h"), prefix=": ping\n\ndata: "), OK], "h"),
    Case("data: without a space", [events(delta("hi"), DONE, prefix="data:")], "hi"),
    Case("CRLF", [events(delta("h"), delta("i"), DONE, sep="\r\n\r\n")], "hi"),
    Case("CR", [events(delta("h"), delta("i"), DONE, sep="\r\r")], "hi"),
    Case("no blank line between events", [events(delta("h"), delta("i"), DONE, sep="\n")], "hi"),
    Case("event and id lines", [events(delta("hi"), DONE, prefix="event: message\nid: 1\ndata: ")], "hi"),
    Case("a byte-order mark", [events(delta("hi"), DONE, prefix="\ufeffdata: ", sep="\n\n")], "hi"),
    Case("a value over several lines", [events('{"choices":\ndata: [{"delta":{"content":"hi"}}]}', DONE)], "hi"),
    Case("events as text/plain", [events(delta("hi"), DONE, type="text/plain")], "hi"),
    Case("events as application/json", [events(delta("hi"), DONE, type="application/json")], "hi"),
    Case("[DONE] twice, and more after it", [events(delta("hi"), DONE, DONE, delta("no"))], "hi"),
    Case("[DONE] and no finish_reason", [events(delta("hi"), DONE)], "hi"),
    Case("neither, but the body tells its end", [events(delta("hi"))], "hi"),
    Case("neither, and the connection closes", [events(delta("no"), framed=False), OK], "hi", asked=2),
    Case("a finish_reason of its own", [answer("hi", finish="eos_token")], "hi"),
    Case("a finish_reason that is a failure", [answer("no", finish="error"), OK], "hi", asked=2),
    Case("cut off in the middle", [events(delta("no"), BREAK_OFF), OK], "hi", asked=2),
    Case(
        "cut off in the middle, always",
        [events(delta("no"), BREAK_OFF)],
        says="cannot be reached, or closed the connection: the connection ended before the answer did",
        asked=2,
    ),
    Case("cut off before anything", [Reply((BREAK_OFF,)), OK], "hi", asked=2),
    Case(
        "a character over two blocks",
        [Reply(tuple(f"data: {json.dumps(delta('hü'), ensure_ascii=False)}\n\n".encode().partition(b"\xc3")))],
        "hü",
    ),
    Case("a character over two pieces", [events(delta("\ud83d"), delta("\ude00"), DONE)], "😀"),
    Case("a lone surrogate", [events(delta("a\ud800"), delta("b"), DONE)], "a\ufffdb"),
    Case("nested too deeply", [events("[" * 100_000, DONE)], says="is not an OpenAI-compatible API: it answered with"),
    Case("an event that is cut off", [events('{"choices":[{"del')], says="is not an OpenAI-compatible API"),
    Case("an empty body", [Reply()], says="is not an OpenAI-compatible API: its answer was empty"),
    Case("a page", [page("<!DOCTYPE html><html></html>")], says="it answered with a page for a browser"),
]  # fmt: skip

PLACES = [
    Case("JSON in reasoning_content", [answer({"reasoning_content": 'So: {"n":1}'})], '{"n":1}', request=HELD),
    Case("JSON in a tool call", [answer({"tool_calls": [{"function": {"arguments": '{"n":1}'}}]})], '{"n":1}', request=HELD),
    Case("JSON as the object of a tool call", [whole(content=None, tool_calls=[{"function": {"arguments": {"n": 1}}}])], '{"n": 1}', request=HELD),
    Case("code in reasoning_content", [answer({"reasoning_content": f"Let me see.\n{CODE}"})], f"Let me see.\n{CODE}"),
    Case("code in reasoning", [answer({"reasoning": CODE, "content": ""})], CODE),
    Case("code in a tool call", [answer({"tool_calls": [{"function": {"arguments": "x = 1"}}]})], "x = 1"),
    Case("prose in reasoning_content", [answer({"reasoning_content": "hm"})], ""),
    Case("a number of 5,000 digits", [answer('{"n":' + "9" * 5000 + "}")], '{"n":' + "9" * 5000 + "}", request=HELD),
]  # fmt: skip

REFUSALS = [
    Case("seed", [error(400, "Unrecognized request argument supplied: seed"), OK], "hi", asked=2, sent=lambda sent: "seed" not in sent),
    Case("seed, named by its place", [body({"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted", "input": "temperature"}]}, 422), OK], "hi", asked=2, sent=lambda sent: "seed" not in sent and "temperature" in sent),
    Case("stream_options", [error(400, "Stream options can only be defined when stream", param="stream_options"), OK], "hi", asked=2, sent=lambda sent: "stream_options" not in sent),
    Case("max_tokens", [error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."), OK], "hi", asked=2, sent=lambda sent: sent["max_completion_tokens"] == 40 and "max_tokens" not in sent),
    Case("temperature 0", [body({"error": "`temperature` must be strictly positive", "error_type": "validation"}, 422), OK], "hi", asked=2, sent=lambda sent: sent["temperature"] == 0.01),
    Case("temperature", [error(400, "temperature does not support 0"), error(400, "temperature is not supported"), OK], "hi", asked=3, sent=lambda sent: "temperature" not in sent),
    Case("repeat_penalty", [error(400, "property 'repeat_penalty' is unsupported"), OK], "hi", asked=2, sent=lambda sent: "repeat_penalty" not in sent),
    Case("a system role", [error(400, "System role not supported"), OK], "hi", asked=2, sent=lambda sent: [m["role"] for m in sent["messages"]] == ["user"]),
    Case("a system role, as a failure", [error(500, "Conversation roles must alternate user/assistant"), OK], "hi", asked=2, sent=lambda sent: sent["messages"][0]["content"] == "Be brief.\n\ngo"),
    Case("json_schema", [error(400, "response_format json_schema is not supported"), answer('{"n":1}')], '{"n":1}', request=HELD, asked=2, sent=lambda sent: sent["response_format"]["type"] == "json_object"),
    Case("all formats", [*[error(400, "'response_format.type' must be 'text'")] * 3, answer('{"n":1}')], '{"n":1}', request=HELD, asked=4, sent=lambda sent: "response_format" not in sent and '"n"' in sent["messages"][0]["content"]),
    Case("a grammar, as a failure", [error(500, "Failed to initialize samplers: failed to parse grammar"), answer('{"n":1}')], '{"n":1}', request=HELD, asked=2, sent=lambda sent: "response_format" not in sent),
    Case("a failure without a word", [Reply((b"Internal Server Error",), 500, "text/plain"), answer('{"n":1}')], '{"n":1}', request=HELD, asked=2, sent=lambda sent: "response_format" not in sent),
    Case("something, without a name", [*[error(400, "bad request")] * 2, OK], "hi", asked=3),
    Case("everything", [error(400, "bad request")], says="answered with error status 400: bad request", asked=9),
]  # fmt: skip

ERRORS = [
    Case("in the stream, as text", [events({"error": "CUDA is out of memory"})], says="reported an error: CUDA is out of memory", asked=2),
    Case("in the stream, with a status", [events(delta("no"), BUSY), OK], "hi", asked=2),
    Case("in the stream, in a field of its own", [events({"code": 503, "message": "Loading model"}, prefix="error: "), OK], "hi", asked=2),
    Case("of no kind", [body({"hello": "world"})], says='is not an OpenAI-compatible API: it answered with the text \'{"hello"'),
    Case("as a success", [body({"error": "Unexpected endpoint or method. (POST /chat/completions)"})], says="does not know some"),
    Case("as text", [Reply((b"no\x1b[31m",), 507, "text/plain")], says="answered with error status 507: no"),
    Case("as a page", [page("<html><head><title>Bad  thing</title></head></html>", 507)], says="answered with error status 507: Bad thing"),
    Case("without a body", [Reply((), 507)], says="answered with error status 507"),
    Case("401", [error(401, "Invalid API key")], says="requires an API key: Invalid API key"),
    Case("403", [body({"detail": "no"}, 403)], says="requires an API key: no"),
    Case("404, of a model it does not list", [error(404, "model not found")], says="does not know some"),
    Case("413", [page("<h1>Request Entity Too Large</h1>", 413)], says="refuses a request of this size: Request Entity Too Large"),
    Case("a redirect", [body(None, 308, Location="http://elsewhere/v1")], says="status 308, a redirect to http://elsewhere/v1, which is not followed"),
    Case("503, then ready", [body(BUSY, 503)] * 3 + [OK], "hi", asked=4),
    Case("503 with only a detail", [body({"detail": {"msg": "Server is busy", "type": "service_unavailable"}}, 503), OK], "hi", asked=2),
    Case("503 for ever", [body(BUSY, 503)], says="answered with error status 503: it is loading its model, or is busy: Loading model", asked=24),
    Case("429, then not", [error(429, "Model is overloaded"), OK], "hi", asked=2),
    Case("429 with Retry-After", [body({}, 429, Retry_After="7"), OK], "hi", asked=2),
    Case("429 for a day", [body({}, 429, Retry_After="86400")], says="limits the number of requests: wait 1440 minutes"),
    Case("502", [page("<title>502 Bad Gateway</title>", 502), OK], "hi", asked=2),
    Case("504", [page("<title>504 Gateway Time-out</title>", 504)], says="504: the gateway before it gets no answer from it in time", asked=6),
]  # fmt: skip

LONG = [
    Case("llama-server", [error(400, "the request exceeds the available context size. try increasing it", type="exceed_context_size_error", n_prompt_tokens=5000, n_ctx=4096)], says=TOO_LONG),
    Case("llama-server, in words", [error(400, "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it")], says=TOO_LONG),
    Case("vLLM", [body({"object": "error", "message": "This model's maximum context length is 4096 tokens. However, you requested 5040 tokens (5000 in the messages, 40 in the completion).", "code": 400}, 400)], says=TOO_LONG),
    Case("SGLang", [error(400, "The input (5000 tokens) is longer than the model's context length (4096 tokens).")], says=TOO_LONG),
    Case("TGI", [body({"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 64. Given: 5000", "error_type": "validation"}, 422)], says=TOO_LONG),
    Case("llama-cpp-python", [error(400, "This model's maximum context length is 64 tokens. However, you requested 5000 tokens")], says=TOO_LONG),
    Case("LM Studio", [events({"error": {"message": "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 64 tokens"}})], says=TOO_LONG),
    Case("Ollama", [error(500, "the input length exceeds the context length")], says=TOO_LONG),
    Case("LiteLLM", [error(400, "litellm.ContextWindowExceededError: prompt is too long: 5000 tokens > 4096 maximum")], says=TOO_LONG),
]  # fmt: skip

CASES = [
    pytest.param(case, id=f"{group}: {case.name}")
    for group, cases in (
        ("shape", SHAPES), ("frame", FRAMES), ("place", PLACES), ("refused", REFUSALS), ("error", ERRORS),
        ("too long", LONG),
    )
    for case in cases
]  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[OddServer]:
    with serving() as server:
        yield server


@pytest.fixture
def odd(server: OddServer) -> OddServer:
    """The server with nothing asked of it yet."""
    server.models = listing({"id": "some", "max_model_len": 4096})
    for heard in (server.asked, server.headers, server.paths):
        heard.clear()
    server.release.clear()
    return server


def at_once(event: threading.Event, seconds: float) -> None:
    """In place of a wait."""


def model_of(odd: OddServer, root: str = "", name: str = "some", **limits: Any) -> RemoteModel:
    limits = {"pause": at_once, **limits}
    return RemoteModel(root or odd.url, name, Manner(), 0, 16384, limits=Limits(**limits))


def outcome(model: RemoteModel, request: Request = FREE) -> tuple[str, str]:
    """The text of an answer, or what the error says."""
    try:
        return model.generate(request).text, ""
    except ModelError as error:
        assert error.remedy
        assert not [word for word in PYTHONS if word in error.what + error.remedy]
        return "", error.what
    finally:
        model.close()


@pytest.mark.parametrize("case", CASES)
def test_an_odd_answer_gives_its_text_or_one_sentence(odd: OddServer, case: Case) -> None:
    odd.answers = list(case.answers)
    text, says = outcome(model_of(odd), case.request)
    assert text == case.text
    assert case.says in says and bool(says) == bool(case.says)
    assert len(odd.asked) == case.asked
    assert case.sent(odd.asked[-1])


# --- addresses and lists of models ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("models", "says", "remedy"),
    [
        (body({"object": "list", "data": None}), "lists no models", "Load a model in the server"),
        (listing(), "lists no models", "Load a model in the server"),
        (listing(*({"id": f"m{n}"} for n in range(20_000))), "m0, m1, m10, m100", "#MODEL"),
        (listing({"id": None}, None, 7, {"name": "a"}, "b"), "Its models: a, b", "#MODEL"),
        (page("<html>hello</html>"), "it answered with a page for a browser", "should end in /v1: {root}/v1"),
        (Reply((b"Ollama is running",), type="text/plain"), "the text 'Ollama is running'", "{root}/v1"),
        (Reply(), "its answer was empty", "should end in /v1"),
        (error(404, "Not Found"), "it has no list of models at {root}/models", "should end in /v1"),
        (Reply((b"404 page not found",), 404, "text/plain"), "no list of models", "should end in /v1"),
        (body({"error": "Unexpected endpoint or method. (GET /models)"}), "no list of models", "end in /v1"),
        (error(401, "no key"), "requires an API key", "MLAGENT_API_KEY"),
        (body(None, 301, Location="/login"), "a redirect to /login, which is not followed", "in the URL"),
        (events("x", BREAK_OFF), "is not an OpenAI-compatible API", "/v1"),
        (Reply((BREAK_OFF,)), "cannot be reached, or closed the connection", "Start the server"),
        (Reply((b"[" * 100_000,)), "it answered with the text", "/v1"),
    ],
)  # fmt: skip
def test_a_list_of_models_that_is_none_is_one_sentence(
    odd: OddServer, models: Reply, says: str, remedy: str
) -> None:
    odd.models = models
    model = model_of(odd, odd.root, "")
    with pytest.raises(ModelError) as caught:
        model.load(threading.Event())
    model.close()
    assert says.format(root=odd.root) in caught.value.what
    assert remedy.format(root=odd.root) in caught.value.remedy
    assert not [word for word in PYTHONS if word in str(caught.value)]


def test_an_address_under_which_there_is_no_chat_is_told_with_v1(odd: OddServer) -> None:
    odd.models = error(404, "nothing here")
    odd.answers = [error(404, "nothing here")]
    assert "is not an OpenAI-compatible API: it has neither" in outcome(model_of(odd, odd.root))[1]


@pytest.mark.parametrize("suffix", ["", "/", "/chat/completions", "/models", "/completions/"])
def test_any_address_of_the_api_will_do(odd: OddServer, suffix: str) -> None:
    odd.answers = [OK]
    model = open_model(f"{odd.url}{suffix}#some")
    assert model.generate(FREE).text == "hi"
    model.close()
    assert odd.paths == ["/v1/models", "/v1/chat/completions"]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("localhost:8000/v1", "write http://localhost:8000/v1"),
        ("10.0.0.7:8000", "write http://10.0.0.7:8000"),
        ("gpu.lab/v1#qwen3", "write http://gpu.lab/v1#qwen3"),
        ("http://host:99999/v1", "not a valid URL"),
        ("http://host:abc/v1", "not a valid URL"),
        ("http://[::1/v1", "not a valid URL"),
        ("http://user:secret@host/v1", "does not name a server"),
        ("ftp://host/v1", "does not name a server"),
    ],
)
def test_an_address_that_is_none_is_refused_before_anything_starts(spec: str, says: str) -> None:
    with pytest.raises(ModelError) as caught:
        check_spec(spec)
    assert says in str(caught.value)


def test_a_file_with_a_name_like_an_address_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("localhost:8000").write_bytes(b"GGUF")
    with pytest.raises(ModelError, match="truncated"):
        check_spec("localhost:8000")


def test_a_key_that_cannot_be_sent_is_refused(odd: OddServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLAGENT_API_KEY", "a\nb")
    with pytest.raises(ModelError, match="MLAGENT_API_KEY has a character"):
        model_of(odd)


def test_nothing_there_and_another_protocol_are_told_in_words(odd: OddServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert "nothing listens at this address" in outcome(model_of(odd, f"http://127.0.0.1:{port}/v1"))[1]
    said = outcome(model_of(odd, odd.url.replace("http:", "https:")))[1]
    assert "it does not use HTTPS: the URL should begin with http://" in said


# --- waiting, and what is remembered --------------------------------------------------------------------


def test_a_busy_server_is_said_once_and_waited_for_longer_and_longer(odd: OddServer) -> None:
    waits: list[float] = []
    told: list[tuple[str, str]] = []
    odd.answers = [body(BUSY, 503)] * 7 + [body({}, 429, Retry_After="7"), OK]
    model = model_of(odd, pause=lambda event, seconds: waits.append(seconds))
    model.watch("the planner's model server", lambda message, remedy: told.append((message, remedy)))
    assert outcome(model) == ("hi", "")
    assert waits == [1, 2, 4, 8, 16, 30, 30, 7]
    assert [message for message, _ in told] == [
        f"waiting for the planner's model server ({odd.url}): it is loading its model, or is busy (Loading model)",
        f"waiting for the planner's model server ({odd.url}): it limits the number of requests",
    ]
    assert told[0][1] == "It is asked again for up to 10 minutes. Press Ctrl-C to stop."


def test_a_wait_ends_at_once_when_cancelled(odd: OddServer) -> None:
    cancel = threading.Event()
    odd.answers = [body({}, 429, Retry_After="200")]
    model = model_of(odd, pause=lambda event, seconds: (cancel.set(), event.wait(seconds)))
    assert model.generate(FREE, None, cancel).finish == "cancelled"
    odd.models = Reply((WAIT,))
    other = model_of(odd, pause=at_once)
    assert not other.load(cancel)
    model.close()
    other.close()


def test_a_server_that_was_there_is_waited_for_while_it_is_started_again(odd: OddServer) -> None:
    odd.answers = [OK]
    with serving() as first:
        first.answers = [OK]
        model = model_of(first)
        assert model.generate(FREE).text == "hi"
    waits: list[float] = []
    model._limits = Limits(pause=lambda event, seconds: waits.append(seconds))
    assert "nothing listens at this address" in outcome(model)[1]
    assert 30 < sum(waits) <= 60


def test_what_a_server_refuses_is_asked_of_it_once_by_both_roles(odd: OddServer) -> None:
    odd.answers = [error(400, "unknown field seed"), error(400, "no stream_options"), OK]
    planner, coder = open_models(odd.url, odd.url)
    for model in (planner, coder, planner):
        assert model.generate(FREE).text == "hi"
    assert [("seed" in sent, "stream_options" in sent) for sent in odd.asked] == [
        (True, True), (False, True), *[(False, False)] * 3,
    ]  # fmt: skip
    planner.close()
    coder.close()


def test_a_schema_whose_grammar_fails_leaves_others_enforced(odd: OddServer) -> None:
    odd.answers = [error(500, "failed to parse grammar"), answer('{"n":1}')]
    model = model_of(odd)
    other = Request(FREE.messages, {"type": "object"}, max_tokens=40)
    for request in (HELD, HELD, other):
        model.generate(request)
    assert ["response_format" in sent for sent in odd.asked] == [True, False, False, True]
    model.close()


# --- answers that do not end, and counting --------------------------------------------------------------


def test_an_answer_without_end_is_cut_off_at_its_tokens(odd: OddServer) -> None:
    odd.answers = [events(*[delta("on and ")] * 5000)]
    model = model_of(odd)
    got = model.generate(FREE)
    model.close()
    assert got.finish == "length"
    assert len(got.text) < 7 * 200


@pytest.mark.parametrize("pieces", [(delta("no"), WAIT), ("", WAIT), (*[delta("")] * 50, WAIT)])
def test_a_server_that_writes_nothing_is_said_and_given_up(odd: OddServer, pieces: tuple[Any, ...]) -> None:
    told: list[str] = []
    odd.answers = [events(*pieces, prefix=": ping\n\ndata: ")]
    model = model_of(odd, silence=0.3, quiet=0.1)
    model.watch("the model server", lambda message, remedy: told.append(message))
    assert "it wrote nothing for 0.3 s" in outcome(model)[1]
    assert len(told) == (0 if pieces[0] == delta("no") else 2)


def test_a_line_without_end_is_given_up(odd: OddServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "MAX_BYTES", 10_000)
    odd.answers = [Reply((b'data: {"choices": "', *[b"x" * 1000] * 100))]
    assert "is not an OpenAI-compatible API" in outcome(model_of(odd))[1]


@pytest.mark.parametrize(
    ("usage", "prompt", "tokens"),
    [
        (None, 14, 3),
        ({}, 14, 3),
        ({"prompt_tokens": 40, "completion_tokens": None}, 40, 3),
        ({"prompt_tokens": -1, "completion_tokens": 1e999}, 14, 3),
        ({"prompt_tokens": True, "completion_tokens": "5"}, 14, 5),
        ({"prompt_tokens": 0, "completion_tokens": 0}, 14, 3),
        ([], 14, 3),
    ],
)
def test_what_a_server_does_not_count_is_counted_here(
    odd: OddServer, usage: Any, prompt: int, tokens: int
) -> None:
    odd.answers = [events(delta("a"), delta("b"), delta("c"), {"choices": [], "usage": usage}, DONE)]
    model = model_of(odd)
    got = model.generate(FREE)
    model.close()
    assert (got.prompt_tokens, got.tokens) == (prompt, tokens)


def test_an_answer_in_one_piece_has_more_than_one_token(odd: OddServer) -> None:
    odd.answers = [answer("word " * 300)]
    model = model_of(odd)
    assert 200 < model.generate(FREE).tokens < 600
    model.close()


def test_code_that_is_only_in_the_thinking_is_found_as_code(odd: OddServer) -> None:
    odd.answers = [answer({"reasoning_content": f"Let me see.\n{CODE}\nThat is it."})]
    model = model_of(odd)
    assert code_block(model.generate(FREE).text) == "class Net(nn.Module):\n    pass\n"
    model.close()


def test_an_answer_that_does_not_fit_behind_its_prompt_is_asked_for_shorter_from_then_on(
    odd: OddServer,
) -> None:
    said = "This model's maximum context length is 2048 tokens. However, you requested 2000 output tokens"
    odd.answers = [error(400, said), OK]
    model = model_of(odd)
    long = Request((Message("user", "x" * 3000),), max_tokens=2000)
    for _ in range(2):
        assert model.generate(long).text == "hi"
    assert [sent["max_tokens"] for sent in odd.asked] == [2000, 1043, 1043]
    assert model.context_length == 2048
    model.close()


def test_an_empty_answer_to_more_than_the_context_is_a_prompt_too_long(odd: OddServer) -> None:
    odd.answers = [answer()]
    model = model_of(odd)
    with pytest.raises(PromptTooLong):
        model.generate(Request((Message("user", "x" * 20_000),), max_tokens=40))
    model.close()
