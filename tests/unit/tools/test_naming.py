"""The class's name is put into the coder's code token by token."""

from __future__ import annotations

import pytest

from mlagent_tui.errors import CodeError
from mlagent_tui.tools.naming import for_coder, for_user, in_text

CODE = '''\
import torch
from torch import nn


class CurrentModel(nn.Module):
    """The CurrentModel."""

    def __init__(self):  # CurrentModel
        super(CurrentModel, self).__init__()
        self.CurrentModel = nn.Linear(8, 8)
        self.note = "CurrentModel"; self.CurrentModelHead = None

    def forward(self, x):
        return self.CurrentModel(x)
'''


def test_only_names_of_the_class_are_replaced() -> None:
    expected = CODE.replace("class CurrentModel(", "class Net(").replace("super(CurrentModel,", "super(Net,")
    assert for_user(CODE, "Net") == expected
    assert for_coder(expected, "Net") == CODE


def test_lines_are_counted_as_the_tokenizer_counts_them() -> None:
    code = 'a = "\\u2028\u2028\x0c"\nclass CurrentModel: pass; b = CurrentModel, CurrentModel\n'
    assert for_user(code, "Longer1") == code.replace("CurrentModel", "Longer1")


@pytest.mark.parametrize("broken", ["class CurrentModel(:\n  'x", "    x\n  y CurrentModel", "f(((", "\0"])
def test_code_that_is_not_python_stays_as_it_is(broken: str) -> None:
    assert for_user(broken, "Net") == broken


def test_a_name_that_the_code_uses_already_is_a_difference_that_names_the_line() -> None:
    with pytest.raises(CodeError, match=r"line 1: expected another name"):
        for_user("class Block: pass\nclass CurrentModel: pass\n", "Block")
    assert "nn.Linear(1, 1)" in for_user("class CurrentModel:\n    x = nn.Linear(1, 1)\n", "Linear")


def test_sentences_are_renamed_by_whole_words() -> None:
    assert in_text("CurrentModel maps; CurrentModel2 does not", "CurrentModel", "Net") == (
        "Net maps; CurrentModel2 does not"
    )
