"""The interface of a language model: a request, an answer, and the protocol between them. No backend here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from mlagent_tui.errors import ModelError
from mlagent_tui.prompts import CodeForm, Profile

Role = Literal["system", "user", "assistant"]
Finish = Literal["stop", "length", "repetition", "enough", "cancelled"]
OnText = Callable[[str, bool], None]
OnProgress = Callable[[int, int], None]
Tell = Callable[[str, str], None]
"""Hears a message and its remedy."""


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True)
class Request:
    """What is asked of a model. The answer is JSON valid under `schema` where one is given.

    `max_tokens` bounds the answer; thinking before it has a budget of its own. A `temperature` of 0 takes the
    likeliest token always; above it, tokens are drawn at random from `seed`. The model goes on from `begin`
    as from the start of its own answer, which then holds what follows only; it ends before the first of
    `stops`. `task` is what the request is called where it is told of. A `plain` request is a text to be
    continued: it is shown without the model's chat template, where the model's own server can do so.
    """

    messages: tuple[Message, ...]
    schema: dict[str, Any] | None = None
    max_tokens: int = 2048
    temperature: float = 0.0
    seed: int = 0
    task: str = ""
    begin: str = ""
    stops: tuple[str, ...] = ()
    plain: bool = False


@dataclass(frozen=True)
class Answer:
    """What came back. `finish` is "length" when `max_tokens` or the context ended before the answer did,
    "repetition" when it was ended because it repeated itself, "enough" when `on_text` raised `Enough`.

    `tokens` counts thinking and answer; `prompt_seconds` is the time until the first of them, `seconds` the
    time after it. Of the prompt, `reused_tokens` had been evaluated before.
    """

    text: str
    thinking: str
    finish: Finish
    prompt_tokens: int
    tokens: int
    prompt_seconds: float
    seconds: float
    reused_tokens: int = 0


class Enough(Exception):
    """An `on_text` callback may raise it: the answer ends here, with what the callback has heard so far."""


class PromptTooLong(ModelError):
    """The prompt, or prompt and answer, do not fit into the context; the caller has to shorten the prompt."""

    def __init__(self, prompt_tokens: int, context_length: int) -> None:
        super().__init__(
            f"the prompt has {prompt_tokens} tokens; prompt and answer together may have {context_length}",
            "Shorten the text, or use a model with a longer context.",
        )
        self.prompt_tokens = prompt_tokens
        self.context_length = context_length


class LanguageModel(Protocol):
    """A model that answers one request at a time; calls from several threads wait for one another."""

    @property
    def name(self) -> str:
        """What to call it on screen."""

    @property
    def context_length(self) -> int:
        """Tokens that prompt and answer may have together."""

    @property
    def profile(self) -> Profile:
        """Which prompts it is asked with."""

    def generate(
        self,
        request: Request,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> Answer:
        """Answers `request`; `on_text(piece, is_thinking)` hears the text as it is written.

        It may raise `Enough`: then the answer ends with what it has heard.
        `on_progress(done, total)` hears, where the model tells it, how many tokens of a long prompt are read.
        Raises `PromptTooLong` when no room is left for an answer, `ModelError` when the model fails.
        """

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the prompt that `messages` become."""

    def close(self) -> None:
        """Frees everything; a second time does nothing."""


@runtime_checkable
class KnowsForms(Protocol):
    """A language model of which it is known in which forms it is best asked for code."""

    @property
    def code_forms(self) -> tuple[CodeForm, ...]:
        """The forms to ask for code in: the first, then the next where that has failed."""


def code_forms(model: LanguageModel) -> tuple[CodeForm, ...]:
    """In which forms to ask `model` for code, one after the other."""
    if isinstance(model, KnowsForms):
        return model.code_forms
    return ("lines",) if model.profile == "completion" else ("whole",)


@runtime_checkable
class Awaited(Protocol):
    """A language model that something else serves, a process or a server, which may have to be waited for."""

    def watch(self, title: str, tell: Tell) -> None:
        """Let `tell(message, remedy)` hear when the server, called `title` for people, is waited for."""

    def load(self, cancel: threading.Event) -> bool:
        """Waits until the model can answer; False when cancelled meanwhile. Raises `ModelError`."""
