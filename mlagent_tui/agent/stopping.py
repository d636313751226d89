"""Numbers decide: whether the goal holds, whether a run got better, and whether the search goes on.

The planner's `Decision` is advice; `settle` turns it into what happens. Everything here is pure arithmetic on
values that were measured, with no effects and no language model.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mlagent_tui.agent.context import Brief, holds, number
from mlagent_tui.schemas import Decision, Goal, RegistryEntry, Verdict

MEASURED = ("completed", "time_limit")
"""Statuses whose metrics count: a trial cut off by its time limit has still been validated."""

LOSS_NOISE = 0.01
"""Relative change of a validation loss that is taken for noise."""

EXCESS_NOISE = 0.05
"""Relative change of the excess over a limit that is taken for noise."""

_TITLES: dict[Verdict, str] = {"iterate": "Iterate", "goal_achieved": "Goal Achieved", "stop": "Stop"}


@dataclass(frozen=True)
class Settled:
    """What happens next. `overruled_because` is empty where the planner's advice was followed."""

    decision: Decision
    reason: str
    overruled_because: str = ""

    @property
    def text(self) -> str:
        """The registry's `decision`, such as `Iterate: add a convolution`."""
        return f"{_TITLES[self.decision.decision]}: {self.reason}"


@dataclass(frozen=True)
class Progress:
    """The best run so far, and how many iterations have passed since one improved beyond noise."""

    best: RegistryEntry | None
    stale: int


# --- one run against the goal ---------------------------------------------------------------------------


def assess(goal: Goal, entry: RegistryEntry) -> tuple[bool, list[str]]:
    """Whether the goal holds for one run, and every reason why it does not."""
    value = measured(goal, entry)
    if value is None:
        return False, [f"no {goal.metric} was measured ({entry.status}{_because(entry.reason)})"]
    if goal.threshold is None:
        return False, ["the goal names no number to reach"]
    unmet = []
    if not holds(value, goal.comparison, goal.threshold):
        unmet.append(f"{goal.metric} {_exact(value)} is not {goal.comparison} {number(goal.threshold)}")
    for name, spent, limit in limits(goal, entry):
        if spent is None:
            unmet.append(f"{name} were not measured")
        elif spent > limit:
            unmet.append(f"{name} {number(spent)} are more than {number(limit)}")
    return not unmet, unmet


def measured(goal: Goal, entry: RegistryEntry) -> float | None:
    """The goal's metric of a run whose metrics count, else None."""
    return entry.metrics_summary.get(goal.metric) if entry.status in MEASURED else None


def limits(goal: Goal, entry: RegistryEntry) -> list[tuple[str, float | None, float]]:
    """(name, spent, limit) for each limit the goal sets."""
    every = (
        ("parameters", entry.parameters, goal.max_parameters),
        ("seconds", entry.seconds, goal.max_seconds),
    )
    return [(name, spent, limit) for name, spent, limit in every if limit is not None]


def excess(goal: Goal, entry: RegistryEntry) -> float:
    """How far a run is over the goal's limits: 0 within them, 1 at twice one of them, summed."""
    over = (max(0.0, spent / limit - 1) for _, spent, limit in limits(goal, entry) if spent is not None)
    return sum(over)


# --- runs against each other ----------------------------------------------------------------------------


def improves(goal: Goal, entry: RegistryEntry, best: RegistryEntry | None) -> bool:
    """Whether `entry` is better than `best` by more than noise.

    Coming nearer to the limits counts first, the metric second: a run over a limit never replaces one
    within it, however accurate. Noise is one standard error for accuracy, `LOSS_NOISE` for a loss.
    """
    value = measured(goal, entry)
    if value is None:
        return False
    if best is None:
        return True
    over, before = excess(goal, entry), excess(goal, best)
    if before and over < before * (1 - EXCESS_NOISE):
        return True
    if over > before * (1 + EXCESS_NOISE):
        return False
    reference = measured(goal, best)
    if reference is None:
        return True
    gain = value - reference if higher_is_better(goal) else reference - value
    return gain > _noise(goal, entry, best, reference)


def _noise(goal: Goal, entry: RegistryEntry, best: RegistryEntry, reference: float) -> float:
    if goal.metric == "accuracy":
        return max(entry.accuracy_noise or 0.0, best.accuracy_noise or 0.0)
    return LOSS_NOISE * abs(reference)


