"""What follows from a model_config: every layer's name, shapes and parameter count, containers unrolled.

Plain arithmetic, no torch, so that a wrong configuration is named at once and in words. The trial worker's
reference build is the judge; a property test holds the two together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import prod
from typing import Any, Literal

from mlagent_tui.errors import ConfigError
from mlagent_tui.schemas import Conv2d, Layer, Linear, ModelConfig, Repeat, Residual

Shape = tuple[int, ...]

MAX_LAYERS = 2048
"""Layers that a network may have, repeated ones counted each time: its code must not become too long."""

_PREFIX = {
    "conv2d": "conv", "batchnorm2d": "bn", "groupnorm": "gn", "layernorm": "ln",
    "max_pool2d": "maxpool", "avg_pool2d": "avgpool", "adaptive_avg_pool2d": "gap",
    "dropout": "drop", "dropout2d": "drop2d", "linear": "fc", "residual": "res",
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One step of the unrolled network.

    `role` is `layer` for a layer of the sequence; `open` and `close` bracket a residual block, and
    `shortcut` is the projection of its input, present only where the block changes the shape.
    Shapes are without the batch dimension.
    """

    name: str
    role: Literal["layer", "open", "shortcut", "close"]
    layer: Any
    input_shape: Shape
    output_shape: Shape
    parameters: int


def infer(config: ModelConfig) -> list[Step]:
    """Unroll `config` and work out each step's shapes and parameters.

    Raises `ConfigError` naming the first layer that cannot work, or an output that is not (num_classes,).
    """
    count = _count(config.layers)
    if count > MAX_LAYERS:
        raise ConfigError(
            f"the network has {count:,} layers, counting repeated ones each time; {MAX_LAYERS:,} are allowed",
            "Use fewer repetitions or fewer layers.",
        )
    unroller = _Unroller(tuple(config.input_shape))
    unroller.add(config.layers)
    steps = unroller.steps
    if steps[-1].output_shape != (config.num_classes,):
        raise ConfigError(
            f"the network ends in shape {show(steps[-1].output_shape)}, "
            f"but {config.num_classes} classes want {config.num_classes}",
            f"End with flatten (for an image) and linear out_features={config.num_classes}.",
        )
    return steps


def _count(layers: Iterable[Layer]) -> int:
    """Layers, blocks not counted, as often as they are repeated."""
    total = 0
    for layer in layers:
        inner = _count(layer.layers) if isinstance(layer, Repeat | Residual) else 1
        total += inner * (layer.times if isinstance(layer, Repeat) else 1)
    return total


def count_parameters(steps: Iterable[Step]) -> int:
    """Parameters of the whole network."""
    return sum(step.parameters for step in steps)


def show(shape: Shape) -> str:
    """`(16, 8, 8)` as `16x8x8`."""
    return "x".join(map(str, shape))


@dataclass
class _Unroller:
    shape: Shape
    steps: list[Step] = field(default_factory=list)
    names: Counter[str] = field(default_factory=Counter)

    def name(self, kind: str) -> str:
        prefix = _PREFIX.get(kind, kind)
        self.names[prefix] += 1
        return f"{prefix}{self.names[prefix]}"

    def add(self, layers: Iterable[Layer]) -> None:
        for layer in layers:
            if isinstance(layer, Repeat):
                for _ in range(layer.times):
                    self.add(layer.layers)
            elif isinstance(layer, Residual):
                self._residual(layer)
            else:
                self._simple(layer)

    def _simple(self, layer: Any) -> None:
        name = self.name(layer.type)
        out = _OUTPUT[layer.type](name, layer, self.shape)
        self._step(name, "layer", layer, self.shape, out, _parameters(layer, self.shape))
        self.shape = out

    def _residual(self, block: Residual) -> None:
        name, before = self.name("residual"), self.shape
        index = len(self.steps)
        self.add(block.layers)
        after = self.shape
        self.steps.insert(index, Step(name, "open", block, before, after, 0))
        if before != after:
            shortcut = projection(name, before, after)
            self._step(
                "shortcut" + name.removeprefix("res"),
                "shortcut",
                shortcut,
                before,
                after,
                _parameters(shortcut, before),
            )
        self._step(name, "close", block, before, after, 0)

    def _step(self, name: str, role: Any, layer: Any, before: Shape, after: Shape, parameters: int) -> None:
        self.steps.append(Step(name, role, layer, before, after, parameters))


