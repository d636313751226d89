from __future__ import annotations

import pytest

from mlagent_tui.schemas import ModelConfig
from mlagent_tui.shapes import infer
from mlagent_tui.tools.astray import astray

CONV = {"type": "conv2d", "out_channels": 16, "kernel_size": 3}
NORM, GELU, FLATTEN = ({"type": kind} for kind in ("batchnorm2d", "gelu", "flatten"))
BLOCK = {"type": "residual", "layers": [CONV | {"out_channels": 32, "stride": 2, "padding": 1}]}
LINEAR = {"type": "linear", "out_features": 10}
CONFIG = ModelConfig.model_validate(
    {"input_shape": [1, 8, 8], "num_classes": 10, "layers": [CONV, NORM, BLOCK, GELU, FLATTEN, LINEAR]}
)
RIGHT = """
class CurrentModel(nn.Module):
    def __init__(self):
        self.conv1 = nn.Conv2d(1, 16, 3)
        self.bn1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, 3)
        self.shortcut1 = nn.Conv2d(16, 32, 1)
        self.gelu1 = nn.GELU()
        self.flatten1 = nn.Flatten()
        self.fc1 = nn.Linear(512, 10)

    def forward(self, x):
        x = self.bn1(self.conv1(x))
        x = self.shortcut1(x) + self.conv2(x)
        x = x + self.gelu1(x)
        return self.fc1(self.flatten1(x))
"""


@pytest.mark.parametrize(("right", "wrong", "place"), [
    ("x = self.bn1(self.conv1(x))", "x = self.conv1(x)", "bn1"),
    ("        self.gelu1 = nn.GELU()\n", "", "gelu1"),
    ("self.fc1(self.flatten1(x))", "self.flatten1(x)", "fc1"),
    ("self.fc1(self.flatten1(x))", "self.flatten1(self.fc1(x))", "flatten1"),
    ("x = self.bn1(self.conv1(x))", "x = self.bn1(self.bn1(self.conv1(x)))", "conv2"),
    ("self.fc1 = nn.Linear(512, 10)", "self.fc1 = self.fc1 = nn.Linear(512, 10)", "fc1"),
])  # fmt: skip
def test_where_code_goes_astray_is_found_by_the_names(right: str, wrong: str, place: str) -> None:
    assert right in RIGHT
    assert astray(RIGHT.replace(right, wrong), infer(CONFIG)) == place


def test_code_in_order_or_with_names_of_its_own_goes_nowhere_astray() -> None:
    assert astray(RIGHT, infer(CONFIG)) is None
    assert astray("class A:\n    def forward(self, x):\n        return self.a(x)", infer(CONFIG)) is None
    assert astray("class A:\n  def", infer(CONFIG)) is None


@pytest.mark.parametrize("code", ["", "\0", "x = " + "(" * 10_000, "x = " + "-" * 100_000 + "1"])
def test_what_cannot_be_read_has_no_place(code: str) -> None:
    assert astray(code, infer(CONFIG)) is None


def test_where_code_goes_astray_is_found_before_a_line_that_is_no_python() -> None:
    broken = RIGHT.replace("x = x + self.gelu1(x)", "x = x + self.0(x)")
    assert astray(broken, infer(CONFIG)) == "gelu1"
