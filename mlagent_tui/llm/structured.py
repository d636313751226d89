"""Asks a model for a value of a pydantic type: constrained while decoding, validated, repeated when wrong."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel

from mlagent_tui.errors import Interrupted, ModelError
from mlagent_tui.llm.base import Answer, LanguageModel, OnText, PromptTooLong, Request
from mlagent_tui.llm.repetition import repetition
from mlagent_tui.llm.thinking import split
from mlagent_tui.llm.typed import NotUnderstood, value_of

T = TypeVar("T", bound=BaseModel)

RETRY_TEMPERATURE, WARMER, MOST = 0.5, 0.3, 1.5
"""Temperature of a second answer, what is added for each answer that is the one before, and no more than."""

ENDED = ("stop", "enough")
"""How an answer finishes that is as long as it should be."""
SAMPLE = 60
"""Characters of a repeated text that are shown to the model."""


def structured(
    model: LanguageModel,
    request: Request,
    type_: type[T],
    *,
    attempts: int = 3,
    on_text: OnText | None = None,
    on_answer: Callable[[Answer], None] | None = None,
    cancel: threading.Event | None = None,
) -> T:
    """The model's answer to `request` as a value of `type_`.

    A grammar cannot express everything a type demands (an order, a sum), so an answer may still be refused:
    then the reason is added to the last message and the next seed tried, `attempts` times in all; where the
    model repeats its answer, at a higher temperature. Of an answer that ended too early, the fields that are
    complete count. Raises `ModelError` when none is valid, `PromptTooLong` when the context ended in
    mid-answer, `Interrupted` on `cancel`.
    """
    asked = dataclasses.replace(request, schema=request.schema or type_.model_json_schema())
    wanted = asked
    problem, before, repeats = "", None, 0
    for attempt in range(attempts):
        answer = model.generate(wanted, on_text, cancel)
        if on_answer:
            on_answer(answer)
        if answer.finish == "cancelled":
            raise Interrupted("the model was stopped during its answer")
        try:
            return value_of(_answer(request.begin, answer), type_)
        except NotUnderstood as error:
            problem = _problem(str(error), answer, asked, model)
        repeats = repeats + 1 if answer.text == before else 0
        before = answer.text
        wanted = _retry(asked, problem, attempt + 1, repeats)
    raise ModelError(
        f"{model.name} gave no valid {type_.__name__} in {attempts} attempts. Last problem: {problem}",
        "Try again with another seed, or use a more capable model.",
    )


def _answer(begin: str, answer: Answer) -> str:
    """All that was said, with its beginning. A model may have put all of it into its thinking."""
    _, text = split(begin + answer.text)
    return text if text.strip() or answer.finish not in ENDED else answer.thinking or answer.text


def _problem(problem: str, answer: Answer, request: Request, model: LanguageModel) -> str:
    """What to tell the model. Raises `PromptTooLong` where it had no room for more."""
    if answer.finish in ENDED:
        return problem if answer.text.strip() else "the answer was empty"
    if answer.prompt_tokens + answer.tokens >= model.context_length:
        raise PromptTooLong(answer.prompt_tokens, model.context_length)
    if answer.finish == "length":
        return f"the answer was not complete after {request.max_tokens} tokens: {problem}"
    return f"the answer repeated itself: {_sample(answer.text)!r}"


def _retry(request: Request, problem: str, attempt: int, repeats: int) -> Request:
    """The same request with the problem told, drawn from another seed; its prefix stays as it was."""
    *before, last = request.messages
    told = dataclasses.replace(last, content=f"{last.content}\nProblem: {problem}")
    warmer = max(request.temperature, RETRY_TEMPERATURE) + repeats * WARMER
    return dataclasses.replace(
        request, messages=(*before, told), temperature=min(warmer, MOST), seed=request.seed + attempt
    )


def _sample(text: str) -> str:
    """The beginning of what a text that repeats itself has said over and over."""
    return text[repetition(text) :].strip()[:SAMPLE]
