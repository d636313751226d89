"""Takes layers out of a coder's module: those that only made a stretch of a network a whole question."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from mlagent_tui.errors import CodeError

_RESHAPES = ("flatten", "view", "reshape")
"""How a flatten layer may be written without a layer."""


def leave_out(lead: Sequence[str], tail: Sequence[str], build: ast.FunctionDef, run: ast.FunctionDef) -> None:
    """Remove the layers `lead` at the beginning and `tail` at the end of a network.

    Raises `CodeError` naming one that is not applied.
    """
    for name in (*lead, *tail):
        removing = _Removing(name)
        removing.visit(run)
        flattens = name.startswith("flatten")
        if not removing.count and flattens:
            removing = _Removing(_reshape(run, first=name in lead))
            removing.visit(run)
        if not removing.count:
            raise CodeError(f"{name}: expected {'flatten' if flattens else 'linear'}, got nothing")
    build.body = [node for node in build.body if not _assigns(node, {*lead, *tail})]
    run.body = [node for node in run.body if not _does_nothing(node)]


class _Removing(ast.NodeTransformer):
    """Puts its input in the place of a call: of an attribute of `self` by name, or of one very node."""

    def __init__(self, call: str | ast.Call | None) -> None:
        self._call = call
        self.count = 0

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name), args=[taken]):
                if name == self._call:
                    self.count += 1
                    return taken
            case ast.Call(func=ast.Attribute(value=source), args=arguments) if node is self._call:
                self.count += 1
                of_module = isinstance(source, ast.Name) and source.id in ("torch", "F")
                return arguments[0] if of_module else source
        return node


def _reshape(run: ast.FunctionDef, *, first: bool) -> ast.Call | None:
    """The first or the last call that flattens a tensor without a layer."""
    found = [
        node
        for node in ast.walk(run)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _RESHAPES
        and not (isinstance(node.func.value, ast.Name) and node.func.value.id == "self")
    ]
    found.sort(key=lambda node: (node.end_lineno or 0, node.end_col_offset or 0))
    return (found[0] if first else found[-1]) if found else None


def _assigns(node: ast.stmt, names: set[str]) -> bool:
    match node:
        case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=attribute)]):
            return attribute in names
    return False


def _does_nothing(node: ast.stmt) -> bool:
    """`x = x`."""
    match node:
        case ast.Assign(targets=[ast.Name(id=target)], value=ast.Name(id=value)):
            return target == value
    return False
