"""What each kind of layer is in PyTorch: its class, and the arguments that make it, by their names there.

Sizes of the input are among them: what a layer is told with them needs no looking back.
Signatures: https://docs.pytorch.org/docs/stable/nn.html.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlagent_tui.shapes import Shape, Step


@dataclass(frozen=True)
class Kind:
    """A class of `torch.nn`: its parameters in order, with their defaults, and those that the input decides.

    A parameter whose default is `REQUIRED` has none.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    of_input: Mapping[str, Callable[[Shape], Any]] = field(default_factory=dict)


REQUIRED = object()
_CONV = {
    "in_channels": REQUIRED, "out_channels": REQUIRED, "kernel_size": REQUIRED, "stride": 1, "padding": 0,
    "dilation": 1, "groups": 1, "bias": True, "padding_mode": "zeros",
}  # fmt: skip
_MAX_POOL = {
    "kernel_size": REQUIRED, "stride": None, "padding": 0, "dilation": 1, "return_indices": False,
    "ceil_mode": False,
}  # fmt: skip
_AVERAGE_POOL = {
    "kernel_size": REQUIRED, "stride": None, "padding": 0, "ceil_mode": False, "count_include_pad": True,
    "divisor_override": None,
}  # fmt: skip
_BATCH_NORM = {
    "num_features": REQUIRED, "eps": 1e-5, "momentum": 0.1, "affine": True, "track_running_stats": True,
}  # fmt: skip
_GROUP_NORM = {"num_groups": REQUIRED, "num_channels": REQUIRED, "eps": 1e-5, "affine": True}
_LAYER_NORM = {"normalized_shape": REQUIRED, "eps": 1e-5, "elementwise_affine": True, "bias": True}
_LINEAR = {"in_features": REQUIRED, "out_features": REQUIRED, "bias": True}
_channels: Callable[[Shape], Any] = lambda shape: shape[0]  # noqa: E731

KINDS: Mapping[str, Kind] = {
    "conv2d": Kind("Conv2d", _CONV, {"in_channels": _channels}),
    "batchnorm2d": Kind("BatchNorm2d", _BATCH_NORM, {"num_features": _channels}),
    "groupnorm": Kind("GroupNorm", _GROUP_NORM, {"num_channels": _channels}),
    "layernorm": Kind("LayerNorm", _LAYER_NORM, {"normalized_shape": list}),
    "relu": Kind("ReLU", {"inplace": False}),
    "gelu": Kind("GELU", {"approximate": "none"}),
    "silu": Kind("SiLU", {"inplace": False}),
    "leaky_relu": Kind("LeakyReLU", {"negative_slope": 0.01, "inplace": False}),
    "elu": Kind("ELU", {"alpha": 1.0, "inplace": False}),
    "tanh": Kind("Tanh"),
    "sigmoid": Kind("Sigmoid"),
    "max_pool2d": Kind("MaxPool2d", _MAX_POOL),
    "avg_pool2d": Kind("AvgPool2d", _AVERAGE_POOL),
    "adaptive_avg_pool2d": Kind("AdaptiveAvgPool2d", {"output_size": REQUIRED}),
    "dropout": Kind("Dropout", {"p": 0.5, "inplace": False}),
    "dropout2d": Kind("Dropout2d", {"p": 0.5, "inplace": False}),
    "flatten": Kind("Flatten", {"start_dim": 1, "end_dim": -1}),
    "linear": Kind("Linear", _LINEAR, {"in_features": lambda shape: shape[0]}),
}  # fmt: skip
"""By the type of a layer in a configuration."""


def arguments(step: Step) -> dict[str, Any]:
    """What the layer of `step` is made with, in the order of its signature.

    Defaults are left out, but not where they are all that there is: a model that has seen `alpha` gives one.
    """
    kind = KINDS[step.layer.type]
    said = step.layer.model_dump(exclude={"type"}, exclude_defaults=len(type(step.layer).model_fields) > 2)
    said |= {name: of(step.input_shape) for name, of in kind.of_input.items()}
    return {name: said[name] for name in kind.parameters if name in said}


def described(step: Step) -> str:
    """`conv1: Conv2d in_channels=1, out_channels=16, kernel_size=3, padding=1`."""
    given = ", ".join(f"{name}={value}" for name, value in arguments(step).items())
    return f"{step.name}: {KINDS[step.layer.type].name} {given}".strip()
