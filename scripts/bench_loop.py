#!/usr/bin/env python3
"""Run the whole loop on ten differently worded goals, each as a user would, and print what became of them.

    scripts/bench_loop.py [--folder DIR] [--repeat]

Each goal is one `mlagent run`, in a process of its own. `--repeat` runs the first goal twice with the same
seed and compares what came out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMES = ("loading", "thinking", "checking", "training", "other")
ITERATIONS = 5
GOALS = (
    "Design a small CNN for the digits data set that reaches at least 95% accuracy",
    "digits: more than ninety percent accuracy with fewer than 20k parameters, no dropout",
    "I need a tiny network for sklearn digits, acc >= 0.9, under 5,000 params",
    "build me a conv net with 3 conv layers and GELU on the handwritten digits, aiming for 96 %",
    "please train an MLP on digits, validation loss below 0.4",
    "a residual network with batch norm for digits; 97% or more would be great",
    "Find a model for the dummy data with at least 90 percent accuracy in under 60 seconds",
    "synthetic data set, deep cnn, accuracy over 0.85, max 100k parameters, average pooling",
    "get me a modest classifier for toy data that hits 80%, train for 5 epochs with SGD",
    "Create a lightweigth convnet on the digits dataset with dropout 0.2 exceeding 0.93 accuracy",
)


@dataclass(frozen=True)
class Outcome:
    """What one run came to."""

    goal: str
    status: int
    iterations: int
    best: float | None
    seconds: float
    times: dict[str, float]
    journal: tuple[str, ...]


def main() -> int:
    """Run the goals and print the tables; exit status 1 when one ended in an error."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="keep the projects here (default: a temporary folder)")
    parser.add_argument("--only", type=int, help="run only this goal, counted from 1")
    parser.add_argument("--repeat", action="store_true", help="run the first goal twice and compare")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        goals = GOALS if options.only is None else GOALS[options.only - 1 : options.only]
        if options.repeat:
            return repeat(folder)
        outcomes = []
        for number, goal in enumerate(goals, 1):
            outcomes.append(run(goal, folder / f"goal{number:02}"))
            print(row(outcomes[-1]), flush=True)
    print_times(outcomes)
    statuses = [outcome.status for outcome in outcomes]
    print(f"{statuses.count(0)} of {len(outcomes)} achieved, {statuses.count(1)} ended with an error")
    return int(any(outcome.status not in (0, 3) for outcome in outcomes))


def run(goal: str, project: Path) -> Outcome:
    """One `mlagent run`, timed from outside."""
    began = time.monotonic()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mlagent_tui", "run", goal),
            *("--project", str(project), "--iterations", str(ITERATIONS), "--quiet"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    seconds = time.monotonic() - began
    registry = _read(project / "experiments" / "registry.json") or []
    metrics = [entry["metrics_summary"].get("accuracy") for entry in registry]
    told = [json.loads(line) for line in _lines(project / "experiments" / "journal.jsonl")]
    spent: dict[str, Any] = next((event for event in reversed(told) if event["type"] == "time_spent"), {})
    best = max((m for m in metrics if m is not None), default=None)
    times = {name: float(spent.get(name, 0)) for name in TIMES}
    facts = tuple(filter(None, map(repeatable, told)))
    return Outcome(goal, done.returncode, len(registry), best, seconds, times, facts)


def repeatable(event: dict[str, object]) -> str:
    """What of an event must be the same in the same run again: configs, code, metrics, decisions."""
    kept = {
        "config_made": ("config",),
        "code_made": ("code",),
        "decision_made": ("decision", "advised"),
        "epoch_done": ("epoch", "train_loss", "val_loss", "accuracy"),
    }.get(str(event["type"]), ())
    return json.dumps({name: event.get(name) for name in kept}, sort_keys=True) if kept else ""


def repeat(folder: Path) -> int:
    """The first goal twice; 0 when configs, code, decisions and metrics are the same."""
    first, second = (run(GOALS[0], folder / f"again{number}") for number in (1, 2))
    same = first.journal == second.journal
    verdict = "identical" if same else "DIFFERENT"
    print(f"the same goal and seed twice: {len(first.journal)} facts, {verdict}")
    return int(not same)


def row(outcome: Outcome) -> str:
    """One line of the table of goals."""
    best = "-" if outcome.best is None else f"{outcome.best:.4f}"
    facts = f"{outcome.iterations} runs  best {best:>6}  {outcome.seconds:6.1f} s"
    return f"exit {outcome.status}  {facts}  {outcome.goal}"


def print_times(outcomes: list[Outcome]) -> None:
    """Where the wall time went, in seconds and as shares of the whole."""
    total = sum(outcome.seconds for outcome in outcomes)
    print(f"\n{'':14}{'seconds':>9}{'share':>8}")
    for name in TIMES:
        seconds = sum(outcome.times[name] for outcome in outcomes)
        print(f"{name:14}{seconds:9.1f}{seconds / total:8.1%}")
    outside = total - sum(sum(outcome.times.values()) for outcome in outcomes)
    print(f"{'start and end':14}{outside:9.1f}{outside / total:8.1%}\n{'wall':14}{total:9.1f}")


def _read(path: Path) -> list[dict[str, dict[str, float]]] | None:
    return json.loads(path.read_text()) if path.exists() else None


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


if __name__ == "__main__":
    sys.exit(main())
