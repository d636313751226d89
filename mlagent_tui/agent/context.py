"""What the planner sees: goal, data, limits and a bounded history, as lines of one regular shape.

The facts are worked out here, from numbers that were measured, so that a model copies and compares
instead of computing. The text stays short whatever the registry's length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mlagent_tui.research import ranking
from mlagent_tui.schemas import DataCard, EvalConfig, Goal, ModelConfig, RegistryEntry
from mlagent_tui.shapes import show

BEST_SHOWN = 2
RECENT_SHOWN = 4
FAILURE_WIDTH = 160
SEEN_WIDTH = 600


@dataclass(frozen=True)
class Attempt:
    """One iteration's outcome, failures included."""

    entry: RegistryEntry
    config: ModelConfig | None
    eval_config: EvalConfig | None


@dataclass(frozen=True)
class Brief:
    """Everything a planner's prompt may say about where the run stands.

    `stale` counts the iterations since the last improvement beyond noise; `patience` is how many are
    allowed. `steering` is a sentence from the user, empty when there is none. `recent` is how many of the
    latest runs are shown, and `seen` what other planned calls of this iteration returned. `start` is an
    attempt that the user wants to go on from in place of the last one.
    """

    goal: Goal
    card: DataCard
    iteration: int
    iterations: int
    stale: int
    patience: int
    history: tuple[Attempt, ...] = ()
    steering: str = ""
    recent: int = RECENT_SHOWN
    seen: tuple[str, ...] = ()
    start: Attempt | None = None

    @property
    def changes(self) -> list[str]:
        """The modifications the last decision asked for; empty before the first decision."""
        return list(self.history[-1].entry.next_change) if self.history else []

    @property
    def last_config(self) -> ModelConfig | None:
        """The configuration the next one starts from: that of the last attempt which had one."""
        return next((a.config for a in self._latest() if a.config), None)

    @property
    def last_eval_config(self) -> EvalConfig | None:
        """The evaluation settings the next ones start from."""
        return next((a.eval_config for a in self._latest() if a.eval_config), None)

    def _latest(self) -> Iterator[Attempt]:
        yield from (self.start, *reversed(self.history)) if self.start else reversed(self.history)


def head(brief: Brief) -> list[str]:
    """Goal, limits, wishes, data and steering, a line each."""
    goal, card = brief.goal, brief.card
    lines = [f"Goal: {goal.metric} {goal.comparison} {ranking.number(goal.threshold or 0)} on {card.dataset}"]
    if goal.max_parameters:
        lines.append(f"Limit: parameters <= {goal.max_parameters}")
    if goal.max_seconds:
        lines.append(f"Limit: seconds <= {ranking.number(goal.max_seconds)}")
    if goal.wishes:
        lines.append(f"Wishes: {goal.wishes}")
    lines.append(
        f"Data: input {show(card.input_shape)}, {card.num_classes} classes, {card.train_size} images"
    )
    if brief.steering:
        lines.append(f"User: {one_line(brief.steering)}")
    return lines


def history(brief: Brief) -> list[str]:
    """The best runs and the most recent few, oldest first, each as change -> outcome."""
    if not brief.history:
        return ["Runs: none"]
    return ["Runs:", *(_row(a, brief) for a in shown(brief))]


def shown(brief: Brief) -> list[Attempt]:
    """The best attempts and the most recent few, oldest first."""
    entries = ranking.ordered(brief.goal, [a.entry for a in brief.history])
    best = {entry.run_id for entry in entries[: min(BEST_SHOWN, brief.recent - 1)]}
    recent = brief.history[-brief.recent :]
    return [a for a in brief.history if a in recent or a.entry.run_id in best]


def _row(attempt: Attempt, brief: Brief) -> str:
    entry = attempt.entry
    change = "; ".join(entry.change) or "first"
    start = f"{entry.iteration}. {one_line(change)} -> "
    metrics = entry.metrics_summary
    if "accuracy" not in metrics:
        return start + f"{entry.status}: {one_line(entry.reason)[:FAILURE_WIDTH]}"
    facts = [f"accuracy {metrics['accuracy']:.4f}"]
    if entry.train_accuracy is not None:
        facts.append(f"train {entry.train_accuracy:.4f}")
    facts.append(f"val_loss {metrics['val_loss']:.4f}")
    facts.append(f"parameters {entry.parameters}")
    facts.append(f"{entry.seconds or 0:.1f} s")
    if entry.status != "completed":
        facts.append(entry.status)
    if ranking.over_limit(brief.goal, entry):
        facts.append(ranking.OVER)
    return start + ", ".join(facts)


def seen(brief: Brief) -> list[str]:
    """What planned calls besides the core tools returned, an excerpt on a line each."""
    return [f"Seen: {one_line(text)[:SEEN_WIDTH]}" for text in brief.seen]


def verdict(brief: Brief) -> list[str]:
    """The last run held against the goal and each limit, in words that code has checked."""
    entry, goal = brief.history[-1].entry, brief.goal
    value = entry.metrics_summary.get(goal.metric)
    lines = []
    if value is None:
        lines.append(f"Check: no result, {entry.status}: {one_line(entry.reason)[:FAILURE_WIDTH]}")
    else:
        threshold = goal.threshold or 0
        if ranking.holds(value, goal.comparison, threshold):
            outcome = "met"
        else:
            outcome = f"not met, off by {abs(value - threshold):.4f}"
        lines.append(f"Check: {goal.metric} {value:.4f}, {outcome}")
        if entry.train_accuracy is not None and "accuracy" in entry.metrics_summary:
            gap = entry.train_accuracy - entry.metrics_summary["accuracy"]
            lines.append(f"Fit: train accuracy {entry.train_accuracy:.4f}, gap {gap:.4f}")
    if goal.max_parameters and entry.parameters:
        over = entry.parameters > goal.max_parameters
        lines.append(
            f"Check: parameters {entry.parameters}, {'over the limit' if over else 'within the limit'}"
        )
    if goal.max_seconds and entry.seconds:
        over = entry.seconds > goal.max_seconds
        lines.append(
            f"Check: seconds {entry.seconds:.1f}, {'over the limit' if over else 'within the limit'}"
        )
    if brief.stale >= brief.patience:
        progress = "no progress"
    else:
        progress = f"{brief.stale} without improvement, {brief.patience} allowed"
    left = brief.iterations - brief.iteration
    lines.append(f"Progress: iteration {brief.iteration} of {brief.iterations}, {left} left, {progress}")
    return lines


def one_line(text: str) -> str:
    """White space of any kind folded to single spaces, so that a fact stays on its line."""
    return re.sub(r"\s+", " ", text).strip()
