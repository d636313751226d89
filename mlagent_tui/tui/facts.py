"""The values a run is told in on the screen: a tool call, a model's words, one trial, one row of the runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
JobState = Literal["waiting", "running", "done", "failed"]

MAX_WORDS = 60_000
"""Characters kept of one answer; of a longer one, the end."""

MAX_POINTS = 1_200
"""Points kept of one curve; of a longer one, every second."""

BAD_USAGE = 2
"""The exit status of a run that was asked for what cannot be."""

TOOLS = {
    "pytorch_model_assembler": "assemble",
    "pytorch_model_summary": "summarise",
    "pytorch_quick_evaluator": "evaluate",
}
"""The core tools by the step of the loop that calls them."""

TASKS = {
    "goal": "reading the goal", "plan": "planning", "config": "designing the network",
    "code": "writing the code", "explain": "explaining the network", "decision": "deciding",
}  # fmt: skip
"""What a language model does when it is asked for something."""


def panel_of(task: str) -> str:
    """The panel that shows the answer to a task."""
    return {"code": "code", "explain": "summary"}.get(task, "plan")


def short_tool(tool: str) -> str:
    """`assemble` for `pytorch_model_assembler`; other tools keep their name."""
    return TOOLS.get(tool, tool)


@dataclass
class Job:
    """One line of the plan: a step of the loop or a tool call."""

    name: str
    state: JobState = "waiting"
    seconds: float | None = None
    note: str = ""
    tries: int = 0


@dataclass
class Speech:
    """One answer of a model as it streams, and what was understood from it (Markdown) once it is done."""

    role: str
    task: str
    text: str = ""
    thinking: str = ""
    done: bool = False
    began: float = 0.0
    latest: float = 0.0
    told: str = ""
    dropped: int = 0
    """Characters no longer kept, from its beginning."""

    def add(self, piece: str, thinking: bool, at: float) -> None:
        """Another piece, streamed at `at` (seconds since the epoch)."""
        self.began = self.began or at
        self.latest = at
        if thinking:
            self.thinking = (self.thinking + piece)[-MAX_WORDS:]
            return
        self.text += piece
        if len(self.text) > 2 * MAX_WORDS:
            self.dropped += len(self.text) - MAX_WORDS
            self.text = self.text[-MAX_WORDS:]


@dataclass(frozen=True)
class Reading:
    """How many tokens of its prompt a model has read."""

    task: str
    done: int
    total: int

    def __str__(self) -> str:
        return f"reading the prompt {self.done:,} / {self.total:,}"


@dataclass(frozen=True)
class Point:
    """Losses and accuracies at `x` epochs; None where there is none."""

    x: float
    train_loss: float | None = None
    train_accuracy: float | None = None
    val_loss: float | None = None
    accuracy: float | None = None


@dataclass
class Trial:
    """A quick evaluation: where it stands, and its curves."""

    run_id: str
    device: str = ""
    sandbox: str = ""
    train_size: int = 0
    val_size: int = 0
    began: float = 0.0
    latest: float = 0.0
    epoch: int = 0
    epochs: int = 0
    batch: int = 0
    batches: int = 0
    loss: float | None = None
    accuracy: float | None = None
    speed: float | None = None
    status: str = ""
    reason: str = ""
    kept: int = 0
    """The epoch whose metrics and weights are kept; 0 while that is not known."""
    epoch_points: list[Point] = field(default_factory=list)
    batch_points: list[Point] = field(default_factory=list)

    @property
    def fraction(self) -> float:
        """How much of the training is done, 0 to 1."""
        if self.status:
            return 1.0
        if not self.epochs:
            return 0.0
        within = self.batch / self.batches if self.batches else 0.0
        return min(1.0, max(0.0, (max(self.epoch, 1) - 1 + within) / self.epochs))

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at the pace so far; None while that is not known."""
        done, spent = self.fraction, self.latest - self.began
        return None if self.status or done < 0.02 or spent <= 0 else spent * (1 - done) / done


def thin(points: list[Point]) -> list[Point]:
    """At most `MAX_POINTS` of `points`: every second one, and the last, where there are more."""
    return points if len(points) <= MAX_POINTS else [*points[:-1:2], points[-1]]


@dataclass
class Row:
    """One run as the table shows it."""

    run_id: str
    iteration: int = 0
    accuracy: float | None = None
    noise: float | None = None
    loss: float | None = None
    parameters: int | None = None
    seconds: float | None = None
    seed: int = 0
    status: str = ""
    reason: str = ""
    change: list[str] = field(default_factory=list)
    decision: str = ""
    outcome: str = ""
    current: bool = True
    """Whether it belongs to the run of the loop that is shown, not to an earlier one in the same project."""
    mark: str = ""
    """What must be said beside its numbers: over the limit, diverged, failed."""

    @property
    def metrics_summary(self) -> dict[str, float]:
        """The metrics by name, as `research.ranking` reads them."""
        both = {"accuracy": self.accuracy, "val_loss": self.loss}
        return {name: value for name, value in both.items() if value is not None}

    @property
    def accuracy_noise(self) -> float | None:
        """The standard error of the accuracy."""
        return self.noise


@dataclass(frozen=True)
class Approval:
    """A command that waits for the user's word."""

    id: str
    tool: str
    command: str
    folder: str


@dataclass
class Network:
    """The layers of the network: as the configuration has them, or as they were measured."""

    layers: list[Json] = field(default_factory=list)
    parameters: int = 0
    measured: bool = False
    size_mb: float | None = None
    multiply_adds: int | None = None
    input_shape: tuple[int, ...] = ()
    explanation: str = ""
    whose: str = ""
    """Whose words the explanation has; empty where that was not recorded."""
    not_counted: tuple[str, ...] = ()
    """What is missing from the multiply-adds."""
    inputs: str = "input"
    """What it was given: `input`, `2 inputs`, `input of integers`."""
    output: str = ""
    """All shapes, where the network gives anything but one tensor."""