def higher_is_better(goal: Goal) -> bool:
    """Whether the goal's comparison asks for a large value."""
    return goal.comparison in (">=", ">")


def progress(goal: Goal, entries: Iterable[RegistryEntry]) -> Progress:
    """Walk the runs in order. Many small gains count once their sum is beyond noise."""
    reference: RegistryEntry | None = None
    stale = 0
    seen = []
    for entry in entries:
        seen.append(entry)
        if improves(goal, entry, reference):
            reference, stale = entry, 0
        else:
            stale += 1
    return Progress(best(goal, seen), stale)


def best(goal: Goal, entries: Iterable[RegistryEntry]) -> RegistryEntry | None:
    """The best measured run: within the limits (or nearest to them) first, then by the metric."""
    sign = -1 if higher_is_better(goal) else 1
    ranked = [
        (not assess(goal, e)[0], excess(goal, e), sign * value, index, e)
        for index, e in enumerate(entries)
        if (value := measured(goal, e)) is not None
    ]
    return min(ranked, key=lambda row: row[:4])[4] if ranked else None


# --- what happens next ----------------------------------------------------------------------------------


def settle(decision: Decision | None, brief: Brief, *, out_of_time: bool = False) -> Settled:
    """Turn the planner's advice (None: it gave none) into what happens, from the numbers of the last run.

    The goal is achieved exactly when `assess` says so. Otherwise the search stops at the iteration limit, at
    the end of the time budget and when patience is used up, and goes on in every other case.
    """
    goal, entry = brief.goal, brief.history[-1].entry
    met, unmet = assess(goal, entry)
    if met:
        reached = achievement(goal, entry)
        return _decide("goal_achieved", reached, decision, reached)
    end = must_stop(brief, out_of_time)
    if end:
        denied = unmet if decision and decision.decision == "goal_achieved" else []
        return _decide("stop", end, decision, "; ".join([*denied, end]))
    changes = list(decision.changes) if decision and decision.changes else [fallback_change(brief)]
    return _decide("iterate", "; ".join(changes), decision, _why_not_over(decision, unmet, brief), changes)


def must_stop(brief: Brief, out_of_time: bool = False) -> str:
    """Why the search cannot go on after this iteration; empty when it can."""
    if brief.iteration >= brief.iterations:
        return f"iteration limit of {brief.iterations} reached"
    if out_of_time:
        return "time budget used up"
    if brief.stale >= brief.patience:
        return f"no improvement beyond noise for {brief.stale} iterations"
    return ""


def achievement(goal: Goal, entry: RegistryEntry) -> str:
    """What was achieved, in numbers: `accuracy 0.9610 >= 0.95, parameters 4810 within 20000`."""
    value = measured(goal, entry)
    facts = [f"{goal.metric} {_exact(value or 0)} {goal.comparison} {number(goal.threshold or 0)}"]
    facts += [
        f"{name} {number(spent or 0)} within {number(limit)}" for name, spent, limit in limits(goal, entry)
    ]
    return ", ".join(facts)


def fallback_change(brief: Brief) -> str:
    """What to try when nobody said: smaller after a failure or over a limit, else larger."""
    entry = brief.history[-1].entry
    if brief.last_config is None and measured(brief.goal, entry) is None:
        return "start smaller"
    if measured(brief.goal, entry) is None or excess(brief.goal, entry) > 0:
        return "halve the channels"
    return "double the channels"


def _decide(
    verdict: Verdict, reason: str, advice: Decision | None, because: str, changes: list[str] | None = None
) -> Settled:
    assessment = advice.assessment if advice else ""
    followed = advice is not None and advice.decision == verdict
    decision = Decision(decision=verdict, assessment=assessment, changes=changes or [])
    return Settled(decision, reason, "" if followed else because)


def _why_not_over(advice: Decision | None, unmet: list[str], brief: Brief) -> str:
    if advice is None:
        return "the planner gave no decision"
    if advice.decision == "goal_achieved":
        return "; ".join(unmet)
    return f"{brief.stale} of {brief.patience} iterations without improvement, more may be tried"


def _exact(value: float) -> str:
    """Four digits, and more where four would make an unmet number look met."""
    return f"{value:.4f}" if abs(value - round(value, 4)) < 1e-9 else f"{value:.6f}".rstrip("0")


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""
