"""What a class does without is left out of its module; what it uses is not."""

from __future__ import annotations

import pytest

from mlagent_tui.llm.needed_code import left_out, needed

CLASS = """class Net(nn.Module):
    def forward(self, x):
        return x
"""


@pytest.mark.parametrize(
    "code",
    [
        "from torch import nn\n\n\n" + CLASS,
        CLASS + "\n# The end.\n",
        CLASS.replace("return x", "return scale * x") + "\nscale = 2\n",
        CLASS.replace("return x", "return f(x)") + "\ndef f(x):\n    return g(x)\n\ng = h = abs\n",
        CLASS.replace("return x", "return [a(x) for a in ACTS]") + "\nfor name in 'ab':\n    ACTS = [abs]\n",
        "x = 1\n",
        "class Net(\n",
    ],
    ids=["alone", "a comment behind", "a number", "functions", "in a loop", "no class", "not valid"],
)
def test_what_is_needed_stays(code: str) -> None:
    assert needed(code) == code


def test_a_name_of_the_rest_that_is_local_in_the_class_is_not_needed() -> None:
    assert needed(CLASS + "\nx = 3\nmodel = Net()\n") == CLASS


def test_imports_that_only_the_rest_uses_go_with_it() -> None:
    head = "from __future__ import annotations\nimport torch, math\nfrom torch import nn\n"
    rest = "\nloader = data.DataLoader(optim)\ntorch.zeros(1)\n"
    assert needed(
        f"{head}import torch.optim as optim\nfrom torch.utils import (\n    data,\n)\n{CLASS}{rest}"
    ) == ("from __future__ import annotations\nfrom torch import nn\n" + CLASS)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("...", "line 3: expected code, got ...; write every line"),
        ("# … and so on", "line 3: expected code, got '# … and so on'; write every line"),
        ("# the rest of it", "line 3: expected code, got '# the rest of it'; write every line"),
        ("# restores x", ""),
        ("x = x[..., 0]", ""),
    ],
)
def test_lines_that_were_left_out_are_named(line: str, said: str) -> None:
    assert left_out(CLASS.replace("        return", f"        {line}\n        return")) == said
    assert left_out("class Net(:\n    # ...\n") == "line 2: expected code, got '# ...'; write every line"
