"""Builds the network that a model_config describes: the judge of generated code, never its source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mlagent_tui.shapes import Shape, Step

LAYERS: dict[str, Callable[[Any, Shape], nn.Module]] = {
    "conv2d": lambda layer, shape: nn.Conv2d(
        shape[0], layer.out_channels, layer.kernel_size, layer.stride, layer.padding, layer.dilation,
        layer.groups, layer.bias,
    ),
    "batchnorm2d": lambda layer, shape: nn.BatchNorm2d(shape[0]),
    "groupnorm": lambda layer, shape: nn.GroupNorm(layer.num_groups, shape[0]),
    "layernorm": lambda layer, shape: nn.LayerNorm(shape),
    "relu": lambda layer, shape: nn.ReLU(),
    "gelu": lambda layer, shape: nn.GELU(),
    "silu": lambda layer, shape: nn.SiLU(),
    "leaky_relu": lambda layer, shape: nn.LeakyReLU(layer.negative_slope),
    "elu": lambda layer, shape: nn.ELU(layer.alpha),
    "tanh": lambda layer, shape: nn.Tanh(),
    "sigmoid": lambda layer, shape: nn.Sigmoid(),
    "max_pool2d": lambda layer, shape: nn.MaxPool2d(layer.kernel_size, layer.stride, layer.padding),
    "avg_pool2d": lambda layer, shape: nn.AvgPool2d(layer.kernel_size, layer.stride, layer.padding),
    "adaptive_avg_pool2d": lambda layer, shape: nn.AdaptiveAvgPool2d(layer.output_size),
    "dropout": lambda layer, shape: nn.Dropout(layer.p),
    "dropout2d": lambda layer, shape: nn.Dropout2d(layer.p),
    "flatten": lambda layer, shape: nn.Flatten(),
    "linear": lambda layer, shape: nn.Linear(shape[0], layer.out_features, layer.bias),
}  # fmt: skip


class Reference(nn.Module):
    """The steps of `shapes.infer` as modules, under the steps' names.

    `on_step`, when set, is called with each step's name before it runs; `shortcut_first` runs a residual
    block's projection before its inner layers, which changes no result, only the order.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        super().__init__()
        self.steps = list(steps)
        self.on_step: Callable[[str], None] = lambda name: None
        self.shortcut_first = False
        self.shapes: dict[str, Shape] = {}
        for step in steps:
            if step.role in ("layer", "shortcut"):
                self.add_module(step.name, LAYERS[step.layer.type](step.layer, step.input_shape))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, num_classes)."""
        saved = x
        for index, step in enumerate(self.steps):
            if step.role == "layer":
                x = self._run(step, x)
            elif step.role == "open":
                shortcut = self._shortcut(index) if self.shortcut_first else None
                saved = self._run(shortcut, x) if shortcut else x
            elif step.role == "shortcut" and not self.shortcut_first:
                saved = self._run(step, saved)
            elif step.role == "close":
                self.on_step(step.name)
                x = x + saved
                self.shapes[step.name] = tuple(x.shape[1:])
        return x

    def _run(self, step: Step, x: Tensor) -> Tensor:
        self.on_step(step.name)
        y: Tensor = self.get_submodule(step.name)(x)
        self.shapes[step.name] = tuple(y.shape[1:])
        return y

    def _shortcut(self, start: int) -> Step | None:
        """The shortcut of the block opened at `start`: blocks do not nest, so the next one before a close."""
        for step in self.steps[start + 1 :]:
            if step.role == "shortcut":
                return step
            if step.role == "close":
                return None
        return None


def build(steps: Sequence[Step], device: str = "cpu") -> Reference:
    """The reference network; on the "meta" device it has shapes but no numbers, and costs nothing."""
    with torch.device(device):
        return Reference(steps)
