"""Asks a model for a value of a pydantic type: constrained while decoding, validated, repeated when wrong."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from mlagent_tui.errors import Interrupted, ModelError
from mlagent_tui.llm.base import Answer, LanguageModel, OnText, PromptTooLong, Request
from mlagent_tui.llm.extract import json_object
from mlagent_tui.llm.repetition import repetition

T = TypeVar("T", bound=BaseModel)

RETRY_TEMPERATURE = 0.5
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
    then the reason is added to the last message and the next seed tried, `attempts` times in all.
    Raises `ModelError` when none is valid, `PromptTooLong` when the context ended in mid-answer,
    `Interrupted` on `cancel`.
    """
    asked = dataclasses.replace(request, schema=type_.model_json_schema())
    problem = ""
    for attempt in range(attempts):
        answer = model.generate(_retry(asked, problem, attempt) if attempt else asked, on_text, cancel)
        if on_answer:
            on_answer(answer)
        if answer.finish == "cancelled":
            raise Interrupted("the model was stopped during its answer")
        if answer.finish == "length":
            problem = _cut_short(answer, asked, model)
            continue
        if answer.finish == "repetition":
            problem = f"the answer repeated itself: {_sample(answer.text)!r}"
            continue
        if not answer.text.strip():
            problem = "the answer was empty"
            continue
        found = json_object(asked.begin + answer.text)
        if not found:
            problem = "the answer has no complete JSON object"
            continue
        try:
            return type_.model_validate_json(found)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            problem = f"{where}: {first['msg']}" if where else first["msg"]
    raise ModelError(
        f"{model.name} gave no valid {type_.__name__} in {attempts} attempts. Last problem: {problem}",
        "Try again with another seed, or use a more capable model.",
    )


def _retry(request: Request, problem: str, attempt: int) -> Request:
    """The same request with the problem told, drawn from another seed; its prefix stays as it was."""
    *before, last = request.messages
    told = dataclasses.replace(last, content=f"{last.content}\nProblem: {problem}")
    return dataclasses.replace(
        request,
        messages=(*before, told),
        temperature=max(request.temperature, RETRY_TEMPERATURE),
        seed=request.seed + attempt,
    )


def _sample(text: str) -> str:
    """The beginning of what a text that repeats itself has said over and over."""
    return text[repetition(text) :].strip()[:SAMPLE]


def _cut_short(answer: Answer, request: Request, model: LanguageModel) -> str:
    if answer.prompt_tokens + answer.tokens >= model.context_length:
        raise PromptTooLong(answer.prompt_tokens, model.context_length)
    return f"the answer was not complete after {request.max_tokens} tokens"
