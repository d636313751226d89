"""Small models of other people in place of Minnow: a run reaches what Minnow reaches, with Minnow's help.

The models are not part of the project: `MLAGENT_TEST_MODELS` names a folder that has them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlagent_tui import events, paths
from mlagent_tui.experiments import registry

FOLDER = os.environ.get("MLAGENT_TEST_MODELS", "")
FILES = ("SmolLM2-135M-Instruct.Q4_1.gguf", "gemma-3-270m-q4_k_m.gguf")
GOAL = "a small CNN for the digits data set that reaches at least 90% accuracy"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(7200),
    pytest.mark.skipif(not FOLDER, reason="MLAGENT_TEST_MODELS names no folder of models"),
]


def of(told: list[events.Event], kind: type[events.Event]) -> list[Any]:
    return [event for event in told if isinstance(event, kind)]


@pytest.mark.parametrize("option", ["--planner", "--coder", "--model"])
@pytest.mark.parametrize("name", FILES)
def test_a_run_with_a_small_model_reaches_its_goal(tmp_path: Path, name: str, option: str) -> None:
    model = Path(FOLDER) / name
    if not model.is_file():
        pytest.skip(f"{name} is not in MLAGENT_TEST_MODELS")
    said = [option, str(model), "--model-option", "threads=1"]
    root = tmp_path / "p"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mlagent_tui",
            "run",
            GOAL,
            "--project",
            str(root),
            *said,
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("Goal achieved")
    told = events.read(root / paths.JOURNAL)[0]
    assert all(event.result["status"] != "failed" for event in of(told, events.TrialFinished))
    roles = {"--planner": {"planner"}, "--coder": {"coder"}}.get(option, {"planner", "coder"})
    assert {event.role for event in of(told, events.AnswerUsed)} == roles
    assert {event.role for event in of(told, events.StoodIn)} <= roles
    report = (root / paths.REPORT).read_text()
    for role in roles:
        assert f"As the {role}, " in report
    assert all(entry.planner and entry.coder for entry in registry.load(root))
