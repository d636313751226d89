"""A language model whose requests are reported as events and timed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from mlagent_tui import events
from mlagent_tui.agent.clock import Clock
from mlagent_tui.agent.wrapped import Wrapped
from mlagent_tui.llm import Answer, LanguageModel, OnProgress, OnText, Request

NOTICEABLE = 0.5
"""Seconds that reading a prompt takes before it is told how far it is."""

PACE = 0.1
"""Seconds between two such tellings, at least."""

PARTS = 100
"""And so many of them for one prompt at most: each is a line of the journal."""


class Overheard(Wrapped):
    """A language model whose every request is told before it is answered, repeated ones included."""

    def __init__(self, model: LanguageModel, role: events.Role, tell: Callable[[events.Event], None]) -> None:
        super().__init__(model)
        self._role = role
        self._tell = tell

    def generate(
        self,
        request: Request,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> Answer:
        role, task = self._role, request.task
        self._tell(events.ModelAsked(role=role, task=task, prompt=shown(request), model=self.name))
        reading = Reading(
            lambda done, total: self._tell(
                events.PromptProgress(role=role, task=task, done=done, total=total)
            )
        )
        return self._model.generate(request, on_text, cancel, on_progress or reading)


class Reading:
    """How far a prompt has been read, passed on where that takes noticeable time, and then not too often."""

    def __init__(self, tell: OnProgress, now: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._now = now
        self._next = now() + NOTICEABLE
        self._told = 0

    def __call__(self, done: int, total: int) -> None:
        now = self._now()
        if now < self._next or done >= total or (done - self._told) * PARTS < total:
            return
        self._next, self._told = now + PACE, done
        self._tell(done, total)


class Timed(Wrapped):
    """A language model whose answers count as thinking, whatever the step they are part of."""

    def __init__(self, model: LanguageModel, clock: Clock) -> None:
        super().__init__(model)
        self._clock = clock

    def generate(
        self,
        request: Request,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> Answer:
        with self._clock.spend("thinking"):
            return self._model.generate(request, on_text, cancel, on_progress)


def shown(request: Request) -> str:
    """The messages as one text, each under the name of its role."""
    return "\n\n".join(f"{message.role}:\n{message.content}" for message in request.messages)
