"""Writes one answer, token by token: thinking freely under a budget, then the answer, held to its schema.

Knows no backend: anything that turns tokens into logits will do.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mlagent_tui.errors import ModelError
from mlagent_tui.llm.base import Answer, Finish, PromptTooLong, Request
from mlagent_tui.llm.constrain import Constraint
from mlagent_tui.llm.families import Family, Prompt
from mlagent_tui.llm.repetition import repetition
from mlagent_tui.llm.seam import Blanks
from mlagent_tui.llm.thinking import Emit, Writer

MIN_P = 0.05
"""When drawing at random, tokens less likely than this share of the likeliest are left out."""

THINKING_TEMPERATURE = 0.6
"""Thinking is never greedy: the makers of reasoning models warn that it then repeats itself without end."""

LOOK_EVERY = 64
"""Tokens of an answer after which it is looked at for repetition."""

Progress = Callable[[int, int], None]


class Stopped(Exception):
    """A backend was told to stop in the middle of an evaluation."""


class TokenModel(Protocol):
    """What a backend offers."""

    context_length: int
    vocab_size: int

    def tokenize(self, text: str, fragment: bool = False) -> list[int]:
        """The tokens of a prompt, control tokens included; a `fragment` stands inside a text."""

    def piece(self, token: int) -> bytes:
        """The bytes a token stands for."""

    def is_end(self, token: int) -> bool:
        """Whether the token ends an answer."""

    def begin(
        self, prompt: Sequence[int], cancelled: Callable[[], bool], fixed: int, progress: Progress
    ) -> int | None:
        """Evaluates a prompt from the start of the context; None when it was cancelled.

        Returns how many of its tokens had been evaluated before. The first `fixed` tokens are likely to begin
        other prompts too. `progress(done, all)` follows each part.
        """

    def append(self, tokens: Sequence[int]) -> None:
        """Evaluates tokens after those already there. Raises `Stopped`."""

    def logits(self) -> NDArray[np.float32]:
        """Of the token to come; valid until the next evaluation."""


def write_answer(
    model: TokenModel,
    prompt: Prompt,
    request: Request,
    constraint: Constraint | None,
    *,
    thinking_tokens: int,
    emit: Emit,
    cancelled: Callable[[], bool],
    fixed: str = "",
    blanks: Blanks | None = None,
    owed: int = 0,
    progress: Progress = lambda done, total: None,
) -> Answer:
    """The model's answer to a rendered prompt, which other prompts have in common as far as `fixed`.

    With `blanks`, the model has to begin with `owed` blanks, which are no part of the answer.
    Raises `PromptTooLong`; `ModelError` when the model fails.
    """
    started = time.perf_counter()
    tokens = model.tokenize(prompt.text)
    if len(tokens) >= model.context_length:
        raise PromptTooLong(len(tokens), model.context_length)
    writer = Writer(emit, prompt.inside, prompt.known, request.stops)
    decoding = _Decoding(model, request, constraint, writer, len(tokens), thinking_tokens, prompt.known)
    decoding.blanks, decoding.owed = blanks, owed if blanks else 0
    finish: Finish = "cancelled"
    shared = in_common(tokens, model.tokenize(fixed)) if fixed else 0
    reused = model.begin(tokens, cancelled, shared, progress)
    answering = time.perf_counter()
    if reused is not None:
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
        reused_tokens=reused or 0,
    )


def in_common(one: Sequence[object], other: Sequence[object]) -> int:
    """How many items two sequences begin with alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


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
        known: Sequence[Family],
    ) -> None:
        self._model, self._request, self._constraint, self._writer = model, request, constraint, writer
        self._random = np.random.default_rng(request.seed)
        self._room = model.context_length - prompt_tokens
        self._thinking_tokens = min(thinking_tokens, max(self._room - request.max_tokens, self._room // 2))
        self._openings = [family.opens for family in known if family.opens]
        self.thought = 0
        self.answered = 0
        self._looked = 0
        self.blanks: Blanks | None = None
        self.owed = 0

    def run(self, cancelled: Callable[[], bool]) -> Finish:
        try:
            return self._run(cancelled)
        except Stopped:
            return "cancelled"

    def _run(self, cancelled: Callable[[], bool]) -> Finish:
        if self._constraint and not self._writer.inside and self._thinking_tokens:
            self._let_it_think(self._constraint)
        while not cancelled():
            family = self._writer.inside
            room = self._room - self.thought - self.answered
            if not family:
                room = min(room, self._request.max_tokens - self.answered)
            if room <= 0:
                return "length"
            chosen = self._think(family) if family else self._answer()
            tokens = chosen[:room]
            for token in tokens:
                self._writer.write(self._model.piece(token)[self._paid(token) :])
            if family:
                self.thought += len(tokens)
            else:
                self.answered += len(tokens)
                if self._writer.inside:  # what seemed the answer was an opening mark
                    self.thought, self.answered, self._looked = self.answered, 0, 0
            complete = self._constraint and self._constraint.done and tokens == chosen
            if not chosen or complete or self._writer.ended:
                return "stop"
            if self._repeats():
                return "repetition"
            self._model.append(tokens)
            if family and not self._writer.inside and len(chosen) == 1:
                self._put(family.answer)
        return "cancelled"

    def _paid(self, token: int) -> int:
        """How many of the blanks that are owed the token brings."""
        if not self.owed or not self.blanks:
            return 0
        paid = min(self.blanks.brought(token), self.owed)
        self.owed -= paid
        return paid

    def _repeats(self) -> bool:
        """Whether the answer has begun to repeat itself; looks from time to time."""
        if self.answered - self._looked < LOOK_EVERY:
            return False
        self._looked = self.answered
        return repetition(self._writer.text) is not None

    def _let_it_think(self, constraint: Constraint) -> None:
        """Held to a schema at once, a reasoning model could not think: see what it would begin with.

        A token that the schema does not allow and that begins an opening mark is taken for the mark.
        """
        token = int(np.argmax(self._model.logits()))
        first = self._model.piece(token).decode(errors="replace").lstrip()
        opening = next((text for text in self._openings if first and text.startswith(first)), None)
        if opening and token not in constraint.allowed():
            self._writer.write(opening.encode())
            self._put(opening)

    def _put(self, text: str) -> None:
        """Has the model read a text as if it had written it."""
        tokens = self._model.tokenize(text, fragment=True) if text else []
        tokens = tokens[: self._room - self.thought - self.answered]
        if tokens:
            self._model.append(tokens)
            self.thought += len(tokens)

    def _think(self, family: Family) -> list[int]:
        """The next token of the thinking, or its end where the budget is spent or the model would stop."""
        token = self._sample(self._model.logits(), max(self._request.temperature, THINKING_TEMPERATURE))
        if self.thought < self._thinking_tokens and not self._model.is_end(token):
            return [token]
        return self._model.tokenize(family.closing, fragment=True)

    def _answer(self) -> list[int]:
        """The next tokens of the answer: several where the schema leaves no choice, none at its end."""
        if self._constraint and self._constraint.done:
            return []
        if self._constraint and (forced := self._constraint.forced()):
            return forced
        logits = self._model.logits()
        temperature = self._request.temperature
        if self.owed and self.blanks and (allowed := self.blanks.allowed(self.owed)).size:
            return [int(allowed[self._sample(logits[allowed], temperature)])]
        token = self._sample(logits, temperature)
        if self._constraint and not self._constraint.accepts(token):
            allowed = self._constraint.allowed()
            if allowed.size:
                token = int(allowed[self._sample(logits[allowed], temperature)])
            if not self._constraint.accepts(token):
                raise ModelError(
                    "no token of the model's vocabulary can continue this answer", "Use another model."
                )
        return [] if self._model.is_end(token) else [token]

    def _sample(self, logits: NDArray[np.floating], temperature: float) -> int:
        best = int(logits.argmax())
        top = float(logits[best])
        if not math.isfinite(top):
            raise ModelError(
                "the model computed values that are not numbers", "The file is damaged, or use another model."
            )
        if temperature <= 0:
            return best
        kept = np.flatnonzero(logits >= top + temperature * math.log(MIN_P))
        weights = np.exp((logits[kept].astype(np.float64) - top) / temperature)
        return int(self._random.choice(kept, p=weights / weights.sum()))
