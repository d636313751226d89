"""What a trial worker may send back: all that is read from it is one of these, size-capped and checked."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from mlagent_tui.schemas import EpochMetrics, LayerRow, TrialStatus, Value

Text = Annotated[str, Field(max_length=4000)]


class ConfigFacts(Value):
    """A config as built on the meta device: shapes without the batch dimension."""

    parameters: int
    output_shape: tuple[int, ...]
    layers: Annotated[list[LayerRow], Field(max_length=10_000)]


class Room(Value):
    """Where a trial would train; `free` bytes are left there, None where that is the machine's own memory."""

    device: Literal["cuda", "mps", "cpu"]
    free: int | None


class TestResult(Value):
    """Measured once, on the part of the data that no trial has seen."""

    accuracy: float
    loss: float
    test_size: int


class Ready(Value):
    """The worker has imported torch and waits."""

    event: Literal["ready"]
    torch: Text


class Started(Value):
    """Data and model are on the device; training begins. `mean` and `std` are for images on 0..1."""

    event: Literal["started"]
    device: Text
    train_size: int
    val_size: int
    test_size: int
    parameters: int
    precision: Text
    mean: Annotated[list[float], Field(max_length=65_536)]
    std: Annotated[list[Annotated[float, Field(gt=0)]], Field(max_length=65_536)]


class Batch(Value):
    """Progress; `loss` and `accuracy` are running means of this epoch's training batches."""

    event: Literal["batch"]
    epoch: int
    epochs: int
    batch: int
    batches: int
    loss: float
    accuracy: float
    images_per_second: float


class Epoch(EpochMetrics):
    """One epoch done and validated."""

    event: Literal["epoch"]


class Trained(Value):
    """How the training ended."""

    status: TrialStatus
    reason: Text
    epochs: int
    seconds: float
    images_per_second: float


class Done(Value):
    """The answer to a request."""

    event: Literal["done"]
    value: Any = None


class Refused(Value):
    """The request failed; `error` is the class of `mlagent_tui.errors` to raise."""

    event: Literal["refused"]
    error: Literal["CodeError", "ConfigError", "DataError", "TrialError"]
    what: Text
    remedy: Text


Progress = Started | Batch | Epoch
Reply = Annotated[Ready | Started | Batch | Epoch | Done | Refused, Field(discriminator="event")]
