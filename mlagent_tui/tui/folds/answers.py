"""What the events of the language models change in the state of a run: their words, and what came of them."""

from __future__ import annotations

from typing import Any

from mlagent_tui import events
from mlagent_tui.research import wording
from mlagent_tui.tui import told
from mlagent_tui.tui.facts import TASKS, Network, Reading, panel_of
from mlagent_tui.tui.state import RunState, Touched
from mlagent_tui.tui.text import line


def model_asked(state: RunState, event: events.ModelAsked) -> Touched:
    """What the model does now."""
    state.doing = TASKS.get(event.task, "")
    return ("header", "plan")


def doing(state: RunState, event: events.Doing) -> Touched:
    """What is done within the step."""
    state.doing = line(event.what)
    return ("header", "plan")


def prompt_progress(state: RunState, event: events.PromptProgress) -> Touched:
    """How far the model has read its prompt."""
    state.reading = Reading(event.task, event.done, event.total)
    return (panel_of(event.task),)


def tokens(state: RunState, event: events.TokensStreamed) -> Touched:
    """Another piece of an answer."""
    state.reading = None
    speech = state.say(event.role, event.task)
    speech.add(event.text, event.thinking, state.last_time)
    streamed = len(speech.text) + len(speech.thinking) + speech.dropped
    if speech.latest > speech.began + 0.2:
        count = streamed / state.chars_per_token.get(event.role, 3.5)
        state.tokens_per_second = count / (speech.latest - speech.began)
    part = panel_of(event.task)
    return ("header", part) if not event.thinking else ("header", "plan", part)


def model_called(state: RunState, event: events.ModelCalled) -> Touched:
    """An answer is whole, and how fast it came."""
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


def stood_in(state: RunState, event: events.StoodIn) -> Touched:
    """Another model answers in place of a role's own."""
    state.stand_in = state.standing[event.task] = line(event.model)
    if event.for_good:
        state.taken.add(event.task)
    said = wording.stood_in(event.task, event.model, event.instead_of, event.reason, event.for_good)
    state.warning = line(said)
    return ("header",)


def answer_used(state: RunState, event: events.AnswerUsed) -> Touched:
    """An answer was used, of a role's own model or of another."""
    state.answers += 1
    if event.instead_of:
        state.stand_in = line(event.model)
        state.replacements += 1
    if event.task not in state.taken:
        state.standing.pop(event.task, None)
    return ("header",)


def model_unloaded(state: RunState, event: events.ModelUnloaded) -> Touched:
    """A model makes room for a trial."""
    state.unloaded = [*state.unloaded, line(event.model)]
    return ("header",)


def model_loading(state: RunState, event: events.ModelLoading) -> Touched:
    """It is being loaded again."""
    state.loading = line(event.model)
    return ("header",)


def model_loaded(state: RunState, event: events.ModelLoaded) -> Touched:
    """It is there again."""
    state.loading = ""
    state.unloaded = [name for name in state.unloaded if name != line(event.model)]
    return ("header",)


def config_made(state: RunState, event: events.ConfigMade) -> Touched:
    """A network, and what it changes."""
    state.config = dict(event.config)
    state.change = list(event.change)
    shape = tuple(event.config.get("input_shape") or ())
    state.network = Network(list(event.steps), event.parameters, input_shape=shape)
    state.tell("config", told.config(event.config, event.parameters))
    job = state.job("configure")
    job.note = f"{event.parameters:,} parameters"
    return ("plan", "summary")


def check_failed(state: RunState, event: events.CheckFailed) -> Touched:
    """An answer was refused, and why."""
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


def code_made(state: RunState, event: events.CodeMade) -> Touched:
    """The code of the network, accepted or not."""
    state.code, state.code_accepted = event.code, event.accepted
    state.code_iteration = state.iteration
    for speech in state.speeches:
        speech.done = speech.done or speech.task == "code"
    return ("code", "plan")


def _inputs(summary: dict[str, Any]) -> str:
    count = summary.get("inputs") or 1
    whole = str(summary.get("input_type") or "").startswith("int")
    return (f"{count} inputs" if count != 1 else "input") + (" of integers" if whole else "")


def summary_made(state: RunState, event: events.SummaryMade) -> Touched:
    """The network as it was measured, and its explanation."""
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


def answered(state: RunState) -> None:
    """No model is being loaded or reads: a step that is over has no use for them, whatever came of it."""
    state.reading, state.loading, state.doing = None, "", ""


def all_there(state: RunState) -> None:
    """None is away: a new engine loads them all, and one that has ended has none."""
    answered(state)
    state.unloaded = []
