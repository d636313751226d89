"""Which part of generated Python its classes need, and whether lines of it were left out.

A training loop, or a model that is built and printed, may follow a class that does without it.
"""

from __future__ import annotations

import ast
import re
import symtable
from collections.abc import Iterable, Iterator, Sequence

from mlagent_tui import python_source
from mlagent_tui.llm.plain_code import parsed

_LEFT_OUT = re.compile(r"\s*#\s*(?:\.\.\.|…|(?:the )?(?:rest|remaining)\b)", re.IGNORECASE)


def needed(code: str) -> str:
    """The code up to the last class and to what that uses, without imports that only the rest has used.

    Code without a class, or that is not valid, stays as it is.
    """
    tree = parsed(code)
    last = (
        max((i for i, node in enumerate(tree.body) if isinstance(node, ast.ClassDef)), default=-1)
        if tree
        else -1
    )
    if tree is None or last in (-1, len(tree.body) - 1):
        return code
    lines = python_source.lines(code)
    while True:
        kept, rest = tree.body[: last + 1], tree.body[last + 1 :]
        used = _used("".join(lines[: kept[-1].end_lineno]))
        wanted = [i for i, node in enumerate(tree.body) if i > last and used & set(_bound([node]))]
        if not wanted:
            break
        last = wanted[-1]
    if not rest:
        return code
    dropped = set(_lines_of(_imports_without_use(kept, used)))
    return "".join(
        line for number, line in enumerate(lines[: kept[-1].end_lineno], 1) if number not in dropped
    )


def left_out(code: str) -> str:
    """What stands in `code` in place of lines that were not written, in a sentence; else empty."""
    tree = parsed(code)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is ...:
            return f"line {node.lineno}: expected code, got ...; write every line"
    for number, line in enumerate(python_source.lines(code), 1):
        if _LEFT_OUT.match(line):
            return f"line {number}: expected code, got {line.strip()[:60]!r}; write every line"
    return ""


def _used(code: str) -> set[str]:
    """The names that a module takes from its own top level, or from nowhere."""
    top = symtable.symtable(code, "<code>", "exec")
    return {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()} | set(_global(top))


def _global(table: symtable.SymbolTable) -> Iterator[str]:
    for inner in table.get_children():
        yield from (one.get_name() for one in inner.get_symbols() if one.is_global() and one.is_referenced())
        yield from _global(inner)


def _bound(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The names that statements give at their own level."""
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.alias(name=name, asname=None):
                yield name.partition(".")[0]
            case ast.alias(asname=str(name)):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Lambda():
                pass
            case _:
                yield from _bound(ast.iter_child_nodes(node))


def _imports_without_use(nodes: Sequence[ast.stmt], used: set[str]) -> Iterator[ast.stmt]:
    for before, node in zip([None, *nodes], nodes, strict=False):
        alone = before is None or before.end_lineno != node.lineno
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if (
            isinstance(node, ast.Import | ast.ImportFrom)
            and alone
            and not future
            and not used & set(_bound([node]))
        ):
            yield node


def _lines_of(nodes: Iterable[ast.stmt]) -> Iterator[int]:
    for node in nodes:
        yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)
