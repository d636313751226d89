"""Odd but ordinary answers of servers, and what each gives: the text of an answer, or one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mlagent_tui.llm import Message, Request
from tests.odd_server import BREAK_OFF, Reply, answer, body, delta, error, events, page

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}
FREE = Request((Message("system", "Be brief."), Message("user", "go")), max_tokens=40)
HELD = Request(FREE.messages, SCHEMA, max_tokens=40)
CODE = "```python\nclass Net(nn.Module):\n    pass\n```"
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
        says="gave no complete answer: the connection ended in the middle of it",
        asked=2,
    ),
    Case("cut off after its finish_reason", [events(delta("hi"), delta(finish="stop"), BREAK_OFF)], "hi"),
    Case("cut off in the middle of a piece", [Reply((b'data: {"choices":[{"delta":{"content":"no"}}]}\n\ndata: {"cho',)), OK], "hi", asked=2),
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
    Case("405", [Reply((), 405)], says="does not know some"),
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

GROUPS = {
    "shape": SHAPES,
    "frame": FRAMES,
    "place": PLACES,
    "refused": REFUSALS,
    "error": ERRORS,
    "too long": LONG,
}