def projection(name: str, before: Shape, after: Shape) -> Conv2d | Linear:
    """The layer that brings a residual block's input to its output's shape. Raises `ConfigError`."""
    if len(before) == len(after) == 1:
        return Linear(type="linear", out_features=after[0])
    if len(before) == len(after) == 3:
        for stride in range(1, 17):
            if all((b - 1) // stride + 1 == a for b, a in zip(before[1:], after[1:], strict=True)):
                return Conv2d(type="conv2d", out_channels=after[0], kernel_size=1, stride=stride)
    raise ConfigError(
        f"{name}: no shortcut brings {show(before)} to {show(after)}",
        "Keep the size inside a residual block, or halve it exactly.",
    )


def _fail(name: str, layer: Any, shape: Shape, why: str, remedy: str) -> ConfigError:
    return ConfigError(f"{name} ({layer.type}) on {show(shape)}: {why}", remedy)


def _image(name: str, layer: Any, shape: Shape) -> Shape:
    if len(shape) != 3:
        raise _fail(name, layer, shape, "needs an image", "Move it before flatten.")
    return shape


def _window(size: int, kernel: int, stride: int, padding: int, dilation: int = 1) -> int:
    """Output length of a sliding window (torch.nn.Conv2d, "Shape")."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def _slide(name: str, layer: Any, shape: Shape, channels: int, stride: int, dilation: int = 1) -> Shape:
    height, width = (_window(s, layer.kernel_size, stride, layer.padding, dilation) for s in shape[1:])
    if height < 1 or width < 1:
        raise _fail(
            name, layer, shape, f"kernel {layer.kernel_size} is larger than the image",
            "Use a smaller kernel, more padding or less pooling before it.",
        )  # fmt: skip
    return (channels, height, width)


def _conv2d(name: str, layer: Any, shape: Shape) -> Shape:
    channels = _image(name, layer, shape)[0]
    if channels % layer.groups or layer.out_channels % layer.groups:
        raise _fail(
            name, layer, shape,
            f"groups={layer.groups} must divide {channels} and {layer.out_channels} channels",
            "Choose groups that divide both, or leave it at 1.",
        )  # fmt: skip
    return _slide(name, layer, shape, layer.out_channels, layer.stride, layer.dilation)


def _pool(name: str, layer: Any, shape: Shape) -> Shape:
    channels = _image(name, layer, shape)[0]
    if layer.padding > layer.kernel_size // 2:
        raise _fail(
            name, layer, shape, f"padding {layer.padding} is more than half the kernel {layer.kernel_size}",
            "Use less padding.",
        )  # fmt: skip
    return _slide(name, layer, shape, channels, layer.stride or layer.kernel_size)


def _groupnorm(name: str, layer: Any, shape: Shape) -> Shape:
    if shape[0] % layer.num_groups:
        raise _fail(
            name, layer, shape, f"num_groups={layer.num_groups} must divide {shape[0]} channels",
            "Choose a number of groups that divides the channels.",
        )  # fmt: skip
    return shape


def _linear(name: str, layer: Any, shape: Shape) -> Shape:
    if len(shape) != 1:
        raise _fail(name, layer, shape, "needs a vector", "Put flatten before it.")
    return (layer.out_features,)


def _same(name: str, layer: Any, shape: Shape) -> Shape:
    return shape


_OUTPUT: dict[str, Callable[[str, Any, Shape], Shape]] = {
    "conv2d": _conv2d,
    "batchnorm2d": _image,
    "groupnorm": _groupnorm,
    "layernorm": _same,
    "relu": _same, "gelu": _same, "silu": _same, "leaky_relu": _same, "elu": _same,
    "tanh": _same, "sigmoid": _same,
    "max_pool2d": _pool,
    "avg_pool2d": _pool,
    "adaptive_avg_pool2d": lambda name, layer, shape: (
        _image(name, layer, shape)[0], layer.output_size, layer.output_size,
    ),
    "dropout": _same,
    "dropout2d": _image,
    "flatten": lambda name, layer, shape: (prod(shape),),
    "linear": _linear,
}  # fmt: skip


def _parameters(layer: Any, shape: Shape) -> int:
    if isinstance(layer, Conv2d):
        weights = layer.out_channels * (shape[0] // layer.groups) * layer.kernel_size**2
        return weights + layer.out_channels * layer.bias
    if isinstance(layer, Linear):
        return layer.out_features * (shape[0] + layer.bias)
    if layer.type in ("batchnorm2d", "groupnorm"):
        return 2 * shape[0]
    return 2 * prod(shape) if layer.type == "layernorm" else 0
