"""Forty situations in which a network is designed: twenty first networks, twenty with a change asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mlagent_tui.agent import Attempt, Brief
from mlagent_tui.schemas import DataCard, EvalConfig, Goal, ModelConfig, RegistryEntry
from mlagent_tui.shapes import count_parameters, infer

Shape = tuple[int, int, int]

FIRST: tuple[tuple[Shape, int, int | None, str], ...] = (
    ((1, 8, 8), 10, None, ""), ((1, 8, 8), 10, 20_000, ""), ((1, 8, 8), 10, 5_000, "small"),
    ((1, 28, 28), 10, 50_000, ""), ((1, 28, 28), 10, None, "3 conv layers"), ((1, 28, 28), 10, 15_000, ""),
    ((3, 32, 32), 10, 300_000, ""), ((3, 32, 32), 100, None, "residual"), ((3, 32, 32), 10, 90_000, "gelu"),
    ((3, 32, 32), 100, 800_000, ""), ((1, 16, 16), 4, 8_000, ""), ((2, 24, 24), 7, 40_000, "batch norm"),
    ((1, 8, 8), 10, 3_000, "mlp"), ((3, 20, 30), 5, 60_000, ""), ((1, 28, 28), 10, 100_000, "dropout 0.2"),
    ((4, 10, 10), 3, 12_000, ""), ((1, 40, 40), 12, 70_000, "max pooling"), ((3, 64, 64), 8, 200_000, ""),
    ((1, 6, 6), 2, 1_500, ""), ((1, 28, 28), 26, 30_000, "global average pooling"),
)  # fmt: skip
"""Shape of an image, classes, limit of parameters, wishes."""

Layers = tuple[dict[str, Any], ...]


def _conv(channels: int, kernel: int = 3) -> dict[str, Any]:
    return {"type": "conv2d", "out_channels": channels, "kernel_size": kernel, "padding": kernel // 2}


def _plain(*names: str) -> Layers:
    return tuple({"type": name} for name in names)


_POOL: Layers = ({"type": "max_pool2d", "kernel_size": 2},)
_FLAT = _plain("flatten")


def _linear(features: int) -> Layers:
    return ({"type": "linear", "out_features": features},)


_MLP: Layers = (*_FLAT, *_linear(40), *_plain("relu"))
_ONE: Layers = (_conv(12), *_plain("relu"), *_POOL, *_FLAT)
_TWO: Layers = (_conv(12), *_plain("relu"), *_POOL, _conv(24), *_plain("relu"), *_POOL, *_FLAT, *_linear(32),
                *_plain("relu"))  # fmt: skip
_NORM: Layers = (_conv(20), *_plain("batchnorm2d", "silu"), *_POOL, _conv(20), *_plain("batchnorm2d", "silu"),
                 *_FLAT)  # fmt: skip
_BLOCK: Layers = (_conv(16), {"type": "residual", "layers": [_conv(16), *_plain("relu"), _conv(16)]},
                  *_plain("relu"), {"type": "adaptive_avg_pool2d", "output_size": 1}, *_FLAT)  # fmt: skip

CHANGED: tuple[tuple[Shape, int, int | None, Layers, tuple[str, ...]], ...] = (
    ((1, 8, 8), 10, None, _ONE, ("double the channels",)),
    ((1, 8, 8), 10, 20_000, _TWO, ("add a conv layer",)),
    ((1, 8, 8), 10, None, _MLP, ("double the channels",)),
    ((1, 28, 28), 10, 60_000, _TWO, ("use dropout 0.3",)),
    ((1, 28, 28), 10, None, _ONE, ("add batch norm",)),
    ((1, 28, 28), 10, 30_000, _NORM, ("halve the channels",)),
    ((3, 32, 32), 10, None, _TWO, ("use gelu",)),
    ((3, 32, 32), 10, 250_000, _BLOCK, ("double the channels",)),
    ((3, 32, 32), 100, None, _NORM, ("pool globally",)),
    ((3, 32, 32), 10, 100_000, _ONE, ("add a conv layer", "use dropout 0.2")),
    ((1, 16, 16), 4, None, _MLP, ("add a linear layer 32",)),
    ((2, 24, 24), 7, 50_000, _TWO, ("add batch norm",)),
    ((1, 8, 8), 10, None, _BLOCK, ("add a residual block",)),
    ((3, 20, 30), 5, None, _ONE, ("add a linear layer 64",)),
    ((1, 28, 28), 10, 25_000, _BLOCK, ("use silu",)),
    ((4, 10, 10), 3, None, _TWO, ("use 5x5 kernels",)),
    ((1, 40, 40), 12, None, _TWO, ("halve the channels",)),
    ((3, 64, 64), 8, 200_000, _NORM, ("add max pooling",)),
    ((1, 12, 12), 2, None, _MLP, ("use dropout 0.2",)),
    ((1, 28, 28), 26, None, _TWO, ("remove a layer",)),
)
"""Shape of an image, classes, limit of parameters, the layers before the last, what to change."""


@dataclass(frozen=True)
class Situation:
    """Where a run stands, for the table of misses in a word."""

    name: str
    brief: Brief


def situations() -> Iterator[Situation]:
    """First networks and changes, in turn, so that a small number has some of both."""
    for first, changed in zip(FIRST, CHANGED, strict=True):
        shape, classes, limit, wishes = first
        yield Situation(f"first on {shape}, {limit}, {wishes!r}", _brief(shape, classes, limit, wishes))
        yield _change(*changed)


def _brief(shape: Shape, classes: int, limit: int | None, wishes: str = "", *history: Attempt) -> Brief:
    goal = Goal(
        dataset="dummy",
        metric="accuracy",
        comparison=">=",
        threshold=0.93,
        max_parameters=limit,
        wishes=wishes,
    )
    card = DataCard(
        dataset="dummy", input_shape=shape, num_classes=classes, train_size=4000, val_size=500, test_size=500
    )
    return Brief(goal, card, len(history) or 1, 8, 0, 3, history)


def _change(
    shape: Shape, classes: int, limit: int | None, layers: Layers, wanted: Sequence[str]
) -> Situation:
    fields = {"input_shape": shape, "num_classes": classes, "layers": [*layers, *_linear(classes)]}
    config = ModelConfig.model_validate(fields)
    entry = RegistryEntry(
        run_id="qe_1", timestamp="", model_name="CurrentModel", dataset="dummy", experiment_dir="",
        iteration=1, metrics_summary={"accuracy": 0.8144, "val_loss": 0.5921}, train_accuracy=0.8317,
        seconds=6.4, parameters=count_parameters(infer(config)), next_change=list(wanted), change=[],
    )  # fmt: skip
    attempt = Attempt(entry, config, EvalConfig(dataset="dummy", input_shape=shape, num_classes=classes))
    return Situation(f"{wanted} on {shape}, {limit}", _brief(shape, classes, limit, "", attempt))
