"""Every fact of a run as one small typed event, and the journal that keeps them, one JSON line each.

Payloads (goal, plan, config, ...) are plain dictionaries: this module imports nothing else of the package, so
that whoever shows or replays a run needs only this file.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

Json = dict[str, Any]
Number = float | None
Role = Literal["planner", "coder"]
StepName = Literal[
    "understand", "scaffold", "plan", "configure", "assemble", "summarise", "evaluate", "decide", "report"
]
Outcome = Literal["achieved", "stopped", "interrupted", "failed"]


def now() -> str:
    """The time as ISO 8601, UTC, to the millisecond: `2023-10-27T15:30:01.042Z`."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def storable(value: Any) -> Any:
    """`value` without what JSON cannot hold: lone surrogates are escaped, NaN and infinities are null."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value


class Event(BaseModel):
    """Base of all events. `seq` counts up through a journal; 0 until the event is appended."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())

    time: Annotated[str, Field(max_length=40)] = Field(default_factory=now)
    seq: Annotated[int, Field(ge=0, le=2**53)] = 0

    @model_validator(mode="before")
    @classmethod
    def _only_what_json_can_hold(cls, fields: Any) -> Any:
        return storable(fields)

    def to_json(self) -> str:
        """One line; what is neither JSON nor known to pydantic is written as its `str`."""
        return self.model_dump_json(fallback=str)


class RunStarted(Event):
    """A run begins. `options` holds the limits and whatever else a resumed run must know."""

    type: Literal["run_started"] = "run_started"
    goal_text: str
    seed: int = 0
    planner: str = ""
    coder: str = ""
    sandbox: str = ""
    device: str = ""
    versions: dict[str, str] = Field(default_factory=dict)
    options: Json = Field(default_factory=dict)


class RunResumed(Event):
    """A run goes on in a new process, at `step` of `iteration`."""

    type: Literal["run_resumed"] = "run_resumed"
    iteration: int = 0
    step: str = ""
    sandbox: str = ""
    versions: dict[str, str] = Field(default_factory=dict)


class GoalUnderstood(Event):
    """The planner's typed reading of the goal's text."""

    type: Literal["goal_understood"] = "goal_understood"
    goal: Json


class Warned(Event):
    """Something the user should know, which stops nothing."""

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
    arguments: Json = Field(default_factory=dict)


class ToolFinished(Event):
    """A tool returned (`ok`) or failed; `result` is an excerpt of what it returned, or its error."""

    type: Literal["tool_finished"] = "tool_finished"
    tool: str
    seconds: float = 0.0
    ok: bool = True
    result: str = ""


class TokensStreamed(Event):
    """A piece of a language model's answer, or of its thinking."""

    type: Literal["tokens_streamed"] = "tokens_streamed"
    role: Role
    task: str
    text: str
    thinking: bool = False


class ModelCalled(Event):
    """A language model has answered."""

    type: Literal["model_called"] = "model_called"
    role: Role
    task: str
    prompt_tokens: int = 0
    tokens: int = 0
    seconds: float = 0.0
    prompt_seconds: float = 0.0
    finish: str = ""


class PlanMade(Event):
    """The tool calls of this iteration."""

    type: Literal["plan_made"] = "plan_made"
    iteration: int = 0
    plan: Json


class ConfigMade(Event):
    """A model_config that builds, with its unrolled layers: name, type, shapes, parameters."""

    type: Literal["config_made"] = "config_made"
    iteration: int = 0
    config: Json
    parameters: int = 0
    steps: list[Json] = Field(default_factory=list)


class CheckFailed(Event):
    """A model's answer failed a check; `what` is goal, plan, config, code or decision."""

    type: Literal["check_failed"] = "check_failed"
    what: str
    problem: str
    attempt: int = 0


class CodeMade(Event):
    """The coder wrote a module; attempts count from 0. `accepted` says whether it passed its checks."""

    type: Literal["code_made"] = "code_made"
    code: str
    attempt: int = 0
    accepted: bool = False
    path: str = ""


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


class BestTested(Event):
    """The best network on the images held back for this: once, at the end of a run."""

    type: Literal["best_tested"] = "best_tested"
    run_id: str
    accuracy: Number = None
    test_size: int = 0


