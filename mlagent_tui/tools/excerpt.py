"""Shorter and shorter views of a module's source, for a prompt that has little room."""

from __future__ import annotations

import ast
from collections.abc import Iterator

LINES = 40
"""Lines that the shortest views keep."""


def needed(source: str, class_name: str) -> str:
    """The class, and what of the file it uses; all of it where the file is not Python or lacks the class."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return source
    defined = {name: node for node in tree.body for name in _defines(node)}
    if class_name not in defined:
        return source
    used, waiting = set[str](), [class_name]
    while waiting:
        name = waiting.pop()
        if name not in used:
            used.add(name)
            waiting += {n.id for n in ast.walk(defined[name]) if isinstance(n, ast.Name)} & defined.keys()
    lines = source.splitlines(keepends=True)
    kept = [node for node in tree.body if used & set(_defines(node))]
    return "".join("".join(lines[_start(node) : node.end_lineno]) for node in kept)


def views(source: str, class_name: str) -> Iterator[str]:
    """The file; what the class uses; that without docstrings and comments; its `__init__` and `forward`."""
    yield source
    part = needed(source, class_name)
    yield part
    try:
        tree = ast.parse(part)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        yield _first(part)
        return
    yield ast.unparse(_bare(tree))
    own = next((n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == class_name), None)
    methods = [n for n in own.body if isinstance(n, ast.FunctionDef)] if own else []
    yield "\n".join(_first(ast.unparse(n)) for n in methods if n.name in ("__init__", "forward"))


def _defines(node: ast.stmt) -> list[str]:
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return [alias.asname or alias.name.partition(".")[0] for alias in names]
        case _:
            return []


def _start(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(d.lineno for d in decorators)]) - 1


def _bare(tree: ast.Module) -> ast.Module:
    """The tree without docstrings; comments are not in it anyway."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def _first(text: str) -> str:
    lines = text.splitlines()
    return "\n".join([*lines[:LINES], "..."] if len(lines) > LINES else lines)
