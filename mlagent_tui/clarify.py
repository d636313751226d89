"""Before a run starts: what is understood of the goal is shown, and what is unclear is asked."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import ValidationError

from mlagent_tui import field_errors
from mlagent_tui.agent import Question, Reading, RunOptions, find_numbers, read, unclear
from mlagent_tui.research import wishes

LABELS = {
    "dataset": "data set", "metric": "metric (accuracy or val_loss)", "threshold": "value to reach",
    "max_parameters": "at most how many parameters", "max_seconds": "at most how many seconds",
    "goal": "the whole goal again",
}  # fmt: skip


def clarified(
    options: RunOptions, say: Callable[[str], None], ask: Callable[[str], str] | None
) -> RunOptions:
    """The options with an answer to every question of the goal; `ask` is None where nobody can answer.

    Then the options come back as they are, and the run is refused with all its questions. Raises `GoalError`
    when the user gives no answer.
    """
    reading = read(options.goal_text, options.typed())
    while reading.questions:
        if ask is None:
            return options
        question = reading.questions[0]
        say(str(question))
        answer = ask(f"{LABELS[question.part]}: ").strip()
        if not answer:
            raise unclear(reading.questions)
        try:
            options = _answered(options, question, answer)
        except ValidationError as error:
            say(field_errors.first(error, RunOptions, noun="option").what)
        reading = read(options.goal_text, options.typed())
    say(f"read as    {summary(reading)}")
    return options


def _answered(options: RunOptions, question: Question, answer: str) -> RunOptions:
    name = "goal_text" if question.part == "goal" else question.part
    value: object = answer
    numbers = find_numbers(answer)
    if question.part in ("threshold", "max_parameters", "max_seconds") and numbers:
        value = numbers[0].value
    return RunOptions.model_validate(options.model_dump() | {name: value})


def summary(reading: Reading) -> str:
    """`digits · accuracy >= 0.95 · at most 20,000 parameters`: what rules understand of a goal."""
    parts = [str(reading.dataset)]
    if reading.threshold is not None:
        parts.append(f"{reading.metric} {reading.comparison} {reading.threshold:g}")
    elif reading.open:
        parts.append(f"the planner chooses the criterion from: {', '.join(f.text for f in reading.open)}")
    if reading.max_parameters is not None:
        parts.append(f"at most {reading.max_parameters:,} parameters")
    if reading.max_seconds is not None:
        parts.append(f"at most {reading.max_seconds:g} s of training")
    if reading.asked:
        parts.append(f"asked for: {', '.join(map(wishes.words, reading.asked))}")
    return " · ".join(parts)
