"""The planning LLM's four calls: understand a goal, plan an iteration, configure a network, decide.

Each returns a validated value. The planner only advises; what its answers are worth is settled elsewhere. How
it is asked depends on the model: see `wording`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

from mlagent_tui.agent.context import Brief
from mlagent_tui.agent.instruct import InstructWording
from mlagent_tui.agent.minnow_wording import MinnowWording
from mlagent_tui.agent.numbers import find_numbers, listing, occurs, plain
from mlagent_tui.agent.reading import (
    Reading,
    Typed,
    keep,
    named_datasets,
    no_criterion,
    read,
    settle,
    unclear,
)
from mlagent_tui.agent.wording import Question, Refused, Wording
from mlagent_tui.llm import Answer, LanguageModel, PromptTooLong, Request, structured
from mlagent_tui.prompts import Profile
from mlagent_tui.schemas import Decision, Goal, ModelConfig, Plan

GOAL_WIDTHS = (4000, 2000, 1000, 600)
"""How many characters of a goal a prompt shows: the most that fit."""
RETRY_TEMPERATURE, REPEATED_TEMPERATURE = 0.5, 1.0
"""For an answer after one that was refused, and after two that were the same."""

WORDINGS: dict[Profile, Wording] = {
    "minnow": MinnowWording(),
    "chat": InstructWording("chat"),
    "completion": InstructWording("completion"),
}

T = TypeVar("T")


@dataclass(frozen=True)
class Understood:
    """A goal in typed form, and what about it could not be confirmed from the user's own words."""

    goal: Goal
    warnings: list[str] = field(default_factory=list)


@dataclass
class Planner:
    """The planner's role on a language model.

    `on_text(task, piece, is_thinking)` streams its words; `on_call(task, answer)` follows each answer.
    """

    model: LanguageModel
    seed: int
    on_text: Callable[[str, str, bool], None]
    on_call: Callable[[str, Answer], None]
    cancel: threading.Event
    _refused: list[ModelConfig] = field(default_factory=list, init=False)

    @property
    def _wording(self) -> Wording:
        return WORDINGS[self.model.profile]

    def understand(self, goal_text: str, typed: Typed | None = None) -> Understood:
        """The goal in typed form: what text and options decide, the rest from the model's answer.

        The model is asked once more when it has to choose the criterion and chose none of the numbers; what
        it had chosen for the other numbers stays. Raises `GoalError` with everything that must be answered
        first.
        """
        reading = read(goal_text, typed)
        if reading.questions:
            raise unclear(reading.questions)
        goal, warnings = settle(reading, self._goal(reading))
        if goal.threshold is None:
            doubt = f"no threshold, though the text has {listing(reading.open)}"
            goal, warnings = settle(keep(reading, goal), self._goal(reading, doubt))
        if goal.threshold is None:
            raise unclear([no_criterion(reading.open)])
        return Understood(goal, warnings)

    def read(self, goal_text: str) -> Goal:
        """The goal as the model reads it at first sight: its threshold and data set may be missing."""
        return self._goal(read(goal_text))

    def _goal(self, reading: Reading, doubt: str = "") -> Goal:
        questions = (self._wording.goal(reading, doubt, width) for width in GOAL_WIDTHS)
        return self._ask("goal", questions, attempt=1 if doubt else 0)

    def plan(self, brief: Brief) -> Plan:
        """The tool calls of this iteration."""
        return self._ask("plan", map(self._wording.plan, shorter(brief)))

    def configure(self, brief: Brief, problem: str | None = None, attempt: int = 0) -> ModelConfig:
        """A network for this iteration; `problem` says why the previous attempt could not be built.

        After two answers that are the same, the model is asked in another way.
        """
        if attempt == 0:
            self._refused.clear()
        refused = self._last_refused(problem) if problem else None
        questions = (self._wording.config(b, refused) for b in shorter(brief))
        temperature = REPEATED_TEMPERATURE if refused and refused.repeated else RETRY_TEMPERATURE
        config = self._ask("config", questions, attempt, temperature)
        self._refused.append(config)
        return config

    def _last_refused(self, problem: str) -> Refused:
        last = self._refused[-1] if self._refused else None
        return Refused(problem, last, last in self._refused[:-1])

    def decide(self, brief: Brief) -> Decision:
        """What to do after the last run of `brief.history`."""
        return self._ask("decision", map(self._wording.decision, shorter(brief)))

    def _ask(
        self,
        task: str,
        questions: Iterable[Question[T]],
        attempt: int = 0,
        temperature: float = RETRY_TEMPERATURE,
    ) -> T:
        left = iter(questions)
        question = self._fitting(left)
        while question:
            request = Request(
                messages=question.messages,
                task=task,
                max_tokens=question.max_tokens,
                seed=self.seed + attempt,
                temperature=temperature if attempt else 0.0,
                begin=question.begin,
            )
            try:
                answer = structured(
                    self.model,
                    request,
                    question.answer,
                    on_text=lambda piece, thinking: self.on_text(task, piece, thinking),
                    on_answer=lambda answer: self.on_call(task, answer),
                    cancel=self.cancel,
                )
            except PromptTooLong:  # a server may tell only now how much it takes
                question = self._fitting(left)
                if not question:
                    raise
            else:
                return question.make(answer)
        raise AssertionError("a task has one question at least")

    def _fitting(self, questions: Iterable[Question[T]]) -> Question[T] | None:
        """The first of `questions` that leaves room for an answer, else the last; None for none."""
        chosen = None
        for chosen in questions:
            room = self.model.context_length - self.model.count_tokens(chosen.messages)
            if room >= chosen.usual_tokens:
                break
        return chosen


def shorter(brief: Brief) -> Iterator[Brief]:
    """The brief, then with ever fewer runs shown: what is old goes first, never the goal or a schema."""
    return (replace(brief, recent=recent) for recent in range(brief.recent, 0, -1))


def ungrounded(goal: Goal, goal_text: str) -> list[str]:
    """What the goal claims and the text does not say: numbers that do not occur, a data set not named."""
    found = find_numbers(goal_text)
    doubts = [
        f"{name} {plain(value)} does not occur in the text"
        for name, value in (
            ("threshold", goal.threshold),
            ("max_parameters", goal.max_parameters),
            ("max_seconds", goal.max_seconds),
        )
        if value is not None and not occurs(value, found)
    ]
    named = named_datasets(goal_text)
    if goal.dataset is None and len(named) == 1:
        doubts.append(f"the text names data set {named[0]}")
    elif goal.dataset and goal.dataset not in named:
        doubts.append(f"data set {goal.dataset} is not named in the text")
    if goal.threshold is None and found:
        doubts.append(f"no threshold, though the text has {listing(found)}")
    return doubts
