"""Thirty goals in people's words, each with what it asks for. All of them are within Minnow's reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FIELDS = ("dataset", "metric", "comparison", "threshold", "max_parameters", "max_seconds")


@dataclass(frozen=True)
class RunGoal:
    """A goal's text, and its typed form: what is not named is not asked for."""

    text: str
    wanted: Mapping[str, Any] = field(default_factory=dict)

    def missed(self, understood: Mapping[str, Any]) -> list[str]:
        """The fields that were understood in another way."""
        return [name for name in FIELDS if understood.get(name) != self.wanted.get(name)]


def _goal(
    text: str,
    dataset: str,
    threshold: float,
    comparison: str = ">=",
    metric: str = "accuracy",
    **limits: float,
) -> RunGoal:
    asked = {"dataset": dataset, "metric": metric, "comparison": comparison, "threshold": threshold}
    return RunGoal(text, asked | limits)


GOALS = (
    _goal("Design a small CNN for the digits data set that reaches at least 92% accuracy", "digits", 0.92),
    _goal("more than 90 percent accuracy on MNIST with fewer than 100k parameters", "mnist", 0.9, ">", max_parameters=100_000),
    _goal("Find a model for the dummy data with an accuracy of 85 % or better", "dummy", 0.85),
    _goal("digits: val loss below 0.5", "digits", 0.5, "<", "val_loss"),
    _goal("I need a tiny network for sklearn digits, acc >= 0.9, under 20,000 params", "digits", 0.9, max_parameters=20_000),
    _goal("synthetic data set, at least 80% accuracy, max 50k parameters", "dummy", 0.8, max_parameters=50_000),
    _goal("Eine kleine Faltung für die digits-Daten mit mindestens 93 % Genauigkeit", "digits", 0.93),
    _goal("please train an MLP on mnist to no less than 88% accuracy", "mnist", 0.88),
    _goal("get me a modest classifier for the dummy data that hits 0.75 accuracy", "dummy", 0.75),
    _goal("a residual network for digits; accuracy of 0.94 or more", "digits", 0.94),
    _goal("Accuracy above nine out of ten on the handwritten digits, please", "digits", 0.9, ">"),
    _goal("Build a conv net with batch norm on the digits dataset, accuracy over 91%", "digits", 0.91, ">"),
    _goal("mnist, conv net, 90% accuracy at least, each training within 60 seconds", "mnist", 0.9, max_seconds=60),
    _goal("Un petit réseau pour digits avec une précision d'au moins 90 %", "digits", 0.9),
    _goal("dummy data: validation loss under 0.8", "dummy", 0.8, "<", "val_loss"),
    _goal("I would like 95% accuracy on digits. Not more than 200k parameters.", "digits", 0.95, max_parameters=200_000),
    _goal("For the digits set: an error of at most 8%", "digits", 0.92),
    _goal("network for digits with gelu and dropout 0.1, reaching 90% accuracy", "digits", 0.9),
    _goal("MNIST. A lightweight CNN. At least 85% accuracy. At most 60,000 weights.", "mnist", 0.85, max_parameters=60_000),
    _goal("The dummy set should be classified with 90% accuracy by a network of two conv layers", "dummy", 0.9),
    _goal("Reach an accuracy of 0.9 on digits within 30 seconds of training", "digits", 0.9, max_seconds=30),
    _goal("digits, fully connected, two hidden layers, >= 91% accuracy", "digits", 0.91),
    _goal("Could you find something that gets 93 percent of the digits right?", "digits", 0.93),
    _goal("Una red pequeña para digits con al menos un 90 % de exactitud", "digits", 0.9),
    _goal("train on mnist until the validation loss is below 0.6", "mnist", 0.6, "<", "val_loss"),
    _goal("depthwise convolutions on the dummy data, minimum accuracy 70%", "dummy", 0.7),
    _goal("We want an accuracy ≥ 92 % on the digits (sklearn), no more than 40k params, no dropout", "digits", 0.92, max_parameters=40_000),
    _goal("an image classifier for MNIST, average pooling, at least 87 % accuracy", "mnist", 0.87),
    _goal("dummy: accuracy >= 0.8, train for 5 epochs with SGD", "dummy", 0.8),
    _goal("Design an architecture for the digits dataset achieving validation accuracy of at least 0.9", "digits", 0.9),
)  # fmt: skip
