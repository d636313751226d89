"""Generated code is accepted when it is the network of its config; if not, the first difference is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlagent_tui.errors import CodeError, ConfigError
from mlagent_tui.schemas import ModelConfig
from mlagent_tui.shapes import Step, count_parameters, infer
from mlagent_tui.training.checks import check_code, check_config
from mlagent_tui.training.reference import LAYERS, build

few = settings(max_examples=60, suppress_health_check=list(HealthCheck))

CONFIG = ModelConfig.model_validate({
    "input_shape": (1, 8, 8), "num_classes": 10,
    "layers": [
        {"type": "conv2d", "out_channels": 16, "kernel_size": 3, "padding": 1},
        {"type": "batchnorm2d"},
        {"type": "relu"},
        {"type": "residual", "layers": [
            {"type": "conv2d", "out_channels": 32, "kernel_size": 3, "padding": 1, "stride": 2},
            {"type": "relu"},
        ]},
        {"type": "dropout", "p": 0.25},
        {"type": "flatten"},
        {"type": "linear", "out_features": 10},
    ],
})  # fmt: skip

CODE = """\
import torch
from torch import nn
import torch.nn.functional as F


class CurrentModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.shortcut1 = nn.Conv2d(16, 32, 1, stride=2)
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        self.drop1 = nn.Dropout(0.25)
        self.fc1 = nn.Linear(512, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        s = self.shortcut1(x)
        x = torch.relu(self.conv2(x))
        x = x + s
        x = self.drop1(x)
        return self.fc1(x.view(x.size(0), -1))
"""


@few
@given(data=st.data())
def test_the_reference_build_agrees_with_inferred_shapes_and_parameters(
    data: st.DataObject, configs: st.SearchStrategy[ModelConfig]
) -> None:
    config = data.draw(configs)
    steps = infer(config)
    facts = check_config(config)  # raises where a step differs
    assert facts.parameters == count_parameters(steps)
    assert facts.output_shape == (config.num_classes,)
    assert [row.name for row in facts.layers] == [step.name for step in steps if step.role != "open"]


@few
@given(data=st.data())
def test_faithful_code_is_accepted(
    data: st.DataObject, configs: st.SearchStrategy[ModelConfig], coder: Callable[[list[Step]], str]
) -> None:
    config = data.draw(configs)
    check_code(coder(infer(config)), "CurrentModel", config, ())


@few
@given(data=st.data())
def test_code_of_another_network_is_refused(
    data: st.DataObject,
    configs: st.SearchStrategy[ModelConfig],
    others: Callable[[ModelConfig], list[ModelConfig]],
    coder: Callable[[list[Step]], str],
) -> None:
    config = data.draw(configs)
    other = data.draw(st.sampled_from(others(config)))
    with pytest.raises(CodeError):
        check_code(coder(infer(other)), "CurrentModel", config, ())


@pytest.mark.parametrize("kind", sorted(LAYERS))
def test_every_layer_type_can_be_built(kind: str) -> None:
    wanted: dict[str, dict[str, Any]] = {
        "conv2d": {"out_channels": 4, "kernel_size": 3}, "groupnorm": {"num_groups": 2},
        "max_pool2d": {"kernel_size": 2}, "avg_pool2d": {"kernel_size": 2},
        "adaptive_avg_pool2d": {"output_size": 2}, "dropout": {"p": 0.5}, "dropout2d": {"p": 0.5},
        "linear": {"out_features": 3},
    }  # fmt: skip
    first = [{"type": "flatten"}] if kind == "linear" else []
    layers = [
        *first,
        {"type": kind, **wanted.get(kind, {})},
        {"type": "flatten"},
        {"type": "linear", "out_features": 3},
    ]
    config = ModelConfig.model_validate({"input_shape": (2, 6, 6), "num_classes": 3, "layers": layers})
    assert build(infer(config))(torch.zeros(1, 2, 6, 6)).shape == (1, 3)


def test_a_config_that_cannot_work_is_refused() -> None:
    with pytest.raises(ConfigError, match="ends in shape"):
        check_config(CONFIG.model_copy(update={"num_classes": 7}))


EQUIVALENT: dict[str, list[tuple[str, str]]] = {
    "as it is": [],
    "sum the other way round": [("x = x + s", "x = s + x")],
    "sum in place": [("x = x + s", "s += x; x = s")],
    "dropout as a function": [("self.drop1(x)", "F.dropout(x, 0.25, self.training)")],
    "a module for an activation": [("torch.relu(self.conv2(x))", "nn.ReLU()(self.conv2(x))")],
    "another name": [("fc1", "classifier")],
    "a sequence": [
        (
            "self.bn1 = nn.BatchNorm2d(16)",
            "self.stem = nn.Sequential(self.conv1, nn.BatchNorm2d(16), nn.ReLU())",
        ),
        ("F.relu(self.bn1(self.conv1(x)))", "self.stem(x)"),
    ],
    "another formula for the same": [("torch.relu(self.conv2(x))", "self.conv2(x).clamp(min=0)")],
}


@pytest.mark.parametrize("changes", EQUIVALENT.values(), ids=EQUIVALENT)
def test_another_way_to_write_the_same_is_accepted(changes: list[tuple[str, str]]) -> None:
    check_code(rewrite(changes), "CurrentModel", CONFIG, ())


DIFFERENCES = {
    "conv2: expected in_channels 16, got 1": ("nn.Conv2d(16, 32, 3", "nn.Conv2d(1, 32, 3"),
    "conv2: expected stride 2, got 1": ("stride=2, padding=1", "stride=1, padding=1"),
    "conv1: expected kernel_size 3, got 5": (
        "nn.Conv2d(1, 16, 3, padding=1)",
        "nn.Conv2d(1, 16, 5, padding=2)",
    ),
    "conv1: expected bias True, got False": ("nn.Conv2d(1, 16, 3", "nn.Conv2d(1, 16, 3, bias=False"),
    "bn1: expected batchnorm2d, got groupnorm": ("nn.BatchNorm2d(16)", "nn.GroupNorm(4, 16)"),
    "bn1: expected momentum 0.1, got 0.01": ("nn.BatchNorm2d(16)", "nn.BatchNorm2d(16, momentum=0.01)"),
    "relu2: expected relu, got add": ("torch.relu(self.conv2(x))", "self.conv2(x)"),
    "relu2: expected relu, got gelu": ("torch.relu(self.conv2(x))", "F.gelu(self.conv2(x))"),
    "res1: expected add, got dropout": ("x = x + s", "x = s"),
    "drop1: expected p 0.25, got 0.5": ("0.25", "0.5"),
    "drop1: expected dropout, got linear": ("x = self.drop1(x)", "pass"),
    "drop1: expected training False, got True": ("self.drop1(x)", "F.dropout(x, 0.25)"),
    "fc1: expected in_features 512, got 256": ("512", "256"),
    "fc1: expected input 512, got 32x4x4": ("x.view(x.size(0), -1)", "x"),
    "output: expected nothing after fc1, got softmax": (
        "return self.fc1(x.view(x.size(0), -1))",
        "return F.softmax(self.fc1(x.flatten(1)), 1)",
    ),
}


def rewrite(changes: list[tuple[str, str]]) -> str:
    code = CODE
    for old, new in changes:
        assert old in code
        code = code.replace(old, new)
    return code


def refusal(code: str, config: ModelConfig | None = CONFIG) -> str:
    with pytest.raises(CodeError) as caught:
        check_code(code, "CurrentModel", config, (1, 8, 8))
    assert "\n" not in caught.value.what
    return caught.value.what


@pytest.mark.parametrize("expected", DIFFERENCES)
def test_the_first_difference_is_named(expected: str) -> None:
    assert refusal(rewrite([DIFFERENCES[expected]])) == expected


@pytest.mark.parametrize(("old", "new", "expected"), [
    ("self.fc1 =", "self.extra = nn.Linear(3, 3); self.fc1 =", "got 10518 (extra.weight, extra.bias never"),
    ("self.fc1 =", "self.fc2 =", "fc1: expected linear, got AttributeError: 'CurrentModel' object has no"),
    ("padding=1)\n        self.bn1", "paddig=1)\n        self.bn1", "keyword argument 'paddig' (line 10)"),
    ("def forward(self, x)", "def forward(self x)", "line 16: expected valid Python"),
    ("class CurrentModel(nn.Module)", "class CurrentModel", "expected a subclass of nn.Module"),
    ("return self.fc1(x.view(x.size(0), -1))", "return [x]", "fc1: expected linear, got nothing"),
    ("return self.fc1(", "return 0 * self.fc1(", "output: expected"),
    ("self.conv2(x)", "self.conv2(x.detach().round())", "output: expected what the config's layers compute"),
    ("x = x + s", "x += s", "backward: expected gradients, got RuntimeError"),  # relu's output is needed
])  # fmt: skip
def test_other_mistakes_are_named_too(old: str, new: str, expected: str) -> None:
    assert expected in refusal(rewrite([(old, new)]))


def test_a_layer_used_twice_is_not_two_layers() -> None:
    layers: list[dict[str, Any]] = [
        {
            "type": "repeat",
            "times": 2,
            "layers": [{"type": "conv2d", "out_channels": 1, "kernel_size": 3, "padding": 1}],
        },
        {"type": "flatten"},
        {"type": "linear", "out_features": 2},
    ]
    config = ModelConfig.model_validate({"input_shape": (1, 4, 4), "num_classes": 2, "layers": layers})
    code = """
from torch import nn
class CurrentModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1)
        self.fc = nn.Linear(16, 2)
    def forward(self, input):
        return self.fc(self.conv(self.conv(input)).flatten(1))
"""
    assert refusal(code, config) == "conv2: expected parameters of its own, got those of conv1"


def test_without_a_config_code_must_run_forward_and_backward() -> None:
    check_code(CODE, "CurrentModel", None, (1, 8, 8))
    assert "RuntimeError" in refusal(rewrite([("512", "256")]), None)
    assert refusal(
        rewrite([("return self.fc1(", "return torch.zeros(3, 10) + 0 if True else (")]), None
    ).startswith("backward: expected gradients")
