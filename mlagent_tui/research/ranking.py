"""The one ranking of trials: what counts as measured, which is better, which is best, what is over a limit.

The engine, the screen, the report, the console table and the prompts all use these functions. They take any
value with the fields of `Trial`, and any goal with the fields of `Aim`; nothing here has an effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

MEASURED = ("completed", "time_limit")
"""Statuses whose metrics count: a trial cut off by its time limit has still been validated."""

LOSS_NOISE = 0.01
"""Relative change of a validation loss that is taken for noise."""

EXCESS_NOISE = 0.05
"""Relative change of the excess over a limit that is taken for noise."""

OVER = "over the limit"
"""How a trial over a limit is marked, everywhere."""


class Aim(Protocol):
    """What ranking needs of a goal; `schemas.Goal` is one."""

    @property
    def metric(self) -> str: ...
    @property
    def comparison(self) -> str: ...
    @property
    def threshold(self) -> float | None: ...
    @property
    def max_parameters(self) -> int | None: ...
    @property
    def max_seconds(self) -> float | None: ...


class Trial(Protocol):
    """What ranking needs of a trial; `schemas.RegistryEntry` is one."""

    @property
    def metrics_summary(self) -> Mapping[str, float]: ...
    @property
    def status(self) -> str: ...
    @property
    def parameters(self) -> int | None: ...
    @property
    def seconds(self) -> float | None: ...
    @property
    def accuracy_noise(self) -> float | None: ...


class Point(Protocol):
    """One validated epoch; `schemas.EpochMetrics` is one."""

    @property
    def val_loss(self) -> float: ...
    @property
    def accuracy(self) -> float: ...


class Recorded(Trial, Protocol):
    """A trial as the registry keeps it, with the goal it was tried for."""

    @property
    def iteration(self) -> int: ...
    @property
    def goal(self) -> Mapping[str, Any]: ...


T = TypeVar("T", bound=Trial)
P = TypeVar("P", bound=Point)
R = TypeVar("R", bound=Recorded)


@dataclass(frozen=True)
class Target:
    """An `Aim` made of a goal's fields. Without any, the most accurate trial is best."""

    metric: str = "accuracy"
    comparison: str = ">="
    threshold: float | None = None
    max_parameters: int | None = None
    max_seconds: float | None = None


def aim(fields: Mapping[str, Any] | None) -> Target:
    """The goal's fields as a `Target`; fields that are missing, null or not known are left out."""
    known = {name: (fields or {}).get(name) for name in Target.__dataclass_fields__}
    return Target(**{name: value for name, value in known.items() if value is not None})


# --- one trial against the goal -------------------------------------------------------------------------


def measured(goal: Aim, trial: Trial) -> float | None:
    """The goal's metric of a trial whose metrics count, else None."""
    return trial.metrics_summary.get(goal.metric) if trial.status in MEASURED else None


def diverged(trial: Trial) -> bool:
    """Whether the training diverged: its metrics, if there are any, count for nothing."""
    return trial.status == "diverged"


def limits(goal: Aim, trial: Trial) -> list[tuple[str, float | None, float]]:
    """(name, spent, limit) for each limit the goal sets."""
    every = (
        ("parameters", trial.parameters, goal.max_parameters),
        ("seconds", trial.seconds, goal.max_seconds),
    )
    return [(name, spent, limit) for name, spent, limit in every if limit is not None]


def over_limit(goal: Aim, trial: Trial) -> bool:
    """Whether the trial is over one of the goal's limits."""
    return excess(goal, trial) > 0


def excess(goal: Aim, trial: Trial) -> float:
    """How far a trial is over the goal's limits: 0 within them, 1 at twice one of them, summed."""
    over = (max(0.0, spent / limit - 1) for _, spent, limit in limits(goal, trial) if spent is not None)
    return sum(over)


def achieved(goal: Aim, trial: Trial) -> bool:
    """Whether the trial reaches the goal's number within every limit."""
    return not unmet(goal, trial)


def unmet(goal: Aim, trial: Trial) -> list[str]:
    """Every reason why the trial does not achieve the goal; empty when it does."""
    value = measured(goal, trial)
    if value is None:
        reason = getattr(trial, "reason", "")
        return [f"no {goal.metric} was measured ({trial.status}{f': {reason}' if reason else ''})"]
    if goal.threshold is None:
        return ["the goal names no number to reach"]
    missing = []
    if not holds(value, goal.comparison, goal.threshold):
        missing.append(f"{goal.metric} {exact(value)} is not {goal.comparison} {number(goal.threshold)}")
    for name, spent, limit in limits(goal, trial):
        if spent is None:
            missing.append(f"{name} were not measured")
        elif spent > limit:
            missing.append(f"{name} {number(spent)} are more than {number(limit)}")
    return missing


