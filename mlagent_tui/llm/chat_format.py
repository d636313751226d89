"""Turns messages into the text a model was trained on: its own chat template, in a sandbox with limits.

A template is code that came with a model file. It runs in Jinja's immutable sandbox, in the model server, for
a bounded time and to a bounded size; what memory it may take besides is not bounded.
"""

from __future__ import annotations

import datetime
import json
import resource
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.parser
import jinja2.sandbox

from mlagent_tui.errors import ModelError
from mlagent_tui.llm.base import Message
from mlagent_tui.llm.turns import Fold, as_is, no_system, system_first

MAX_PROMPT = 8_000_000
MAX_SECONDS = 5.0
MAX_MEMORY = 1 << 30

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant{{ '\n' }}"
)


class ChatFormat:
    """One model's chat template; ChatML where it has none.

    Templates refuse system messages, or two messages of one role in a row, or want contents as lists of
    parts, or tools: what this one takes is tried out once, when the model is loaded.
    """

    def __init__(self, template: str, bos: str = "", eos: str = "") -> None:
        """Raises `ModelError` for a template that cannot be used."""
        self._bos, self._eos = bos, eos
        self.source = template or CHATML
        try:
            with _limits():
                self._template = _environment().from_string(self.source)
        except Exception as error:  # it is code of somebody else's: whatever it raises is its fault
            raise _unusable(error) from error
        self._way = self._probe()

    def render(self, messages: Sequence[Message], think: bool = True) -> str:
        """The prompt, up to where the answer begins.

        A template that refuses a system message gets it at the head of the first user message, one that
        refuses it further down as a user message. `think` is what the template is told, if it asks. Raises
        `ModelError` when the template fails all the same, or takes too long.
        """
        problem: Exception | None = None
        tried: list[tuple[Message, ...]] = []
        for fold in _FOLDS[_FOLDS.index(self._way.fold) :]:
            folded = fold(messages)
            if folded in tried:
                continue
            tried.append(folded)
            try:
                return self._render(folded, self._way, think)
            except jinja2.TemplateError as error:
                problem = problem or error
        assert problem
        raise _unusable(problem) from problem

    def _probe(self) -> _Way:
        """The first way in which the template shows what a user says."""
        problem: Exception | None = None
        for way in _WAYS:
            try:
                if _ASKED in self._render(way.fold(_PROBE), way, True):
                    return way
            except jinja2.TemplateError as error:
                problem = problem or error
                if isinstance(error, _TooMuch):
                    break
        problem = problem or jinja2.TemplateRuntimeError("it omits the user's message")
        raise _unusable(problem) from problem

    def _render(self, messages: Sequence[Message], way: _Way, think: bool) -> str:
        pieces: list[str] = []
        size = 0
        variables = {
            "messages": [_fields(message, way.parts) for message in messages],
            "add_generation_prompt": True,
            "bos_token": self._bos,
            "eos_token": self._eos,
            "raise_exception": _raise_exception,
            "strftime_now": _strftime_fixed,
            "enable_thinking": think,  # Qwen, GLM, Nemotron, SmolLM
            "thinking": think,  # DeepSeek, Granite, Kimi
            "reasoning": think,  # Command
            **({} if think else {"reasoning_effort": "low"}),  # gpt-oss, Solar
            **way.extras,
        }
        try:
            with _limits():
                for piece in self._template.generate(variables):
                    pieces.append(piece)
                    size += len(piece)
                    if size > MAX_PROMPT:
                        raise _TooMuch("its output is too long")
        except jinja2.TemplateError:
            raise
        except Exception as error:  # it is code of somebody else's: whatever it raises is its fault
            raise jinja2.TemplateRuntimeError(str(error)) from error
        return "".join(pieces)


class _TooMuch(jinja2.TemplateRuntimeError):
    """The template took too long or wrote too much: another way will be no better."""


_FOLDS: tuple[Fold, ...] = (as_is, system_first, no_system)


@dataclass(frozen=True)
class _Way:
    """How messages are put before a template."""

    fold: Fold = as_is
    extras: Mapping[str, Any] = field(default_factory=lambda: {"tools": None, "documents": None})
    parts: bool = False


_NO_TOOLS = {"tools": [], "documents": [], "functions": "", "datetime": ""}
_WAYS = tuple(
    _Way(fold, **how)
    for how in ({}, {"extras": _NO_TOOLS}, {"parts": True}, {"extras": _NO_TOOLS, "parts": True})
    for fold in (as_is, no_system)
)
_ASKED = "mlagentprobe"
_PROBE = (Message("system", "instructions"), Message("user", _ASKED))


def _fields(message: Message, parts: bool) -> dict[str, Any]:
    content = [{"type": "text", "text": message.content}] if parts else message.content
    return {"role": message.role, "content": content}


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
            raise _TooMuch("a product too large")
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
def _limits() -> Iterator[None]:
    """Interrupts the block after `MAX_SECONDS`, and at `MAX_MEMORY` bytes more than the process has.

    Only in a main thread, where the model server renders. macOS does not hold to a limit on memory.
    """

    def too_slow(*_: object) -> None:
        raise _TooMuch(f"it ran for more than {MAX_SECONDS:g} s")

    before = signal.signal(signal.SIGALRM, too_slow)
    signal.setitimer(signal.ITIMER_REAL, MAX_SECONDS)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = _address_space() + MAX_MEMORY
    try:
        if soft == resource.RLIM_INFINITY or limit < soft:
            with suppress(ValueError):  # a hard limit is lower
                resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
        yield
    except MemoryError:
        raise _TooMuch("it needs too much memory") from None
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _address_space() -> int:
    """Bytes of address space in use; more than any where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 1 << 60
