"""`experiments/report.md`: what was asked and found, the best network, every run, why it stopped."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlagent_tui import chance, events, paths, shapes
from mlagent_tui.errors import ConfigError, ProjectError
from mlagent_tui.experiments import curves, registry, runs
from mlagent_tui.files import Folder
from mlagent_tui.research import ranking
from mlagent_tui.schemas import EvalResult, Goal, ModelConfig, RegistryEntry
from mlagent_tui.text import clean

_OUTCOMES = {
    "achieved": "The goal was achieved.",
    "stopped": "The goal was not achieved.",
    "interrupted": "The run was interrupted before it ended.",
    "failed": "The run ended with an error.",
    "running": "The run has not ended.",
}
_MARKUP = re.compile(r"\||!(?=\[)|\](?=[(\[:])")
"""Bars of tables, and what makes an image or a link of text: either would hide an address behind words."""
_TIMES = ("loading", "thinking", "checking", "training", "other")


@dataclass(frozen=True)
class Conclusion:
    """How a run of the loop ended. `run_ids` are its entries of the registry; None: all there are."""

    goal_text: str
    outcome: str
    reason: str
    goal: Goal | None = None
    best_run_id: str | None = None
    run_ids: frozenset[str] | None = None
    test_accuracy: float | None = None
    test_size: int = 0
    planner: str = ""
    coder: str = ""
    sandbox: str = ""
    seed: int = 0
    versions: dict[str, str] = field(default_factory=dict)
    spent: events.TimeSpent | None = None


def from_journal(journal: Iterable[events.Event]) -> Conclusion:
    """The conclusion of the last run that the journal holds. Raises `ProjectError` when it holds none."""
    started: events.RunStarted | None = None
    goal: Goal | None = None
    finished: events.RunFinished | None = None
    tested: events.BestTested | None = None
    spent: events.TimeSpent | None = None
    run_ids: set[str] = set()
    for event in journal:
        match event:
            case events.RunStarted():
                started, goal, finished, tested, spent, run_ids = event, None, None, None, None, set()
            case events.GoalUnderstood():
                goal = Goal.model_validate(event.goal)
            case events.TrialFinished():
                run_ids.add(str(event.result.get("run_id")))
            case events.BestTested():
                tested = event
            case events.TimeSpent():
                spent = _add(spent, event)
            case events.RunFinished():
                finished = event
            case _:
                pass
    if started is None:
        raise ProjectError("the journal holds no run", "Start one with `mlagent run`.")
    return Conclusion(
        goal_text=started.goal_text,
        outcome=finished.outcome if finished else "running",
        reason=finished.reason if finished else "",
        goal=goal,
        best_run_id=finished.best_run_id if finished else None,
        run_ids=frozenset(run_ids),
        test_accuracy=tested.accuracy if tested else None,
        test_size=tested.test_size if tested else 0,
        planner=started.planner,
        coder=started.coder,
        sandbox=started.sandbox,
        seed=started.seed,
        versions=started.versions,
        spent=spent,
    )


def draw(root: Path, run_ids: Collection[str] | None, best_run_id: str | None) -> bool:
    """Write `curves.png` of these runs, all when None; whether any of them has curves.

    Raises `ProjectError` when the registry is damaged or the folder cannot be written to.
    """
    results = [runs.load(root, entry.run_id).result for entry in _entries(root, run_ids)]
    lines = {result.run_id: result.curves for result in results if result and result.curves}
    if lines:
        Folder(root, ProjectError).write(paths.CURVES, curves.draw(lines, best_run_id))
    return bool(lines)


def write(root: Path, conclusion: Conclusion, drawn: bool | None = None) -> Path:
    """Write `report.md` and, where a run has curves, `curves.png`; returns the report's path.

    `drawn` is what `draw` has returned for these runs already. Raises `ProjectError` when the registry is
    damaged or the folder cannot be written to.
    """
    entries = _entries(root, conclusion.run_ids)
    folder = Folder(root, ProjectError)
    lines = draw(root, conclusion.run_ids, conclusion.best_run_id) if drawn is None else drawn
    best = ranking.best(ranking.aim(conclusion.goal.model_dump() if conclusion.goal else None), entries)
    sections = [
        [f"# {plain(conclusion.goal_text)}", "", *_summary(conclusion, entries, best)],
        _doubt(root, conclusion, best),
        _goal(conclusion.goal),
        ["## Why it stopped", "", plain(conclusion.reason) or "No reason was recorded."],
        _best(root, conclusion, best),
        _runs(entries, best.run_id if best else None, conclusion.goal),
        ["## Curves", "", f"![Accuracy and loss by epoch]({Path(paths.CURVES).name})"] if lines else [],
        _setup(conclusion),
    ]
    folder.write(paths.REPORT, "\n\n".join("\n".join(section) for section in sections if section) + "\n")
    return root / paths.REPORT


def plain(text: str, width: int = 2000) -> str:
    """One line of Markdown that shows `text` as it is: no hidden characters, no markup, images or links."""
    line = re.sub(r"\s+", " ", clean(text)).strip()
    line = line if len(line) <= width else line[: width - 1] + "…"
    return _MARKUP.sub(r"\\\g<0>", line).replace("<", "&lt;")


def _entries(root: Path, run_ids: Collection[str] | None) -> list[RegistryEntry]:
    return [entry for entry in registry.load(root) if run_ids is None or entry.run_id in run_ids]


def _summary(
    conclusion: Conclusion, entries: Sequence[RegistryEntry], best: RegistryEntry | None
) -> list[str]:
    words = [_OUTCOMES.get(conclusion.outcome, conclusion.outcome)]
    if best is not None:
        words.append(f"The best of {_networks(entries)} reached {_measured(best)}{_over(conclusion, best)}.")
        if conclusion.test_accuracy is not None:
            words.append(f"On the images held back, it is {_percent(conclusion.test_accuracy)}.")
    else:
        words.append(f"Of {_networks(entries)} tried, none has a measured result.")
    return [" ".join(words)]


def _doubt(root: Path, conclusion: Conclusion, best: RegistryEntry | None) -> list[str]:
    """A warning where the best network's validation and test accuracies differ beyond chance."""
    result = runs.load(root, best.run_id).result if best else None
    if result is None or conclusion.test_accuracy is None:
        return []
    said = chance.doubt(result.accuracy, result.val_size, conclusion.test_accuracy, conclusion.test_size)
    return [f"**Warning.** {said}"] if said else []


