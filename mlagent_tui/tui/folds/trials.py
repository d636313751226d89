"""What the events of a training change in the state of a run: curves, rows, the best, what is next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlagent_tui import events
from mlagent_tui.research import ranking
from mlagent_tui.tui import told, words
from mlagent_tui.tui.facts import Point, Row, Trial, thin
from mlagent_tui.tui.state import RunState, Touched
from mlagent_tui.tui.text import line


def trial_started(state: RunState, event: events.TrialStarted) -> Touched:
    """A row of its own, and curves that are still empty."""
    at = state.last_time
    state.doing = ""
    state.trial = Trial(event.run_id, event.device, event.sandbox, event.train_size, event.val_size, at, at)
    state.device = event.device or state.device
    state.touched.add(event.run_id)
    state.rows[event.run_id] = Row(event.run_id, state.iteration, change=asked(state), status="training")
    return ("header", "plan", "evaluation", "runs")


def _trial(state: RunState, run_id: str) -> Trial:
    """The trial that an event speaks of; its beginning may not have been seen."""
    if state.trial is None or state.trial.run_id != run_id:
        state.trial = Trial(run_id, began=state.last_time)
    state.trial.latest = state.last_time
    return state.trial


def batch_done(state: RunState, event: events.BatchDone) -> Touched:
    """Where the training stands."""
    trial = _trial(state, event.run_id)
    trial.epoch, trial.epochs = event.epoch, event.epochs
    trial.batch, trial.batches = event.batch, event.batches
    trial.loss, trial.accuracy = event.loss, event.accuracy
    trial.speed = event.images_per_second or trial.speed
    x = event.epoch - 1 + event.batch / max(event.batches, 1)
    trial.batch_points.append(Point(x, event.loss, event.accuracy))
    trial.batch_points = thin(trial.batch_points)
    return ("evaluation",)


def epoch_done(state: RunState, event: events.EpochDone) -> Touched:
    """One more point of the curves."""
    trial = _trial(state, event.run_id)
    trial.epoch, trial.epochs = event.epoch, event.epochs or trial.epochs
    trial.batch = trial.batches
    point = Point(event.epoch, event.train_loss, event.train_accuracy, event.val_loss, event.accuracy)
    trial.epoch_points.append(point)
    trial.epoch_points = thin(trial.epoch_points)
    row = state.rows.get(event.run_id)
    if row is not None and row.status == "training":
        state.touched.add(event.run_id)
        row.accuracy, row.loss = event.accuracy, event.val_loss
    return ("evaluation", "runs")


def trial_finished(state: RunState, event: events.TrialFinished) -> Touched:
    """What was measured, and whether it is the best."""
    result = event.result
    run_id = str(result["run_id"])
    row = state.rows.setdefault(run_id, Row(run_id, state.iteration, change=asked(state)))
    row.current = True
    row.accuracy, row.noise = result.get("accuracy"), result.get("accuracy_noise")
    row.loss, row.seconds = result.get("val_loss"), result.get("seconds")
    row.parameters = result.get("parameters") or state.network.parameters or None
    row.status, row.reason = str(result["status"]), str(result.get("reason") or "")
    row.seed = int(result.get("seed") or 0)
    if state.trial is not None and state.trial.run_id == run_id:
        state.trial.status, state.trial.reason = row.status, row.reason
        state.trial.kept = int(result.get("best_epoch") or 0)
        state.trial.speed = result.get("images_per_second") or state.trial.speed
    if row.status == "failed":
        for job in state.jobs:
            if job.state == "running":
                job.state, job.note = "failed", line(row.reason)[:300]
    row.mark = ranking.mark(state.aim, row)
    before = state.best
    row.outcome = _outcome(state.aim, row, before)
    state.touched |= {run_id, state.best_id} - {""}
    if ranking.better(state.aim, row, before):
        state.best_id = run_id
        curves = result.get("curves") or []
        state.best_points = thin([_point(p) for p in curves]) or list(
            state.trial.epoch_points if state.trial else []
        )
    best = state.best
    if best is not None:
        state.course.append((best.loss if state.by_loss else best.accuracy) or 0.0)
    return ("header", "plan", "evaluation", "runs")


def trial_recorded(state: RunState, event: events.TrialRecorded) -> Touched:
    """What the registry says of a trial: its change is computed, where a row had what was asked for."""
    row = state.rows.get(str(event.entry["run_id"]))
    change = [str(part) for part in event.entry.get("change") or []]
    if row is None or not change or row.change == change:
        return ()
    row.change = change
    state.touched.add(row.run_id)
    return ("runs",)


def cut_off(state: RunState) -> None:
    """The engine that trained is gone: what it trained has no result."""
    for row in state.rows.values():
        if row.status == "training":
            row.status = "interrupted"
            state.touched.add(row.run_id)
    if state.trial is not None and not state.trial.status:
        state.trial.status = "interrupted"


def _point(fields: Mapping[str, Any]) -> Point:
    names = ("train_loss", "train_accuracy", "val_loss", "accuracy")
    return Point(float(fields["epoch"]), *(fields.get(name) for name in names))


def asked(state: RunState) -> list[str]:
    """What the trial changes: as computed, else, where no network was made, as it was asked for."""
    chosen = state.queued.get(state.iteration)
    return list(state.change or ([chosen] if chosen else state.next_change))


def _outcome(goal: ranking.Aim, row: Row, best: Row | None) -> str:
    """How a trial compares with the best before it, by the goal's metric."""
    value = ranking.measured(goal, row)
    if value is None:
        return line(row.reason or row.status)
    if row.mark:
        return row.mark
    reference = ranking.measured(goal, best) if best is not None and best is not row else None
    if best is None or reference is None:
        return "first result"
    gain = value - reference
    shown = f"{100 * gain:+.1f}" if goal.metric == "accuracy" else f"{gain:+.4f}"
    if ranking.within_noise(goal, row, best):
        return f"{shown}, within noise"
    return f"{shown}, {'better' if (gain > 0) == ranking.higher_is_better(goal) else 'worse'}"


def best_tested(state: RunState, event: events.BestTested) -> Touched:
    """The best network on the images held back."""
    state.tested = event
    return ("header",)


def decision_made(state: RunState, event: events.DecisionMade) -> Touched:
    """What happens next, in the words of the planner and in the table."""
    state.decision = event
    state.next_change = [str(change) for change in event.decision.get("changes") or []]
    state.tell("decision", told.decision(event))
    for row in reversed(state.rows.values()):
        if row.current and row.iteration == event.iteration:
            row.decision = words.verdict(event.decision)
            state.touched.add(row.run_id)
            break
    return ("plan", "runs")
