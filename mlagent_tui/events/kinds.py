"""Every fact of a run as one small typed event, and its JSON form.

Payloads (goal, plan, config, ...) are plain dictionaries, so that whoever shows or replays a run needs
no other module of the package.
"""

from __future__ import annotations

import json
import re
from dataclasses import field
from typing import Any, Literal, get_args

from mlagent_tui.events.base import Event

Json = dict[str, Any]
Number = float | None
Role = Literal["planner", "coder"]
StepName = Literal[
    "understand", "scaffold", "plan", "configure", "assemble", "summarise", "evaluate", "decide", "report"
]
QueueKind = Literal["branch", "rerun"]
Outcome = Literal["achieved", "stopped", "interrupted", "failed"]


class RunStarted(Event):
    """A run begins. `options` holds the limits and whatever else a resumed run must know."""

    type: Literal["run_started"] = "run_started"
    goal_text: str
    seed: int = 0
    planner: str = ""
    coder: str = ""
    sandbox: str = ""
    device: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    options: Json = field(default_factory=dict)
    pid: int = 0


class RunResumed(Event):
    """A run continues in a new process, at `step` of `iteration`; `iterations` is its limit now."""

    type: Literal["run_resumed"] = "run_resumed"
    iteration: int = 0
    step: str = ""
    iterations: int = 0
    sandbox: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    pid: int = 0


class PromptsChosen(Event):
    """What the language models are told in this process: the `profiles` by role, and the `files` of those.

    Files of the user's are there whatever their profile. Each file has its `profile`, `name`, `path` (empty:
    the shipped one), `sha256`, and whether it is `changed`: tells a model something else than the shipped.
    """

    type: Literal["prompts_chosen"] = "prompts_chosen"
    profiles: dict[str, str] = field(default_factory=dict)
    files: list[Json] = field(default_factory=list)


class GoalUnderstood(Event):
    """The planner's typed reading of the goal's text.

    `asked` are its wishes that every trial is checked for, in words, and `unchecked` the others.
    """

    type: Literal["goal_understood"] = "goal_understood"
    goal: Json
    asked: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)


class Warned(Event):
    """A warning for the user. The run continues."""

    type: Literal["warned"] = "warned"
    message: str
    remedy: str = ""


class StepStarted(Event):
    """A step of the loop begins; iterations count from 1, and steps outside the iterations have 0."""

    type: Literal["step_started"] = "step_started"
    step: StepName
    iteration: int = 0


class StepFinished(Event):
    """A step is complete, and a resumed run need not repeat it."""

    type: Literal["step_finished"] = "step_finished"
    step: StepName
    iteration: int = 0
    seconds: float = 0.0


class ToolCalled(Event):
    """A tool is about to run."""

    type: Literal["tool_called"] = "tool_called"
    tool: str
    arguments: Json = field(default_factory=dict)


class ToolFinished(Event):
    """A tool returned (`ok`) or failed; `result` is an excerpt of what it returned, or its error."""

    type: Literal["tool_finished"] = "tool_finished"
    tool: str
    seconds: float = 0.0
    ok: bool = True
    result: str = ""


class ModelAsked(Event):
    """The prompt of a language model, with its instructions; its `TokensStreamed` follow."""

    type: Literal["model_asked"] = "model_asked"
    role: Role
    task: str
    prompt: str
    model: str = ""


class PromptProgress(Event):
    """How many tokens of a long prompt a language model has read; about a hundred times at most."""

    type: Literal["prompt_progress"] = "prompt_progress"
    role: Role
    task: str
    done: int
    total: int


class TokensStreamed(Event):
    """A piece of a language model's answer, or of its thinking."""

    type: Literal["tokens_streamed"] = "tokens_streamed"
    role: Role
    task: str
    text: str
    thinking: bool = False


class ModelCalled(Event):
    """A language model, `model`, has answered."""

    type: Literal["model_called"] = "model_called"
    role: Role
    task: str
    model: str = ""
    prompt_tokens: int = 0
    tokens: int = 0
    seconds: float = 0.0
    prompt_seconds: float = 0.0
    finish: str = ""


class StoodIn(Event):
    """A role's model failed at a call; `model` answers this call in its place.

    `instead_of` is the model that failed, `reason` how. With `for_good`, `model` answers all calls for this
    task from now on.
    """

    type: Literal["stood_in"] = "stood_in"
    role: Role
    task: str
    model: str
    instead_of: str = ""
    reason: str = ""
    for_good: bool = False
    iteration: int = 0


class AnswerUsed(Event):
    """A call of a role has its result, from an answer of `model`, which may have stood in for another one.

    Told only where a model can stand in for the role's own.
    """

    type: Literal["answer_used"] = "answer_used"
    role: Role
    task: str
    model: str
    instead_of: str = ""


