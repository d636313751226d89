"""What a language model is asked in a check: goals, points of a run, networks.

All are written by hand for this alone: none is one of the training, the benchmarks or the prompts' examples.
Each list goes from plain to less plain; a slow model is asked the first ones only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from mlagent_tui.agent import Attempt, Brief
from mlagent_tui.check_results import Step
from mlagent_tui.schemas import DataCard, EvalConfig, Goal, ModelConfig, RegistryEntry
from mlagent_tui.shapes import count_parameters, infer

WORDS: dict[Step, str] = {
    "goal": "reading a goal", "plan": "planning", "config": "designing a network",
    "decision": "deciding what is next", "code": "writing a network", "explain": "explaining a network",
}  # fmt: skip
"""What a model does at a step, for people."""


@dataclass(frozen=True)
class GoalQuestion:
    """A goal's text, and the fields of which it leaves no doubt."""

    text: str
    wanted: dict[str, Any]


@dataclass(frozen=True)
class BriefQuestion:
    """A point of a run. A plan should train for `epochs`, where it was asked to."""

    brief: Brief
    epochs: int | None = None


@dataclass(frozen=True)
class CodeQuestion:
    """A network to write, or with `code` one to explain."""

    config: ModelConfig
    code: str = ""


@dataclass(frozen=True)
class Question:
    """One question of a step."""

    step: Step
    about: GoalQuestion | BriefQuestion | CodeQuestion


# --- goals ----------------------------------------------------------------------------------------------

GOALS = (
    GoalQuestion(
        "Train a small convolutional network on the digits images until its accuracy is at least 93 percent",
        {"dataset": "digits", "metric": "accuracy", "comparison": ">=", "threshold": 0.93},
    ),
    GoalQuestion(
        "For mnist I want an accuracy of 0.96 or better, with no more than 60k parameters",
        {"dataset": "mnist", "metric": "accuracy", "threshold": 0.96, "max_parameters": 60_000},
    ),
    GoalQuestion(
        "I need a classifier for cifar10 whose validation loss goes under 1.1",
        {"dataset": "cifar10", "metric": "val_loss", "threshold": 1.1},
    ),
    GoalQuestion(
        "fashion_mnist, 88% accuracy or more; training one network may take 90 seconds at most",
        {"dataset": "fashion_mnist", "metric": "accuracy", "threshold": 0.88, "max_seconds": 90},
    ),
)

# --- networks -------------------------------------------------------------------------------------------


def _network(shape: Sequence[int], *layers: dict[str, Any]) -> ModelConfig:
    head = {"type": "linear", "out_features": 10}
    fields = {"input_shape": list(shape), "num_classes": 10, "layers": [*layers, head]}
    return ModelConfig.model_validate(fields)


def _conv(channels: int, **more: int) -> dict[str, Any]:
    return {"type": "conv2d", "out_channels": channels, "kernel_size": 3, "padding": 1} | more


RELU, FLATTEN, NORM = {"type": "relu"}, {"type": "flatten"}, {"type": "batchnorm2d"}
POOL = {"type": "max_pool2d", "kernel_size": 2}

DENSE = _network((1, 8, 8), FLATTEN, {"type": "linear", "out_features": 48}, RELU)
SMALL = _network((1, 8, 8), _conv(6), RELU, FLATTEN)
POOLED = _network((1, 28, 28), _conv(8), RELU, POOL, FLATTEN)
STRIDED = _network(
    (3, 32, 32),
    _conv(12, stride=2), NORM, RELU, _conv(24, stride=2), NORM, RELU,
    {"type": "adaptive_avg_pool2d", "output_size": 1}, FLATTEN,
)  # fmt: skip
DROPPED = _network(
    (1, 8, 8), _conv(6), {"type": "gelu"}, FLATTEN, {"type": "linear", "out_features": 20}, RELU,
    {"type": "dropout", "p": 0.2},
)  # fmt: skip
RESIDUAL = _network((1, 8, 8), _conv(12), {"type": "residual", "layers": [_conv(12), RELU]}, FLATTEN)

CODES = tuple(map(CodeQuestion, (DENSE, POOLED, DROPPED, STRIDED, RESIDUAL)))

