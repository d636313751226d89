"""How facts are said: numbers with their units, the goal, a plan, a configuration, a decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlagent_tui.research import ranking
from mlagent_tui.tui.text import line

_SIGNS = {">=": "≥", "<=": "≤", ">": ">", "<": "<"}


def percent(value: float | None, digits: int = 1) -> str:
    """`98.6 %`; empty for None."""
    return "" if value is None else f"{100 * value:.{digits}f} %"


def best_value(goal: ranking.Aim, trial: ranking.Trial) -> str:
    """The goal's metric of a trial, and what must be said beside it: `98.6 %`, `0.0430, over the limit`."""
    value, mark = trial.metrics_summary.get(goal.metric), ranking.mark(goal, trial)
    shown = "" if value is None else percent(value) if goal.metric == "accuracy" else f"{value:.4f}"
    return ", ".join(part for part in (shown, mark) if part)


def plus_minus(value: float | None, noise: float | None) -> str:
    """`98.6 ± 0.7 %`."""
    if value is None:
        return ""
    return percent(value) if noise is None else f"{100 * value:.1f} ± {100 * noise:.1f} %"


def duration(seconds: float | None) -> str:
    """`4.2 s` below ten seconds, then `0:42`, `12:05`, `1:02:03`."""
    if seconds is None:
        return ""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s"
    return clock(seconds)


def clock(seconds: float) -> str:
    """`0:42`, `12:05`, `1:02:03`."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def count(value: float | None) -> str:
    """`12,345`; empty for None."""
    return "" if value is None else f"{value:,.0f}"


def short_count(value: float) -> str:
    """`850`, `12.3k`, `1.2M`."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= size:
            return f"{value / (1e3 if unit == 'k' else size):.4g}{unit}"
    return f"{value:,.0f}"


def shape(sizes: Sequence[Any]) -> str:
    """`16×8×8`."""
    return "×".join(str(size) for size in sizes)


def threshold(goal: Mapping[str, Any]) -> str:
    """`≥ 70 %`, `val_loss < 0.3`; empty when the goal names no number."""
    number = goal.get("threshold")
    if number is None:
        return ""
    sign = _SIGNS.get(str(goal.get("comparison")), str(goal.get("comparison")))
    if goal.get("metric") == "accuracy":
        return f"{sign} {100 * float(number):.10g} %"
    return f"{line(str(goal.get('metric')))} {sign} {number:g}"


def goal_items(goal: Mapping[str, Any]) -> list[str]:
    """The goal in short: data set, threshold, limits."""
    items = [line(str(goal.get("dataset") or "")), threshold(goal)]
    if goal.get("max_parameters") is not None:
        items.append(f"≤ {short_count(float(goal['max_parameters']))} params")
    if goal.get("max_seconds") is not None:
        items.append(f"≤ {float(goal['max_seconds']):g} s training")
    return [item for item in items if item]


def layer(entry: Mapping[str, Any]) -> str:
    """`conv2d 16 k3`, `linear 10`, `repeat 3 × (…)`: one layer of a configuration."""
    kind = line(str(entry.get("type", "?")))
    inner = entry.get("layers") or entry.get("block")
    if isinstance(inner, list):
        times = f" {entry['times']} ×" if "times" in entry else ""
        return f"{kind}{times} ({', '.join(layer(part) for part in inner if isinstance(part, Mapping))})"
    told = [entry.get(name) for name in ("out_channels", "out_features", "output_size", "num_groups", "p")]
    words = [f"{value}" for value in told if value is not None]
    if entry.get("kernel_size") is not None:
        words.append(f"k{entry['kernel_size']}")
    return " ".join([kind, *words])


def evaluation(settings: Mapping[str, Any]) -> str:
    """`10 epochs · adamw 0.003 onecycle · batch 64`."""
    optimiser = " ".join(
        f"{settings[name]:g}" if isinstance(settings[name], float) else line(str(settings[name]))
        for name in ("optimizer", "learning_rate", "schedule")
        if settings.get(name) not in (None, "none", "constant")
    )
    items = [f"{settings['epochs']} epochs" if settings.get("epochs") else "", optimiser]
    if settings.get("batch_size"):
        items.append(f"batch {settings['batch_size']}")
    if settings.get("augmentation") not in (None, "none"):
        items.append(line(str(settings["augmentation"])))
    return " · ".join(item for item in items if item)


def verdict(decision: Mapping[str, Any]) -> str:
    """`iterate`, `goal achieved`, `stop`."""
    return line(str(decision.get("decision", ""))).replace("_", " ")


def model_name(spec: str) -> str:
    """The last part of a model's path or URL."""
    return line(spec.rstrip("/").rpartition("/")[2] or spec)
