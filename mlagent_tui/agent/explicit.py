"""A wanted change of a network, said layer by layer: what a small model can carry out.

"Double the channels" leaves a model to work out which layers are meant and to compute their sizes. Here each
is named with its new size. What no rule knows is told as it was said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from mlagent_tui import shapes
from mlagent_tui.agent.layer_calls import call
from mlagent_tui.errors import ConfigError
from mlagent_tui.research.change import ACTIVATIONS, MAX_SIZE
from mlagent_tui.schemas import Conv2d, Linear, ModelConfig

SHOWN = 4
"""How many layers a sentence names; where there are more, the change is told as it was said."""


def explicit(change: str, config: ModelConfig) -> str:
    """The change with the layers of `config` that it is about; as it was said where no rule knows it."""
    for pattern, told in _RULES:
        match = re.fullmatch(pattern, change, re.IGNORECASE)
        if match and (said := told(match, config)):
            return f"{change}: {said}"
    return change


def _layers(config: ModelConfig) -> list[object]:
    try:
        steps = shapes.infer(config)
    except ConfigError:
        return []
    return [step.layer for step in steps[:-1] if step.role == "layer"]


def _scaled(config: ModelConfig, factor: float) -> str:
    pairs: dict[str, str] = {}
    for layer in _layers(config):
        for size in ("out_channels", "out_features"):
            if value := getattr(layer, size, None):
                scaled = max(1, min(MAX_SIZE, int(value * factor)))
                pairs[call(layer)] = call(layer.model_copy(update={size: scaled}))  # type: ignore[attr-defined]
    return _instead(pairs)


def _instead(pairs: dict[str, str]) -> str:
    if not 0 < len(pairs) <= SHOWN:
        return ""
    return "write " + ", ".join(f"{new} instead of {old}" for old, new in pairs.items())


def _activation(config: ModelConfig, name: str) -> str:
    there = dict.fromkeys(call(layer) for layer in _layers(config) if _type(layer) in ACTIVATIONS)
    if name not in ACTIVATIONS:
        return ""
    return _instead({old: name for old in there if old != name})


def _type(layer: object) -> str:
    return str(getattr(layer, "type", ""))


def _at_end(part: str, *calls: str) -> str:
    return f'write {" and ".join(calls)} at the end of "{part}"'


def _convolution(config: ModelConfig) -> str:
    channels = _channels(config)
    return _at_end("image", f"conv2d({channels}, kernel_size=3, padding=1)", "relu") if channels else ""


def _block(config: ModelConfig) -> str:
    channels = _channels(config)
    inner = f"conv2d({channels}, kernel_size=3, padding=1)"
    return _at_end("image", f"residual({inner}, relu, {inner})") if channels else ""


def _channels(config: ModelConfig) -> int:
    """The channels of the last convolution, 0 without one."""
    return next((x.out_channels for x in reversed(_layers(config)) if isinstance(x, Conv2d)), 0)


def _dropout(config: ModelConfig, p: str) -> str:
    old = dict.fromkeys(call(layer) for layer in _layers(config) if _type(layer) == "dropout")
    if old:
        return _instead({one: f"dropout({p})" for one in old})
    return _at_end("vector", f"dropout({p})")


def _without(config: ModelConfig, kind: type[Conv2d | Linear]) -> str:
    last = next((layer for layer in reversed(_layers(config)) if isinstance(layer, kind)), None)
    return f"leave out the last {call(last)}" if last else ""


Rule = Callable[[re.Match[str], ModelConfig], str]
_RULES: Sequence[tuple[str, Rule]] = (
    ("double the (?:channels|width)", lambda m, c: _scaled(c, 2)),
    ("halve the (?:channels|width)", lambda m, c: _scaled(c, 0.5)),
    (r"use (\w+)(?: activations)?", lambda m, c: _activation(c, m[1].lower())),
    (r"use dropout (0?\.\d+)", lambda m, c: _dropout(c, m[1])),
    ("add a conv layer", lambda m, c: _convolution(c)),
    ("add a residual block", lambda m, c: _block(c)),
    (r"add a linear layer (\d+)", lambda m, c: _at_end("vector", f"linear({m[1]})", "relu")),
    ("add batch norm", lambda m, c: "write batchnorm2d after every conv2d" if _channels(c) else ""),
    ("pool globally", lambda m, c: _at_end("image", "adaptive_avg_pool2d(1)")),
    ("add max pooling", lambda m, c: _at_end("image", "max_pool2d(2)")),
    ("remove a layer", lambda m, c: _without(c, Conv2d) or _without(c, Linear)),
)
"""Patterns of the changes that `changes` and `research.change` name."""
