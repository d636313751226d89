"""An event as one line of the log, and as the full text behind it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from mlagent_tui import events
from mlagent_tui.research import wording
from mlagent_tui.tui import words
from mlagent_tui.tui.facts import short_tool
from mlagent_tui.tui.text import line, sentences, visible

MAX_LINE = 2_000

GROUPS: dict[str, set[str] | None] = {
    "all": None,
    "models": {
        "model_asked", "prompt_progress", "tokens_streamed", "model_called", "check_failed",
        "stood_in", "answer_used", "model_unloaded", "model_loading", "model_loaded", "prompts_chosen",
    },
    "tools": {"tool_called", "tool_finished", "approval_asked", "approval_given"},
    "training": {"trial_started", "batch_done", "epoch_done", "trial_finished", "best_tested"},
    "decisions": {
        "run_started", "run_resumed", "goal_understood", "plan_made", "config_made", "decision_made",
        "run_finished", "steered", "edited", "queued", "paused", "continued", "requested", "holds_set",
    },
    "problems": {"warned", "stood_in", "check_failed", "failed", "", "unreadable"},
}  # fmt: skip
"""What the log can be narrowed to; the empty kind is a line that cannot be read."""

STYLES = {
    "warned": "yellow", "stood_in": "yellow", "check_failed": "yellow",
    "failed": "red", "unreadable": "red", "": "red",
    "decision_made": "bold", "run_started": "bold", "run_finished": "bold", "trial_finished": "bold",
    "tokens_streamed": "dim", "batch_done": "dim", "model_asked": "dim", "prompt_progress": "dim",
}  # fmt: skip


def clock_of(time: str) -> str:
    """`04:18:09` of `2026-11-23T04:18:09.410Z`."""
    return time[11:19] if len(time) >= 19 and time[10] == "T" else "--:--:--"


def summary(told: Sequence[events.Event]) -> tuple[str, str, str]:
    """An entry of the log as (time, kind, words); neighbouring tokens are one entry."""
    if not told:
        return "--:--:--", "", ""
    first, last = told[0], told[-1]
    kind = str(getattr(first, "type", ""))
    if isinstance(first, events.TokensStreamed):
        pieces = "".join(e.text for e in told[:400] if isinstance(e, events.TokensStreamed))
        speaker = f"{first.role} · {first.task}"
        return clock_of(first.time), kind, f"{speaker}: {line(pieces)[:MAX_LINE]}"
    teller = _TELLERS.get(type(last))
    try:
        text = teller(last) if teller is not None else _fields(last)
    except (TypeError, ValueError, KeyError, AttributeError):
        text = _fields(last)
    return clock_of(last.time), kind, line(text)[:MAX_LINE]


def details(told: Sequence[events.Event]) -> str:
    """All of an entry, to be read at leisure."""
    if told and isinstance(told[0], events.TokensStreamed):
        return visible("".join(e.text for e in told if isinstance(e, events.TokensStreamed)))
    return visible("\n\n".join(_block(event) for event in told))


def _block(event: events.Event) -> str:
    """Every field; long texts as they are, the rest as JSON."""
    lines = []
    for name, value in event.__dict__.items():
        text = (
            value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)
        )
        lines.append(f"{name}: {text}" if "\n" not in text else f"{name}:\n{text}")
    return "\n".join(lines)


def _fields(event: events.Event) -> str:
    fields = {name: value for name, value in event.__dict__.items() if name not in ("time", "seq", "type")}
    return " · ".join(f"{name} {value}" for name, value in fields.items() if value not in ("", None, {}, []))


def _metrics(*pairs: tuple[str, float | None]) -> str:
    return " · ".join(f"{name} {value:.4f}" for name, value in pairs if value is not None)


def _trial_finished(event: events.TrialFinished) -> str:
    result = event.result
    measured = _metrics(("accuracy", result.get("accuracy")), ("loss", result.get("val_loss")))
    return f"{result['run_id']} {result['status']} · {measured or result.get('reason', '')}"


def _decision(event: events.DecisionMade) -> str:
    changes = "; ".join(event.decision.get("changes") or [])
    overruled = f" (the planner suggested {words.verdict(event.advised)})" if event.overruled_because else ""
    return f"{words.verdict(event.decision)}{overruled}: {event.decision.get('assessment', '')} {changes}"


def _model_called(event: events.ModelCalled) -> str:
    speed = f" · {event.tokens / event.seconds:,.0f}/s" if event.seconds else ""
    whose = f"{event.role} · {event.task}{f' · {event.model}' if event.model else ''}"
    return f"{whose}: {event.prompt_tokens}+{event.tokens} tokens{speed} {event.finish}"


_TELLERS: dict[type[events.Event], Callable[[Any], str]] = {
    events.RunStarted: lambda e: (
        f"{e.goal_text} · planner {e.planner} · coder {e.coder} · sandbox {e.sandbox}"
    ),
    events.RunResumed: lambda e: f"from iteration {e.iteration}, {e.step}",
    events.PromptsChosen: lambda e: wording.prompts(e.profiles, e.files),
    events.GoalUnderstood: lambda e: (
        " · ".join(filter(None, [*words.goal_items(e.goal), wording.wished(e.asked, e.unchecked)]))
    ),
    events.Warned: lambda e: sentences(e.message, e.remedy),
    events.StepStarted: lambda e: f"{e.step}{f' of iteration {e.iteration}' if e.iteration else ''}",
    events.StepFinished: lambda e: f"{e.step} · {words.duration(e.seconds)}",
    events.ToolCalled: lambda e: f"{short_tool(e.tool)} {json.dumps(e.arguments, ensure_ascii=False)}",
    events.ToolFinished: lambda e: (
        f"{short_tool(e.tool)} {'done' if e.ok else 'failed'} · {words.duration(e.seconds)} {e.result}"
    ),
    events.ModelAsked: lambda e: f"{e.role} · {e.task} prompt: {e.prompt}",
    events.PromptProgress: lambda e: f"{e.role} · {e.task}: reading the prompt {e.done:,} / {e.total:,}",
    events.ModelCalled: _model_called,
    events.StoodIn: lambda e: wording.stood_in(e.task, e.model, e.instead_of, e.reason, e.for_good),
    events.AnswerUsed: lambda e: (
        f"{e.role} · {e.task}: {e.model}{f' in place of {e.instead_of}' if e.instead_of else ''}"
    ),
    events.ModelUnloaded: lambda e: f"{e.model} ({' and '.join(e.roles)}), {e.memory_mb:,.0f} MB: {e.reason}",
    events.ModelLoading: lambda e: f"{e.model} ({' and '.join(e.roles)})",
    events.ModelLoaded: lambda e: (
        f"{e.model} ({' and '.join(e.roles)}) loaded again · {words.duration(e.seconds)}"
    ),
    events.PlanMade: lambda e: " → ".join(short_tool(str(call["tool"])) for call in e.plan["calls"]),
    events.ConfigMade: lambda e: (
        f"{e.parameters:,} parameters · {' → '.join(words.layer(part) for part in e.config['layers'])}"
    ),
    events.CheckFailed: lambda e: f"{e.what}, try {e.attempt + 1}: {e.problem}",
    events.CodeMade: lambda e: (
        f"try {e.attempt + 1}, {len(e.code.splitlines())} lines, {'accepted' if e.accepted else 'refused'}"
    ),
    events.SummaryMade: lambda e: (
        f"{e.summary['total_parameters']:,} parameters · {e.summary.get('explanation', '')}"
    ),
    events.TrialStarted: lambda e: f"{e.run_id} on {e.device} · {e.train_size:,}+{e.val_size:,} images",
    events.BatchDone: lambda e: (
        f"epoch {e.epoch}/{e.epochs} batch {e.batch}/{e.batches} "
        f"{_metrics(('loss', e.loss), ('accuracy', e.accuracy))}"
    ),
    events.EpochDone: lambda e: f"epoch {e.epoch}/{e.epochs} " + _metrics(
        ("train loss", e.train_loss), ("train accuracy", e.train_accuracy), ("loss", e.val_loss),
        ("accuracy", e.accuracy),
    ),
    events.TrialFinished: _trial_finished,
    events.TrialRecorded: lambda e: str(e.entry.get("run_id")),
    events.BestTested: lambda e: (
        f"{e.run_id} · {_metrics(('test accuracy', e.accuracy))} on {e.test_size:,} images"
    ),
    events.DecisionMade: _decision,
    events.Failed: lambda e: sentences(f"{e.title}: {e.what}", e.remedy),
    events.RunFinished: lambda e: " · ".join([f"{e.outcome}: {e.reason}", *e.wishes]),
    events.Unreadable: lambda e: f"{e.reason}: {e.text}",
}  # fmt: skip
