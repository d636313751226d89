"""The friendly first look at generated code."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent_tui.errors import CodeError
from mlagent_tui.training.code_rules import MAX_SOURCE, MODULES, check_source

CLASS = "\nclass CurrentModel(nn.Module):\n    pass\n"


@pytest.mark.parametrize("line", [
    "import torch", "import torch.nn as nn", "from torch import nn, Tensor",
    "import torch.nn.functional as F",
    "from torch.nn import functional as F", "from torch.nn.utils import parametrizations", "import math",
    "from typing import Optional", "from collections import OrderedDict",
    "from __future__ import annotations",
    "def f(input): return input + 1",
])  # fmt: skip
def test_what_a_model_needs_is_allowed(line: str) -> None:
    check_source(line + CLASS, "CurrentModel")


@pytest.mark.parametrize(("line", "named"), [
    ("import os", "os"), ("import torch, subprocess", "subprocess"), ("from socket import socket", "socket"),
    ("import torch.hub", "torch.hub"), ("from torch import hub", "torch.hub"),
    ("import torch.utils.data", "torch.utils.data"), ("import torchvision", "torchvision"),
    ("from . import x", "a relative import"), ("import numpy", "numpy"),
    ("x = open('f')", "open()"), ("eval('1')", "eval()"), ("x = __import__('os')", "__import__()"),
    ("torch.load('f')", "torch.load"), ("torch.hub", "torch.hub"),
    ("().__class__.__subclasses__()", ".__subclasses__"),
])  # fmt: skip
def test_anything_else_is_refused_by_name_and_line(line: str, named: str) -> None:
    with pytest.raises(CodeError) as caught:
        check_source(f"import torch\n{line}" + CLASS, "CurrentModel")
    assert caught.value.what.startswith("line 2: expected ")
    assert caught.value.what.endswith(f"got {named}")


def test_the_rule_about_imports_says_all_that_it_admits_here_and_in_the_documentation() -> None:
    with pytest.raises(CodeError) as caught:
        check_source("import os" + CLASS, "CurrentModel")
    assert caught.value.what == f"line 1: expected imports of {', '.join(MODULES)} only, got os"
    for name in MODULES:
        source = "from __future__ import annotations" if name == "__future__" else f"import {name}"
        check_source(source + CLASS, "CurrentModel")
    page = Path(__file__, "../../../../docs/tools.md").resolve().read_text(encoding="utf-8")
    assert all(f"`{name}`" in page.partition("## The code of a network")[2] for name in MODULES)


def test_a_missing_class_is_named() -> None:
    with pytest.raises(CodeError, match=r"expected class Net\(nn.Module\), got class CurrentModel"):
        check_source(CLASS, "Net")
    with pytest.raises(CodeError, match=r"expected class Net\(nn.Module\), got none"):
        check_source("x = 1", "Net")


@pytest.mark.parametrize("source", ["def", "x = (", "\0", "(" * 10_000, "x" * (MAX_SOURCE + 1)])
def test_what_is_not_python_is_refused(source: str) -> None:
    with pytest.raises(CodeError):
        check_source(source, "CurrentModel")


@given(st.text())
def test_no_text_breaks_the_check(text: str) -> None:
    with pytest.raises(CodeError):
        check_source(text, "CurrentModel")
