"""The measurement of whole runs: its goals mean what its table says, and it reads a run's journal rightly."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import bench_runs
from bench_runs import GOALS, Result, append, read, summary, tell
from mlagent_tui.agent import Planner
from mlagent_tui.llm import LanguageModel, open_model
from tests.recording import RECORDED


@pytest.fixture(scope="module")
def minnow() -> Iterator[LanguageModel]:
    with closing(open_model("bundled")) as minnow:
        yield minnow


def test_minnow_understands_every_goal_as_the_table_has_it(minnow: LanguageModel) -> None:
    planner = Planner(minnow, 0, lambda *_: None, lambda *_: None, threading.Event())
    missed = {goal.text: goal.missed(planner.understand(goal.text).goal.model_dump()) for goal in GOALS}
    assert {text: fields for text, fields in missed.items() if fields} == {}
    assert len(missed) == 30


def told() -> Result:
    """What a recorded run of Minnow came to."""
    result = Result("bundled", "both", GOALS[0].text, 0, 3, 30.0)
    tell(result, GOALS[0], list(bench_runs.journal(RECORDED / "journal.jsonl")))
    return result


def test_a_journal_gives_the_counts() -> None:
    result = told()
    assert (result.configs, result.configs_refused) == (4, 3)
    assert result.code == {"at first": 4, "never": 0}
    assert result.outcome == "stopped: no improvement beyond noise for 3 iterations"
    assert {task: len(waits) for task, waits in result.waits.items()} == {
        "goal": 1, "plan": 4, "config": 7, "code": 4, "explain": 4, "decision": 4,
    }  # fmt: skip
    assert result.missed == ["threshold", "max_parameters"]
    assert (result.failed, result.share) == (False, 0.0)


def test_code_of_the_model_that_stood_in_counts_as_fallback() -> None:
    assembler = {"tool": "pytorch_model_assembler", "ok": False}
    events = [
        {"type": "code_made", "accepted": False, "attempt": 0},
        {"type": "tool_finished", **assembler},
        {"type": "code_made", "accepted": True, "attempt": 0},
        {"type": "answer_used", "task": "code", "stood_in": True},
        {"type": "plan_made"},
        {"type": "code_made", "accepted": True, "attempt": 2},
        {"type": "answer_used", "task": "code", "stood_in": False},
        {"type": "plan_made"},
        {"type": "tool_finished", **assembler},
    ]
    result = Result("m", "coder", "g", 0, 0, 1.0)
    tell(result, GOALS[0], events)
    assert result.code == {"at first": 0, "by fallback": 1, "after repairs": 1, "never": 1}
    assert result.share == 0.5


def test_results_are_kept_and_a_line_that_was_cut_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "runs.jsonl"
    append(file, told())
    with file.open("a") as cut:
        cut.write('{"model": "bun')
    append(file, told())
    assert read(file) == [told(), told()]
    assert len(file.read_text().splitlines()) == 3
    json.loads(file.read_text().splitlines()[-1])


def test_a_run_that_fails_or_misses_what_minnow_reached_fails_the_measurement(
    capsys: pytest.CaptureFixture[str],
) -> None:
    minnow = Result("bundled", "both", "g", 0, 0, 10.0)
    missed, failed = Result("m", "both", "g", 0, 3, 20.0), Result("m", "both", "g", 0, 1, 20.0)
    assert summary([(minnow, minnow)]) == 0
    assert summary([(missed, missed)]) == 0
    assert summary([(minnow, missed)]) == 1
    assert summary([(failed, failed)]) == 1
    assert "FAILED: exit 1: g" in capsys.readouterr().out
