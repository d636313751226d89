"""Where code leaves the order of its network, going by the names that it was asked to use."""

from __future__ import annotations

import ast
from itertools import zip_longest

from mlagent_tui import python_source
from mlagent_tui.shapes import Step


def astray(code: str, steps: list[Step]) -> str | None:
    """The first layer that `code` leaves out or misplaces, as far as it uses the names it was given."""
    names = [step.name for step in steps if step.role == "layer"]
    uses = _Uses()
    try:
        uses.visit(_parsed(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    for found in (uses.assigned, uses.called):
        used = [name for name in found if name in names]
        for name, other in zip_longest(names, used):
            if used and name != other:
                return name or names[-1]
    return None


def _parsed(code: str) -> ast.Module:
    """The code, or what stands before its first line that is no Python."""
    try:
        return ast.parse(code)
    except SyntaxError as error:
        return ast.parse("".join(python_source.lines(code)[: (error.lineno or 1) - 1]))


class _Uses(ast.NodeVisitor):
    """The attributes of `self` that code assigns and calls, in the order in which that happens."""

    def __init__(self) -> None:
        self.assigned: list[str] = []
        self.called: list[str] = []

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.ctx, ast.Store):
            self.assigned.append(node.attr)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        match node.func:
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                self.called.append(name)
