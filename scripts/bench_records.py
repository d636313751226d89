"""What a long project costs: 10,000 trials in the registry, 100,000 lines in the journal.

    python scripts/bench_records.py [--trials N] [--lines N]

Prints medians of each command and of recording a trial, beside what plain `json.load` and `json.dump` of the
same list take, and beside a command that does nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from mlagent_tui import events, paths
from mlagent_tui.experiments import Project
from mlagent_tui.schemas import RegistryEntry

ROUNDS = 5


def main() -> None:
    """Make the project, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--lines", type=int, default=100_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        make(root, asked.trials, asked.lines)
        listed = root / paths.REGISTRY
        print(f"{asked.trials:,} trials, {listed.stat().st_size / 1e6:.1f} MB; {asked.lines:,} journal lines")
        plain = shown("json.load of the list", lambda: json.loads(listed.read_text()))
        rewrite = shown("json.load and json.dump of it", lambda: _rewritten(listed))
        with Project(root) as project:
            numbers = iter(range(1000))
            project.record(_entry("first"))
            new = shown("recording a trial", lambda: project.record(_entry(f"new_{next(numbers)}")))
            last = _entry("last")
            project.record(last)
            shown("recording its decision", lambda: project.record(last))
        print(f"{'':34}{rewrite / new:9.0f} times faster than load and dump")
        nothing = shown("mlagent --version", lambda: _command("--version"))
        for command in ("runs", "report", "resume"):
            took = shown(f"mlagent {command}", partial(_command, command, str(root)))
            print(
                f"{'':34}{1000 * (took - nothing):9.1f} ms more than --version, json.load {1000 * plain:.1f}"
            )


def make(root: Path, trials: int, lines: int) -> None:
    """A project with this many trials in its registry and lines in its journal; its run has stopped."""
    (root / paths.EXPERIMENTS).mkdir(parents=True)
    entries = [_entry(f"qe_20260101_{n:06}", iteration=n + 1) for n in range(trials)]
    text = json.dumps([entry.model_dump() for entry in entries], indent=2) + "\n"
    (root / paths.REGISTRY).write_text(text)
    for entry in entries:
        folder = root / entry.experiment_dir
        folder.mkdir()
        (folder / paths.RUN_RESULTS).write_text(json.dumps(_result(entry.run_id)))
    goal = {"dataset": "digits", "metric": "accuracy", "comparison": ">=", "threshold": 0.99}
    told: list[events.Event] = [events.RunStarted(goal_text="a goal"), events.GoalUnderstood(goal=goal)]
    told += [events.TrialFinished(result=_result(entry.run_id)) for entry in entries]
    token = events.TokensStreamed(role="coder", task="code", text="    def forward(self, x):")
    told += [token] * max(0, lines - len(told) - 1)
    told.append(events.RunFinished(outcome="stopped", reason="the limit was reached", exit_status=3))
    body = b"".join(e.but(seq=n).to_json().encode() + b"\n" for n, e in enumerate(told, 1))
    (root / paths.JOURNAL).write_bytes(body)


def _entry(run_id: str, iteration: int = 1) -> RegistryEntry:
    return RegistryEntry(
        run_id=run_id, timestamp="2026-01-01T00:00:00Z", model_name="CurrentModel", dataset="digits",
        metrics_summary={"accuracy": 0.9, "val_loss": 0.3}, experiment_dir=f"{paths.EXPERIMENTS}/{run_id}/",
        decision="Iterate: double the channels of every convolution", iteration=iteration,
        change=["double the channels"], next_change=["add a convolution"], parameters=5210, seconds=2.5,
        train_loss=0.1, train_accuracy=0.95, accuracy_noise=0.01, sandbox="bubblewrap",
    )  # fmt: skip


def _result(run_id: str) -> dict[str, Any]:
    point = {"train_loss": 0.5, "train_accuracy": 0.8, "val_loss": 0.4, "accuracy": 0.9, "seconds": 1.0}
    curves = [{"epoch": epoch, **point} for epoch in (1, 2, 3)]
    return {"run_id": run_id, "status": "completed", "dataset": "digits", "accuracy": 0.9, "curves": curves}


def _rewritten(path: Path) -> None:
    path.with_suffix(".copy").write_text(json.dumps(json.loads(path.read_text()), indent=2))


def _command(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "mlagent_tui", *arguments], capture_output=True, check=False)


def shown(name: str, work: Callable[[], object]) -> float:
    """The median seconds of some rounds, printed."""
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    middle = statistics.median(taken)
    print(f"{name:34}{1000 * middle:9.1f} ms", flush=True)
    return middle


if __name__ == "__main__":
    main()
