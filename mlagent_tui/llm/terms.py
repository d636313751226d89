"""In which form each part of a request is put to one server: each part has forms, the preferred first.

A part that a server refuses moves on to its next form, once; whoever asks remembers for it what it took.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mlagent_tui.llm import begun
from mlagent_tui.llm.base import Message, Request
from mlagent_tui.llm.refusals import FAILING, GRAMMAR, REFUSING, Refused
from mlagent_tui.llm.turns import Fold, as_is, no_system

LITTLE_TEMPERATURE = 0.01
"""For servers that refuse 0: nearly always the likeliest token."""

BEGUN = "begun"
"""Where a form puts the message that comes after all others."""
MOST_STOPS = 4
"""Texts that a request may have as `stop`, by OpenAI's own limit."""
_GO_ON = {"continue_final_message": True, "add_generation_prompt": False}
"""For vLLM, SGLang and newer llama-servers; others do it unasked."""
_NO_THINKING = {"enable_thinking": False}
"""For llama-servers, which refuse a begun answer of a model that may think first."""

Form = Callable[["Wanted"], dict[str, Any]]


@dataclass(frozen=True)
class Wanted:
    """A request in full, before anything is left out of it. `thinks`: the model is known to think first."""

    model: str
    request: Request
    max_tokens: int
    temperature: float
    thinks: bool = False


@dataclass(frozen=True)
class Part:
    """One part of a request: the words by which a refusal names it, and its forms."""

    signs: str
    forms: tuple[Form, ...]


def with_schema(messages: Sequence[Message], schema: dict[str, Any]) -> tuple[Message, ...]:
    """The messages, the schema told in them: some servers ignore it silently."""
    text = json.dumps(schema, separators=(",", ":"))
    if any(text in message.content for message in messages):
        return tuple(messages)
    told = f"Answer with one JSON object of this schema:\n{text}"
    first, *rest = messages
    if first.role == "system":
        return Message("system", f"{first.content}\n\n{told}"), *rest
    return Message("system", told), first, *rest


def _as_json_schema(wanted: Wanted) -> dict[str, Any]:
    shape = {"type": "json_schema", "json_schema": {"name": "answer", "schema": wanted.request.schema}}
    return {"response_format": shape} if wanted.request.schema else {}


def _as_json_object(wanted: Wanted) -> dict[str, Any]:
    """As llama-cpp-python's server and older llama-servers want it."""
    shape = {"type": "json_object", "schema": wanted.request.schema}
    return {"response_format": shape} if wanted.request.schema else {}


def _as_any_object(wanted: Wanted) -> dict[str, Any]:
    return {"response_format": {"type": "json_object"}} if wanted.request.schema else {}


def _left_out(wanted: Wanted) -> dict[str, Any]:
    return {}


def _messages(fold: Fold) -> Form:
    def form(wanted: Wanted) -> dict[str, Any]:
        request = wanted.request
        messages = with_schema(request.messages, request.schema) if request.schema else request.messages
        return {"messages": [{"role": m.role, "content": m.content} for m in fold(messages)]}

    return form


def _begun(**how: Any) -> Form:
    """The begun answer as a last message of the assistant, and what tells some servers to go on from it."""

    def form(wanted: Wanted) -> dict[str, Any]:
        text = begun.sent(wanted.request.begin)
        return {BEGUN: {"role": "assistant", "content": text}, **how} if text else {}

    return form


def _begun_in_words(wanted: Wanted) -> dict[str, Any]:
    text = begun.sent(wanted.request.begin)
    told = f"Begin your answer with exactly this text, then continue it:\n{text}"
    return {BEGUN: {"role": "user", "content": told}} if text else {}


def _stop(wanted: Wanted) -> dict[str, Any]:
    """Not where it would end an answer that is begun again, or thinking, too early."""
    request = wanted.request
    sent = request.stops and not request.begin and not wanted.thinks
    return {"stop": list(request.stops[:MOST_STOPS])} if sent else {}


