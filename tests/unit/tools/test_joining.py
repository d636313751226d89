"""Parts become one module: the coder's statements in a row, renamed, and nothing else."""

from __future__ import annotations

import pytest

from minnow import coder
from minnow.published import resnet
from mlagent_tui.shapes import infer
from mlagent_tui.tools.joining import Part, PartError, join
from mlagent_tui.tools.stretches import divide
from mlagent_tui.training.checks import check_code

HEAD = "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n"
FIRST = Part(
    HEAD + "        super().__init__()\n        self.conv1 = nn.Conv2d(3, 8, 1)\n"
    "    def forward(self, x):\n        return self.conv1(x)\n",
    {"conv1": "conv1"},
)


def part(build: str, run: str, before: str = "", **names: str) -> Part:
    """A part whose layers are called `names`."""
    indent = "\n        "
    lines = f"        super().__init__(){indent}{build.replace(chr(10), indent)}\n"
    body = f"    def forward(self, x):{indent}{run.replace(chr(10), indent)}\n"
    return Part(HEAD.replace("\n\n\nclass", f"\n{before}\n\nclass") + lines + body, names)


def test_a_single_part_stays_as_it_was_written() -> None:
    assert join([Part("# mine\nclass Net: pass", {})], "Net").code == "# mine\nclass Net: pass"


def test_joined_stretches_are_the_network_with_its_names() -> None:
    config = resnet(1).model_copy(update={"input_shape": (3, 8, 8)})
    steps = infer(config)
    stretches = divide(steps, 700, steps[-1])
    parts = [Part(coder.module(s.steps, "CurrentModel"), s.names, s.lead, s.tail) for s in stretches]
    joined = join(parts, "CurrentModel")
    check_code(joined.code, "CurrentModel", config, ())
    assert "".join(joined.code.split()) == "".join(coder.code(config).split())
    assert sorted(set(joined.owners.values())) == list(range(len(parts)))


def test_names_of_ones_own_do_not_meet() -> None:
    helper = "def act(x):\n    return x.{}()\n\n\nclass Block(nn.Module):\n    pass\n"
    one = part("self.body = nn.Conv2d(3, 8, 1)\nself.conv1 = self.body", "return act(self.conv1(x))",
               helper.format("relu"), conv1="conv1")  # fmt: skip
    two = part("self.body = nn.Conv2d(8, 8, 1)\nself.conv1 = self.body", "y = self.conv1(x)\nreturn act(y)",
               helper.format("tanh"), conv1="conv2")  # fmt: skip
    code = join([one, two], "Net").code
    for line in ("self.body = nn.Conv2d(3", "self.body_2 = nn.Conv2d(8", "self.conv2 = self.body_2",
                 "x = act(self.conv1(x))", "return act_2(y)", "x.relu()", "x.tanh()"):  # fmt: skip
        assert line in code
    assert code.count("class Block") == code.count("super().__init__()") == code.count("import torch\n") == 1


@pytest.mark.parametrize(
    "run",
    [
        "x = self.conv1(x)\nx = self.flatten1(x)\nx = self.fc1(x)\nreturn x",
        "return self.fc1(self.flatten1(self.conv1(x)))",
        "x = self.conv1(x)\nreturn self.fc1(torch.flatten(x, 1))",
        "x = self.conv1(x)\nx = x.view(x.size(0), -1)\nreturn self.fc1(x)",
    ],
)
def test_the_layers_that_only_ended_the_question_are_left_out(run: str) -> None:
    build = "self.conv1 = nn.Conv2d(8, 8, 1)\nself.flatten1 = nn.Flatten()\nself.fc1 = nn.Linear(8, 10)"
    asked = part(build, run, conv1="conv2")
    asked = Part(asked.code, asked.names, tail=("flatten1", "fc1"))
    code = join(
        [FIRST, asked, part("self.fc1 = nn.Linear(8, 9)", "return self.fc1(x)", fc1="fc1")], "Net"
    ).code
    assert "Flatten" not in code and "view" not in code and "flatten" not in code and "8, 10" not in code
    assert "self.conv2(x)" in code and "return self.fc1(x)" in code


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("x = (", "line 1: expected valid Python"),
        ("import torch\n", "expected class Net"),
        (FIRST.code.replace("self.conv1 = nn.Conv2d(3, 8, 1)", "f(a=1, a=2)"), "line 8: .*repeated"),
        (FIRST.code.replace("forward", "run"), "expected a method forward"),
        (FIRST.code.replace("(self):", "(self, n=1):"), "expected __init__"),
        (FIRST.code.replace("self, x", "self, x, y"), "expected forward"),
        (FIRST.code.replace("return", "if 1: return x\n        return"), "expected one return"),
        (FIRST.code.replace("import torch\n", "import os\n"), "expected imports"),
    ],
)
def test_a_part_that_cannot_be_joined_is_named_with_its_line(code: str, problem: str) -> None:
    with pytest.raises(PartError, match=problem) as caught:
        join([FIRST, Part(code, {})], "Net")
    assert caught.value.index == 1


def test_a_missing_layer_at_the_end_is_named() -> None:
    with pytest.raises(PartError, match="fc1: expected linear, got nothing"):
        join([FIRST, Part(FIRST.code, {"conv1": "conv2"}, tail=("fc1",))], "Net")


def test_the_input_is_called_as_the_first_part_calls_it() -> None:
    other = FIRST.code.replace("self, x", "self, image").replace("conv1(x)", "conv1(image)")
    code = join([FIRST, Part(other, {"conv1": "conv2"})], "Net").code
    assert "x = self.conv1(x)\n        return self.conv2(x)" in code