class ModelUnloaded(Event):
    """A language model was unloaded to make room for a trial, and why; its next request loads it again."""

    type: Literal["model_unloaded"] = "model_unloaded"
    model: str
    roles: list[Role]
    memory_mb: float = 0.0
    reason: str = ""


class ModelLoading(Event):
    """A language model that was unloaded is being loaded again."""

    type: Literal["model_loading"] = "model_loading"
    model: str
    roles: list[Role]


class ModelLoaded(Event):
    """It has been loaded again."""

    type: Literal["model_loaded"] = "model_loaded"
    model: str
    roles: list[Role]
    seconds: float = 0.0


class PlanMade(Event):
    """The tool calls of this iteration."""

    type: Literal["plan_made"] = "plan_made"
    iteration: int = 0
    plan: Json


class ConfigMade(Event):
    """A model_config that builds, with its unrolled layers: name, type, shapes, parameters.

    `change` is what differs from the trial it starts from, computed from both configs and settings. `model`
    is the language model that proposed it; empty where the user or the loop did.
    """

    type: Literal["config_made"] = "config_made"
    iteration: int = 0
    config: Json
    parameters: int = 0
    steps: list[Json] = field(default_factory=list)
    change: list[str] = field(default_factory=list)
    model: str = ""


class CheckFailed(Event):
    """A model's answer failed a check; `what` is goal, plan, config, code or decision."""

    type: Literal["check_failed"] = "check_failed"
    what: str
    problem: str
    attempt: int = 0


class CodeMade(Event):
    """The coder wrote a module; attempts count from 0. `accepted` says whether it passed its checks.

    `model` is the language model that wrote it; empty where the user did.
    """

    type: Literal["code_made"] = "code_made"
    code: str
    attempt: int = 0
    accepted: bool = False
    path: str = ""
    model: str = ""


class SummaryMade(Event):
    """The module measured and explained."""

    type: Literal["summary_made"] = "summary_made"
    summary: Json


class TrialStarted(Event):
    """A quick evaluation begins to train."""

    type: Literal["trial_started"] = "trial_started"
    run_id: str
    device: str = ""
    sandbox: str = ""
    train_size: int = 0
    val_size: int = 0


class BatchDone(Event):
    """Progress within an epoch, at most some ten times a second."""

    type: Literal["batch_done"] = "batch_done"
    run_id: str
    epoch: int
    epochs: int
    batch: int
    batches: int
    loss: Number = None
    accuracy: Number = None
    images_per_second: Number = None


class EpochDone(Event):
    """One point of the learning curves."""

    type: Literal["epoch_done"] = "epoch_done"
    run_id: str
    epoch: int
    epochs: int = 0
    train_loss: Number = None
    train_accuracy: Number = None
    val_loss: Number = None
    accuracy: Number = None
    seconds: float = 0.0


class TrialFinished(Event):
    """What the quick evaluation measured, failures included."""

    type: Literal["trial_finished"] = "trial_finished"
    result: Json


class TrialRecorded(Event):
    """A trial's entry of the registry, whole, before it is written there. The last one of a run id counts."""

    type: Literal["trial_recorded"] = "trial_recorded"
    entry: Json


class BestTested(Event):
    """The result of the best network on the test images: once, at the end of a run."""

    type: Literal["best_tested"] = "best_tested"
    run_id: str
    accuracy: Number = None
    test_size: int = 0


class DecisionMade(Event):
    """What happens next, what the planner suggested, and why it was overruled (empty: it was not)."""

    type: Literal["decision_made"] = "decision_made"
    iteration: int = 0
    decision: Json
    advised: Json = field(default_factory=dict)
    overruled_because: str = ""


class Doing(Event):
    """What is being done within a step, in words: building the network, starting a trial worker."""

    type: Literal["doing"] = "doing"
    what: str


class Requested(Event):
    """What the user wants after the current step: a pause or a stop. Empty: it was taken back."""

    type: Literal["requested"] = "requested"
    what: Literal["pause", "stop", ""] = ""


class HoldsSet(Event):
    """The steps before which this process always pauses, from now on."""

    type: Literal["holds_set"] = "holds_set"
    before: list[StepName] = field(default_factory=list)


class Paused(Event):
    """The run is paused before the step `before`: on request ("requested"), or at a hold point."""

    type: Literal["paused"] = "paused"
    reason: str = ""
    before: str = ""


class Continued(Event):
    """The run continues after a pause."""

    type: Literal["continued"] = "continued"


class Steered(Event):
    """A sentence of the user; it is in the planner's prompts of `iteration` and the next one."""

    type: Literal["steered"] = "steered"
    text: str
    iteration: int = 0


