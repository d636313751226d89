"""Reads what a server of the OpenAI kind sends, once it is JSON: pieces of an answer, a list of models, an
error. Whatever is null, missing or of another type than expected counts as not said.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mlagent_tui.llm.base import Finish

REASONING = ("reasoning_content", "reasoning", "thinking")
"""Where servers put what a model thought: vLLM and llama-server, newer vLLM and Ollama, others."""
SAID = ("message", "msg", "error", "detail", "title", "reason")
TOLD = (*SAID, "loc", "param", "type", "code")
"""What in an error is for people, and what is about the error at all: the rest may be the request again."""
SIZES = ("n_prompt_tokens", "n_ctx")
"""Numbers that llama-server adds to an error."""
MAX_MODELS, MAX_DEPTH, MAX_TOLD = 10_000, 6, 4000
MAX_COUNT = 1 << 48

_LENGTH = {"length", "max_tokens", "max_length", "max_output_tokens", "model_length"}
_FAILED = {"error", "abort", "network_error"}


@dataclass(frozen=True)
class Chunk:
    """What one value of a stream adds to an answer. `arguments` are those of a tool that the model called."""

    text: str = ""
    thinking: str = ""
    arguments: str = ""
    refusal: str = ""
    finish: Finish | None = None
    failed: bool = False
    prompt_tokens: int = 0
    tokens: int = 0

    @property
    def says(self) -> bool:
        """Whether it holds anything that a model wrote."""
        return bool(self.text or self.thinking or self.arguments or self.refusal)


@dataclass(frozen=True)
class Listed:
    """A model of a server's list; `context` is 0 where the server does not say it."""

    name: str
    context: int = 0


def chunk(value: Any) -> Chunk:
    """One value of a stream, or a whole answer that came at once."""
    fields = _dict(value)
    choice = next((_dict(c) for c in _list(fields.get("choices")) if not count(_dict(c).get("index"))), {})
    delta = _dict(choice.get("delta")) or _dict(choice.get("message"))
    text, thought = _content(delta.get("content") or choice.get("text"))
    named = next((delta[name] for name in REASONING if isinstance(delta.get(name), str | list)), "")
    ending = choice.get("finish_reason")
    ending = ending.lower() if isinstance(ending, str) else ""
    usage = _dict(fields.get("usage"))
    return Chunk(
        text=text,
        thinking="".join(_content(named)) + thought,
        arguments="".join(_arguments(delta)),
        refusal=_text(delta.get("refusal")),
        finish=("length" if ending in _LENGTH else "stop") if ending else None,
        failed=ending in _FAILED,
        prompt_tokens=count(usage.get("prompt_tokens")),
        tokens=count(usage.get("completion_tokens")),
    )


def is_answer(value: Any) -> bool:
    """Whether a value of a stream is part of an answer, though it may say nothing."""
    return (
        not isinstance(value, dict) or not value or bool({"choices", "usage", "object", "id"} & value.keys())
    )


def error_in(value: Any) -> Any:
    """The error that a value is, with a status of success around it; None for any other value."""
    fields = _dict(value)
    if fields.get("error"):
        return fields["error"]
    if fields.keys() & {"choices", "data"}:
        return None
    is_error = fields.get("object") == "error" or "detail" in fields or bool(_text(fields.get("message")))
    return fields if is_error else None


def status_in(error: Any) -> int:
    """The HTTP status that an error object names; 0 where it names none."""
    fields = _dict(error)
    found = (count(fields.get(name)) for name in ("code", "status", "status_code", "http_status_code"))
    return next((status for status in found if 300 <= status < 600), 0)


def told(error: Any) -> str:
    """All that an error says of itself, on one line: what a refusal is recognised by."""
    return " ".join(" ".join(_told(error, MAX_DEPTH)).split())[:MAX_TOLD]


def sentence(error: Any) -> str:
    """What an error says to people, in the server's own words; empty where it says nothing."""
    return _sentence(error, MAX_DEPTH)


def models(value: Any) -> list[Listed]:
    """The models of a list, however it is wrapped; those without a name are left out."""
    fields = _dict(value)
    entries = _list(fields.get("data")) or _list(fields.get("models")) or _list(value)
    return list(_listed(entries[:MAX_MODELS]))


def count(value: Any) -> int:
    """A whole number, also one written as text; 0 for anything else."""
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 20:
        value = int(value)
    if isinstance(value, float) and math.isfinite(value):
        value = int(value)
    return value if type(value) is int and 0 <= value < MAX_COUNT else 0


def _listed(entries: list[Any]) -> Iterator[Listed]:
    for entry in entries:
        fields = _dict(entry)
        name = entry if isinstance(entry, str) else _text(fields.get("id")) or _text(fields.get("name"))
        if name:
            meta = _dict(fields.get("meta"))
            said = (
                *(fields.get(key) for key in ("max_model_len", "context_length", "loaded_context_length")),
                meta.get("n_ctx"),
            )
            yield Listed(name, next((number for number in map(count, said) if number), 0))


def _content(value: Any) -> tuple[str, str]:
    """Text and thinking of a content: a text, a part, or a list of parts."""
    if isinstance(value, str):
        return value, ""
    if isinstance(value, list):
        parts = [_content(part) for part in value if not isinstance(part, list)]
        return "".join(text for text, _ in parts), "".join(thought for _, thought in parts)
    part = _dict(value)
    kind = part.get("type")
    if kind in ("thinking", "reasoning"):
        inner = part.get("thinking") or part.get("reasoning") or part.get("text")
        return "", _text(inner) or "".join(_text(_dict(p).get("text")) for p in _list(inner))
    return _text(part.get("text")), ""


def _arguments(delta: dict[str, Any]) -> Iterator[str]:
    called = [_dict(call).get("function") for call in _list(delta.get("tool_calls"))]
    for function in (*called, delta.get("function_call")):
        arguments = _dict(function).get("arguments")
        yield json.dumps(arguments) if isinstance(arguments, dict) else _text(arguments)


def _sentence(error: Any, depth: int) -> str:
    if isinstance(error, str):
        return " ".join(error.split())
    if not depth:
        return ""
    if isinstance(error, list):
        return "; ".join(filter(None, (_sentence(item, depth - 1) for item in error[:3])))
    fields = _dict(error)
    said = next(filter(None, (_sentence(fields.get(key), depth - 1) for key in SAID)), "")
    where = ".".join(part for part in _list(fields.get("loc")) if isinstance(part, str))
    return f"{where}: {said}" if where and said else said


def _told(error: Any, depth: int) -> Iterator[str]:
    if isinstance(error, str | int | float) and not isinstance(error, bool):
        yield str(error)
    elif depth and isinstance(error, list):
        for item in error[:20]:
            yield from _told(item, depth - 1)
    elif depth and isinstance(error, dict):
        for key in TOLD:
            yield from _told(error.get(key), depth - 1)
        for key in SIZES:
            if key in error:
                yield f"{key} {count(error[key])}"


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
