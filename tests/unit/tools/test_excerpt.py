"""A long source is shown in part: first what the class uses, in the end the start of its two methods."""

from __future__ import annotations

import ast

from mlagent_tui.tools.excerpt import LINES, needed, views

SOURCE = """import math
import torch
from torch import nn

WIDTH = 8


def unused(x):
    return x


class Block(nn.Module):
    \"\"\"A block.\"\"\"

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, WIDTH, 3)  # three by three

    def forward(self, x):
        return self.conv(x)


class Other(nn.Module):
    pass


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()

    def forward(self, x):
        return torch.relu(self.block(x))

    def helper(self):
        return 1
"""


def test_only_what_the_class_uses_is_kept() -> None:
    part = needed(SOURCE, "Net")
    for there in ("class Net", "class Block", "WIDTH = 8", "import torch", "three by three"):
        assert there in part
    for gone in ("unused", "Other", "import math"):
        assert gone not in part


def test_each_view_is_valid_python_and_no_longer_than_the_one_before() -> None:
    shown = list(views(SOURCE, "Net"))
    for view in shown:
        ast.parse(view)
    assert [len(view) for view in shown] == sorted((len(view) for view in shown), reverse=True)
    assert "A block." not in shown[2] and "three by three" not in shown[2]
    assert "helper" not in shown[-1] and "torch.relu" in shown[-1]


def test_the_last_view_has_few_lines_however_long_the_class_is() -> None:
    layers = "\n".join(f"        self.fc{n} = nn.Linear(8, 8)" for n in range(500))
    source = f"class Net:\n    def __init__(self):\n{layers}\n    def forward(self, x):\n        return x\n"
    assert len(list(views(source, "Net"))[-1].splitlines()) <= 2 * (LINES + 1)


def test_what_is_not_python_is_shown_as_it_is_and_cut() -> None:
    text = "\n".join(["def broken(:"] * 100)
    assert needed(text, "Net") == text
    assert len(list(views(text, "Net"))[-1].splitlines()) == LINES + 1