class Edited(Event):
    """The user's version replaced that of a model.

    Its `ConfigMade`, `CodeMade` or, for the settings of the training, `PlanMade` comes before this.
    """

    type: Literal["edited"] = "edited"
    what: Literal["config", "code", "settings"]
    iteration: int = 0


class Queued(Event):
    """The user chose the trial that `iteration` starts from, to change its network or to train it again."""

    type: Literal["queued"] = "queued"
    kind: QueueKind
    run_id: str
    iteration: int = 0
    seed: int | None = None


class ApprovalAsked(Event):
    """A command waits for the approval of the user; `folder` is where it would run."""

    type: Literal["approval_asked"] = "approval_asked"
    id: str
    tool: str
    command: str
    folder: str = ""


class ApprovalGiven(Event):
    """The user's answer to a request for approval."""

    type: Literal["approval_given"] = "approval_given"
    id: str
    allowed: bool


class Resources(Event):
    """Resident memory of the engine and of all processes it has started."""

    type: Literal["resources"] = "resources"
    memory_mb: float
    processes: int = 0


class TimeSpent(Event):
    """Where the wall time of a run went, in seconds."""

    type: Literal["time_spent"] = "time_spent"
    loading: float = 0.0
    thinking: float = 0.0
    checking: float = 0.0
    training: float = 0.0
    other: float = 0.0


class Failed(Event):
    """An error that ends a run, as shown to the user."""

    type: Literal["failed"] = "failed"
    title: str
    what: str
    remedy: str = ""


class RunFinished(Event):
    """The end of a run, and why.

    `wishes` says of each wish that can be checked whether the best network meets it; `unmet` are the rest.
    """

    type: Literal["run_finished"] = "run_finished"
    outcome: Outcome
    reason: str = ""
    wishes: list[str] = field(default_factory=list)
    unmet: list[str] = field(default_factory=list)
    best_run_id: str | None = None
    exit_status: int = 0


class Unreadable(Event):
    """A line of the journal that is damaged or from a later version, and why. Never written.

    `line` counts from 1; 0 where only a part of the journal was read.
    """

    type: Literal["unreadable"] = "unreadable"
    text: str = ""
    reason: str = ""
    line: int = 0


AnyEvent = (
    RunStarted | RunResumed | PromptsChosen | GoalUnderstood | Warned | StepStarted | StepFinished
    | ToolCalled | ToolFinished
    | ModelAsked | TokensStreamed | ModelCalled | PlanMade | ConfigMade | CheckFailed | CodeMade | SummaryMade
    | PromptProgress | StoodIn | AnswerUsed | ModelUnloaded | ModelLoading | ModelLoaded
    | TrialStarted | BatchDone | EpochDone | TrialFinished | TrialRecorded | BestTested | DecisionMade
    | Doing | Requested | HoldsSet | Paused | Continued | Steered | Edited | Queued
    | ApprovalAsked | ApprovalGiven | Resources
    | TimeSpent | Failed | RunFinished | Unreadable
)  # fmt: skip
_KINDS: dict[object, type[Event]] = {
    kind.__dataclass_fields__["type"].default: kind for kind in get_args(AnyEvent)
}
_SUSPECT = (b"\\u", b"NaN", b"Infinity", b"E")
_LARGE = re.compile(rb"e\+?\d\d\d")
"""Without these, a line of JSON has nothing in it that JSON cannot hold, once Python has read it."""

DURABLE = (
    RunStarted, RunResumed, StepFinished, TrialFinished, TrialRecorded, DecisionMade, Steered, Edited, Queued,
    Failed, RunFinished,
)  # fmt: skip
"""What ends a step or says what the user wants: it is on the disk before the run continues."""

STREAMED = frozenset({"batch_done", "model_asked", "prompt_progress", "resources", "tokens_streamed"})
"""The types that make up most of a journal, and that nobody needs to know how far a run came."""


BOM = b"\xef\xbb\xbf"
"""What some editors put before the first line of a file."""


def parse(line: bytes) -> Event:
    """The event of one journal line; `Unreadable`, with the reason, when there is none in it."""
    values: Any = None
    try:
        values = json.loads(line.removeprefix(BOM).decode())
        suspect = any(sign in line for sign in _SUSPECT) or _LARGE.search(line)
        return _KINDS[values["type"]].read(values, storable_as_is=not suspect)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        text = line[:200].decode("utf-8", "backslashreplace")
        return Unreadable(time="", text=text, reason=_why(values, error))


def _why(values: Any, error: Exception) -> str:
    """Why a line is no event."""
    if values is None:
        return "it is not valid JSON"
    if not isinstance(values, dict) or not isinstance(values.get("type"), str):
        return "it is not an event"
    if values["type"] not in _KINDS:
        return f"its type {values['type'][:40]!r} is not known; it may come from a later version"
    return str(error)[:200]