class DecisionMade(Event):
    """What happens next, what the planner had advised, and why numbers overruled it (empty: they agree)."""

    type: Literal["decision_made"] = "decision_made"
    iteration: int = 0
    decision: Json
    advised: Json = Field(default_factory=dict)
    overruled_because: str = ""


class TimeSpent(Event):
    """Where the wall time of a run went, in seconds."""

    type: Literal["time_spent"] = "time_spent"
    loading: float = 0.0
    thinking: float = 0.0
    checking: float = 0.0
    training: float = 0.0
    other: float = 0.0


class Failed(Event):
    """An error that ends a run, in the words its user sees."""

    type: Literal["failed"] = "failed"
    title: str
    what: str
    remedy: str = ""


class RunFinished(Event):
    """The end of a run, and why."""

    type: Literal["run_finished"] = "run_finished"
    outcome: Outcome
    reason: str = ""
    best_run_id: str | None = None
    exit_status: int = 0


class Unreadable(Event):
    """Stands for a journal line that is damaged or of a later version. Never written."""

    type: Literal["unreadable"] = "unreadable"
    text: str = ""


AnyEvent = Annotated[
    RunStarted | RunResumed | GoalUnderstood | Warned | StepStarted | StepFinished | ToolCalled | ToolFinished
    | TokensStreamed | ModelCalled | PlanMade | ConfigMade | CheckFailed | CodeMade | SummaryMade
    | TrialStarted | BatchDone | EpochDone | TrialFinished | BestTested | DecisionMade | TimeSpent | Failed
    | RunFinished | Unreadable,
    Field(discriminator="type"),
]  # fmt: skip
_ADAPTER: TypeAdapter[Event] = TypeAdapter(AnyEvent)
_DURABLE = (RunStarted, RunResumed, StepFinished, TrialFinished, DecisionMade, Failed, RunFinished)


def parse(line: bytes) -> Event:
    """The event of one journal line; `Unreadable` when the line is damaged or its type is not known."""
    try:
        return _ADAPTER.validate_json(line)
    except ValidationError:
        return Unreadable(time="", text=line[:200].decode("utf-8", "backslashreplace"))


def read(path: Path, offset: int = 0) -> tuple[list[Event], int]:
    """The events of all complete lines from byte `offset` on, and the offset to read on from.

    A line still being written is left for the next call. A missing file holds no events. Raises `OSError`.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], offset
    end = data.rfind(b"\n") + 1
    return [parse(line) for line in data[:end].split(b"\n") if line.strip()], offset + end


def follow(path: Path, offset: int = 0, *, stop: threading.Event, interval: float = 0.1) -> Iterator[Event]:
    """The events of `path` from byte `offset` on, and those appended later, until `stop` is set.

    What was appended before `stop` was set is still delivered.
    """
    while True:
        last_round = stop.is_set()
        events, offset = read(path, offset)
        yield from events
        if last_round:
            return
        stop.wait(interval)


class Journal:
    """The writer of a journal; the holder of the project's lock has one. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        """Open or create `path`, first repairing a torn last line. Raises `OSError`."""
        self.path = path
        self._lock = threading.Lock()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            self._seq = self._repair()
        except BaseException:
            os.close(self._file)
            raise

    def append(self, event: Event) -> Event:
        """Write `event` and return it as written, numbered. What ends a step also reaches the disk.

        Raises `OSError` (a full disk, say); the journal then ends where it ended before.
        """
        with self._lock:
            numbered = event.model_copy(update={"seq": self._seq + 1})
            line = numbered.to_json().encode() + b"\n"
            size = os.fstat(self._file).st_size
            try:
                while line:
                    line = line[os.write(self._file, line) :]
                if isinstance(event, _DURABLE):
                    os.fsync(self._file)
            except OSError:
                os.ftruncate(self._file, size)
                raise
            self._seq += 1
            return numbered

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _repair(self) -> int:
        """Make the file end with a complete line, and return the last event's number."""
        data = self.path.read_bytes()
        end = data.rfind(b"\n") + 1
        torn = data[end:]
        if torn and not isinstance(parse(torn), Unreadable):
            os.write(self._file, b"\n")
        elif torn:
            os.ftruncate(self._file, end)
        lines = (parse(line) for line in reversed(data.split(b"\n")) if line.strip())
        return next((event.seq for event in lines if not isinstance(event, Unreadable)), 0)
