"""`experiments/report.md`: what was asked and found, the best network, every run, why it stopped."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mlagent_tui import chance, paths, shapes
from mlagent_tui.errors import ConfigError, ProjectError
from mlagent_tui.experiments import curves, registry, runs
from mlagent_tui.experiments.conclusion import TIMES, Conclusion, shares
from mlagent_tui.files import Folder
from mlagent_tui.research import multiply_adds, ranking, wishes, wording
from mlagent_tui.schemas import EpochMetrics, EvalResult, Goal, ModelConfig, RegistryEntry, Summary
from mlagent_tui.text import clean

_OUTCOMES = {
    "achieved": "The goal was achieved.",
    "stopped": "The goal was not achieved.",
    "interrupted": "The run was interrupted before it ended.",
    "failed": "The run ended with an error.",
    "running": "The run has not ended.",
    "unknown": "How the run ended is not known.",
}
ROWS = 100
"""Trials that a report lists; of a longer run, the newest."""
_MARKUP = re.compile(r"\||!(?=\[)|\](?=[(\[:])")
"""Bars of tables, and what makes an image or a link of text: either would hide an address behind words."""


class NotDrawn(ProjectError):
    """The picture of the curves cannot be drawn: a fault of the library or of its installation."""


def draw(root: Path, run_ids: Collection[str] | None, best_run_id: str | None) -> bool:
    """Write `curves.png` of the best and the newest of these runs, all when None; whether any has curves.

    Raises `ProjectError` when the folder cannot be written to, `NotDrawn` when there can be no picture.
    """
    entries = _entries(root, run_ids).entries
    best = [entry for entry in entries if entry.run_id == best_run_id]
    others = [entry for entry in reversed(entries) if entry.run_id != best_run_id]
    lines: dict[str, list[EpochMetrics]] = {}
    for entry in [*best, *others]:
        result = runs.load(root, entry.run_id).result
        if result and result.curves:
            lines[result.run_id] = result.curves
        if len(lines) >= curves.SHOWN:
            break
    if lines:
        shown = {run_id: lines[run_id] for run_id in reversed(lines)}
        try:
            picture = curves.draw(shown, best_run_id)
        except Exception as error:  # whatever matplotlib raises costs the picture, never the report
            what = f"the curves cannot be drawn: {type(error).__name__}: {error}"
            raise NotDrawn(what, "The report has no picture of them. Install matplotlib again.") from error
        Folder(root, ProjectError).write(paths.CURVES, picture)
    return bool(lines)


def write(root: Path, conclusion: Conclusion, drawn: bool | None = None) -> Path:
    """Write `report.md` and, where a run has curves, `curves.png`; returns the report's path.

    `drawn` is what `draw` has returned for these runs already. Raises `ProjectError` when the folder cannot
    be written to.
    """
    lines = draw(root, conclusion.run_ids, leader(root, conclusion)) if drawn is None else drawn
    return save(root, compose(root, conclusion, lines))


def leader(root: Path, conclusion: Conclusion) -> str | None:
    """The id of the best of the run's trials, of a run that has not ended too; None where none is measured.

    Raises `ProjectError` when `root` is not a project.
    """
    best = _best_entry(conclusion, _entries(root, conclusion.run_ids).entries)
    return best.run_id if best else None


def _best_entry(conclusion: Conclusion, entries: Sequence[RegistryEntry]) -> RegistryEntry | None:
    return ranking.best(ranking.aim(conclusion.goal.model_dump() if conclusion.goal else None), entries)


def save(root: Path, text: str) -> Path:
    """Write a report; returns its path. Raises `ProjectError`."""
    Folder(root, ProjectError).write(paths.REPORT, text)
    return root / paths.REPORT


def compose(root: Path, conclusion: Conclusion, drawn: bool) -> str:
    """The text of the report; `drawn` says whether there is a picture of curves. Nothing is written.

    Raises `ProjectError` when `root` is not a project.
    """
    listed = _entries(root, conclusion.run_ids)
    entries = listed.entries
    best = _best_entry(conclusion, entries)
    sections = [
        [f"# {plain(conclusion.goal_text)}", "", *_summary(conclusion, entries, best)],
        _problems(conclusion.problem, listed.notice, _damaged(root, best)),
        _doubt(root, conclusion, best),
        _goal(conclusion.goal),
        _wishes(root, conclusion.goal, best),
        ["## Why it stopped", "", plain(conclusion.reason) or "No reason was recorded."],
        _best(root, conclusion, best),
        _runs(entries, best.run_id if best else None, conclusion.goal),
        ["## Curves", "", f"![Accuracy and loss by epoch]({Path(paths.CURVES).name})"] if drawn else [],
        _setup(conclusion),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def plain(text: str, width: int = 2000) -> str:
    """One line of Markdown that shows `text` as it is: no hidden characters, no markup, images or links."""
    line = re.sub(r"\s+", " ", clean(text)).strip()
    line = line if len(line) <= width else line[: width - 1] + "…"
    return _MARKUP.sub(r"\\\g<0>", line).replace("<", "&lt;")


def _entries(root: Path, run_ids: Collection[str] | None) -> registry.Listed:
    listed = registry.read(root)
    own = [entry for entry in listed.entries if run_ids is None or entry.run_id in run_ids]
    return replace(listed, entries=own)


def _damaged(root: Path, best: RegistryEntry | None) -> str:
    """What of the best network's folder cannot be read."""
    damaged = runs.load(root, best.run_id).damaged if best else {}
    told = "; ".join(f"{name} cannot be read ({why})" for name, why in damaged.items())
    return f"{best.experiment_dir}: {told}" if best and told else ""


