"""Turns messages into the text a model was trained on: its own chat template, in a sandbox with limits.

A template is code that came with a model file. It runs in Jinja's immutable sandbox, in the model server, for
a bounded time and to a bounded size; what memory it may take besides is not bounded.
"""

from __future__ import annotations

import datetime
import json
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.parser
import jinja2.sandbox

from mlagent_tui.errors import ModelError
from mlagent_tui.llm.base import Message

MAX_PROMPT = 8_000_000
MAX_SECONDS = 5.0

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant{{ '\n' }}"
)


class ChatFormat:
    """One model's chat template; ChatML where it has none."""

    def __init__(self, template: str, bos: str = "", eos: str = "") -> None:
        self._bos, self._eos = bos, eos
        try:
            with _time_limit():
                self._template = _environment().from_string(template or CHATML)
        except (jinja2.TemplateError, RecursionError, OverflowError) as error:
            raise _unusable(error) from error

    def render(self, messages: Sequence[Message]) -> str:
        """The prompt, up to where the answer begins.

        A template that refuses a system message gets it at the head of the first user message. Raises
        `ModelError` when the template fails all the same, or takes too long.
        """
        try:
            return self._render(messages)
        except jinja2.TemplateError as error:
            folded = _fold_system(messages)
            if folded == tuple(messages):
                raise _unusable(error) from error
        try:
            return self._render(folded)
        except jinja2.TemplateError as error:
            raise _unusable(error) from error

    def _render(self, messages: Sequence[Message]) -> str:
        pieces: list[str] = []
        size = 0
        variables = {
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "add_generation_prompt": True,
            "bos_token": self._bos,
            "eos_token": self._eos,
            "tools": None,
            "documents": None,
            "raise_exception": _raise_exception,
            "strftime_now": _strftime_fixed,
        }
        try:
            with _time_limit():
                for piece in self._template.generate(variables):
                    pieces.append(piece)
                    size += len(piece)
                    if size > MAX_PROMPT:
                        raise jinja2.TemplateRuntimeError("its output has no end")
        except (TypeError, ValueError, LookupError, ArithmeticError, RecursionError, AttributeError) as error:
            raise jinja2.TemplateRuntimeError(str(error)) from error
        return "".join(pieces)


def _fold_system(messages: Sequence[Message]) -> tuple[Message, ...]:
    system = "\n\n".join(message.content for message in messages if message.role == "system")
    rest = [message for message in messages if message.role != "system"]
    if system and rest:
        rest[0] = Message(rest[0].role, f"{system}\n\n{rest[0].content}")
    return tuple(rest)


def _unusable(error: Exception) -> ModelError:
    return ModelError(
        f"the model's chat template cannot be used: {error}",
        "Choose another conversion of this model, or another model.",
    )


class _Sandbox(jinja2.sandbox.ImmutableSandboxedEnvironment):
    """Multiplication and powers, which can make a huge value of a short text, are limited."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        sizes = [
            len(value) if isinstance(value, str | list | tuple) else abs(value) for value in (left, right)
        ]
        if (
            max(sizes) > MAX_PROMPT
            or (operator == "**" and max(sizes) > 64)
            or sizes[0] * sizes[1] > MAX_PROMPT
        ):
            raise jinja2.TemplateRuntimeError("a product too large")
        return super().call_binop(context, operator, left, right)


class _GenerationTag(jinja2.ext.Extension):
    """`{% generation %}`, with which templates mark what a training loss counts: no effect here."""

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: jinja2.parser.Parser) -> list[jinja2.nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _environment() -> jinja2.Environment:
    environment = _Sandbox(
        trim_blocks=True, lstrip_blocks=True, extensions=[_GenerationTag, "jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _to_json
    return environment


def _to_json(value: Any, indent: int | None = None, **_: Any) -> str:
    """Unlike Jinja's own filter this one escapes nothing for HTML; templates are written for that."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise_exception(message: str) -> None:
    raise jinja2.TemplateRuntimeError(str(message))


def _strftime_fixed(pattern: str) -> str:
    """Some templates tell the model today's date; here the same request gives the same prompt on any day."""
    return datetime.date(2025, 1, 1).strftime(pattern)


@contextmanager
def _time_limit() -> Iterator[None]:
    """Interrupts the block after `MAX_SECONDS`; only in a main thread, where the model server renders."""

    def too_slow(*_: object) -> None:
        raise jinja2.TemplateRuntimeError(f"it ran for more than {MAX_SECONDS:g} s")

    before = signal.signal(signal.SIGALRM, too_slow)
    signal.setitimer(signal.ITIMER_REAL, MAX_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