def mark(goal: Aim, trial: Trial) -> str:
    """What must be said beside the trial's numbers: `over the limit`, its status, or nothing."""
    if trial.status not in MEASURED:
        return trial.status
    return OVER if over_limit(goal, trial) else ""


# --- trials against each other --------------------------------------------------------------------------


def higher_is_better(goal: Aim) -> bool:
    """Whether the goal's comparison asks for a large value."""
    return goal.comparison in (">=", ">")


def rank(goal: Aim, trial: Trial) -> tuple[bool, bool, float, float]:
    """A key that sorts trials, the best first.

    Measured ones come first; of those, the ones that achieve the goal, then the ones within the limits or
    nearest to them, then by the goal's metric.
    """
    value = measured(goal, trial)
    if value is None:
        return True, True, excess(goal, trial), 0.0
    return False, not achieved(goal, trial), excess(goal, trial), -value if higher_is_better(goal) else value


def better(goal: Aim, trial: Trial, than: Trial | None) -> bool:
    """Whether `trial` takes the place of the best one so far. One that was not measured never does."""
    if measured(goal, trial) is None:
        return False
    return than is None or rank(goal, trial) < rank(goal, than)


def ordered(goal: Aim, trials: Iterable[T]) -> list[T]:
    """The measured trials, the best first; equal ones in the order in which they were made."""
    return sorted((t for t in trials if measured(goal, t) is not None), key=lambda trial: rank(goal, trial))


def best(goal: Aim, trials: Iterable[T]) -> T | None:
    """The best measured trial; None where nothing was measured."""
    return next(iter(ordered(goal, trials)), None)


def within_noise(goal: Aim, trial: Trial, other: Trial) -> bool:
    """Whether the metrics of two trials differ by no more than measuring them explains.

    Noise is one standard error for accuracy (the larger of both), `LOSS_NOISE` of the other's loss for a
    loss. False where one of them was not measured.
    """
    value, reference = measured(goal, trial), measured(goal, other)
    if value is None or reference is None:
        return False
    if goal.metric == "accuracy":
        noise = max(trial.accuracy_noise or 0.0, other.accuracy_noise or 0.0)
    else:
        noise = LOSS_NOISE * abs(reference)
    return abs(value - reference) <= noise


def improves(goal: Aim, trial: Trial, than: Trial | None) -> bool:
    """Whether `trial` is better than another by more than noise.

    Coming nearer to the limits counts first, the metric second: a trial over a limit never replaces one
    within it, however accurate.
    """
    value = measured(goal, trial)
    if value is None:
        return False
    if than is None:
        return True
    over, before = excess(goal, trial), excess(goal, than)
    if before and over < before * (1 - EXCESS_NOISE):
        return True
    if over > before * (1 + EXCESS_NOISE):
        return False
    reference = measured(goal, than)
    if reference is None:
        return True
    gain = value - reference if higher_is_better(goal) else reference - value
    return gain > 0 and not within_noise(goal, trial, than)


# --- the epochs of one trial, the trials of one search --------------------------------------------------


def best_epoch(curves: Sequence[P], metric: str) -> int | None:
    """The index of the validated epoch whose weights and metrics are kept; None where there is none.

    By `metric` (accuracy: the highest; val_loss: the lowest); of equals the one with the lower validation
    loss, then the earlier one.
    """
    if not curves:
        return None
    if metric == "val_loss":
        return min(range(len(curves)), key=lambda i: curves[i].val_loss)
    return min(range(len(curves)), key=lambda i: (-curves[i].accuracy, curves[i].val_loss))


def last_search(entries: Sequence[R]) -> list[R]:
    """The entries of the last search in a registry: iterations count from 1 again in each."""
    start = len(entries)
    while start and (start == len(entries) or entries[start - 1].iteration < entries[start].iteration):
        start -= 1
    return list(entries[start:])


def best_recorded(entries: Sequence[R], goal: Aim | None = None) -> R | None:
    """The best entry of a registry's last search, by `goal`, else by the goal its entries were tried for."""
    tried = last_search(entries)
    return best(goal or aim(tried[-1].goal), tried) if tried else None


# --- numbers --------------------------------------------------------------------------------------------


def holds(value: float, comparison: str, threshold: float) -> bool:
    """`value comparison threshold`, in plain arithmetic."""
    return {
        ">=": value >= threshold, ">": value > threshold, "<=": value <= threshold, "<": value < threshold,
    }[comparison]  # fmt: skip


def number(value: float) -> str:
    """Shortest plain form: 0.95, 60, 0.003, never an exponent."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def exact(value: float) -> str:
    """Four digits, and more where four would make an unmet number look met."""
    return f"{value:.4f}" if abs(value - round(value, 4)) < 1e-9 else f"{value:.6f}".rstrip("0")
