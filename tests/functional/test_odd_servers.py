"""Odd but ordinary answers of servers, each with what it gives: the text of the answer, or one sentence."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlagent_tui import cli
from mlagent_tui.agent import Planner
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
from tests.odd_answers import BUSY, CODE, DONE, FREE, GROUPS, HELD, OK, Case
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
from tests.scripted import ACHIEVED, CONFIG, GOAL, plan
from tests.scripted import CODE as CODE_OF_NETWORK

PYTHONS = ("Traceback", "NoneType", "object has no attribute", "Error:", "Exception", "defect", "errno", "0x")
CASES = [pytest.param(case, id=f"{group}: {case.name}") for group, cases in GROUPS.items() for case in cases]


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
    return RemoteModel(root or odd.url, name, Manner(profile="minnow"), 0, 16384, limits=Limits(**limits))


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
        (Reply((BREAK_OFF,)), "gave no complete answer: the connection ended", "log of the server"),
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
    assert "it does not use HTTPS: write http:// in the URL" in said


# --- waiting, and what is remembered --------------------------------------------------------------------


def test_a_busy_server_is_said_once_and_waited_for_longer_and_longer(odd: OddServer) -> None:
    waits: list[float] = []
    told: list[tuple[str, str]] = []
    odd.answers = [body(BUSY, 503)] * 7 + [body({}, 429, Retry_After="7"), OK]
    model = model_of(odd, pause=lambda event, seconds: waits.append(seconds))
    model.watch("the planner's server", lambda message, remedy: told.append((message, remedy)))
    assert outcome(model) == ("hi", "")
    assert waits == [1, 2, 4, 8, 16, 30, 30, 7]
    assert [message for message, _ in told] == [
        f"waiting for the planner's server ({odd.url}): it is loading its model, or is busy (Loading model)",
        f"waiting for the planner's server ({odd.url}): it limits the number of requests",
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
    odd.answers = [events(*(delta(f"on and {n} ") for n in range(5000)))]
    model = model_of(odd)
    got = model.generate(FREE)
    model.close()
    assert got.finish == "length"
    assert len(got.text) < 12 * 200


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


def test_a_prompt_too_long_for_the_server_is_shown_shorter(odd: OddServer) -> None:
    said = "The input (2500 tokens) is longer than the model's context length (2048 tokens)."
    odd.answers = [error(400, said), answer(json.dumps(GOAL))]
    model = model_of(odd)
    planner = Planner(model, 0, lambda *_: None, lambda *_: None, threading.Event())
    assert planner.read("digits " * 500).dataset == "digits"
    first, second = (len(sent["messages"][1]["content"]) for sent in odd.asked)
    assert second < first - 1000
    model.close()


def test_a_server_that_names_no_sizes_is_believed_all_the_same(odd: OddServer) -> None:
    odd.answers = [error(500, "the input length exceeds the context length")]
    model = model_of(odd)
    with pytest.raises(PromptTooLong) as caught:
        model.generate(Request((Message("user", "x" * 6000),), max_tokens=100))
    assert caught.value.prompt_tokens == caught.value.context_length == model.context_length == 2005
    model.close()


# --- from the command line ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("models", "answers", "lines"),
    [
        (page("<html>"), [OK], ["is not an OpenAI-compatible API: it answered with a page for a browser", "should end in /v1"]),
        (body({"data": None}), [OK], ["lists no models", "Load a model in the server"]),
        (listing("some"), [body(BUSY, 503, Retry_After="0"), error(401, "no")], ["waiting for the planner's model server", "it is loading its model", "requires an API key: no"]),
        (listing("some"), [events({"choices": None}, delta("I do not know."), DONE)], ["gave no valid Goal in 3 attempts. Last problem: the answer has no complete JSON object"]),
    ],
    ids=["a page", "no models", "busy, then a key", "prose"],
)  # fmt: skip
def test_a_run_on_an_odd_server_ends_with_one_clear_line(
    odd: OddServer,
    models: Reply,
    answers: list[Reply],
    lines: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    odd.models, odd.answers = models, answers
    asked = ["digits, at least 90% accuracy", "--model", odd.root if models.type == "text/html" else odd.url]
    assert cli.main(["run", *asked, "--fallback", "none", "--project", str(tmp_path / "p")]) == 1
    said = capsys.readouterr().err
    assert [line for line in lines if line not in said] == []
    assert not [word for word in PYTHONS if word in said]


def test_a_run_goes_on_with_what_an_odd_server_sends(odd: OddServer, tmp_path: Path) -> None:
    """Every answer in a shape of its own; a server that refuses half of what it is asked."""
    code = "".join(f"{line}\n" for line in ("```python", CODE_OF_NETWORK.strip(), "```"))
    odd.answers = [
        error(400, "unknown field: seed"),
        error(500, "System role not supported"),
        events({"choices": None}, delta([{"type": "text", "text": json.dumps(GOAL)}]), DONE),
        answer({"reasoning_content": json.dumps(plan())}),
        error(500, "failed to parse grammar"),
        answer(json.dumps(CONFIG)),
        answer({"reasoning_content": code}),
        body({"choices": [{"message": {"content": "A small network."}}], "usage": None}),
        answer(json.dumps(ACHIEVED)),
    ]
    args = ["run", "digits, at least 30% accuracy", "--model", odd.url, "--iterations", "1"]
    args += ["--model-option", "prompts=minnow"]
    assert cli.main([*args, "--project", str(tmp_path / "p")]) == 0
    assert [("seed" in sent, len(sent["messages"])) for sent in odd.asked[:4]] == [(True, 2), (False, 2), (False, 1), (False, 1)]  # fmt: skip


@pytest.mark.parametrize(
    ("models", "line"),
    [
        (page("<html>"), "is not an OpenAI-compatible API"),
        (listing("some"), "answered with error status 507: full"),
    ],
)
def test_a_check_of_an_odd_server_ends_with_one_clear_line(
    odd: OddServer, models: Reply, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    odd.models, odd.answers = models, [body(BUSY, 503, Retry_After="0"), error(507, "full")]
    assert cli.main(["models", "check", odd.url]) == 1
    said = capsys.readouterr().err
    assert line in said
    assert ("waiting for the model server" in said) == (models.type != "text/html")
    assert not [word for word in PYTHONS if word in said]
