"""The report: what was asked, the best network, every run with its failures, why it stopped, the curves."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mlagent_tui import events, paths
from mlagent_tui.errors import ProjectError
from mlagent_tui.events import (
    BestTested,
    GoalUnderstood,
    Journal,
    RunFinished,
    RunStarted,
    TimeSpent,
    TrialFinished,
)
from mlagent_tui.experiments import Conclusion, from_journal, report, runs
from mlagent_tui.experiments.listing import dumped
from mlagent_tui.schemas import Goal, RegistryEntry, Wish

GOAL = Goal(
    dataset="digits",
    metric="accuracy",
    comparison=">=",
    threshold=0.95,
    max_parameters=20_000,
    wishes="small",
)
CONCLUSION = Conclusion(
    goal_text="A small CNN for digits,\nat least 95% | under 20k",
    outcome="achieved",
    reason="accuracy 0.9610 >= 0.95",
    goal=GOAL,
    best_run_id="qe_3",
    test_accuracy=0.9555,
    test_size=360,
    planner="bundled",
    coder="bundled",
    sandbox="bubblewrap",
    versions={"torch": "2.15.0"},
    spent=TimeSpent(thinking=12.34, training=5.6),
)


@pytest.fixture
def text(project: Path, finish: Callable[..., RegistryEntry]) -> str:
    finish(project, "qe_1", 0.8, iteration=1, decision="Iterate: add a convolution", accuracy_noise=0.012)
    finish(project, "qe_2", None, iteration=2, reason="out of memory:\n it used 9 GB", change=["add a | bar"])
    finish(project, "qe_3", 0.961, iteration=3, decision="Goal Achieved: 0.9610 >= 0.95")
    assert report.write(project, CONCLUSION) == project / paths.REPORT
    return (project / paths.REPORT).read_text()


def test_it_opens_with_the_goal_and_what_came_of_it(text: str) -> None:
    title, _, summary = text.splitlines()[:3]
    assert title == "# A small CNN for digits, at least 95% \\| under 20k"
    assert "The goal was achieved" in summary
    assert "best of 3 networks" in summary and "96.10 %" in summary and "95.55 %" in summary


def test_it_says_which_wishes_the_best_network_meets(
    project: Path, finish: Callable[..., RegistryEntry]
) -> None:
    asked = [Wish(about="convolutional"), Wish(about="dropout", refused=True), Wish(about="residual")]
    finish(project, "qe_3", 0.961, iteration=3, unmet=["residual blocks: not met, the network has none"])
    goal = GOAL.model_copy(update={"asked": asked, "wishes": "small, no dropout, residual"})
    text = report.compose(project, replace(CONCLUSION, goal=goal), drawn=False)
    assert "## Wishes\n\n| Asked for | Best network |" in text
    assert "| convolutional network | met |" in text and "| no dropout | met |" in text
    assert "| residual blocks | not met: the network has no residual blocks |" in text
    assert "| small | not checked |" in text
    assert "does not meet all wishes: residual blocks" in text.splitlines()[2]
    (row,) = (line for line in text.splitlines() if line.startswith("| 3 |"))
    assert "residual blocks: not met" in row


def test_it_has_the_goal_the_reason_the_set_up_and_the_times(text: str) -> None:
    for words in (
        "| Criterion | accuracy >= 0.95 |", "20,000", "## Why it stopped\n\naccuracy 0.9610 >= 0.95",
        "| Sandbox | bubblewrap |", "| torch | 2.15.0 |", "thinking 12.3 s",
    ):  # fmt: skip
        assert words in text


def test_it_has_the_best_network_with_its_layers_and_the_place_of_its_code(text: str) -> None:
    for words in (
        "| Test accuracy | 95.55 % of 360 images |", "`experiments/qe_3/model_code.py`",
        "| conv1 | conv2d | 8x8x8 | 80 |", "| fc1 | linear | 10 | 5,130 |",
        "| Forward pass | 9,728 multiply-adds |",
        "One convolution and a \\| linear layer.",
    ):  # fmt: skip
        assert words in text


def test_it_has_every_run_failures_included_as_rows_of_one_table(text: str) -> None:
    rows = [line for line in text.splitlines() if "| qe_" in line or "**qe_" in line]
    assert len(rows) == 3
    columns = {row.replace("\\|", "").count("|") for row in rows}
    assert columns == {10}
    assert "80.00 % ± 1.20" in rows[0] and "Iterate: add a convolution" in rows[0]
    assert "failed: out of memory: it used 9 GB" in rows[1] and "add a \\| bar" in rows[1]
    assert "**qe_3**" in rows[2]


def test_the_curves_are_a_picture_beside_it(project: Path, text: str) -> None:
    assert "(curves.png)" in text
    picture = (project / paths.CURVES).read_bytes()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n") and len(picture) > 10_000


def test_a_run_without_any_result_has_a_report_without_curves(
    project: Path, finish: Callable[..., RegistryEntry]
) -> None:
    finish(project, "qe_1", None, reason="the code could not be written")
    report.write(project, Conclusion(goal_text="g", outcome="stopped", reason="no progress"))
    text = (project / paths.REPORT).read_text()
    assert "The goal was not achieved." in text and "none has a measured result" in text
    assert "Curves" not in text and not (project / paths.CURVES).exists()


def test_only_the_entries_of_the_run_are_reported(
    project: Path, finish: Callable[..., RegistryEntry]
) -> None:
    finish(project, "qe_1", 0.5)
    finish(project, "qe_2", 0.6)
    report.write(
        project, Conclusion("g", "stopped", "because", best_run_id="qe_2", run_ids=frozenset({"qe_2"}))
    )
    text = (project / paths.REPORT).read_text()
    assert "qe_2" in text and "qe_1" not in text


def test_an_unfinished_run_names_the_best_so_far(project: Path, finish: Callable[..., RegistryEntry]) -> None:
    finish(project, "qe_1", 0.45)
    finish(project, "qe_2", 0.40)
    finish(project, "qe_3", 0.99, parameters=50_000)
    text = report.compose(project, Conclusion("g", "running", "", goal=GOAL), drawn=False)
    assert "The run has not ended." in text and "so far reached a validation accuracy of 45.00 %" in text
    assert "| Trial | `qe_1` |" in text and "**qe_1**" in text
    assert "none has a measured result" not in text and "None:" not in text


def test_a_long_run_has_its_newest_rows_and_the_best_and_reads_few_results(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [
        RegistryEntry(
            run_id=f"qe_{number}", timestamp="2026-01-01T00:00:00Z", model_name="M", dataset="digits",
            metrics_summary={"accuracy": 0.9 if number == 3 else 0.1},
            experiment_dir=f"experiments/qe_{number}/",
        )
        for number in range(500)
    ]  # fmt: skip
    (project / paths.REGISTRY).write_bytes(dumped(entries))
    text = report.compose(project, Conclusion("g", "stopped", "", best_run_id="qe_3"), drawn=False)
    rows = [line for line in text.splitlines() if "| qe_" in line or "**qe_" in line]
    assert len(rows) == report.ROWS + 1
    assert "**qe_3**" in rows[0] and "qe_499" in rows[-1]
    assert "newest 100 of 500" in text


def test_a_damaged_file_of_the_best_network_is_said_and_the_rest_is_reported(
    project: Path, finish: Callable[..., RegistryEntry]
) -> None:
    finish(project, "qe_1", 0.5)
    folder = project / "experiments/qe_1"
    for name, junk in {"results.json": b"[" * 9000, "model_config.yaml": b"\xff"}.items():
        (folder / name).write_bytes(junk)
    (folder / "summary.json").write_bytes(b"\xef\xbb\xbf" + (folder / "summary.json").read_bytes())
    text = report.compose(project, Conclusion("g", "stopped", "", best_run_id="qe_1"), drawn=False)
    assert "qe_1/: model_config.yaml cannot be read (line 1: it is not UTF-8 text)" in text
    assert "; results.json cannot be read (" in text
    assert "50.00 %" in text and "One convolution" in text


def test_the_picture_needs_the_results_of_the_newest_only(
    project: Path, finish: Callable[..., RegistryEntry], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(15):
        finish(project, f"qe_{number}", 0.5)
    loaded = []
    load = runs.load
    monkeypatch.setattr(runs, "load", lambda root, run_id: loaded.append(run_id) or load(root, run_id))
    assert report.draw(project, None, "qe_2")
    assert loaded == ["qe_2", *(f"qe_{number}" for number in range(14, 6, -1))]


def test_control_characters_and_markup_do_not_reach_the_report() -> None:
    assert report.plain("a\x1b[31m\u202eb\x00\n\tc <script>|") == "a[31mb c &lt;script>\\|"


def test_the_conclusion_is_the_last_run_of_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        for event in (
            RunStarted(goal_text="old"),
            TrialFinished(result={"run_id": "qe_0"}),
            RunFinished(outcome="stopped", best_run_id="qe_0"),
            RunStarted(goal_text="new", seed=3, planner="bundled"),
            GoalUnderstood(goal=GOAL.model_dump(mode="json")),
            TimeSpent(thinking=1.0),
            TrialFinished(result={"run_id": "qe_1"}),
            TimeSpent(thinking=2.0, training=1.0),
            BestTested(run_id="qe_1", accuracy=0.9, test_size=10),
            RunFinished(outcome="achieved", reason="met", best_run_id="qe_1"),
        ):
            journal.append(event)
    found = from_journal(events.read(path)[0])
    assert (found.goal_text, found.goal, found.seed) == ("new", GOAL, 3)
    assert (found.outcome, found.reason, found.best_run_id) == ("achieved", "met", "qe_1")
    assert found.run_ids == {"qe_1"}
    assert (found.test_accuracy, found.test_size) == (0.9, 10)
    assert found.spent is not None and (found.spent.thinking, found.spent.training) == (3.0, 1.0)


def test_a_journal_without_a_run_has_no_conclusion() -> None:
    with pytest.raises(ProjectError, match="no run"):
        from_journal([])


def test_drawing_needs_no_home_and_says_nothing_of_it(tmp_path: Path) -> None:
    """/proc is where nobody can make a folder, not even root."""
    code = "from mlagent_tui.experiments import curves; curves.warm_up(); import matplotlib as m"
    code += "; print(m.get_cachedir())"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "MPL"))}
    around = kept | {"HOME": "/proc/none", "TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=around, timeout=60
    )
    assert done.stderr == ""
    assert Path(done.stdout.strip()).is_relative_to(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_it_says_for_each_role_whose_answers_were_used_and_who_made_the_best_network(
    project: Path, finish: Callable[..., RegistryEntry]
) -> None:
    def used(role: events.Role, model: str, instead_of: str = "") -> events.AnswerUsed:
        return events.AnswerUsed(role=role, task="any", model=model, instead_of=instead_of)

    told = [
        RunStarted(goal_text="a goal", planner="/models/tiny.gguf"),
        used("planner", "Minnow", "Tiny"), used("planner", "Tiny"), used("coder", "Large"),
        used("planner", "Minnow", "Tiny"), used("coder", "Large"),
    ]  # fmt: skip
    finish(project, "qe_1", 0.8, planner="Tiny", coder="Large")
    text = report.compose(project, replace(from_journal(told), run_ids=None), drawn=False)
    assert "As the planner, Tiny gave 1 of 3 answers; Minnow stood in for 2.\n" in text
    assert "As the coder, Large gave all 2 answers.\n" in text
    assert "| Network by | Tiny |\n| Code by | Large |" in text
