"""One ranking: console table, screen, recent list, browser and report name the same best trial."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from mlagent_tui import events, paths, workspace
from mlagent_tui.console import Console, runs_table
from mlagent_tui.events import Journal
from mlagent_tui.experiments import concluded, registry, report
from mlagent_tui.research import ranking
from mlagent_tui.schemas import Goal, RegistryEntry
from mlagent_tui.tui import lines, projects
from mlagent_tui.tui.fold import apply
from mlagent_tui.tui.panels.header import Moment, items
from mlagent_tui.tui.panels.runs import cells
from mlagent_tui.tui.state import RunState

BEST, OVER, DIVERGED = "qe_20260101_000002", "qe_20260101_000001", "qe_20260101_000003"
GOAL = Goal(dataset="digits", metric="accuracy", comparison=">=", threshold=0.999, max_parameters=6000)
TRIALS = (
    (OVER, 0.9930, 47_106, "completed"), (BEST, 0.4425, 900, "completed"), (DIVERGED, 0.97, 900, "diverged"),
)  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A search with a network over the limit, one within it, and one that diverged."""
    folder = tmp_path / "p"
    workspace.prepare(folder)
    goal = GOAL.model_dump(mode="json")
    with Journal(paths.Layout(folder).journal) as journal:
        journal.append(events.RunStarted(goal_text="digits"))
        journal.append(events.GoalUnderstood(goal=goal))
        for number, (run_id, accuracy, parameters, status) in enumerate(TRIALS, 1):
            metrics = {"accuracy": accuracy, "val_loss": 1 - accuracy}
            journal.append(events.StepStarted(step="plan", iteration=number))
            facts = {"run_id": run_id, "status": status, "parameters": parameters, "accuracy_noise": 0.01}
            journal.append(events.TrialFinished(result=facts | metrics))
            entry = RegistryEntry(
                run_id=run_id, timestamp="2026-01-01T00:00:00Z", model_name="M", dataset="digits",
                metrics_summary=metrics, experiment_dir=f"experiments/{run_id}/", iteration=number,
                status=status, parameters=parameters, accuracy_noise=0.01, goal=goal,
            )  # fmt: skip
            registry.record(folder, entry)
        journal.append(events.RunFinished(outcome="stopped", reason="limit", best_run_id=BEST, exit_status=3))
    return folder


def screen(root: Path) -> RunState:
    state = RunState()
    apply(state, events.read(root / paths.JOURNAL)[0])
    return state


def test_every_view_names_the_same_best_trial_with_the_same_number(root: Path) -> None:
    entries, state = registry.load(root), screen(root)
    best = ranking.best_recorded(entries)
    assert best is not None and best.run_id == BEST == state.best_id
    starred = [row for row in runs_table(entries).splitlines() if "★" in row]
    assert len(starred) == 1 and BEST in starred[0] and "0.4425" in starred[0]
    rows = [cells(row, run_id == state.best_id) for run_id, row in state.rows.items()]
    assert [row[1] for row in rows if row[0].startswith("★")] == ["44.2 ± 1.0 %"]
    assert "best 44.2 %" in [fact[1] for fact in items(state, Moment())]
    assert projects.look(root).best == "44.2 %"
    report.write(root, concluded(root), False)
    text = (root / paths.REPORT).read_text()
    assert "reached a validation accuracy of 44.25 %" in text
    assert f"**{BEST}**" in text


def test_trials_over_the_limit_and_diverged_ones_are_marked_in_every_view(root: Path) -> None:
    entries, state = registry.load(root), screen(root)
    report.write(root, concluded(root), False)
    text = (root / paths.REPORT).read_text()
    live = io.StringIO()
    for entry in entries:
        Console(live).show(events.TrialRecorded(entry=entry.model_dump(mode="json")))
    assert live.getvalue().split() == ["over", "the", "limit"]
    for run_id, mark in ((OVER, "over the limit"), (DIVERGED, "diverged")):
        entry = next(one for one in entries if one.run_id == run_id)
        assert mark in next(row for row in runs_table(entries).splitlines() if run_id in row)
        assert cells(state.rows[run_id], False)[5] == mark
        assert mark in lines.run_words(entry, False).plain
        assert mark in next(row for row in text.splitlines() if row.startswith("|") and f" {run_id} " in row)


def test_where_every_trial_is_over_the_limit_the_best_one_says_so(root: Path) -> None:
    entries = [entry for entry in registry.load(root) if entry.run_id == OVER]
    (root / paths.REGISTRY).write_text("[]")
    registry.record(root, entries[0])
    assert projects.look(root).best == "99.3 %, over the limit"


def test_the_curves_stand_out_for_the_best_trial_of_a_run_that_has_not_ended_too(root: Path) -> None:
    journal = root / paths.JOURNAL
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:-1]))
    conclusion = concluded(root)
    assert (conclusion.outcome, conclusion.best_run_id) == ("running", None)
    assert report.leader(root, conclusion) == BEST