def _problems(*sentences: str) -> list[str]:
    found = [plain(sentence).rstrip(".") + "." for sentence in sentences if sentence]
    return ["## What could not be read", "", *found] if found else []


def _summary(
    conclusion: Conclusion, entries: Sequence[RegistryEntry], best: RegistryEntry | None
) -> list[str]:
    words = [_OUTCOMES.get(conclusion.outcome, conclusion.outcome)]
    if best is not None and best.unmet:
        words.append(f"The best network does not meet all wishes: {plain('; '.join(best.unmet))}.")
    if best is not None:
        so_far = " so far" if conclusion.outcome == "running" else ""
        reached = f"{_measured(best)}{_over(conclusion, best)}"
        words.append(f"The best of {_networks(entries)}{so_far} reached {reached}.")
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
    return ["## Goal", "", *_table(("", ""), rows)]


def _wishes(root: Path, goal: Goal | None, best: RegistryEntry | None) -> list[str]:
    """Which wishes the best network meets; those that nothing can be measured by are named apart."""
    if goal is None or not (goal.asked or goal.wishes):
        return []
    run = runs.load(root, best.run_id) if best else None
    answers = wishes.check(goal.asked, run.config, run.eval_config) if run else []
    rows = [(wishes.words(one.wish), "met" if one.met else f"not met: {one.has}") for one in answers]
    checked = {wishes.phrase(wish) for wish in goal.asked}
    rows += [
        (phrase, "not checked") for phrase in goal.wishes.split(", ") if phrase and phrase not in checked
    ]
    return ["## Wishes", "", *_table(("Asked for", "Best network"), [tuple(map(plain, row)) for row in rows])]


def _best(root: Path, conclusion: Conclusion, entry: RegistryEntry | None) -> list[str]:
    if entry is None:
        return ["## Best network", "", "None: no run has a measured result."]
    run = runs.load(root, entry.run_id)
    metrics = entry.metrics_summary
    rows = [
        ("Trial", f"`{entry.run_id}`"),
        ("Validation accuracy", _accuracy(entry)),
        ("Validation loss", _number(metrics.get("val_loss"))),
        ("Test accuracy", _percent(conclusion.test_accuracy) + _of(conclusion.test_size)),
        ("Epoch", _epoch(run.result)),
        ("Parameters", "" if entry.parameters is None else f"{entry.parameters:,}"),
        ("Forward pass", _work(run.summary)),
        ("Training", f"{_seconds(entry.seconds)}{f' on {run.result.device}' if run.result else ''}"),
        *_makers(entry),
        ("Code", f"`{paths.EXPERIMENTS}/{entry.run_id}/{paths.RUN_CODE}`"),
        ("Configuration", f"`{paths.EXPERIMENTS}/{entry.run_id}/{paths.RUN_CONFIG}`"),
    ]
    lines = ["## Best network", "", *_table(("", ""), rows)]
    if run.config is not None:
        lines += ["", *_architecture(run.config)]
    if run.summary is not None and run.summary.explanation:
        whose = wording.whose(run.summary.explanation_source, len(run.summary.explanation_dropped))
        lines += ["", f"{plain(run.summary.explanation)} ({whose})"]
    return lines


def _makers(entry: RegistryEntry) -> list[tuple[str, str]]:
    """Which models proposed the network and wrote its code, as far as models did."""
    rows = (("Network by", plain(entry.planner)), ("Code by", plain(entry.coder)))
    return [row for row in rows if row[1]]


def _work(summary: Summary | None) -> str:
    """What a forward pass of one input takes; empty where it was not measured."""
    if summary is None:
        return ""
    return plain(multiply_adds.told(f"{summary.multiply_adds:,}", summary.not_counted))


def _epoch(result: EvalResult | None) -> str:
    """Which epoch the metrics, weights and test accuracy are of; empty where that was not recorded."""
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
        for index, entry in enumerate(entries)
        if index >= len(entries) - ROWS or entry.run_id == best
    ]
    heads = ("#", "Trial", "Change", "Accuracy", "Loss", "Parameters", "Time", "Trouble", "Decision")
    note = []
    if len(rows) < len(entries):
        note = [f"The newest {ROWS} of {len(entries):,}, and the best. `mlagent runs --all` lists all.", ""]
    return ["## Runs", "", *note, *(_table(heads, rows) if rows else ["None."])]


def _trouble(target: ranking.Aim, entry: RegistryEntry) -> str:
    if entry.status != "completed":
        return f"{entry.status}: {entry.reason}"
    return "; ".join(part for part in (ranking.mark(target, entry), *entry.unmet) if part)


def _setup(conclusion: Conclusion) -> list[str]:
    rows = [
        ("Planner", plain(conclusion.planner)),
        ("Coder", plain(conclusion.coder)),
        ("Sandbox", plain(conclusion.sandbox)),
        ("Seed", str(conclusion.seed)),
        *((plain(name), plain(version)) for name, version in conclusion.versions.items()),
    ]
    if chosen := conclusion.prompts:
        rows.append(("Prompts", plain(wording.prompts(chosen.profiles, chosen.files))))
        rows += [
            (f"Prompt {plain(str(file['profile']))}/{plain(str(file['name']))}", _changed_prompt(file))
            for file in chosen.files
            if file.get("changed")
        ]
    if spent := conclusion.spent:
        rows.append(("Time", ", ".join(f"{name} {getattr(spent, name):.1f} s" for name in TIMES)))
    told = [plain(sentence) for sentence in shares(conclusion.answers)]
    return [
        "## Set-up",
        "",
        *_table(("", ""), [row for row in rows if row[1]]),
        *([""] if told else []),
        *told,
    ]


def _changed_prompt(file: Mapping[str, object]) -> str:
    return plain(f"{file.get('path')}, SHA-256 {file.get('sha256')}")


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
