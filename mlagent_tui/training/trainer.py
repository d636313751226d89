"""The quick training: one model, one data set, a few epochs, progress on the way, an honest end.

Same seed, same machine, same numbers. The weights kept are those of the best validated epoch. The best of
several noisy values is a little too good; nothing is chosen on the test part, so its value is the
unbiased one. What a divergence is: a loss that is not finite, or an epoch whose mean loss lies far above
chance.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mlagent_tui.errors import TrialError
from mlagent_tui.research import ranking
from mlagent_tui.schemas import EvalConfig, TrialStatus
from mlagent_tui.training import batching, contract, saving
from mlagent_tui.training.datasets import AUGMENTATIONS, Data, Part
from mlagent_tui.training.footprint import measured_at_once
from mlagent_tui.training.replies import Batch, Epoch, Progress, Trained

Report = Callable[[Progress], None]

_EVENTS_EVERY = 0.1  # seconds
_FAR_ABOVE_CHANCE = 5.0


@dataclass(frozen=True)
class Scores:
    """Mean cross-entropy in nats, share of correct answers, over `count` images."""

    loss: float
    accuracy: float
    count: int


@dataclass
class _Sums:
    """Running sums of an epoch, kept on the device so that a batch need not wait for them."""

    loss: Tensor
    correct: Tensor
    count: int = 0

    @classmethod
    def zero(cls, device: torch.device) -> _Sums:
        return cls(torch.zeros((), device=device), torch.zeros((), device=device))

    def add(self, loss: Tensor, output: Tensor, labels: Tensor) -> None:
        self.loss += loss.detach() * len(labels)
        self.correct += (output.detach().argmax(1) == labels).sum()
        self.count += len(labels)

    def scores(self) -> Scores:
        count = max(1, self.count)
        return Scores(float(self.loss) / count, float(self.correct) / count, self.count)


class _Ended(Exception):
    def __init__(self, status: TrialStatus, reason: str) -> None:
        self.status: TrialStatus = status
        self.reason = reason


def measure(model: nn.Module, data: Data, part: Part, config: EvalConfig) -> Scores:
    """Scores of `model` in eval mode on one part of the data."""
    size = measured_at_once(data.info.input_shape, config.batch_size)
    sums = _Sums.zero(part.labels.device)
    model.eval()
    with torch.inference_mode(), _autocast(part.labels.device, config.precision):
        for images, labels in data.batches(part, size):
            output = checked(model(images), len(images), data.info.num_classes)
            sums.add(F.cross_entropy(output.float(), labels), output, labels)
    return sums.scores()


def checked(output: object, images: int, classes: int) -> Tensor:
    """What a network gave for so many images, if it is a number for each class. Raises `TrialError`."""
    found = contract.one_tensor(output)
    shape = tuple(found.shape)
    if len(shape) != 2 or shape[0] != images:
        raise TrialError(
            f"the model gives the shape {shape} for {images} image{'s' * (images != 1)}, "
            f"expected {(images, classes)}",
            "Keep the first dimension, which counts the images: name the others in `squeeze` and `flatten`.",
        )
    if shape[1] != classes:
        raise TrialError(
            f"the model gives {shape[1:]}, the data set has {classes} classes",
            "Let it end in as many outputs as there are classes.",
        )
    return found


def _autocast(device: torch.device, precision: str) -> torch.autocast:
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def make_optimizer(model: nn.Module, config: EvalConfig) -> torch.optim.Optimizer:
    """Norms and biases are not decayed."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if config.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=config.learning_rate)
    return torch.optim.SGD(groups, lr=config.learning_rate, momentum=0.9, nesterov=True)


def make_schedule(optimizer: torch.optim.Optimizer, config: EvalConfig, steps: int) -> Callable[[], None]:
    """What to call after each of `steps` batches."""
    if config.schedule == "onecycle" and steps > 1:
        return torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, total_steps=steps).step
    if config.schedule == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps).step
    return lambda: None


