"""What the events of steps and tools change in the state of a run: the lines of the plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlagent_tui import events
from mlagent_tui.tui import told, words
from mlagent_tui.tui.facts import Job, short_tool
from mlagent_tui.tui.folds import answers
from mlagent_tui.tui.state import RunState, Touched
from mlagent_tui.tui.text import line

CORE = {"assemble", "summarise", "evaluate"}
"""The steps that call a tool."""


def step_started(state: RunState, event: events.StepStarted) -> Touched:
    """A step is under way; with a plan, an iteration begins."""
    state.step = event.step
    answers.answered(state)
    if event.step == "plan" or event.iteration > state.iteration:
        return _iteration_started(state, event)
    if event.step in ("understand", "report") or not state.jobs:
        state.jobs = [*(job for job in state.jobs if event.step == "report"), Job(event.step)]
    if event.step != "scaffold":
        state.mark(event.step, "running")
    return ("header", "plan")


def _iteration_started(state: RunState, event: events.StepStarted) -> Touched:
    state.iteration = event.iteration
    if state.iteration > 1:  # before the first one, what was told of the run as a whole stays in sight
        state.warning = ""
    if state.code_accepted:
        state.previous_code = state.code
    state.repairs = []
    state.config = {}
    state.change = []
    state.decision = None
    # why it goes on stays in sight, and what a model is saying now
    reasons = [speech for speech in state.speeches if speech.task == "decision"][-1:]
    state.speeches = reasons + [s for s in state.speeches if not s.done and s not in reasons]
    calls = [Job(name) for name in ("assemble", "summarise", "evaluate")]
    state.jobs = [Job("plan"), Job("configure"), *calls, Job("decide")]
    state.mark(event.step, "running")
    return ("header", "plan", "code")


def step_finished(state: RunState, event: events.StepFinished) -> Touched:
    """A step is over."""
    answers.answered(state)
    if event.step not in CORE or state.job(event.step).state == "running":  # no tool was called for it
        state.mark(event.step, "done", event.seconds)
    for speech in state.speeches:
        speech.done = True
    return ("header", "plan")


def plan_made(state: RunState, event: events.PlanMade) -> Touched:
    """The tool calls of this iteration, a line of the plan each."""
    calls = event.plan["calls"]
    trained = [call["arguments"] for call in calls if call["tool"] == "pytorch_quick_evaluator"]
    state.settings = dict(trained[0].get("eval_config") or {}) if trained else {}
    if state.job("plan").state == "done":  # the same calls; only how the network is trained has changed
        state.job("evaluate").note = words.evaluation(state.settings)
        return ("plan",)
    jobs = []
    for call in calls:
        arguments = call.get("arguments") or {}
        jobs.append(Job(short_tool(line(str(call["tool"]))), note=_note(call["tool"], arguments)))
    thinking = [job for job in state.jobs if job.name in ("plan", "configure")]
    state.jobs = [*thinking, *jobs, Job("decide")]
    state.tell("plan", told.plan(event.plan))
    return ("plan",)


def tool_called(state: RunState, event: events.ToolCalled) -> Touched:
    """A tool is under way."""
    name = short_tool(event.tool)
    state.mark(line(name), "running", note=_note(event.tool, event.arguments))
    return ("plan",)


def tool_finished(state: RunState, event: events.ToolFinished) -> Touched:
    """A tool has returned or failed."""
    problem = "" if event.ok else line(event.result)[:300]
    state.mark(line(short_tool(event.tool)), "done" if event.ok else "failed", event.seconds, problem)
    return ("plan",)


def _note(tool: str, arguments: Mapping[str, Any]) -> str:
    if tool == "pytorch_quick_evaluator":
        return words.evaluation(arguments.get("eval_config") or {})
    named = ("file_path", "output_script_path", "model_script_path", "command", "script_path", "path")
    return next((line(str(arguments[name])) for name in named if arguments.get(name)), "")
