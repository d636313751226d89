"""Records which layers a forward pass really ran, so that two networks can be compared layer by layer.

It sees modules and functions alike (`nn.ReLU()`, `F.relu`, `x.relu()`), because it listens to torch's own
function calls. Reshaping is not recorded: there are too many ways to write it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isclose
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

# Arguments in order, as torch names them, of the functions that have more than an input.
_ARGUMENTS = {
    "conv2d": ("input", "weight", "bias", "stride", "padding", "dilation", "groups"),
    "linear": ("input", "weight", "bias"),
    "batch_norm": (
        "input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps",
    ),
    "group_norm": ("input", "num_groups", "weight", "bias", "eps"),
    "layer_norm": ("input", "normalized_shape", "weight", "bias", "eps"),
    "max_pool2d": ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode"),
    "avg_pool2d": ("input", "kernel_size", "stride", "padding", "ceil_mode"),
    "adaptive_avg_pool2d": ("input", "output_size"),
    "dropout": ("input", "p", "training"),
    "dropout2d": ("input", "p", "training"),
    "leaky_relu": ("input", "negative_slope"),
    "elu": ("input", "alpha"),
    "gelu": ("input", "approximate"),
}  # fmt: skip
_DEFAULTS: dict[str, dict[str, Any]] = {
    "conv2d": {"bias": None, "stride": 1, "padding": 0, "dilation": 1, "groups": 1},
    "linear": {"bias": None},
    "max_pool2d": {"stride": None, "padding": 0},
    "avg_pool2d": {"stride": None, "padding": 0},
    "dropout": {"p": 0.5},
    "dropout2d": {"p": 0.5},
    "leaky_relu": {"negative_slope": 0.01},
    "elu": {"alpha": 1.0},
    "gelu": {"approximate": "none"},
}
_OTHERS = frozenset({
    "relu", "silu", "tanh", "sigmoid", "add", "softmax", "log_softmax", "mean", "amax", "max", "matmul",
    "mul", "cat", "pad", "relu6", "hardswish", "mish", "softplus", "selu", "prelu", "celu",
    "adaptive_max_pool2d",
    "instance_norm", "alpha_dropout", "feature_dropout", "conv1d", "conv_transpose2d", "normalize",
    "interpolate",
})  # fmt: skip
_CONFIG_WORDS = {"batch_norm": "batchnorm2d", "group_norm": "groupnorm", "layer_norm": "layernorm"}
WITH_PARAMETERS = ("conv2d", "linear", "batch_norm", "group_norm", "layer_norm")
_DROPOUTS = ("dropout", "dropout2d", "feature_dropout", "alpha_dropout")


@dataclass(frozen=True)
class Call:
    """One layer as it ran: `facts` are comparable, `tensors` its parameters and running statistics."""

    name: str
    kind: str
    facts: dict[str, Any]
    tensors: dict[str, Tensor]


@dataclass
class Recorder(TorchFunctionMode):
    """Use as a context around a forward pass; `step` names the calls that follow."""

    calls: list[Call] = field(default_factory=list)
    step: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def name_step(self, name: str) -> None:
        """Calls from here on belong to step `name`."""
        self.step = name

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        kind = getattr(func, "__name__", "").strip("_")
        kind = "add" if kind in ("iadd", "radd") else kind
        if (
            (kind in _ARGUMENTS or kind in _OTHERS)
            and args
            and isinstance(args[0], Tensor)
            and args[0].dim() > 1
        ):
            self.calls.append(_describe(self.step, kind, args, kwargs))
        return func(*args, **kwargs)


def _describe(name: str, kind: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Call:
    given = _DEFAULTS.get(kind, {}) | kwargs | dict(zip(_ARGUMENTS.get(kind, ("input",)), args, strict=False))
    tensors = {key: value for key, value in given.items() if isinstance(value, Tensor) and key != "input"}
    facts: dict[str, Any] = {"input": tuple(args[0].shape[1:])}
    weight = tensors.get("weight")
    if kind == "conv2d" and weight is not None and weight.dim() == 4:
        facts["in_channels"] = weight.shape[1] * int(given["groups"])
        facts["out_channels"] = weight.shape[0]
        facts["kernel_size"] = _single(tuple(weight.shape[2:]))
    if kind == "linear" and weight is not None and weight.dim() == 2:
        facts["in_features"], facts["out_features"] = weight.shape[1], weight.shape[0]
    if kind in WITH_PARAMETERS:
        facts["bias"] = given.get("bias") is not None
    if given.get("stride", 0) is None or given.get("stride") == []:
        given["stride"] = given.get("kernel_size")
    for key in _ARGUMENTS.get(kind, ()):
        if key != "input" and key not in facts and key in given and not isinstance(given[key], Tensor):
            facts[key] = _single(given[key])
    return Call(name, kind, facts, tensors)


def _single(value: Any) -> Any:
    """(3, 3) as 3, lists as tuples."""
    if isinstance(value, list | tuple):
        return value[0] if len(value) == 2 and value[0] == value[1] else tuple(value)
    return value


def record(model: nn.Module, batch: Tensor, recorder: Recorder) -> Tensor:
    """The model's output; what ran, up to an exception if there is one, is in the recorder."""
    with torch.no_grad(), recorder:
        output: Tensor = model(batch)
    return output


def first_difference(expected: Sequence[Call], got: Sequence[Call], ended: str = "nothing") -> str:
    """`NAME: expected X, got Y` for the first layer that differs, or empty.

    `ended` is what stands after the last of `got`: an exception, when it ended early there.
    """
    owners: dict[int, str] = {}
    for index, want in enumerate(expected):
        if index >= len(got):
            return f"{want.name}: expected {_word(want.kind)}, got {ended}"
        have = got[index]
        if want.kind != have.kind:
            return f"{want.name}: expected {_word(want.kind)}, got {_word(have.kind)}"
        for fact, value in want.facts.items():
            if not _same(value, have.facts.get(fact, value)):
                return f"{want.name}: expected {fact} {_show(value)}, got {_show(have.facts[fact])}"
        weight = have.tensors.get("weight")
        if weight is not None:
            owner = owners.setdefault(id(weight), want.name)
            if owner != want.name:
                return f"{want.name}: expected parameters of its own, got those of {owner}"
    if len(got) > len(expected):
        last = expected[-1].name if expected else "the input"
        return f"output: expected nothing after {last}, got {_word(got[len(expected)].kind)}"
    return ""


def matching(expected: Sequence[Call], got: Sequence[Call]) -> int:
    """How many leading layers are of the same kind on the same input."""
    pairs = zip(expected, got, strict=False)
    flags = [a.kind == b.kind and a.facts["input"] == b.facts["input"] for a, b in pairs]
    return flags.index(False) if False in flags else len(flags)


def unseen_by_outputs(calls: Sequence[Call]) -> list[Call]:
    """The calls that place what outputs in eval mode cannot show: dropout, momentum."""
    kept = [call for call in calls if call.kind in WITH_PARAMETERS or call.kind in _DROPOUTS]
    return [call for call in kept if call.facts.get("p", 1) != 0]


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float | int):
        return isclose(a, b, rel_tol=1e-6)
    return bool(a == b)


def _show(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _word(kind: str) -> str:
    return _CONFIG_WORDS.get(kind, kind)
