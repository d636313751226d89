"""What a trial worker may send back: each line is one of these, with bounded sizes and values.

Whether a value also agrees with what the engine knows is checked in `progress` and `client`.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from mlagent_tui.schemas import EpochMetrics, LayerRow, Summary, TrialStatus, Value

Text = Annotated[str, Field(max_length=4000)]
Count = Annotated[int, Field(ge=0, le=10**15)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Loss = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Size = Annotated[int, Field(ge=0, le=10**9)]
Shape = Annotated[tuple[Size, ...], Field(max_length=16)]
MOST_LETTERS = 400
Short = Annotated[str, Field(max_length=MOST_LETTERS)]
MOST_ROWS, MOST_NAMES = 10_000, 100
"""Rows of a layer table, whose texts have `MOST_LETTERS`; names of operations."""


class Row(LayerRow):
    """One row of a layer table."""

    name: Short
    type: Short
    output_shape: Shape
    output: Short = ""
    parameters: Count
    calls: Size = 1
    note: Short = ""


class Measured(Summary):
    """A summary as a worker measured it: without an explanation."""

    class_name: Text
    input_shape: Shape
    inputs: Size = 1
    input_type: Short = "float32"
    output_shape: Shape
    output: Short = ""
    total_parameters: Count
    trainable_parameters: Count
    size_mb: Rate
    multiply_adds: Count
    not_counted: Annotated[list[Short], Field(max_length=MOST_NAMES)] = Field(default_factory=list)
    layers: Annotated[list[Row], Field(max_length=MOST_ROWS)]  # type: ignore[assignment]
    explanation: Literal[""] = ""
    explanation_source: Literal["coder"] = "coder"
    explanation_dropped: Annotated[list[str], Field(max_length=0)] = Field(default_factory=list)


class ConfigFacts(Value):
    """A config as built on the meta device: shapes without the batch dimension."""

    parameters: Count
    output_shape: Shape
    layers: Annotated[list[Row], Field(max_length=MOST_ROWS)]


class Room(Value):
    """Where a trial would train; `free` bytes are left there, None where that is the machine's own memory."""

    device: Literal["cuda", "mps", "cpu"]
    free: Count | None


class TestResult(Value):
    """Measured once, on the part of the data that no trial has seen."""

    __test__: ClassVar[bool] = False  # its name is no test's
    accuracy: Fraction
    loss: Loss
    test_size: Size


class Ready(Value):
    """The worker is confined, has imported torch, and waits for its one request."""

    event: Literal["ready"]
    torch: Text


class Started(Value):
    """Data and model are on the device; training begins. `mean` and `std` are for images on 0..1."""

    event: Literal["started"]
    device: Text
    train_size: Size
    val_size: Size
    test_size: Size
    parameters: Count
    precision: Text
    mean: Annotated[list[float], Field(max_length=65_536)]
    std: Annotated[list[Annotated[float, Field(gt=0)]], Field(max_length=65_536)]


class Batch(Value):
    """Progress; `loss` and `accuracy` are running means of this epoch's training batches."""

    event: Literal["batch"]
    epoch: Size
    epochs: Size
    batch: Size
    batches: Size
    loss: Loss
    accuracy: Fraction
    images_per_second: Rate


class Epoch(EpochMetrics):
    """One epoch done and validated. `seconds` is replaced by what the engine measures."""

    event: Literal["epoch"]
    epoch: Size
    train_loss: Loss
    train_accuracy: Fraction
    val_loss: Loss
    accuracy: Fraction
    seconds: float


class Trained(Value):
    """How the training ended; the weights are stored after this. The times are replaced by the engine's."""

    event: Literal["trained"] = "trained"
    status: TrialStatus
    reason: Text
    epochs: Size
    seconds: float
    images_per_second: float


class Saved(Value):
    """The weights are in the worker's folder, or `missing` says why not."""

    missing: Text


class Done(Value):
    """The answer to a request."""

    event: Literal["done"]
    value: Any = None


class Refused(Value):
    """The request failed; `error` is the class of `mlagent_tui.errors` to raise."""

    event: Literal["refused"]
    error: Literal["CodeError", "ConfigError", "DataError", "OutOfMemory", "TrialError"]
    what: Text
    remedy: Text


Progress = Started | Batch | Epoch | Trained
Reply = Annotated[Ready | Started | Batch | Epoch | Trained | Done | Refused, Field(discriminator="event")]
