"""What a journal says about its last run: how far it came, and what the unfinished iteration already has.

Pure reading: the same events always give the same `Saved`. The history itself is in the registry.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import ValidationError

from mlagent_tui import events, field_errors
from mlagent_tui.agent.options import RunOptions
from mlagent_tui.errors import ProjectError
from mlagent_tui.experiments import Skipped
from mlagent_tui.schemas import EvalResult, Goal, ModelConfig, Plan, Summary


@dataclass
class Iteration:
    """What one iteration has produced so far.

    `done` names its completed steps, `edited` what the user wrote; `own` says that the loop itself chose the
    change. `seen` is what planned calls besides the core tools returned; it is not kept across processes.
    `planner` is the model that proposed the configuration, `coder` the one that wrote the code; empty where
    no model did.
    """

    number: int
    plan: Plan | None = None
    config: ModelConfig | None = None
    code: str | None = None
    summary: Summary | None = None
    result: EvalResult | None = None
    decided: events.DecisionMade | None = None
    done: set[str] = field(default_factory=set)
    edited: set[str] = field(default_factory=set)
    own: bool = False
    seen: list[str] = field(default_factory=list)
    planner: str = ""
    coder: str = ""

    @property
    def carried_out(self) -> set[str]:
        """The core tools whose results are there."""
        made = {"pytorch_model_assembler": self.code, "pytorch_model_summary": self.summary}
        return {tool for tool, value in made.items() if value is not None}


@dataclass
class Saved:
    """The last run of a journal. `current` is the iteration to go on with.

    `steered` is what the user has said to the planner, `queued` what they chose iterations to start from,
    `skipped` what of the journal could not be read, and `prompts` what the models were told last.
    `taken_over` are the tasks that the bundled model does for the rest of the run, with the iteration since
    which.
    """

    options: RunOptions
    current: Iteration
    goal: Goal | None = None
    run_ids: list[str] = field(default_factory=list)
    seconds: float = 0.0
    finished: events.RunFinished | None = None
    steered: list[events.Steered] = field(default_factory=list)
    queued: dict[int, events.Queued] = field(default_factory=dict)
    skipped: Skipped = field(default_factory=Skipped)
    prompts: events.PromptsChosen | None = None
    taken_over: dict[str, int] = field(default_factory=dict)

    @property
    def step(self) -> str:
        """The step that a resumed run starts with."""
        if self.goal is None:
            return "understand"
        if self.current.decided:
            return "plan"
        missing = {
            "plan": self.current.plan is None, "configure": self.current.config is None,
            "assemble": self.current.code is None, "summarise": self.current.summary is None,
            "evaluate": self.current.result is None,
        }  # fmt: skip
        return "decide" if self.current.result else next((s for s, no in missing.items() if no), "decide")


def last_run(journal: Iterable[events.Event]) -> Saved | None:
    """Fold the events from the last `run_started` on; None when no run ever started.

    What a step produced counts only once its `step_finished` is there, except for a trial's result and a
    decision, which are complete in themselves. A damaged line, or a value of another version, costs its
    step, which is then done again; `Saved.skipped` counts them. Raises `ProjectError` when the start of the
    run or its goal cannot be read.
    """
    saved: Saved | None = None
    draft = Iteration(0)
    skipped = Skipped()
    for event in journal:
        if isinstance(event, events.Unreadable):
            skipped = skipped.add(event.line, event.reason)
        elif isinstance(event, events.RunStarted):
            draft = Iteration(1)
            saved = Saved(_options(event), Iteration(1))
        elif saved is None:
            continue
        elif saved.goal and isinstance(event, events.StepStarted) and event.step == "understand":
            raise _lost(skipped)
        else:
            try:
                draft = _apply(saved, draft, event)
            except ValidationError as error:
                skipped = skipped.add(0, f"{type(event).__name__}: {error.errors()[0]['msg']}")
    if saved is None and skipped.count:
        raise _lost(skipped)
    if saved is not None:
        saved.skipped = skipped
    return saved


def _lost(skipped: Skipped) -> ProjectError:
    return ProjectError(
        f"how the last run was started cannot be read from the journal; {skipped}",
        "This run cannot be resumed. Start another one in the project: "
        "mlagent run GOAL --project DIR --another",
    )


def _goal(event: events.GoalUnderstood) -> Goal:
    try:
        return Goal.model_validate(event.goal)
    except ValidationError as error:
        raise ProjectError(
            f"the goal in the journal cannot be read: {field_errors.first(error, Goal).what}",
            "It may come from another version of mlagent: resume with that one, or start another run with "
            "mlagent run GOAL --project DIR --another",
        ) from error


def _options(event: events.RunStarted) -> RunOptions:
    try:
        return RunOptions.model_validate({**event.options, "goal_text": event.goal_text})
    except ValidationError as error:
        what = field_errors.first(error, RunOptions, noun="option").what
        raise ProjectError(
            f"the options of the last run cannot be read: {what}",
            "They may come from another version of mlagent: resume with that one, or start another run with "
            "mlagent run GOAL --project DIR --another",
        ) from error


def _apply(saved: Saved, draft: Iteration, event: events.Event) -> Iteration:
    """Take one event in; returns the draft, in which unfinished steps leave what they made so far."""
    match event:
        case events.RunResumed(iterations=limit):
            saved.finished = None
            if limit:
                saved.options = saved.options.model_copy(update={"iterations": limit})
        case events.StepStarted(iteration=number) if number > saved.current.number:
            saved.current = Iteration(number)
            return Iteration(number)
        case events.PromptsChosen():
            saved.prompts = event
        case events.GoalUnderstood():
            saved.goal = _goal(event)
        case events.PlanMade():
            draft.plan = Plan.model_validate(event.plan)
        case events.ConfigMade():
            draft.config, draft.planner = ModelConfig.model_validate(event.config), event.model
            saved.current.own = "chosen by the loop" in event.change
        case events.CodeMade(accepted=True):
            draft.code, draft.coder = event.code, event.model
        case events.StoodIn(for_good=True):
            saved.taken_over.setdefault(event.task, event.iteration)
        case events.SummaryMade():
            draft.summary = Summary.model_validate(event.summary)
        case events.TrialFinished():
            saved.current.result = EvalResult.model_validate(event.result)
            saved.run_ids.append(saved.current.result.run_id)
        case events.TrialRecorded():
            saved.run_ids.append(str(event.entry.get("run_id")))
        case events.DecisionMade():
            saved.current.decided = event
        case events.Steered():
            saved.steered.append(event)
        case events.Queued():
            saved.queued[event.iteration] = event
        case events.Edited(iteration=number) if number == saved.current.number:
            _take_edit(saved.current, draft, event.what)
        case events.StepFinished(iteration=number) if number == saved.current.number:
            _finish(saved.current, draft, event.step)
        case events.TimeSpent():
            saved.seconds += event.loading + event.thinking + event.checking + event.training + event.other
        case events.RunFinished():
            saved.finished = event
        case _:
            pass
    return draft


def _take_edit(current: Iteration, draft: Iteration, what: str) -> None:
    """The user's version of something whose step had finished; new code has been summarised again."""
    current.edited.add(what)
    if what == "config":
        current.config, current.planner = draft.config, draft.planner
    elif what == "settings":
        current.plan = draft.plan
    else:
        current.code, current.coder = draft.code, draft.coder
        current.summary = current.summary and draft.summary


_MADE = {
    "plan": ("plan",), "configure": ("config", "planner"), "assemble": ("code", "coder"),
    "summarise": ("summary",),
}  # fmt: skip


def _finish(current: Iteration, draft: Iteration, step: str) -> None:
    current.done.add(step)
    if step == "configure" and draft.plan is not None:
        current.plan = draft.plan  # the loop's own change may be one of the settings
    for name in _MADE.get(step, ()):
        setattr(current, name, getattr(draft, name))