def _goal(goal: Goal | None) -> list[str]:
    if goal is None:
        return []
    rows = [
        ("Data set", goal.dataset or "none"),
        ("Criterion", f"{goal.metric} {goal.comparison} {goal.threshold}"),
    ]
    if goal.max_parameters is not None:
        rows.append(("Parameters at most", f"{goal.max_parameters:,}"))
    if goal.max_seconds is not None:
        rows.append(("Training seconds at most", f"{goal.max_seconds:g}"))
    if goal.wishes:
        rows.append(("Wishes", plain(goal.wishes)))
    return ["## Goal", "", *_table(("", ""), rows)]


def _best(root: Path, conclusion: Conclusion, entry: RegistryEntry | None) -> list[str]:
    if entry is None:
        return ["## Best network", "", "None: no run has a measured result."]
    run = runs.load(root, entry.run_id)
    metrics = entry.metrics_summary
    rows = [
        ("Run", f"`{entry.run_id}`"),
        ("Validation accuracy", _accuracy(entry)),
        ("Validation loss", _number(metrics.get("val_loss"))),
        ("Test accuracy", _percent(conclusion.test_accuracy) + _of(conclusion.test_size)),
        ("Epoch", _epoch(run.result)),
        ("Parameters", "" if entry.parameters is None else f"{entry.parameters:,}"),
        ("Training", f"{_seconds(entry.seconds)}{f' on {run.result.device}' if run.result else ''}"),
        ("Code", f"`{paths.EXPERIMENTS}/{entry.run_id}/{paths.RUN_CODE}`"),
        ("Configuration", f"`{paths.EXPERIMENTS}/{entry.run_id}/{paths.RUN_CONFIG}`"),
    ]
    lines = ["## Best network", "", *_table(("", ""), rows)]
    if run.config is not None:
        lines += ["", *_architecture(run.config)]
    if run.summary is not None and run.summary.explanation:
        lines += ["", f"In the coder's words: {plain(run.summary.explanation)}"]
    return lines


