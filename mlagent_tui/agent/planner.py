"""The planning LLM's four calls: understand a goal, plan an iteration, configure a network, decide.

Each returns a validated value. The planner only advises; what its answers are worth is settled elsewhere.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

from pydantic import BaseModel

from mlagent_tui import prompts
from mlagent_tui.agent import context
from mlagent_tui.agent.context import Brief
from mlagent_tui.agent.numbers import find_numbers, listing, occurs, plain
from mlagent_tui.agent.reading import Typed, named_datasets, no_criterion, read, settle, unclear
from mlagent_tui.llm import Answer, LanguageModel, Message, PromptTooLong, Request, structured
from mlagent_tui.schemas import Decision, EvalConfig, Goal, ModelConfig, Plan

GOAL_WIDTHS = (4000, 2000, 1000, 600)
"""How many characters of a goal a prompt shows: the most that fit."""
RETRY_TEMPERATURE = 0.5
MAX_TOKENS = {"goal": 400, "plan": 1500, "config": 3000, "decision": 600}
USUAL_TOKENS = {"goal": 200, "plan": 400, "config": 700, "decision": 300}
"""Room an answer usually needs; older runs are left out of a prompt to make it."""

T = TypeVar("T", bound=BaseModel)


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

    def understand(self, goal_text: str, typed: Typed | None = None) -> Understood:
        """The goal in typed form: what text and options decide, the rest from the model's answer.

        The model is asked once more when it has to choose the criterion and chose none of the numbers.
        Raises `GoalError` with everything that must be answered first.
        """
        reading = read(goal_text, typed)
        if reading.questions:
            raise unclear(reading.questions)
        goal, warnings = settle(reading, self.read(goal_text))
        if goal.threshold is None:
            doubt = f"no threshold, though the text has {listing(reading.open)}"
            again = self._ask("goal", goal_prompts(goal_text, doubt), Goal, attempt=1)
            goal, warnings = settle(reading, again)
        if goal.threshold is None:
            raise unclear([no_criterion()])
        return Understood(goal, warnings)

    def read(self, goal_text: str) -> Goal:
        """The goal as the model reads it at first sight: its threshold and data set may be missing."""
        return self._ask("goal", goal_prompts(goal_text), Goal)

    def plan(self, brief: Brief) -> Plan:
        """The tool calls of this iteration."""
        return self._ask("plan", map(plan_prompt, shorter(brief)), Plan)

    def configure(self, brief: Brief, problem: str | None = None, attempt: int = 0) -> ModelConfig:
        """A network for this iteration; `problem` says why the previous attempt could not be built."""
        return self._ask("config", (config_prompt(b, problem) for b in shorter(brief)), ModelConfig, attempt)

    def decide(self, brief: Brief) -> Decision:
        """What to do after the last run of `brief.history`."""
        return self._ask("decision", map(decision_prompt, shorter(brief)), Decision)

    def _ask(self, task: str, texts: Iterable[str], answer_type: type[T], attempt: int = 0) -> T:
        instructions = _instructions(task, answer_type)
        left = iter(texts)
        messages = self._fitting(task, instructions, left)
        while True:
            request = Request(
                messages=messages,
                task=task,
                max_tokens=MAX_TOKENS[task],
                seed=self.seed + attempt,
                temperature=RETRY_TEMPERATURE if attempt else 0.0,
            )
            try:
                return structured(
                    self.model,
                    request,
                    answer_type,
                    on_text=lambda piece, thinking: self.on_text(task, piece, thinking),
                    on_answer=lambda answer: self.on_call(task, answer),
                    cancel=self.cancel,
                )
            except PromptTooLong:  # a server may tell only now how much it takes
                messages = self._fitting(task, instructions, left)
                if not messages:
                    raise

    def _fitting(self, task: str, instructions: str, texts: Iterable[str]) -> tuple[Message, ...]:
        """The first of `texts` that leaves room for an answer, else the last; empty when there are none."""
        messages: tuple[Message, ...] = ()
        for prompt in texts:
            messages = (Message("system", instructions), Message("user", prompt))
            if self.model.count_tokens(messages) + USUAL_TOKENS[task] <= self.model.context_length:
                break
        return messages


def shorter(brief: Brief) -> Iterator[Brief]:
    """The brief, then with ever fewer runs shown: what is old goes first, never the goal or a schema."""
    return (replace(brief, recent=recent) for recent in range(brief.recent, 0, -1))


def _instructions(task: str, answer_type: type[BaseModel]) -> str:
    text = prompts.text("minnow", task)
    schema = json.dumps(answer_type.model_json_schema(), separators=(",", ":"))
    return f"{text.strip()}\n\nAnswer with one JSON object of this schema:\n{schema}"


def goal_prompts(goal_text: str, doubt: str | None = None) -> Iterator[str]:
    """The prompt with the whole text, then with less and less of it, for models with little context."""
    return (goal_prompt(goal_text, doubt, width) for width in GOAL_WIDTHS)


def goal_prompt(goal_text: str, doubt: str | None = None, width: int = 4000) -> str:
    """The user's text, the numbers found in it, and what was wrong with the previous answer."""
    text = context.one_line(goal_text)[:width]
    lines = ["Task: goal", f"Text: {text}", f"Numbers: {listing(find_numbers(text))}"]
    if doubt:
        lines.append(f"Problem: {doubt}")
    return "\n".join(lines)


def plan_prompt(brief: Brief) -> str:
    """The goal, the history, and the training settings to start from."""
    return "\n".join([
        "Task: plan", *context.head(brief), *context.history(brief),
        f"Change: {'; '.join(brief.changes) or 'first'}",
        f"Training: {eval_json(brief.last_eval_config)}",
    ])  # fmt: skip


def config_prompt(brief: Brief, problem: str | None = None) -> str:
    """The goal, the history, the wanted changes, and the network to start from."""
    previous = brief.last_config
    lines = [
        "Task: config", *context.head(brief), *context.history(brief),
        f"Change: {'; '.join(brief.changes) or 'first'}",
        f"Network: {previous.to_json() if previous else 'none'}",
    ]  # fmt: skip
    if problem:
        lines.append(f"Problem: {context.one_line(problem)}")
    return "\n".join(lines)


def decision_prompt(brief: Brief) -> str:
    """The goal, the history, the last network, and the last run held against goal and limits."""
    config = brief.history[-1].config
    return "\n".join([
        "Task: decision", *context.head(brief), *context.history(brief),
        f"Network: {config.to_json() if config else 'none'}",
        f"Training: {eval_json(brief.history[-1].eval_config)}",
        *context.seen(brief),
        *context.verdict(brief),
    ])  # fmt: skip


def eval_json(settings: EvalConfig | None) -> str:
    """The settings a planner chooses, on one line."""
    if settings is None:
        return "none"
    return settings.model_dump_json(include=set(CHOSEN))


CHOSEN = (
    "epochs", "batch_size", "optimizer", "learning_rate", "weight_decay",
    "schedule", "label_smoothing", "augmentation",
)  # fmt: skip


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
