#!/usr/bin/env python3
"""Whole runs with a model of the user's own, each beside a Minnow run of the same goal and seed.

    scripts/bench_runs.py RESULTS --model FILE --role planner|coder|both [--count 30] [--limit 900]

Each run is one `mlagent run` in a process of its own, with a time limit. Results are appended to the file
RESULTS, one JSON object a line, and what is in there is not run again: a measurement can be stopped and
continued at any time, and `--count 0` only prints what there is. The goals are over the digits, the made set,
and images that are made here and written as MNIST's files. Exit status 1 when a run ended with an error, or
missed a goal that Minnow reached.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1])]

from whole_runs import images
from whole_runs.goals import GOALS, RunGoal

BUNDLED = "bundled"
TASKS = ("goal", "plan", "config", "decision", "code", "explain")
CODES = ("at first", "after repairs", "by fallback", "never")
ASSEMBLER = "pytorch_model_assembler"
REACHED, TIME_LIMIT = 0, 124
"""Exit statuses: of a run that reached its goal, and what a run is given that was stopped for its time."""


@dataclass
class Result:
    """What one run came to. `asked` and `stood_in` count calls by task; `waits` are their seconds."""

    model: str
    role: str
    goal: str
    seed: int
    status: int
    seconds: float
    outcome: str = ""
    best: float | None = None
    missed: list[str] | None = None
    """The goal's fields that were understood wrongly; None where the goal was not understood at all."""
    configs: int = 0
    configs_refused: int = 0
    code: dict[str, int] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    stood_in: dict[str, int] = field(default_factory=dict)
    waits: dict[str, list[float]] = field(default_factory=dict)
    error: str = ""

    @property
    def key(self) -> tuple[str, str, str, int]:
        return self.model, self.role, self.goal, self.seed

    @property
    def failed(self) -> bool:
        """Whether it ended in a way that no run may end."""
        return self.status not in (REACHED, 2, 3, TIME_LIMIT) or "defect" in self.error

    @property
    def share(self) -> float:
        """The share of calls that the bundled model answered."""
        return sum(self.stood_in.values()) / max(sum(self.asked.values()), 1)


def main() -> int:
    """Run what is missing, then print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, help="where results are kept, such as runs.jsonl")
    parser.add_argument("--model", required=True, help="the model: a .gguf file, a folder, a URL")
    parser.add_argument("--role", choices=("planner", "coder", "both"), default="both")
    parser.add_argument("--count", type=int, default=len(GOALS), help="how many of the goals")
    parser.add_argument("--iterations", type=int, default=3)
    parser.add_argument("--limit", type=float, default=900, help="seconds after which a run is stopped")
    parser.add_argument("--threads", type=int, help="threads of the model")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fallback", choices=("bundled", "none"), default="bundled")
    options = parser.parse_args()
    known = {result.key: result for result in read(options.results)}
    name = Path(options.model).name
    asked = options.role if options.fallback == "bundled" else f"{options.role} alone"
    kinds = [(BUNDLED, "both"), (name, asked)]
    data = options.results.with_suffix(".data")
    if options.count:
        images.write(data)
    for number, goal in enumerate(GOALS[: options.count], 1):
        for model, role in kinds:
            if (model, role, goal.text, options.seed) not in known:
                result = run(goal, model, role, data, options)
                append(options.results, result)
                known[result.key] = result
            print(row(number, known[model, role, goal.text, options.seed]), flush=True)
    keys = [tuple((*kind, goal.text, options.seed) for kind in kinds) for goal in GOALS]
    pairs = [(known[minnow], known[other]) for minnow, other in keys if {minnow, other} <= known.keys()]
    return summary(pairs)


def read(path: Path) -> list[Result]:
    """What was measured before; a last line that was cut is left out."""
    results = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        with contextlib.suppress(json.JSONDecodeError):
            results.append(Result(**json.loads(line)))
    return results


def append(path: Path, result: Result) -> None:
    """Add a line; one that was cut before is ended first."""
    cut = path.exists() and not path.read_bytes().endswith(b"\n")
    with path.open("a", encoding="utf-8") as file:
        file.write(("\n" if cut else "") + json.dumps(asdict(result)) + "\n")


def run(goal: RunGoal, model: str, role: str, data: Path, options: argparse.Namespace) -> Result:
    """One `mlagent run`, timed from outside and stopped with all that it has started after its time."""
    option = "--model" if options.role == "both" else f"--{options.role}"
    given = [] if model == BUNDLED else [option, options.model, "--fallback", options.fallback]
    if options.threads and given:
        given += [f"{option}-option", f"threads={options.threads}"]
    with tempfile.TemporaryDirectory(prefix="mlagent-runs-") as temporary:
        project = Path(temporary, "project")
        command = [
            *(sys.executable, "-m", "mlagent_tui", "run", goal.text, "--project", str(project), "--quiet"),
            *("--iterations", str(options.iterations), "--seed", str(options.seed)),
            *("--data-dir", str(data), *given),
        ]
        began = time.monotonic()
        status, said = ended(command, options.limit)
        result = Result(model, role, goal.text, options.seed, status, time.monotonic() - began)
        tell(result, goal, list(journal(project / "experiments" / "journal.jsonl")))
        if result.failed or "defect" in said:
            result.error = said.strip()[-600:]
        return result


def ended(command: Sequence[str], limit: float) -> tuple[int, str]:
    """The exit status of a command, and what it wrote to stderr."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        _, said = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)  # as a user would: it ends what it has started
        try:
            _, said = process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            _, said = process.communicate()
        return TIME_LIMIT, said
    return process.returncode, said