def _epoch(result: EvalResult | None) -> str:
    """Which epoch the metrics, the weights and the test accuracy are of; empty where that was not recorded."""
    if result is None or result.best_epoch is None:
        return ""
    if result.best_epoch == 1 == len(result.curves):
        return "1 of 1"
    return (
        f"{result.best_epoch} of {len(result.curves)}, chosen by validation; the test is the unbiased value"
    )


def _architecture(config: ModelConfig) -> list[str]:
    try:
        steps = shapes.infer(config)
    except ConfigError:
        return []
    rows = [
        (
            step.name,
            step.layer.type,
            shapes.show(step.output_shape),
            f"{step.parameters:,}" if step.parameters else "",
        )
        for step in steps
        if step.role in ("layer", "shortcut", "close")
    ]
    return _table(("Layer", "Type", "Output", "Parameters"), rows)


def _runs(entries: Sequence[RegistryEntry], best: str | None, goal: Goal | None) -> list[str]:
    target = ranking.aim(goal.model_dump() if goal else None)
    rows = [
        (
            str(entry.iteration or ""),
            f"**{entry.run_id}**" if entry.run_id == best else entry.run_id,
            plain("; ".join(entry.change), 120),
            _accuracy(entry),
            _number(entry.metrics_summary.get("val_loss")),
            "" if entry.parameters is None else f"{entry.parameters:,}",
            _seconds(entry.seconds),
            plain(_trouble(target, entry), 120),
            plain(entry.decision, 120),
        )
        for entry in entries
    ]
    heads = ("#", "Run", "Change", "Accuracy", "Loss", "Parameters", "Time", "Trouble", "Decision")
    return ["## Runs", "", *(_table(heads, rows) if rows else ["None."])]


def _trouble(target: ranking.Aim, entry: RegistryEntry) -> str:
    if entry.status != "completed":
        return f"{entry.status}: {entry.reason}"
    return ranking.mark(target, entry)


def _setup(conclusion: Conclusion) -> list[str]:
    rows = [
        ("Planner", plain(conclusion.planner)),
        ("Coder", plain(conclusion.coder)),
        ("Sandbox", plain(conclusion.sandbox)),
        ("Seed", str(conclusion.seed)),
        *((plain(name), plain(version)) for name, version in conclusion.versions.items()),
    ]
    if spent := conclusion.spent:
        rows.append(("Time", ", ".join(f"{name} {getattr(spent, name):.1f} s" for name in _TIMES)))
    return ["## Set-up", "", *_table(("", ""), [row for row in rows if row[1]])]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows)]


def _networks(entries: Sequence[RegistryEntry]) -> str:
    return "1 network" if len(entries) == 1 else f"{len(entries)} networks"


def _measured(entry: RegistryEntry) -> str:
    accuracy, loss = _accuracy(entry), _number(entry.metrics_summary.get("val_loss"))
    parameters = f" with {entry.parameters:,} parameters" if entry.parameters is not None else ""
    return f"a validation accuracy of {accuracy} and a loss of {loss}{parameters}"


def _accuracy(entry: RegistryEntry) -> str:
    noise = f" ± {100 * entry.accuracy_noise:.2f}" if entry.accuracy_noise is not None else ""
    return _percent(entry.metrics_summary.get("accuracy")) + noise


def _percent(value: float | None) -> str:
    return "not measured" if value is None else f"{100 * value:.2f} %"


def _over(conclusion: Conclusion, entry: RegistryEntry) -> str:
    goal = conclusion.goal
    return ", which is over the limit" if goal and ranking.over_limit(goal, entry) else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"


def _of(images: int) -> str:
    return f" of {images:,} images" if images else ""


def _add(before: events.TimeSpent | None, more: events.TimeSpent) -> events.TimeSpent:
    if before is None:
        return more
    return more.but(**{name: getattr(before, name) + getattr(more, name) for name in _TIMES})
