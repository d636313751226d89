"""The concrete changes that a planner may choose from after a trial, the fitting ones first."""

from __future__ import annotations

from collections.abc import Iterator

from mlagent_tui.agent.alternatives import MAX_EPOCHS
from mlagent_tui.agent.context import Brief, one_line
from mlagent_tui.research import ranking
from mlagent_tui.schemas import EvalConfig

MOST = 8
LARGE_GAP = 0.05
"""A difference between the accuracies on training and validation data from which regularising comes first."""


def choices(brief: Brief) -> list[str]:
    """At most `MOST` changes, none of which was tried; what the user has asked for comes first."""
    tried = {change for attempt in brief.history for change in attempt.entry.change}
    said = [one_line(brief.steering)[:160]] if brief.steering else []
    fitting = [change for change in dict.fromkeys(_ordered(brief)) if change not in tried]
    return [*said, *(fitting or ["double the channels"])][:MOST]


def _ordered(brief: Brief) -> Iterator[str]:
    entry = brief.history[-1].entry
    settings = brief.last_eval_config or EvalConfig(dataset=brief.card.dataset)
    trained, reached = entry.train_accuracy, entry.metrics_summary.get("accuracy")
    if ranking.excess(brief.goal, entry) > 0 or reached is None:
        yield from ("halve the channels", "remove a layer", "pool globally")
        yield from _training(settings)
        return
    regularising = ("augment with shift", "use dropout 0.2", "weight decay 0.05", "label smoothing 0.1")
    overfits = trained is not None and trained - reached > LARGE_GAP
    if overfits:
        yield from regularising
    limit = brief.goal.max_parameters
    room = limit is None or 3 * (entry.parameters or limit) <= limit
    if room:
        yield from ("double the channels", "add a conv layer")
    yield from _training(settings)
    yield from ("add batch norm", "add a residual block") if room else ("add batch norm", "use gelu")
    yield from regularising
    yield from ("use gelu", "pool globally", "halve the channels")


def _training(settings: EvalConfig) -> Iterator[str]:
    if settings.epochs < MAX_EPOCHS:
        yield f"train {min(MAX_EPOCHS, 2 * settings.epochs)} epochs"
    for factor in (3, 1 / 3):
        yield f"learning rate {float(f'{settings.learning_rate * factor:.1g}'):g}"
