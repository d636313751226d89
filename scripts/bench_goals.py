#!/usr/bin/env python3
"""Measure how goals in people's own words are understood.

    scripts/bench_goals.py FILE [--model bundled]

FILE holds a list of {"goal": text, "want": {"dataset", "own_data", "metric", "comparison", "threshold",
"max_parameters", "max_seconds", "ask"}}. Prints each miss, then a table of right, asked, warned, silently
wrong.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1])]

from mlagent_tui.agent import Planner
from mlagent_tui.errors import MlagentError
from mlagent_tui.llm import open_model

FIELDS = ("dataset", "metric", "comparison", "threshold", "max_parameters", "max_seconds")
VERDICTS = ("right", "asked", "warned", "silently wrong")


def main() -> int:
    """Ask every goal; exit status 1 when one that can be worked on is silently wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--model", default="bundled")
    options = parser.parse_args()
    model = open_model(options.model)
    planner = Planner(model, 0, lambda *_: None, lambda *_: None, threading.Event())
    counts: dict[str, Counter[str]] = {}
    for case in json.loads(options.file.read_text(encoding="utf-8")):
        want = case["want"]
        verdict, got = judge(planner, case["goal"], want)
        counts.setdefault(group(want), Counter())[verdict] += 1
        if verdict != ("asked" if group(want) != "can be worked on" else "right"):
            print(f"{verdict}: {case['goal']}\n  want {[want[f] for f in FIELDS]}\n  got  {got}")
    model.close()
    print(f"{'':28}" + "".join(f"{verdict:>16}" for verdict in VERDICTS))
    for name, count in counts.items():
        print(f"{name:28}" + "".join(f"{count[verdict]:16}" for verdict in VERDICTS))
    return 1 if sum(count["silently wrong"] for count in counts.values()) else 0


def group(want: dict[str, Any]) -> str:
    """What should become of a goal."""
    if want["ask"]:
        return "must be asked about"
    return "can be worked on" if want["dataset"] and not want.get("own_data") else "other data or metric"


def judge(planner: Planner, text: str, want: dict[str, Any]) -> tuple[str, str]:
    """The verdict, and what was understood or asked."""
    try:
        understood = planner.understand(text)
    except MlagentError as error:
        return "asked", f"{error.what}. {error.remedy}"
    goal = understood.goal.model_dump()
    got = f"{[goal[name] for name in FIELDS]} {understood.warnings}"
    if goal["dataset"] is None:
        return "asked", "no data set"
    if not want["ask"] and all(same(goal[name], want[name]) for name in FIELDS):
        return "right", got
    return ("warned" if understood.warnings else "silently wrong"), got


def same(one: Any, other: Any) -> bool:
    """Equality, of numbers but for rounding."""
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-6)
    return bool(one == other)


if __name__ == "__main__":
    sys.exit(main())
