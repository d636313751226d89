"""What the user's commands change in the state of a run: pauses, hold points, edits, answers."""

from __future__ import annotations

from mlagent_tui import events
from mlagent_tui.tui.facts import Approval
from mlagent_tui.tui.state import RunState, Touched
from mlagent_tui.tui.text import line


def requested(state: RunState, event: events.Requested) -> Touched:
    """What comes after this step."""
    state.requested = event.what
    return ("header",)


def holds_set(state: RunState, event: events.HoldsSet) -> Touched:
    """Where the run always pauses."""
    state.holds = list(event.before)
    return ("header",)


def paused(state: RunState, event: events.Paused) -> Touched:
    """The run stands still."""
    state.requested = state.doing = ""
    state.paused, state.held_before = event.reason or "requested", event.before
    return ("header", "plan")


def continued(state: RunState, event: events.Continued) -> Touched:
    """The run goes on."""
    state.paused = state.held_before = state.requested = ""
    return ("header", "plan")


def steered(state: RunState, event: events.Steered) -> Touched:
    """A sentence for the planner."""
    state.steering = [*state.steering, event.text][-5:]
    state.tell("steer", f"**You** {line(event.text)}", anew=True)
    return ("plan",)


def edited(state: RunState, event: events.Edited) -> Touched:
    """The text of the user took the place of a model's."""
    job = state.job({"config": "configure", "settings": "evaluate"}.get(event.what, "assemble"))
    job.note = f"edited by you: {job.note}" if job.note else "edited by you"
    if event.what != "config":
        state.change = [*(state.change or state.next_change), f"{event.what} edited by the user"]
    return ("plan", "code")


def queued(state: RunState, event: events.Queued) -> Touched:
    """What an iteration will start from."""
    verb = "starts from" if event.kind == "branch" else "trains again"
    seed = "" if event.seed is None else f", seed {event.seed}"
    run = line(event.run_id)
    state.queued[event.iteration] = f"from {run}" if event.kind == "branch" else f"{run} again{seed}"
    state.tell("queue", f"**You** iteration {event.iteration} {verb} {run}{seed}", anew=True)
    return ("plan",)


def approval_asked(state: RunState, event: events.ApprovalAsked) -> Touched:
    """A command waits for the user."""
    state.approval = Approval(event.id, event.tool, event.command, event.folder)
    return ("header", "plan")


def approval_given(state: RunState, event: events.ApprovalGiven) -> Touched:
    """It was answered."""
    if state.approval is not None and state.approval.id == event.id:
        state.approval = None
    return ("header", "plan")