PARTS: Mapping[str, Part] = {
    "response_format": Part(
        r"response_format|json_schema|json_object|structured|guided|json mode|" + GRAMMAR.pattern,
        (_as_json_schema, _as_json_object, _as_any_object, _left_out),
    ),
    "begin": Part(
        r"prefill|continue_final|add_generation|enable_thinking|last (role|message)"
        r"|final (assistant )?message|(ends?|ending) with.{0,20}assistant",
        (_begun(**_GO_ON), _begun(**_GO_ON, chat_template_kwargs=_NO_THINKING), _begun(), _begun_in_words),
    ),
    "stop": Part(r"\bstop\b", (_stop, _left_out)),
    "repeat_penalty": Part(  # servers may punish repetition unasked, which spoils code and JSON
        "repeat_penalty", (lambda wanted: {"repeat_penalty": 1.0}, _left_out)
    ),
    "stream_options": Part(
        "stream_options|include_usage",
        (lambda wanted: {"stream_options": {"include_usage": True}}, _left_out),
    ),
    "seed": Part(r"\bseed\b", (lambda wanted: {"seed": wanted.request.seed}, _left_out)),
    "max_tokens": Part(
        "max_(completion_)?tokens",
        (
            lambda wanted: {"max_tokens": wanted.max_tokens},
            lambda wanted: {"max_completion_tokens": wanted.max_tokens},
            _left_out,
        ),
    ),
    "temperature": Part(
        "temperature",
        (
            lambda wanted: {"temperature": wanted.temperature},
            lambda wanted: {"temperature": max(wanted.temperature, LITTLE_TEMPERATURE)},
            _left_out,
        ),
    ),
    "messages": Part(
        r"system (role|message|prompt)|\bsystem\b.{0,40}support|\broles?\b.{0,60}(alternate|support)"
        r"|got system|developer.{0,20}role|jinja|chat.?template",
        (_messages(as_is), _messages(no_system)),
    ),
}
"""In the order in which they are given up where a refusal does not say what it is about."""


@dataclass(frozen=True)
class Terms:
    """In which form each part is asked of one server. `schemas` are those that its grammars failed on."""

    forms: Mapping[str, int] = field(default_factory=dict)
    schemas: frozenset[str] = frozenset()

    def body(self, wanted: Wanted) -> dict[str, Any]:
        """The fields of a request."""
        fields: dict[str, Any] = {"model": wanted.model, "stream": True}
        for name in PARTS:
            fields |= self._form(name, wanted)(wanted)
        if last := fields.pop(BEGUN, None):
            *before, asked = fields["messages"]
            if asked["role"] == last["role"]:
                last = {**last, "content": f"{asked['content']}\n\n{last['content']}"}
            else:
                before.append(asked)
            fields["messages"] = [*before, last]
        return fields

    def giving_way(self, refused: Refused, wanted: Wanted) -> Terms | None:
        """What to ask instead; None where nothing can be left out, or nothing was refused."""
        if refused.status in (0, FAILING):
            return self._after_failure(refused, wanted)
        if refused.status not in REFUSING and "response_format" not in refused.told:
            return None
        if wanted.request.schema and refused.grammar:
            return self._without_grammar(wanted) or self._less(self._named(refused), wanted)
        return self._less([*self._named(refused), *PARTS], wanted)

    def _after_failure(self, refused: Refused, wanted: Wanted) -> Terms | None:
        """The server's own code has failed: maybe on a grammar, or on a role that a template refuses."""
        named = self._named(refused)
        if named and named[0] != "response_format":
            return self._less(named, wanted)
        return self._without_grammar(wanted) or self._less(["messages"], wanted)

    def _without_grammar(self, wanted: Wanted) -> Terms | None:
        """Without anything to enforce this one schema; others may be enforced all the same."""
        key = _key(wanted.request.schema)
        if not key or key in self.schemas or not self._form("response_format", wanted)(wanted):
            return None
        return replace(self, schemas=self.schemas | {key})

    def _named(self, refused: Refused) -> list[str]:
        """The parts that the refusal names, the first one first."""
        found = {
            name: re.search(part.signs, refused.told, re.IGNORECASE | re.DOTALL)
            for name, part in PARTS.items()
        }
        places = {name: match.start() for name, match in found.items() if match}
        return sorted(places, key=places.__getitem__)

    def _less(self, names: Sequence[str], wanted: Wanted) -> Terms | None:
        """With the first of `names` that has another form left in its next form."""
        for name in names:
            forms = PARTS[name].forms
            now = self._form(name, wanted)(wanted)
            for index in range(self.forms.get(name, 0) + 1, len(forms)):
                if forms[index](wanted) != now:
                    return replace(self, forms={**self.forms, name: index})
        return None

    def _form(self, name: str, wanted: Wanted) -> Form:
        if name == "response_format" and _key(wanted.request.schema) in self.schemas:
            return _left_out
        return PARTS[name].forms[self.forms.get(name, 0)]


def _key(schema: dict[str, Any] | None) -> str:
    return hashlib.sha256(json.dumps(schema).encode()).hexdigest() if schema else ""
