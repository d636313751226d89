"""How a model does at understanding the goals of `goals.yaml`."""

from __future__ import annotations

import time
from pathlib import Path

import yaml

from mlagent_tui.agent import Planner
from mlagent_tui.errors import MlagentError
from mlagent_tui.llm import LanguageModel
from mlagent_tui.schemas import Goal
from prompt_study.asking import Asked, asking
from prompt_study.rows import Row

FIELDS = ("dataset", "metric", "comparison", "threshold", "max_parameters", "max_seconds")


def cases() -> list[tuple[str, Goal]]:
    """The texts of `goals.yaml` and what they mean."""
    listed = yaml.safe_load((Path(__file__).parent / "goals.yaml").read_text(encoding="utf-8"))
    return [(entry["text"], Goal.model_validate(entry["goal"])) for entry in listed]


def goals(model: LanguageModel, name: str, count: int, misses: int = 0) -> list[Row]:
    """How many of the goals are understood in all six fields, as the product understands them."""
    asked, right_first, right_later, shown = Asked(), 0, 0, 0
    planner = asking(model, asked)
    began = time.monotonic()
    listed = cases()[:count]
    for text, goal in listed:
        before = asked.answers
        got, want = _understood(planner, text), _fields(goal)
        if got == want:
            right_first += asked.answers - before == 1
            right_later += asked.answers - before > 1
        elif shown < misses:
            shown += 1
            print(f"    {text!r}\n      want {want}\n      got  {got}", flush=True)
    seconds = time.monotonic() - began
    return [Row(f"goals, {name}", right_first, right_later, len(listed), asked.tokens, seconds)]


def _understood(planner: Planner, text: str) -> object:
    try:
        return _fields(planner.understand(text).goal)
    except MlagentError as error:
        return error.what


def _fields(goal: Goal) -> tuple[object, ...]:
    return tuple(getattr(goal, field) for field in FIELDS)
