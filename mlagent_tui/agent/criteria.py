"""Which numbers of a goal's text state its criterion, and which criterion each states."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mlagent_tui.agent import goal_words as words
from mlagent_tui.agent.numbers import Found, plain
from mlagent_tui.agent.places import Place
from mlagent_tui.schemas import Comparison, Metric


@dataclass(frozen=True)
class Criterion:
    """One criterion of the text."""

    metric: Metric
    comparison: Comparison
    threshold: float
    text: str


def candidates(places: list[Place], text: str) -> tuple[list[Place], list[Found]]:
    """The numbers that state the criterion, and those that nothing accounts for."""
    plain_numbers = [p for p in places if p.role == "number"]
    sure = [p for p in plain_numbers if p.found.unit == "%" or _beside_metric(p)]
    rest = [p for p in plain_numbers if p not in sure]
    if not sure:
        sure = [p for p in rest if 0 < p.found.value <= 1 and not p.found.scaled]
        loss = words.LOSS.search(text)
        sure = sure or [p for p in rest if loss and 0 < p.found.value <= 100 and p.direction()]
    unused = [p.found for p in rest if p not in sure]
    said = {p.found for p in rest if p.direction() or p.found.scaled or 0 < p.found.value < 1}
    return sure, [found for found in unused if found in said]


def _beside_metric(place: Place) -> bool:
    """Whether a bare number stands with a metric: behind its word, or right before it."""
    if place.found.scaled or place.found.value > 1000:
        return False
    pattern = re.compile(
        "|".join(p.pattern for p in (words.ACCURACY, words.LOSS, words.ERROR)), re.IGNORECASE
    )
    ahead = re.match(
        rf"\s*(?:validation\s+|test\s+|val[\s_]+)?(?:{pattern.pattern})", place.after, re.IGNORECASE
    )
    return bool(ahead or pattern.search(place.before))


def stated(place: Place, text: str) -> Criterion | str:
    """The criterion that a number states, or what is wrong with it."""
    kind, found, sign = _kind(place, text), place.found, place.direction()
    value = found.value
    if kind == "loss":
        if found.unit == "%" or not 0 < value <= 100:
            return f"{found.text} is not a possible validation loss"
        if sign in (">", ">="):
            return f"a validation loss of {found.text} or more is not a goal: a loss should be small"
        comparison: Comparison = "<" if sign in ("<", "better") else "<="
        return Criterion("val_loss", comparison, value, f"validation loss {comparison} {plain(value)}")
    bare = not found.unit
    if bare and value > 1 and kind == "error":
        return f"{found.text} is not a clear error rate: write it as a percentage"
    if bare and 1 < value <= 100:
        value = round(value / 100, 9)
    if not 0 < value <= 1 or (value == 1 and kind == "error"):
        return f"{found.text} is not a possible {'error rate' if kind == 'error' else 'accuracy'}"
    if kind == "error":
        if sign in (">", ">="):
            return f"an error rate of {found.text} or more is not a goal: an error rate should be small"
        comparison = ">" if sign in ("<", "better") else ">="
        value = round(1 - value, 9)
    else:
        if sign in ("<", "<="):
            return f"an accuracy of {found.text} or less is not a goal: an accuracy should be large"
        comparison = ">" if sign in (">", "better") else ">="
    return Criterion("accuracy", comparison, value, f"accuracy {comparison} {plain(value)}")


def _kind(place: Place, text: str) -> str:
    """accuracy, loss or error: by the nearest word that names one; a share alone is an accuracy."""
    kinds = (("accuracy", words.ACCURACY), ("loss", words.LOSS), ("error", words.ERROR))
    ahead = re.compile(r"^\s*(?:validation\s+|test\s+|val[\s_]+|mean\s+)?$", re.IGNORECASE)
    for kind, pattern in kinds:
        match = pattern.search(place.after)
        if match and ahead.match(place.after[: match.start()]):
            return kind
    for where, latest in ((place.before, True), (place.after, False), (text, False)):
        hits = [(m.end() if latest else -m.start(), kind) for kind, p in kinds for m in p.finditer(where)]
        if where is text and len({kind for _, kind in hits}) > 1:
            return "accuracy"
        if hits:
            return max(hits)[1]
    return "accuracy"


def comparison_for(metric: Metric, direction: str) -> Comparison:
    """How a number is a criterion that the words around it give this direction: see `Place.direction`."""
    strict = direction in (">", "<", "better")
    if metric == "accuracy":
        return ">" if strict else ">="
    return "<" if strict else "<="


def comparison_fitting(metric: Metric, comparison: Comparison) -> Comparison:
    """The comparison that makes sense for the metric, as strict as the one given."""
    if metric == "accuracy":
        return ">" if comparison == ">" else ">="
    return "<" if comparison == "<" else "<="
