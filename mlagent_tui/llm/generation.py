"""Writes one answer, token by token: thinking freely under a budget, then the answer, held to its schema.

Knows no backend: anything that turns tokens into logits will do.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mlagent_tui.errors import ModelError
from mlagent_tui.llm.base import Answer, Finish, PromptTooLong, Request
from mlagent_tui.llm.constrain import Constraint
from mlagent_tui.llm.thinking import MARKERS, Emit, Writer, opened_by

MIN_P = 0.05
"""When drawing at random, tokens less likely than this share of the likeliest are left out."""


class TokenModel(Protocol):
    """What a backend offers."""

    context_length: int

    def tokenize(self, text: str) -> list[int]:
        """The tokens of a prompt, its control tokens included."""

    def piece(self, token: int) -> bytes:
        """The bytes a token stands for."""

    def is_end(self, token: int) -> bool:
        """Whether the token ends an answer."""

    def begin(self, prompt: Sequence[int], cancelled: Callable[[], bool]) -> bool:
        """Evaluates a prompt from the start of the context; false when it was cancelled."""

    def append(self, tokens: Sequence[int]) -> None:
        """Evaluates tokens after those already there."""

    def logits(self) -> NDArray[np.float32]:
        """Of the token to come; valid until the next evaluation."""


def write_answer(
    model: TokenModel,
    prompt: str,
    request: Request,
    constraint: Constraint | None,
    *,
    thinking_tokens: int,
    emit: Emit,
    cancelled: Callable[[], bool],
) -> Answer:
    """The model's answer to a rendered prompt. Raises `PromptTooLong`; `ModelError` when the model fails."""
    started = time.perf_counter()
    tokens = model.tokenize(prompt)
    if len(tokens) >= model.context_length:
        raise PromptTooLong(len(tokens), model.context_length)
    writer = Writer(emit, opened_by(prompt))
    decoding = _Decoding(model, request, constraint, writer, len(tokens), thinking_tokens)
    finish: Finish = "cancelled"
    ready = model.begin(tokens, cancelled)
    answering = time.perf_counter()
    if ready:
        finish = decoding.run(cancelled)
    writer.finish()
    return Answer(
        text=writer.text,
        thinking=writer.thinking,
        finish=finish,
        prompt_tokens=len(tokens),
        tokens=decoding.thought + decoding.answered,
        prompt_seconds=answering - started,
        seconds=time.perf_counter() - answering,
    )


class _Decoding:
    """The loop over tokens. `thought` and `answered` count what was written so far."""

    def __init__(
        self,
        model: TokenModel,
        request: Request,
        constraint: Constraint | None,
        writer: Writer,
        prompt_tokens: int,
        thinking_tokens: int,
    ) -> None:
        self._model, self._request, self._constraint, self._writer = model, request, constraint, writer
        self._random = np.random.default_rng(request.seed)
        self._room = model.context_length - prompt_tokens
        self._thinking_tokens = thinking_tokens
        self.thought = 0
        self.answered = 0

    def run(self, cancelled: Callable[[], bool]) -> Finish:
        if self._constraint and not self._writer.closing:
            self._let_it_think()
        while not cancelled():
            thinking = bool(self._writer.closing)
            room = self._room - self.thought - self.answered
            if not thinking:
                room = min(room, self._request.max_tokens - self.answered)
            if room <= 0:
                return "length"
            chosen = self._think() if thinking else self._answer()
            tokens = chosen[:room]
            for token in tokens:
                self._writer.write(self._model.piece(token))
            if thinking:
                self.thought += len(tokens)
            else:
                self.answered += len(tokens)
                if self._writer.closing:  # what seemed the answer was an opening marker
                    self.thought, self.answered = self.answered, 0
            if not chosen or (self._constraint and self._constraint.done and tokens == chosen):
                return "stop"
            self._model.append(tokens)
        return "cancelled"

    def _let_it_think(self) -> None:
        """Held to a schema at once, a reasoning model could not think: see what it would begin with."""
        first = self._model.piece(int(np.argmax(self._model.logits()))).decode(errors="replace").strip()
        if any(first == open_ for open_, _ in MARKERS):
            tokens = self._model.tokenize(first)
            for token in tokens:
                self._writer.write(self._model.piece(token))
            self._model.append(tokens)
            self.thought += len(tokens)

    def _think(self) -> list[int]:
        """The next token of the thinking, or its end where the budget is spent or the model would stop."""
        token = self._sample(self._model.logits())
        if self.thought < self._thinking_tokens and not self._model.is_end(token):
            return [token]
        return self._model.tokenize(f"\n{self._writer.closing}\n\n")

    def _answer(self) -> list[int]:
        """The next tokens of the answer: several where the schema leaves no choice, none at its end."""
        if self._constraint and (forced := self._constraint.forced()):
            return forced
        logits = self._model.logits()
        token = self._sample(logits)
        if self._constraint and not self._constraint.accepts(token):
            allowed = self._constraint.allowed()
            token = self._sample(np.where(allowed, logits, -np.inf)) if allowed.any() else token
            if not self._constraint.accepts(token):
                raise ModelError(
                    "no token of the model's vocabulary can continue this answer", "Use another model."
                )
        return [] if self._model.is_end(token) else [token]

    def _sample(self, logits: NDArray[np.floating]) -> int:
        best = int(np.argmax(logits))
        top = float(logits[best])
        if not math.isfinite(top):
            raise ModelError(
                "the model computed values that are not numbers", "The file is damaged, or use another model."
            )
        temperature = self._request.temperature
        if temperature <= 0:
            return best
        kept = np.flatnonzero(logits >= top + temperature * math.log(MIN_P))
        weights = np.exp((logits[kept].astype(np.float64) - top) / temperature)
        return int(self._random.choice(kept, p=weights / weights.sum()))
