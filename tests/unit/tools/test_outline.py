"""The lines of a network's code, and what counts as the right side of one."""

from __future__ import annotations

import inspect

import pytest
from torch import nn

from mlagent_tui.schemas import ModelConfig
from mlagent_tui.shapes import infer
from mlagent_tui.tools.outline import Line, difference, outline
from mlagent_tui.tools.torch_calls import KINDS, REQUIRED, Kind

CONFIG = ModelConfig.model_validate({
    "input_shape": [1, 8, 8], "num_classes": 10,
    "layers": [
        {"type": "conv2d", "out_channels": 16, "kernel_size": 3, "padding": 1},
        {"type": "residual", "layers": [
            {"type": "conv2d", "out_channels": 32, "kernel_size": 3, "stride": 2, "padding": 1},
        ]},
        {"type": "residual", "layers": [{"type": "gelu"}]},
        {"type": "max_pool2d", "kernel_size": 2},
        {"type": "layernorm"},
        {"type": "flatten"},
        {"type": "linear", "out_features": 10, "bias": False},
    ],
})  # fmt: skip
LINES = outline(infer(CONFIG))


def line(comment: str) -> Line:
    return next(one for one in LINES if one.comment.startswith(comment))


def test_every_line_says_what_it_does_with_the_sizes_of_its_input() -> None:
    assert [(one.comment, one.left) for one in LINES] == [
        ("conv1: Conv2d in_channels=1, out_channels=16, kernel_size=3, padding=1", "self.conv1 ="),
        ("conv2: Conv2d in_channels=16, out_channels=32, kernel_size=3, stride=2, padding=1", "self.conv2 ="),
        ("shortcut1: Conv2d in_channels=16, out_channels=32, kernel_size=1, stride=2", "self.shortcut1 ="),
        ("gelu1: GELU", "self.gelu1 ="),
        ("maxpool1: MaxPool2d kernel_size=2", "self.maxpool1 ="),
        ("ln1: LayerNorm normalized_shape=[32, 2, 2]", "self.ln1 ="),
        ("flatten1: Flatten", "self.flatten1 ="),
        ("fc1: Linear in_features=128, out_features=10, bias=False", "self.fc1 ="),
        ("conv1", "x ="),
        ("keep x as res1", "res1 ="),
        ("conv2", "x ="),
        ("add shortcut1 of res1", "x ="),
        ("keep x as res2", "res2 ="),
        ("gelu1", "x ="),
        ("add res2", "x ="),
        ("maxpool1", "x ="),
        ("ln1", "x ="),
        ("flatten1", "x ="),
        ("fc1", "x ="),
        ("return x", "return"),
    ]


@pytest.mark.parametrize(("comment", "right"), [
    ("conv1:", "nn.Conv2d(in_channels=1, out_channels=16, kernel_size=3, padding=1)"),
    ("conv1:", "nn.Conv2d(1, 16, 3, padding=(1, 1))  # the first"),
    ("conv1:", "torch.nn.Conv2d(1, 16, (3, 3), 1, 1, bias=True)"),
    ("gelu1:", "nn.GELU()"),
    ("maxpool1:", "nn.MaxPool2d(2, 2)"),
    ("maxpool1:", "nn.MaxPool2d(kernel_size=2)"),
    ("ln1:", "nn.LayerNorm((32, 2, 2))"),
    ("flatten1:", "nn.Flatten(1)"),
    ("fc1:", "nn.Linear(128, 10, False)"),
    ("keep x as res1", "x"),
    ("add res2", "res2 + x"),
    ("add shortcut1", "x + self.shortcut1(res1)"),
    ("add shortcut1", "self.shortcut1(res1) + x"),
    ("return x", "x"),
])  # fmt: skip
def test_a_right_side_may_be_written_in_any_way_that_means_the_same(comment: str, right: str) -> None:
    assert difference(line(comment), right) is None


@pytest.mark.parametrize(("comment", "wrong"), [
    ("conv1:", "nn.Conv2d(in_channels=16, out_channels=16, kernel_size=3, padding=1)"),
    ("conv1:", "nn.Conv2d(in_channels=1, out_channels=16, kernel_size=3)"),
    ("conv1:", "nn.Conv2d(1, 16, 3, 1, 1, padding=1)"),
    ("conv1:", "nn.Conv1d(1, 16, 3, padding=1)"),
    ("conv1:", "nn.Conv2d(1, 16, k, padding=1)"),
    ("conv1:", "nn.Conv2d(1, 16, 3, padding=1, **more)"),
    ("conv1:", "nn.Conv2d(1, 16, 3, padding=1); import os"),
    ("conv1:", "nn.Conv2d("),
    ("conv1:", "nn.Conv2d()"),
    ("conv1:", ""),
    ("gelu1:", "nn.GELU('tanh')"),
    ("gelu1:", "os.GELU()"),
    ("fc1:", "nn.Linear(128, 10)"),
    ("ln1:", "nn.LayerNorm([2, 2, 32])"),
    ("keep x as res1", "self.conv1(x)"),
    ("conv2", "self.conv2(res1)"),
    ("add res2", "x + res1"),
    ("add res2", "x - res2"),
    ("add shortcut1", "x + res1"),
    ("return x", "res1"),
])  # fmt: skip
def test_any_other_right_side_is_refused_with_what_was_wanted(comment: str, wrong: str) -> None:
    told = difference(line(comment), wrong)
    assert told is not None
    assert "expected " in told and f"got {wrong or 'nothing'}" in told


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_kind_of_layer_is_as_torch_has_it(kind: Kind) -> None:
    torch = inspect.signature(getattr(nn, kind.name)).parameters
    assert list(torch)[: len(kind.parameters)] == list(kind.parameters)
    for name, default in kind.parameters.items():
        theirs = torch[name].default
        assert (default is REQUIRED) == (theirs is inspect.Parameter.empty)
        assert default is REQUIRED or default == theirs
