"""What the events of a run as a whole change in its state: its beginning, its goal, its end."""

from __future__ import annotations

from mlagent_tui import events
from mlagent_tui.tui import told
from mlagent_tui.tui.folds import answers, trials
from mlagent_tui.tui.state import ALL, RunState, Touched
from mlagent_tui.tui.text import line, sentences


def run_started(state: RunState, event: events.RunStarted) -> Touched:
    """A run of the loop begins."""
    state.start_over(event)
    state.began = state.segment = state.last_time
    return ALL


def run_resumed(state: RunState, event: events.RunResumed) -> Touched:
    """A new engine continues the run: what the one before had under way is waited for again."""
    state.spent_before += max(0.0, state.previous_time - state.segment)
    state.segment = state.last_time
    state.finished = state.failure = state.approval = None
    state.paused = state.held_before = state.requested = ""
    state.holds, state.step = [], ""
    answers.all_there(state)
    state.sandbox, state.pid = event.sandbox or state.sandbox, event.pid
    if event.iterations:
        state.options = {**state.options, "iterations": event.iterations}
    trials.cut_off(state)
    for job in state.jobs:
        job.state = "waiting" if job.state in ("failed", "running") else job.state
    return ("header", "plan", "runs")


def prompts_chosen(state: RunState, event: events.PromptsChosen) -> Touched:
    """Which prompts the models of the run are asked with."""
    state.profiles = {str(role): line(str(profile)) for role, profile in event.profiles.items()}
    return ("header",)


def goal_understood(state: RunState, event: events.GoalUnderstood) -> Touched:
    """The goal, and what the planner is shown to have understood."""
    state.goal = dict(event.goal)
    state.tell("goal", told.goal(event))
    return ("header", "plan", "evaluation", "runs")


def warned(state: RunState, event: events.Warned) -> Touched:
    """What the line below the header says."""
    state.warning = sentences(event.message, event.remedy)
    return ("header",)


def failed(state: RunState, event: events.Failed) -> Touched:
    """The error that ends the run."""
    state.failure = event
    return ("header", "plan")


def run_finished(state: RunState, event: events.RunFinished) -> Touched:
    """The run is over, and nothing is under way any more."""
    state.finished = event
    state.approval = None
    state.paused = state.requested = ""
    answers.all_there(state)
    for speech in state.speeches:
        speech.done = True
    for job in state.jobs:
        if job.state == "running":
            job.state, job.note = "failed", line(event.outcome)
    trials.cut_off(state)
    if event.best_run_id in state.rows:
        state.touched |= {state.best_id, str(event.best_run_id)} - {""}
        state.best_id = str(event.best_run_id)
    return ("header", "plan", "code", "evaluation", "runs")


def resources(state: RunState, event: events.Resources) -> Touched:
    """How much memory the run takes."""
    state.memory_mb, state.processes = event.memory_mb, event.processes
    return ("header",)
