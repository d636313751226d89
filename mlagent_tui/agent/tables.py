"""Goal, data and history as small tables of one form, and the last trial against the goal in plain words.

For models that read tables well and were not trained on `context`'s lines. Everything shown was measured.
"""

from __future__ import annotations

from collections.abc import Iterable

from mlagent_tui.agent.context import FAILURE_WIDTH, Attempt, Brief, one_line, shown
from mlagent_tui.research import ranking
from mlagent_tui.schemas import DataCard, Goal

NOTHING = "-"


def table(*rows: Iterable[object]) -> list[str]:
    """One line a row, columns with ` | ` between them; the first row names the columns."""
    return [" | ".join(one_line(str(cell)).replace("|", "/") or NOTHING for cell in row) for row in rows]


def data(card: DataCard) -> list[str]:
    """The shape of an image and how many there are."""
    return [
        "Data:",
        *table(
            ("channels", "height", "width", "classes", "training images"),
            (*card.input_shape, card.num_classes, card.train_size),
        ),
    ]


def goal(goal: Goal, steering: str = "") -> list[str]:
    """What is to be reached, the limits, the wishes, and what the user said since."""
    rows: list[tuple[str, str]] = [(goal.metric, f"{goal.comparison} {_threshold(goal)}")]
    rows += [("parameters", f"<= {goal.max_parameters}")] if goal.max_parameters else []
    rows += [("seconds", f"<= {ranking.number(goal.max_seconds)}")] if goal.max_seconds else []
    lines = ["Goal:", *table(("what", "wanted"), *rows)]
    if goal.wishes:
        lines.append(f"Wishes: {goal.wishes}")
    if steering:
        lines.append(f"The user says: {one_line(steering)}")
    return lines


def _threshold(goal: Goal) -> str:
    return ranking.number(goal.threshold or 0)


RUNS = ("run", "change", "accuracy", "on training data", "val_loss", "parameters", "seconds", "result")


def runs(brief: Brief) -> list[str]:
    """The best runs and the most recent few, oldest first."""
    if not brief.history:
        return ["Runs: none yet"]
    return ["Runs:", *table(RUNS, *(_row(attempt, brief) for attempt in shown(brief)))]


def _row(attempt: Attempt, brief: Brief) -> tuple[object, ...]:
    entry = attempt.entry
    metrics = entry.metrics_summary
    measured = [metrics.get("accuracy"), entry.train_accuracy, metrics.get("val_loss")]
    values = [NOTHING if value is None else f"{value:.4f}" for value in measured]
    seconds = NOTHING if entry.seconds is None else f"{entry.seconds:.1f}"
    change = "; ".join(entry.change) or "first network"
    size = entry.parameters if entry.parameters is not None else NOTHING
    return (entry.iteration, change, *values, size, seconds, _result(attempt, brief))


def _result(attempt: Attempt, brief: Brief) -> str:
    entry = attempt.entry
    if ranking.measured(brief.goal, entry) is None:
        return f"{entry.status}: {one_line(entry.reason)[:FAILURE_WIDTH]}"
    return "goal reached" if not ranking.unmet(brief.goal, entry) else "goal not reached"


def last_run(brief: Brief) -> list[str]:
    """The last run against the goal and its limits, and how the search goes on, a sentence a line."""
    entry, wanted = brief.history[-1].entry, brief.goal
    value = ranking.measured(wanted, entry)
    if value is None:
        lines = [f"The last run gave no result ({entry.status}: {one_line(entry.reason)[:FAILURE_WIDTH]})."]
    else:
        met = ranking.holds(value, wanted.comparison, wanted.threshold or 0)
        outcome = "reached" if met else "not reached"
        aim = f"{wanted.comparison} {_threshold(wanted)}"
        lines = [f"The last run has {wanted.metric} {value:.4f}; {aim} is wanted: {outcome}."]
    for name, spent, limit in ranking.limits(wanted, entry):
        if spent is not None:
            state = "over the limit of" if spent > limit else "within the limit of"
            lines.append(f"It has {ranking.number(spent)} {name}, {state} {ranking.number(limit)}.")
    if brief.stale >= brief.patience:
        lines.append(f"There was no progress in {brief.stale} runs: stop unless the goal is reached.")
    left = brief.iterations - brief.iteration
    lines.append(f"{left} more run{'' if left == 1 else 's'} may be made.")
    return lines