@dataclass
class Training:
    """One training of `model` on `data`; `run` does it, `model` holds the outcome."""

    model: nn.Module
    data: Data
    config: EvalConfig
    report: Report
    epochs: int = 0
    _curves: list[Epoch] = field(default_factory=list)
    _kept: dict[str, Tensor] = field(default_factory=dict)
    _seen: int = 0
    _training_seconds: float = 0.0
    _last_event: float = 0.0
    _begun: float = 0.0
    _random: torch.Generator = field(default_factory=torch.Generator)

    def run(self) -> Trained:
        """Train to the end, the time limit or divergence. `restore` then gives the best epoch's model."""
        device = self.data.train.labels.device
        self._random.manual_seed(self.config.seed)
        self._batches = batching.count(len(self.data.train), self.config.batch_size)
        self._optimizer = make_optimizer(self.model, self.config)
        self._advance = make_schedule(self._optimizer, self.config, self._batches * self.config.epochs)
        # Looking at the loss makes a GPU wait for it; on a CPU it is free.
        self._look_every = 1 if device.type == "cpu" else 20
        self._begun = time.monotonic()
        status: TrialStatus = "completed"
        reason = ""
        try:
            for epoch in range(1, self.config.epochs + 1):
                self._epoch(epoch, device)
        except _Ended as end:
            status, reason = end.status, end.reason
        speed = self._seen / self._training_seconds if self._training_seconds else 0.0
        return Trained(
            status=status, reason=reason, epochs=self.epochs, seconds=self._elapsed(), images_per_second=speed
        )

    def _keep(self) -> None:
        """Remember the model as it is, if this epoch is the best so far (`research.ranking.best_epoch`)."""
        if ranking.best_epoch(self._curves, self.config.keep_best) == len(self._curves) - 1:
            self._kept = {name: tensor.detach().clone() for name, tensor in self._tensors().items()}

    def restore(self) -> None:
        """Make the model that of the best validated epoch, whose scores are the trial's."""
        tensors = self._tensors()
        with torch.no_grad():
            for name, kept in self._kept.items():
                saving.write(tensors[name], kept)

    def _tensors(self) -> dict[str, Tensor]:
        return {**dict(self.model.named_parameters()), **dict(self.model.named_buffers())}

    def _elapsed(self) -> float:
        return time.monotonic() - self._begun

    def _out_of_time(self) -> bool:
        return self.config.time_limit is not None and self._elapsed() > self.config.time_limit

    def _epoch(self, epoch: int, device: torch.device) -> None:
        started, sums, stopped = time.monotonic(), _Sums.zero(device), 0
        order = torch.randperm(len(self.data.train), generator=self._random).to(device)
        augment = AUGMENTATIONS[self.config.augmentation]
        self.model.train()
        batches = self.data.batches(self.data.train, self.config.batch_size, order)
        for index, (images, labels) in enumerate(batches, 1):
            self._batch(augment(images, self._random), labels, sums)
            if index % self._look_every == 0 or index == self._batches:
                self._look(epoch, index, sums, started)
            if index < self._batches and self._out_of_time():
                stopped = index
                break
        self._seen += sums.count
        self._training_seconds += time.monotonic() - started
        self._validate(epoch, sums.scores())
        if stopped or (self._out_of_time() and epoch < self.config.epochs):
            done = (
                f" in epoch {epoch}, batch {stopped} of {self._batches}"
                if stopped
                else f" after epoch {epoch}"
            )
            raise _Ended("time_limit", f"the time limit of {self.config.time_limit:g} s was reached{done}")
        self.epochs = epoch

    def _batch(self, images: Tensor, labels: Tensor, sums: _Sums) -> None:
        with _autocast(images.device, self.config.precision):
            output = self._output(images)
        loss = F.cross_entropy(output.float(), labels, label_smoothing=self.config.label_smoothing)
        if not loss.requires_grad:
            raise TrialError(contract.NOTHING_TO_LEARN)
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self._optimizer.step()
        self._advance()
        sums.add(loss, output, labels)

    def _output(self, images: Tensor) -> Tensor:
        try:
            output = self.model(images)
        except ValueError as error:
            if len(images) > 1 or "more than 1 value per channel" not in str(error):
                raise
            raise TrialError(
                "BatchNorm needs two images or more in a training batch, and a batch holds one "
                f"(batch_size {self.config.batch_size}, train_size {len(self.data.train)})",
                "Raise batch_size or train_size, or use another norm.",
            ) from None
        return checked(output, len(images), self.data.info.num_classes)

    def _look(self, epoch: int, index: int, sums: _Sums, started: float) -> None:
        scores = sums.scores()
        if not math.isfinite(scores.loss):
            raise _Ended(
                "diverged", f"the training loss stopped being a number in epoch {epoch}, batch {index}"
            )
        now = time.monotonic()
        if now - self._last_event < _EVENTS_EVERY and index < self._batches:
            return
        self._last_event = now
        self.report(Batch(
            event="batch", epoch=epoch, epochs=self.config.epochs, batch=index, batches=self._batches,
            loss=scores.loss, accuracy=scores.accuracy,
            images_per_second=sums.count / max(1e-9, now - started),
        ))  # fmt: skip

    def _validate(self, epoch: int, train: Scores) -> None:
        found = measure(self.model, self.data, self.data.validation, self.config)
        if not math.isfinite(found.loss):
            raise _Ended("diverged", f"the validation loss is not a number after epoch {epoch}")
        done = Epoch(
            event="epoch", epoch=epoch, train_loss=train.loss, train_accuracy=train.accuracy,
            val_loss=found.loss, accuracy=found.accuracy, seconds=self._elapsed(),
        )  # fmt: skip
        self.report(done)
        self._curves.append(done)
        self._keep()
        chance = math.log(max(2, self.data.info.num_classes))
        if train.loss > _FAR_ABOVE_CHANCE * chance:
            raise _Ended(
                "diverged",
                f"the training loss {train.loss:.3g} of epoch {epoch} is far above chance ({chance:.2f})",
            )
