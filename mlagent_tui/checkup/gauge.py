"""Stand between a check and its language model: count and time what is asked, or only note it."""

from __future__ import annotations

import threading
import time

from mlagent_tui.agent import Wrapped
from mlagent_tui.llm import Answer, LanguageModel, OnProgress, OnText, Request

FEW = 8
"""Tokens that may well come in one piece."""
AMPLE = 1_000_000
"""Tokens of context in which every prompt fits."""


class Gauge(Wrapped):
    """The same model, its calls counted and timed. `calls` and `seconds` are those since `begin`."""

    def __init__(self, model: LanguageModel) -> None:
        super().__init__(model)
        self.calls, self.seconds = 0, 0.0
        self.thinks = False
        self._read, self._reading = 0, 0.0
        self._written, self._writing = 0, 0.0

    def begin(self) -> None:
        """Another question."""
        self.calls, self.seconds = 0, 0.0

    @property
    def read_speed(self) -> float:
        """Tokens a second of prompts; 0 while nothing was read."""
        return self._read / self._reading if self._reading else 0.0

    @property
    def write_speed(self) -> float:
        """Tokens a second of answers; 0 while nothing was written."""
        return self._written / self._writing if self._writing else 0.0

    def generate(
        self,
        request: Request,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> Answer:
        pieces = 0

        def heard(piece: str, thinking: bool) -> None:
            nonlocal pieces
            pieces += 1
            if on_text:
                on_text(piece, thinking)

        self.calls += 1
        began = time.monotonic()
        try:
            answer = self._model.generate(request, heard, cancel, on_progress)
        finally:
            self.seconds += time.monotonic() - began
        self._note(answer, streamed=pieces > 1)
        return answer

    def _note(self, answer: Answer, streamed: bool) -> None:
        """A prompt that was stopped tells no speed; an answer in one piece tells one of both."""
        self.thinks |= bool(answer.thinking)
        if answer.tokens > FEW and not streamed:
            self._written += answer.tokens
            self._writing += answer.prompt_seconds + answer.seconds
            return
        fresh = answer.prompt_tokens - answer.reused_tokens
        if answer.tokens and fresh > 0:
            self._read += fresh
            self._reading += answer.prompt_seconds
        self._written += answer.tokens
        self._writing += answer.seconds


class Asked(Exception):
    """What a model would have been asked."""

    def __init__(self, request: Request) -> None:
        super().__init__(request.task)
        self.request = request


class Noting(Wrapped):
    """A model that answers nothing: `generate` raises `Asked`. Its context is so long that nothing is cut."""

    @property
    def context_length(self) -> int:
        return AMPLE

    def generate(
        self,
        request: Request,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> Answer:
        raise Asked(request)

    def close(self) -> None:
        """The model is closed by whoever opened it."""