def journal(path: Path) -> Iterator[dict[str, Any]]:
    """The events of a run, as far as they are whole."""
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        with contextlib.suppress(json.JSONDecodeError):
            yield json.loads(line)


def tell(result: Result, goal: RunGoal, told: Sequence[dict[str, Any]]) -> None:
    """Fill in what the journal says."""
    asked, stood_in, code = Counter[str](), Counter[str](), Counter[str]()
    waits: dict[str, list[float]] = {}
    written, unwritten = "", False
    for event in told:
        match event["type"]:
            case "goal_understood":
                result.missed = goal.missed(event["goal"])
            case "config_made":
                result.configs += 1
            case "check_failed" if event["what"] == "config":
                result.configs_refused += 1
            case "code_made" if event["accepted"]:
                written = CODES[0] if event["attempt"] == 0 else CODES[1]
                code[written] += 1
            case "plan_made":  # another iteration
                code[CODES[3]] += unwritten
                unwritten = False
            case "tool_finished" if event["tool"] == ASSEMBLER:
                unwritten = not event["ok"]
            case "model_called":
                waits.setdefault(event["task"], []).append(
                    round(event["seconds"] + event["prompt_seconds"], 3)
                )
            case "answer_used":
                asked[event["task"]] += 1
                stood_in[event["task"]] += event["stood_in"]
                if event["task"] == "code" and event["stood_in"]:
                    unwritten = False
                    code[written] -= 1
                    code[CODES[2]] += 1
            case "trial_finished":
                value = event["result"].get("accuracy")
                result.best = max(filter(None, (result.best, value)), default=None)
            case "run_finished":
                result.outcome = f"{event['outcome']}: {event['reason']}"
    code[CODES[3]] += unwritten
    result.asked, result.stood_in, result.code, result.waits = dict(asked), dict(stood_in), dict(code), waits


def row(number: int, result: Result) -> str:
    """One line of the table of runs."""
    best = "-" if result.best is None else f"{result.best:.3f}"
    state = "time" if result.status == TIME_LIMIT else f"exit {result.status}"
    reached = "reached" if result.status == REACHED else "missed"
    who = result.model if result.model == BUNDLED else f"{result.model[:18]} ({result.role})"
    return (
        f"{number:2} {who:30}{state:8}{reached:8} best {best:6}{result.seconds:6.0f} s  "
        f"fallback {result.share:4.0%}  {result.goal}"
    )


def summary(pairs: Sequence[tuple[Result, Result]]) -> int:
    """Print what all runs came to; 1 when one failed, or missed what Minnow reached."""
    if not pairs:
        print("no goal was run with both models")
        return 0
    failed = [one for one in (one for pair in pairs for one in pair) if one.failed]
    lost = [other for minnow, other in pairs if minnow.status == REACHED and other.status != REACHED]
    print(f"\n{'':26}{'Minnow':>12}{pairs[0][1].model[:24]:>26}")
    for title, of in ROWS.items():
        minnow, other = (of([pair[side] for pair in pairs]) for side in (0, 1))
        print(f"{title:26}{minnow:>12}{other:>26}")
    for task in TASKS:
        minnow, other = (_wait([pair[side] for pair in pairs], task) for side in (0, 1))
        print(f"seconds a call: {task:10}{minnow:>12}{other:>26}")
    for one in failed:
        print(f"FAILED: exit {one.status}: {one.goal}\n  {one.outcome}\n  {one.error}")
    for one in lost:
        print(f"MISSED what Minnow reached: {one.goal}\n  {one.outcome or 'stopped for its time'}")
    return int(bool(failed or lost))


def _part(count: int, whole: int) -> str:
    return f"{count} of {whole}" if whole else "-"


def _codes(kind: str, results: Sequence[Result]) -> str:
    return _part(
        sum(one.code.get(kind, 0) for one in results), sum(sum(one.code.values()) for one in results)
    )


def _configs(results: Sequence[Result]) -> str:
    made = sum(one.configs for one in results)
    return _part(made, made + sum(one.configs_refused for one in results))


def _wait(results: Sequence[Result], task: str) -> str:
    waits = [wait for one in results for wait in one.waits.get(task, ())]
    return f"{median(waits):.1f}" if waits else "-"


def _fallback(results: Sequence[Result]) -> str:
    return _part(
        sum(sum(one.stood_in.values()) for one in results), sum(sum(one.asked.values()) for one in results)
    )


ROWS: dict[str, Callable[[Sequence[Result]], str]] = {
    "goals reached": lambda r: _part(sum(one.status == REACHED for one in r), len(r)),
    "ended with an error": lambda r: _part(sum(one.failed for one in r), len(r)),
    "stopped for their time": lambda r: _part(sum(one.status == TIME_LIMIT for one in r), len(r)),
    "goals typed rightly": lambda r: _part(sum(one.missed == [] for one in r), len(r)),
    "configs valid": _configs,
    **{f"code right {kind}": partial(_codes, kind) for kind in CODES},
    "calls answered by fallback": _fallback,
    "seconds a run (median)": lambda r: f"{median(one.seconds for one in r):.0f}",
}
"""What is counted over all runs."""


if __name__ == "__main__":
    sys.exit(main())
