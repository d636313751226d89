"""How Minnow is asked: in the short lines that it was trained on. No other model is asked so, and a changed
byte here is a text that Minnow has never seen.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TypeVar

from pydantic import BaseModel

from mlagent_tui import prompts
from mlagent_tui.agent import context
from mlagent_tui.agent.context import Brief
from mlagent_tui.agent.numbers import find_numbers, listing
from mlagent_tui.agent.planning import CHOSEN
from mlagent_tui.agent.reading import Reading
from mlagent_tui.agent.wording import Question, Refused
from mlagent_tui.llm import Message
from mlagent_tui.schemas import Decision, EvalConfig, Goal, ModelConfig, Plan

MAX_TOKENS = {"goal": 400, "plan": 1500, "config": 3000, "decision": 600}
USUAL_TOKENS = {"goal": 200, "plan": 400, "config": 700, "decision": 300}

T = TypeVar("T", bound=BaseModel)


class MinnowWording:
    """Implements `wording.Wording`."""

    def goal(self, reading: Reading, doubt: str, width: int) -> Question[Goal]:
        return _question("goal", goal_prompt(reading.text, doubt, width), Goal)

    def plan(self, brief: Brief) -> Question[Plan]:
        return _question("plan", plan_prompt(brief), Plan)

    def config(self, brief: Brief, refused: Refused | None) -> Question[ModelConfig]:
        problem = refused.problem if refused else None
        return _question("config", config_prompt(brief, problem), ModelConfig)

    def decision(self, brief: Brief) -> Question[Decision]:
        return _question("decision", decision_prompt(brief), Decision)


def _question(task: str, prompt: str, answer: type[T]) -> Question[T]:
    messages = (Message("system", _instructions(task, answer)), Message("user", prompt))
    return Question(messages, answer, _as_it_is, MAX_TOKENS[task], USUAL_TOKENS[task])


def _as_it_is(answer: T) -> T:
    return answer


def _instructions(task: str, answer_type: type[BaseModel]) -> str:
    text = prompts.text("minnow", task)
    return f"{text.strip()}\n\nAnswer with one JSON object of this schema:\n{_schema(answer_type)}"


@cache
def _schema(answer_type: type[BaseModel]) -> str:
    return json.dumps(answer_type.model_json_schema(), separators=(",", ":"))


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
