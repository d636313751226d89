"""The axes of a chart: limits that suit the values, and ticks at round numbers with distinct labels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

STEPS = (1.0, 2.0, 5.0, 10.0)
"""A tick stands at every multiple of one of these, times a power of ten."""

NARROWEST = 0.02
"""The smallest span of an axis, as a share of its largest value: less is noise that would fill the chart."""

FLAT = 0.1
"""The span where all values are 0."""


@dataclass(frozen=True)
class Limits:
    """From where to where an axis goes: `low` below `high`."""

    low: float
    high: float


def limits(values: Iterable[float], most: float | None = None) -> Limits:
    """Limits that hold all of `values` between two ticks; without values, 0 to 1.

    Where no value is negative the axis does not go below 0; `most`, where given, is the largest value that is
    possible, and the axis does not go above it.
    """
    held = list(values)
    if not held:
        return Limits(0.0, 1.0 if most is None else most)
    low, high = min(held), max(held)
    bottom = 0.0 if low >= 0 else -math.inf
    top = most if most is not None and high <= most else math.inf
    span = max(high - low, NARROWEST * max(abs(low), abs(high))) or FLAT
    middle = (low + high) / 2
    middle = min(max(middle, bottom + span / 2), top - span / 2)
    low, high = min(low, middle - span / 2), max(high, middle + span / 2)
    step = step_for(high - low, 5)
    first, last = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    return Limits(max(min(low, first), bottom), min(max(high, last), top))


def step_for(span: float, most: int) -> float:
    """The smallest round step that divides `span` into at most `most` parts."""
    power = 10.0 ** math.floor(math.log10(span / most))
    return next(step * power for step in STEPS if span / (step * power) <= most + 1e-9)


def ticks(low: float, high: float, most: int) -> list[float]:
    """From 2 to `most` (at least 2) round numbers from `low` to `high`, equally spaced; else both bounds.

    None where the bounds are so close that numbers between them cannot be told apart.
    """
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        return []
    parts = max(1, most - 1)
    step = step_for(high - low, parts)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)] if last > first else [low, high]


def labels(at: Sequence[float]) -> list[str]:
    """The ticks in words, all with as many decimals as the distance between them needs."""
    if len(at) < 2:
        return [f"{value:.6g}" for value in at]
    step = min(b - a for a, b in pairwise(at))
    if max(abs(value) for value in at) >= 1e5:
        digits = max(0, math.floor(math.log10(max(abs(at[0]), abs(at[-1])))) - math.floor(math.log10(step)))
        return [f"{value:.{digits}e}".replace("e+0", "e").replace("e+", "e") for value in at]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return [f"{value:.{decimals}f}" for value in at]


def told(value: float, beside: float | None = None) -> str:
    """A value in three digits or more; in as many as show that it is not `beside`, where it is not."""
    if not 0 < abs(value) < 1e4:
        return f"{value:.3f}" if value == 0 else f"{value:.4g}"
    least = max(3, 2 - math.floor(math.log10(abs(value))))
    for decimals in range(least, least + 4):
        shown = f"{value:.{decimals}f}"
        if beside is None or value == beside or shown != f"{beside:.{decimals}f}":
            return shown
    return f"{value:.{least + 4}f}"
