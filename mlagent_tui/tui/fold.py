"""From events to the state of a run: one function for each kind of event that the screen shows.

No clock, no file and no screen is touched: the same events always give the same state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mlagent_tui import events
from mlagent_tui.tui.folds import answers, choices, run, steps, trials
from mlagent_tui.tui.state import RunState, Touched, seconds_of


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


_FOLDS: dict[type[events.Event], Callable[[RunState, Any], Touched]] = {
    events.RunStarted: run.run_started,
    events.RunResumed: run.run_resumed,
    events.PromptsChosen: run.prompts_chosen,
    events.GoalUnderstood: run.goal_understood,
    events.Warned: run.warned,
    events.Failed: run.failed,
    events.RunFinished: run.run_finished,
    events.StepStarted: steps.step_started,
    events.StepFinished: steps.step_finished,
    events.PlanMade: steps.plan_made,
    events.ToolCalled: steps.tool_called,
    events.ToolFinished: steps.tool_finished,
    events.ModelAsked: answers.model_asked,
    events.Doing: answers.doing,
    events.PromptProgress: answers.prompt_progress,
    events.TokensStreamed: answers.tokens,
    events.ModelCalled: answers.model_called,
    events.StoodIn: answers.stood_in,
    events.AnswerUsed: answers.answer_used,
    events.ModelUnloaded: answers.model_unloaded,
    events.ModelLoading: answers.model_loading,
    events.ModelLoaded: answers.model_loaded,
    events.ConfigMade: answers.config_made,
    events.CheckFailed: answers.check_failed,
    events.CodeMade: answers.code_made,
    events.SummaryMade: answers.summary_made,
    events.TrialStarted: trials.trial_started,
    events.BatchDone: trials.batch_done,
    events.EpochDone: trials.epoch_done,
    events.TrialFinished: trials.trial_finished,
    events.TrialRecorded: trials.trial_recorded,
    events.BestTested: trials.best_tested,
    events.DecisionMade: trials.decision_made,
    events.Requested: choices.requested,
    events.HoldsSet: choices.holds_set,
    events.Paused: choices.paused,
    events.Continued: choices.continued,
    events.Steered: choices.steered,
    events.Edited: choices.edited,
    events.Queued: choices.queued,
    events.ApprovalAsked: choices.approval_asked,
    events.ApprovalGiven: choices.approval_given,
    events.Resources: run.resources,
}
