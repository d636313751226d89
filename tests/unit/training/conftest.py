"""Random configurations, and plain code for them as a careful programmer would write it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import strategies as st

from mlagent_tui.errors import ConfigError
from mlagent_tui.schemas import ModelConfig
from mlagent_tui.shapes import Step, count_parameters, infer

ACTIVATIONS = ["relu", "gelu", "silu", "leaky_relu", "elu", "tanh", "sigmoid"]


def _layers(size: st.SearchStrategy[int]) -> st.SearchStrategy[dict[str, Any]]:
    flags = st.booleans()
    kernel = st.integers(1, 5)
    pool = st.fixed_dictionaries(
        {"type": st.sampled_from(["max_pool2d", "avg_pool2d"]), "kernel_size": st.integers(1, 3)},
        optional={"stride": st.integers(1, 3), "padding": st.integers(0, 1)},
    )
    conv = st.fixed_dictionaries(
        {"type": st.just("conv2d"), "out_channels": size, "kernel_size": kernel},
        optional={
            "stride": st.integers(1, 3), "padding": st.integers(0, 2), "dilation": st.integers(1, 2),
            "groups": st.sampled_from([1, 1, 2]), "bias": flags,
        },
    )  # fmt: skip
    return st.one_of(
        conv,
        conv,
        pool,
        st.sampled_from([{"type": name} for name in [*ACTIVATIONS, "batchnorm2d", "layernorm", "flatten"]]),
        st.fixed_dictionaries({"type": st.just("groupnorm"), "num_groups": st.sampled_from([1, 2])}),
        st.fixed_dictionaries({"type": st.just("adaptive_avg_pool2d"), "output_size": st.integers(1, 4)}),
        st.fixed_dictionaries(
            {"type": st.sampled_from(["dropout", "dropout2d"]), "p": st.sampled_from([0.0, 0.3])}
        ),
        st.fixed_dictionaries({"type": st.just("linear"), "out_features": size}, optional={"bias": flags}),
    )


@st.composite
def valid_configs(draw: st.DrawFn) -> ModelConfig:
    """Layers that fit are kept one by one; the head is put on at the end."""
    size = st.sampled_from([1, 2, 4, 6, 8])
    simple = _layers(size)
    residual = st.builds(
        lambda layers: {"type": "residual", "layers": layers}, st.lists(simple, min_size=1, max_size=3)
    )
    repeat = st.builds(
        lambda times, layers: {"type": "repeat", "times": times, "layers": layers},
        st.integers(1, 3), st.lists(simple | residual, min_size=1, max_size=2),
    )  # fmt: skip
    shape = draw(st.tuples(st.sampled_from([1, 2, 3]), st.integers(4, 12), st.integers(4, 12)))
    kept: list[dict[str, Any]] = []
    head = [{"type": "flatten"}, {"type": "linear", "out_features": 3}]
    for layer in draw(st.lists(st.one_of(simple, simple, residual, repeat), max_size=8)):
        if _fits({"input_shape": shape, "num_classes": 3, "layers": [*kept, layer, *head]}):
            kept.append(layer)
    return ModelConfig.model_validate({"input_shape": shape, "num_classes": 3, "layers": [*kept, *head]})


def other_networks(config: ModelConfig) -> list[ModelConfig]:
    """Networks on the same input that differ from `config` for certain, one change each; never none.

    They have another number of parameters, another dropout, or another function right before the last
    layer, where nothing can undo it.
    """
    fields = config.model_dump(mode="json")
    end = len(fields["layers"]) - 1
    before_the_end = [
        fields | {"layers": [*fields["layers"][:end], {"type": kind}, fields["layers"][end]]}
        for kind in ("sigmoid", "tanh", "layernorm")
    ]
    count = count_parameters(infer(config))
    inside = [
        changed
        for changed, sure in _changed(fields)
        if _fits(changed) and (sure or count_parameters(infer(ModelConfig.model_validate(changed))) != count)
    ]
    return [ModelConfig.model_validate(changed) for changed in (*inside, *before_the_end)]


def _changed(fields: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bool]]:
    """`fields` with one layer changed, at any depth; with it, whether that alone makes another network."""
    for index, layer in enumerate(fields["layers"]):
        for new, sure in _changed(layer) if "layers" in layer else _other_layers(layer):
            yield fields | {"layers": [*fields["layers"][:index], new, *fields["layers"][index + 1 :]]}, sure


def _other_layers(layer: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bool]]:
    for name in ("out_channels", "out_features", "kernel_size"):
        if name in layer:
            yield layer | {name: 2 * layer[name]}, False
    if "bias" in layer:
        yield layer | {"bias": not layer["bias"]}, False
    if "p" in layer:
        yield layer | {"p": layer["p"] + 0.25}, True
    if layer["type"] in ("batchnorm2d", "groupnorm", "layernorm"):
        yield {"type": "relu"}, False


def _fits(fields: dict[str, Any]) -> bool:
    try:
        infer(ModelConfig.model_validate(fields))
    except ConfigError:
        return False
    return True


_MODULES: dict[str, Callable[[Any, Any], str]] = {
    "conv2d": lambda x, s: (
        f"nn.Conv2d({s[0]}, {x.out_channels}, {x.kernel_size}, stride={x.stride}, "
        f"padding={x.padding}, dilation={x.dilation}, groups={x.groups}, bias={x.bias})"
    ),
    "batchnorm2d": lambda x, s: f"nn.BatchNorm2d({s[0]})",
    "groupnorm": lambda x, s: f"nn.GroupNorm({x.num_groups}, {s[0]})",
    "layernorm": lambda x, s: f"nn.LayerNorm({list(s)})",
    "max_pool2d": lambda x, s: f"nn.MaxPool2d({x.kernel_size}, {x.stride}, {x.padding})",
    "avg_pool2d": lambda x, s: f"nn.AvgPool2d({x.kernel_size}, {x.stride}, {x.padding})",
    "adaptive_avg_pool2d": lambda x, s: f"nn.AdaptiveAvgPool2d({x.output_size})",
    "dropout": lambda x, s: f"nn.Dropout({x.p})",
    "dropout2d": lambda x, s: f"nn.Dropout2d({x.p})",
    "linear": lambda x, s: f"nn.Linear({s[0]}, {x.out_features}, bias={x.bias})",
}
_FUNCTIONS: dict[str, Callable[[Any], str]] = {
    "relu": lambda x: "F.relu(x)", "gelu": lambda x: "F.gelu(x)", "silu": lambda x: "F.silu(x)",
    "leaky_relu": lambda x: f"F.leaky_relu(x, {x.negative_slope})", "elu": lambda x: f"F.elu(x, {x.alpha})",
    "tanh": lambda x: "torch.tanh(x)", "sigmoid": lambda x: "torch.sigmoid(x)",
    "flatten": lambda x: "torch.flatten(x, 1)",
}  # fmt: skip


def write_code(steps: list[Step]) -> str:
    """A class for `steps`: modules for what has settings, functions for the rest, shortcuts built first."""
    build, forward = [], []
    for step in sorted(steps, key=lambda step: step.role != "shortcut"):
        if step.role in ("layer", "shortcut") and step.layer.type in _MODULES:
            build.append(f"self.{step.name} = {_MODULES[step.layer.type](step.layer, step.input_shape)}")
    for step in steps:
        forward.append({
            "open": "s = x",
            "shortcut": f"s = self.{step.name}(s)",
            "close": "x = s + x",
            "layer": f"x = self.{step.name}(x)" if step.layer.type in _MODULES
            else f"x = {_FUNCTIONS.get(step.layer.type, str)(step.layer)}",
        }[step.role])  # fmt: skip
    lines = ["import torch", "import torch.nn as nn", "import torch.nn.functional as F", "", ""]
    lines += ["class CurrentModel(nn.Module):", "    def __init__(self):", "        super().__init__()"]
    lines += [f"        {line}" for line in build] + ["", "    def forward(self, x):"]
    return "\n".join([*lines, *(f"        {line}" for line in forward), "        return x", ""])


@pytest.fixture(scope="session")
def configs() -> st.SearchStrategy[ModelConfig]:
    return valid_configs()


@pytest.fixture(scope="session")
def others() -> Callable[[ModelConfig], list[ModelConfig]]:
    return other_networks


@pytest.fixture(scope="session")
def coder() -> Any:
    return write_code
