"""From events to the state of a run: one function for each kind of event that the screen shows.

No clock, no file and no screen is touched: the same events always give the same state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mlagent_tui import events
from mlagent_tui.research import wording
from mlagent_tui.tui import told, trials, words
from mlagent_tui.tui.facts import TASKS, Approval, Job, Network, Reading, panel_of, short_tool
from mlagent_tui.tui.state import ALL, RunState, seconds_of
from mlagent_tui.tui.text import line

Touched = Iterable[str]
_CORE = {"assemble", "summarise", "evaluate"}


def apply(state: RunState, batch: Iterable[events.Event]) -> None:
    """Take in events, in their order; `state.changed` then names the parts of the screen they touch."""
    for event in batch:
        fold = _FOLDS.get(type(event))
        state.seq = event.seq or state.seq
        at = seconds_of(event.time)
        if at:
            state.previous_time, state.last_time = state.last_time, at
        state.changed.add("log")
        if fold is None:
            continue
        try:
            state.changed.update(fold(state, event))
        except (TypeError, ValueError, KeyError, AttributeError):
            state.damaged += 1  # a payload that no engine of ours has written


# --- the run --------------------------------------------------------------------------------------------


def _run_started(state: RunState, event: events.RunStarted) -> Touched:
    state.start_over(event)
    state.began = state.segment = state.last_time
    return ALL


def _run_resumed(state: RunState, event: events.RunResumed) -> Touched:
    state.spent_before += max(0.0, state.previous_time - state.segment)
    state.segment = state.last_time
    state.finished = state.failure = state.approval = None
    state.paused = state.held_before = state.requested = ""
    state.holds, state.step = [], ""
    _all_there(state)
    state.sandbox, state.pid = event.sandbox or state.sandbox, event.pid
    if event.iterations:
        state.options = {**state.options, "iterations": event.iterations}
    trials.cut_off(state)
    for job in state.jobs:
        job.state = "waiting" if job.state in ("failed", "running") else job.state
    return ("header", "plan", "runs")


def _goal_understood(state: RunState, event: events.GoalUnderstood) -> Touched:
    state.goal = dict(event.goal)
    state.tell("goal", told.goal(event))
    return ("header", "plan", "evaluation", "runs")


def _warned(state: RunState, event: events.Warned) -> Touched:
    state.warning = f"{event.message} {event.remedy}".strip()
    return ("header",)


def _failed(state: RunState, event: events.Failed) -> Touched:
    state.failure = event
    return ("header", "plan")


def _run_finished(state: RunState, event: events.RunFinished) -> Touched:
    state.finished = event
    state.approval = None
    state.paused = state.requested = ""
    _all_there(state)
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


# --- steps and tools ------------------------------------------------------------------------------------


def _step_started(state: RunState, event: events.StepStarted) -> Touched:
    state.step = event.step
    _answered(state)
    if event.step == "plan" or event.iteration > state.iteration:
        return _iteration_started(state, event)
    if event.step in ("understand", "report") or not state.jobs:
        state.jobs = [*(job for job in state.jobs if event.step == "report"), Job(event.step)]
    if event.step != "scaffold":
        state.mark(event.step, "running")
    return ("header", "plan")


def _iteration_started(state: RunState, event: events.StepStarted) -> Touched:
    state.iteration = event.iteration
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


def _step_finished(state: RunState, event: events.StepFinished) -> Touched:
    _answered(state)
    if event.step not in _CORE or state.job(event.step).state == "running":  # no tool was called for it
        state.mark(event.step, "done", event.seconds)
    for speech in state.speeches:
        speech.done = True
    return ("header", "plan")


def _plan_made(state: RunState, event: events.PlanMade) -> Touched:
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


def _note(tool: str, arguments: Mapping[str, Any]) -> str:
    if tool == "pytorch_quick_evaluator":
        return words.evaluation(arguments.get("eval_config") or {})
    named = ("file_path", "output_script_path", "model_script_path", "command", "script_path", "path")
    return next((line(str(arguments[name])) for name in named if arguments.get(name)), "")


def _tool_called(state: RunState, event: events.ToolCalled) -> Touched:
    name = short_tool(event.tool)
    state.mark(line(name), "running", note=_note(event.tool, event.arguments))
    return ("plan",)


def _tool_finished(state: RunState, event: events.ToolFinished) -> Touched:
    problem = "" if event.ok else line(event.result)[:300]
    state.mark(line(short_tool(event.tool)), "done" if event.ok else "failed", event.seconds, problem)
    return ("plan",)


# --- what models say ------------------------------------------------------------------------------------


def _all_there(state: RunState) -> None:
    """None is away: a new engine loads them all, and one that has ended has none."""
    _answered(state)
    state.unloaded = []


def _answered(state: RunState) -> None:
    """No model is being loaded or reads: a step that is over has no use for them, whatever came of it."""
    state.reading, state.loading, state.doing = None, "", ""


def _prompt_progress(state: RunState, event: events.PromptProgress) -> Touched:
    state.reading = Reading(event.task, event.done, event.total)
    return (panel_of(event.task),)


def _model_asked(state: RunState, event: events.ModelAsked) -> Touched:
    state.doing = TASKS.get(event.task, "")
    return ("header", "plan")


def _doing(state: RunState, event: events.Doing) -> Touched:
    state.doing = line(event.what)
    return ("header", "plan")


def _tokens(state: RunState, event: events.TokensStreamed) -> Touched:
    state.reading = None
    speech = state.say(event.role, event.task)
    speech.add(event.text, event.thinking, state.last_time)
    streamed = len(speech.text) + len(speech.thinking) + speech.dropped
    if speech.latest > speech.began + 0.2:
        tokens = streamed / state.chars_per_token.get(event.role, 3.5)
        state.tokens_per_second = tokens / (speech.latest - speech.began)
    part = panel_of(event.task)
    return ("header", part) if not event.thinking else ("header", "plan", part)


def _model_called(state: RunState, event: events.ModelCalled) -> Touched:
    state.reading = None
    speech = next((s for s in reversed(state.speeches) if (s.role, s.task) == (event.role, event.task)), None)
    if speech is not None:
        speech.done = True
        characters = len(speech.text) + len(speech.thinking) + speech.dropped
        if event.tokens and characters:
            state.chars_per_token[event.role] = max(0.5, characters / event.tokens)
    if event.tokens and event.seconds:
        state.tokens_per_second = event.tokens / event.seconds
    return ("header", "plan", "code", "summary")


def _stood_in(state: RunState, event: events.StoodIn) -> Touched:
    state.stand_in = state.standing[event.task] = line(event.model)
    if event.for_good:
        state.taken.add(event.task)
    said = wording.stood_in(event.task, event.model, event.instead_of, event.reason, event.for_good)
    state.warning = line(said)
    return ("header",)


def _answer_used(state: RunState, event: events.AnswerUsed) -> Touched:
    state.answers += 1
    if event.instead_of:
        state.stand_in = line(event.model)
        state.replacements += 1
    if event.task not in state.taken:
        state.standing.pop(event.task, None)
    return ("header",)


def _model_unloaded(state: RunState, event: events.ModelUnloaded) -> Touched:
    state.unloaded = [*state.unloaded, line(event.model)]
    return ("header",)


def _model_loading(state: RunState, event: events.ModelLoading) -> Touched:
    state.loading = line(event.model)
    return ("header",)


def _model_loaded(state: RunState, event: events.ModelLoaded) -> Touched:
    state.loading = ""
    state.unloaded = [name for name in state.unloaded if name != line(event.model)]
    return ("header",)


def _config_made(state: RunState, event: events.ConfigMade) -> Touched:
    state.config = dict(event.config)
    state.change = list(event.change)
    shape = tuple(event.config.get("input_shape") or ())
    state.network = Network(list(event.steps), event.parameters, input_shape=shape)
    state.tell("config", told.config(event.config, event.parameters))
    job = state.job("configure")
    job.note = f"{event.parameters:,} parameters"
    return ("plan", "summary")


def _check_failed(state: RunState, event: events.CheckFailed) -> Touched:
    problem = line(event.problem)
    names = {"code": "assemble", "config": "configure", "decision": "decide", "goal": "understand"}
    job = state.job(names.get(event.what, event.what))
    job.tries, job.note = event.attempt + 1, problem
    if event.what == "code":
        state.repairs.append((event.attempt, problem))
        return ("plan", "code")
    for speech in reversed(state.speeches):
        if speech.task == event.what:
            speech.told = f"**Refused** {problem}"
            break
    return ("plan",)


def _code_made(state: RunState, event: events.CodeMade) -> Touched:
    state.code, state.code_accepted = event.code, event.accepted
    state.code_iteration = state.iteration
    for speech in state.speeches:
        speech.done = speech.done or speech.task == "code"
    return ("code", "plan")


def _inputs(summary: dict[str, Any]) -> str:
    count = summary.get("inputs") or 1
    whole = str(summary.get("input_type") or "").startswith("int")
    return (f"{count} inputs" if count != 1 else "input") + (" of integers" if whole else "")


def _summary_made(state: RunState, event: events.SummaryMade) -> Touched:
    summary = event.summary
    state.network = Network(
        list(summary["layers"]),
        int(summary["total_parameters"]),
        True,
        summary.get("size_mb"),
        summary.get("multiply_adds"),
        tuple(summary.get("input_shape") or ())[1:],
        str(summary.get("explanation") or ""),
        wording.whose(
            summary.get("explanation_source"),
            len(summary.get("explanation_dropped") or ()),
            state.standing.get("explain", ""),
        ),
        tuple(map(str, summary.get("not_counted") or ())),
        _inputs(summary),
        str(summary.get("output") or ""),
    )
    return ("summary",)


# --- what the user changes ------------------------------------------------------------------------------


def _requested(state: RunState, event: events.Requested) -> Touched:
    state.requested = event.what
    return ("header",)


def _holds_set(state: RunState, event: events.HoldsSet) -> Touched:
    state.holds = list(event.before)
    return ("header",)


def _paused(state: RunState, event: events.Paused) -> Touched:
    state.requested = state.doing = ""
    state.paused, state.held_before = event.reason or "requested", event.before
    return ("header", "plan")


def _continued(state: RunState, event: events.Continued) -> Touched:
    state.paused = state.held_before = state.requested = ""
    return ("header", "plan")


def _steered(state: RunState, event: events.Steered) -> Touched:
    state.steering = [*state.steering, event.text][-5:]
    state.tell("steer", f"**You** {line(event.text)}", anew=True)
    return ("plan",)


def _edited(state: RunState, event: events.Edited) -> Touched:
    job = state.job({"config": "configure", "settings": "evaluate"}.get(event.what, "assemble"))
    job.note = f"edited by you: {job.note}" if job.note else "edited by you"
    if event.what != "config":
        state.change = [*(state.change or state.next_change), f"{event.what} edited by the user"]
    return ("plan", "code")


def _queued(state: RunState, event: events.Queued) -> Touched:
    verb = "starts from" if event.kind == "branch" else "trains again"
    seed = "" if event.seed is None else f", seed {event.seed}"
    run = line(event.run_id)
    state.queued[event.iteration] = f"from {run}" if event.kind == "branch" else f"{run} again{seed}"
    state.tell("queue", f"**You** iteration {event.iteration} {verb} {run}{seed}", anew=True)
    return ("plan",)


def _approval_asked(state: RunState, event: events.ApprovalAsked) -> Touched:
    state.approval = Approval(event.id, event.tool, event.command, event.folder)
    return ("header", "plan")


def _approval_given(state: RunState, event: events.ApprovalGiven) -> Touched:
    if state.approval is not None and state.approval.id == event.id:
        state.approval = None
    return ("header", "plan")


def _resources(state: RunState, event: events.Resources) -> Touched:
    state.memory_mb, state.processes = event.memory_mb, event.processes
    return ("header",)


_FOLDS: dict[type[events.Event], Callable[[RunState, Any], Touched]] = {
    events.RunStarted: _run_started,
    events.RunResumed: _run_resumed,
    events.GoalUnderstood: _goal_understood,
    events.Warned: _warned,
    events.Failed: _failed,
    events.RunFinished: _run_finished,
    events.StepStarted: _step_started,
    events.StepFinished: _step_finished,
    events.PlanMade: _plan_made,
    events.ToolCalled: _tool_called,
    events.ToolFinished: _tool_finished,
    events.ModelAsked: _model_asked,
    events.Doing: _doing,
    events.PromptProgress: _prompt_progress,
    events.TokensStreamed: _tokens,
    events.ModelCalled: _model_called,
    events.StoodIn: _stood_in,
    events.AnswerUsed: _answer_used,
    events.ModelUnloaded: _model_unloaded,
    events.ModelLoading: _model_loading,
    events.ModelLoaded: _model_loaded,
    events.ConfigMade: _config_made,
    events.CheckFailed: _check_failed,
    events.CodeMade: _code_made,
    events.SummaryMade: _summary_made,
    events.TrialStarted: trials.trial_started,
    events.BatchDone: trials.batch_done,
    events.EpochDone: trials.epoch_done,
    events.TrialFinished: trials.trial_finished,
    events.TrialRecorded: trials.trial_recorded,
    events.BestTested: trials.best_tested,
    events.DecisionMade: trials.decision_made,
    events.Requested: _requested,
    events.HoldsSet: _holds_set,
    events.Paused: _paused,
    events.Continued: _continued,
    events.Steered: _steered,
    events.Edited: _edited,
    events.Queued: _queued,
    events.ApprovalAsked: _approval_asked,
    events.ApprovalGiven: _approval_given,
    events.Resources: _resources,
}