EXPLAINED = (
    CodeQuestion(
        POOLED,
        """import torch
from torch import nn


class CurrentModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, kernel_size=3, padding=1)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(2)
        self.flatten1 = nn.Flatten()
        self.fc1 = nn.Linear(1568, 10)

    def forward(self, x):
        x = self.pool1(self.relu1(self.conv1(x)))
        return self.fc1(self.flatten1(x))
""",
    ),
    CodeQuestion(
        DENSE,
        """import torch
from torch import nn


class CurrentModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.flatten1 = nn.Flatten()
        self.fc1 = nn.Linear(64, 48)
        self.relu1 = nn.ReLU()
        self.fc2 = nn.Linear(48, 10)

    def forward(self, x):
        return self.fc2(self.relu1(self.fc1(self.flatten1(x))))
""",
    ),
)

# --- points of a run ------------------------------------------------------------------------------------

CARD = DataCard(
    dataset="digits", input_shape=(1, 8, 8), num_classes=10, train_size=1151, val_size=287, test_size=359
)
GOAL = Goal(dataset="digits", metric="accuracy", comparison=">=", threshold=0.93, wishes="small cnn")
LIMITED = GOAL.model_copy(update={"max_parameters": 3000})


def _attempt(config: ModelConfig, accuracy: float, *changes: str, number: int = 1) -> Attempt:
    entry = RegistryEntry(
        run_id=f"qe_{number}", timestamp="", model_name=config.model_name, dataset="digits",
        experiment_dir="", metrics_summary={"accuracy": accuracy, "val_loss": round(1.3 * (1 - accuracy), 4)},
        iteration=number, parameters=count_parameters(infer(config)), seconds=3.8,
        train_accuracy=min(1.0, accuracy + 0.02), next_change=list(changes),
    )  # fmt: skip
    return Attempt(entry, config, EvalConfig(dataset="digits"))


def _after(goal: Goal, *attempts: Attempt) -> Brief:
    return Brief(goal, CARD, len(attempts) + 1, 8, 0, 3, attempts)


def _decided(goal: Goal, *attempts: Attempt) -> Brief:
    return Brief(goal, CARD, len(attempts), 8, 0, 3, attempts)


FIRST = Brief(GOAL, CARD, 1, 8, 0, 3)

PLANS = (
    BriefQuestion(FIRST),
    BriefQuestion(_after(GOAL, _attempt(SMALL, 0.902, "train 12 epochs")), epochs=12),
)
CONFIGS = (
    BriefQuestion(FIRST),
    BriefQuestion(_after(GOAL, _attempt(SMALL, 0.884, "double the channels"))),
    BriefQuestion(_after(LIMITED, _attempt(SMALL, 0.941, "halve the channels"))),
)
DECISIONS = (
    BriefQuestion(_decided(GOAL, _attempt(SMALL, 0.861))),
    BriefQuestion(_decided(GOAL, _attempt(SMALL, 0.958))),
    BriefQuestion(_decided(LIMITED, _attempt(SMALL, 0.944))),
    BriefQuestion(_decided(GOAL, _attempt(SMALL, 0.897), _attempt(DROPPED, 0.937, number=2))),
)

LONG_HISTORY = tuple(
    _attempt(RESIDUAL, 0.84 + 0.01 * number, "double the channels", "train 10 epochs", number=number)
    for number in range(1, 8)
)
LONG = _decided(LIMITED, *LONG_HISTORY)
"""A run of the usual length, near its end."""
LONG_GOAL = " ".join([GOALS[1].text, "It should be a CNN with batch normalisation and dropout, as small as"
                      " possible, and it has to run on a laptop without a GPU."])  # fmt: skip
LONG_CODE = _network(
    (3, 32, 32),
    *(part for width in (16, 24, 32, 48) for part in (
        _conv(width), NORM, RELU, {"type": "residual", "layers": [_conv(width), NORM, RELU]}, POOL,
    )), FLATTEN, {"type": "linear", "out_features": 64}, RELU,
)  # fmt: skip


def in_turn() -> Iterator[Question]:
    """All questions, one of each step after the other, so that a budget that ends leaves none out."""
    columns: tuple[tuple[Step, Sequence[GoalQuestion | BriefQuestion | CodeQuestion]], ...] = (
        ("goal", GOALS), ("code", CODES), ("config", CONFIGS), ("decision", DECISIONS), ("plan", PLANS),
        ("explain", EXPLAINED),
    )  # fmt: skip
    for row in zip_longest(*(questions for _, questions in columns)):
        for (step, _), question in zip(columns, row, strict=True):
            if question is not None:
                yield Question(step, question)


QUESTIONS = tuple(in_turn())
