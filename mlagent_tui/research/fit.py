"""When a network may be said to overfit or underfit, and whether a model's words about it hold.

Overfitting needs both signs: training accuracy above validation accuracy by more than the noise of measuring
both (two standard errors of the difference), and a validation loss that has not fallen below its lowest value
for some epochs while it rose by more than noise. A gap alone is no sign: after a few epochs it is normal.
Underfitting means that the training accuracy itself is below what the goal asks for.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlagent_tui.research.ranking import LOSS_NOISE, Aim

if TYPE_CHECKING:
    from mlagent_tui.schemas import EvalResult

RISING_EPOCHS = 2
"""Epochs after the lowest validation loss before it counts as rising."""

STANDARD_ERRORS = 2.0

REGULARISING = ("augment", "use dropout", "weight decay", "label smoothing", "pool globally")
"""How changes begin whose only reason is overfitting."""

_CLAIM = re.compile(r"\b(overfit|underfit)\w*", re.IGNORECASE)
_DENIED = re.compile(r"\b(no|not|never|without|avoid\w*|prevent\w*|neither|nor)\b|n't\b", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True)
class Fit:
    """What the numbers of one trial say. Accuracies from 0 to 1; `noise` is that of the gap."""

    train: float
    validation: float
    noise: float
    epochs_rising: int
    underfits: bool

    @property
    def gap(self) -> float:
        """Training accuracy minus validation accuracy."""
        return self.train - self.validation

    @property
    def overfits(self) -> bool:
        """Whether both signs of overfitting are there."""
        return self.gap > self.noise and self.epochs_rising >= RISING_EPOCHS

    @property
    def words(self) -> str:
        """The same in one sentence, for people."""
        text = f"Training accuracy {self.train:.4f}, validation {self.validation:.4f}"
        if self.overfits:
            return f"{text}: the network overfits, validation loss has risen for {self.epochs_rising} epochs."
        if self.gap > self.noise:
            return f"{text}: a gap of {self.gap:.4f}, but no rising validation loss."
        return f"{text}: the gap of {self.gap:.4f} is within noise."


def fit(goal: Aim, result: EvalResult | None) -> Fit | None:
    """What a trial's numbers say; None where it was not measured."""
    if result is None or result.accuracy is None or result.train_accuracy is None:
        return None
    noise = math.hypot(
        _error(result.accuracy, result.val_size), _error(result.train_accuracy, result.train_size)
    )
    if goal.metric == "accuracy":
        underfits = goal.threshold is not None and result.train_accuracy < goal.threshold
    else:
        loss = result.train_loss
        underfits = goal.threshold is not None and loss is not None and loss > goal.threshold
    rising = _rising([point.val_loss for point in result.curves])
    return Fit(result.train_accuracy, result.accuracy, STANDARD_ERRORS * noise, rising, underfits)


def unfounded(fit: Fit, text: str) -> list[str]:
    """The sentences of `text` that claim what the numbers do not bear out."""
    return [sentence for sentence in _SENTENCE.split(text) if _false(fit, sentence)]


def corrected(fit: Fit, text: str) -> str:
    """`text` with one sentence from the numbers in place of those that are not borne out."""
    kept = [fit.words if _false(fit, sentence) else sentence for sentence in _SENTENCE.split(text)]
    return " ".join(dict.fromkeys(kept))


def claims_overfitting(sentences: Sequence[str]) -> bool:
    """Whether one of the sentences speaks of overfitting."""
    return any(match[1].lower() == "overfit" for text in sentences for match in _CLAIM.finditer(text))


def _false(fit: Fit, sentence: str) -> bool:
    for match in _CLAIM.finditer(sentence):
        if _DENIED.search(sentence[: match.start()]):
            continue
        if not (fit.overfits if match[1].lower() == "overfit" else fit.underfits):
            return True
    return False


def _rising(losses: Sequence[float]) -> int:
    """Epochs since the lowest loss, where the last one is above it by more than noise; else 0."""
    if not losses:
        return 0
    lowest = min(losses)
    if losses[-1] <= lowest * (1 + LOSS_NOISE):
        return 0
    return len(losses) - 1 - losses.index(lowest)


def _error(share: float, count: int) -> float:
    return math.sqrt(max(0.0, share * (1 - share)) / count) if count else 0.0
