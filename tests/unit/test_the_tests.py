"""The tests can fail, and wait for what they need: rules that a reader of a test cannot see at a glance."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
MODULES = {file.relative_to(TESTS).as_posix(): file for file in sorted(TESTS.rglob("*.py"))}
WAITING = {"waiting.py", "recording.py"}
"""They look again and again until something has come about."""

CHECKS = ("check", "expect", "raises", "refus", "eventually", "until", "run_python", "loaded_after")
"""Parts of the names of calls that fail by themselves."""


def problems(source: str) -> Iterator[str]:
    """What in a module of tests waits for a fixed time or cannot fail."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func).rpartition(".")[2]
            fixed = [arg for arg in node.args[:1] if isinstance(arg, ast.Constant) and arg.value]
            if called in ("sleep", "pause") and fixed:
                yield f"line {node.lineno}: waits for a fixed time"
            wide = [arg for arg in node.args if ast.unparse(arg) in ("Exception", "BaseException")]
            if called == "raises" and wide and not node.keywords:
                yield f"line {node.lineno}: any error would do"
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield from _of_a_test(node)


def _of_a_test(test: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    own = list(_own(test))
    for node in own:
        if isinstance(node, ast.Return):
            yield f"line {node.lineno}: returns before its end"
    calls = {ast.unparse(node.func).lower() for node in own if isinstance(node, ast.Call)}
    handed_over = {
        name.id
        for node in own
        if isinstance(node, ast.Call)
        for name in node.args
        if isinstance(name, ast.Name)
    }
    inside = [
        node for node in ast.walk(test) if isinstance(node, ast.FunctionDef) and node.name in handed_over
    ]
    told = any(part in call for call in calls for part in CHECKS)
    told |= any(isinstance(node, ast.Assert) for function in inside for node in ast.walk(function))
    if not told and not any(isinstance(node, ast.Assert) for node in own):
        yield f"line {test.lineno}: {test.name} asserts nothing"
    body = [node for node in test.body if not isinstance(node, ast.Expr | ast.Assign | ast.AnnAssign)]
    if len(body) == 1 and isinstance(body[0], ast.If) and not body[0].orelse and not told:
        yield f"line {test.lineno}: all it asserts is under one condition"


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """All below `node` but what is inside functions of its own."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield child
            yield from _own(child)


@pytest.mark.parametrize("name", sorted(MODULES.keys() - WAITING))
def test_every_test_can_fail_and_none_waits_for_a_fixed_time(name: str) -> None:
    assert list(problems(MODULES[name].read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("body", [
    "    await pilot.pause(0.3)\n    assert x",
    "    time.sleep(1)\n    assert x",
    "    with pytest.raises(Exception):\n        f()",
    "    if x:\n        return\n    assert x",
    "    f()",
    "    def f():\n        assert x",
    "    x = f()\n    if x:\n        assert x",
])  # fmt: skip
def test_a_test_that_cannot_fail_is_found(body: str) -> None:
    assert list(problems(f"async def test_it():\n{body}\n"))


@pytest.mark.parametrize("body", [
    "    await pilot.pause()\n    assert x",
    "    with pytest.raises(Exception, match='x'):\n        f()",
    "    for x in y:\n        assert x",
    "    def f():\n        return 1\n    assert f()",
    "    def f():\n        assert x\n    with_engine(f)",
])  # fmt: skip
def test_an_ordinary_test_is_left_alone(body: str) -> None:
    assert not list(problems(f"async def test_it():\n{body}\n"))
