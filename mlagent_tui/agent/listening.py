"""A language model with somebody beside it: what it is asked is told, what it takes is timed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from mlagent_tui import events
from mlagent_tui.agent.clock import Clock
from mlagent_tui.llm import Answer, LanguageModel, Message, OnText, Request


class Overheard:
    """A language model whose every request is told before it is answered, repeated ones included."""

    def __init__(self, model: LanguageModel, role: events.Role, tell: Callable[[events.Event], None]) -> None:
        self._model = model
        self._role = role
        self._tell = tell

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def context_length(self) -> int:
        return self._model.context_length

    def generate(
        self, request: Request, on_text: OnText | None = None, cancel: threading.Event | None = None
    ) -> Answer:
        self._tell(events.ModelAsked(role=self._role, task=task_of(request), prompt=shown(request)))
        return self._model.generate(request, on_text, cancel)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return self._model.count_tokens(messages)

    def close(self) -> None:
        self._model.close()


class Timed:
    """A language model whose answers count as thinking, whatever the step they are part of."""

    def __init__(self, model: LanguageModel, clock: Clock) -> None:
        self._model = model
        self._clock = clock
        self.name = model.name
        self.context_length = model.context_length

    def generate(
        self, request: Request, on_text: OnText | None = None, cancel: threading.Event | None = None
    ) -> Answer:
        with self._clock.spend("thinking"):
            return self._model.generate(request, on_text, cancel)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return self._model.count_tokens(messages)

    def close(self) -> None:
        self._model.close()


def task_of(request: Request) -> str:
    """The name of the task, which every prompt of ours begins with."""
    return request.messages[-1].content.partition("\n")[0].removeprefix("Task: ")


def shown(request: Request) -> str:
    """The messages as one text, each under the name of its role."""
    return "\n\n".join(f"{message.role}:\n{message.content}" for message in request.messages)
