"""A quick, friendly first look at generated code: what a model file needs, and nothing else.

It is not a boundary, the sandbox is; it gives the coder a clear message before anything is started.
"""

from __future__ import annotations

import ast

from mlagent_tui.errors import CodeError

MAX_SOURCE = 400_000  # characters; 195 for each of the layers that a network may have
MODULES = (
    "torch", "math", "typing", "collections", "functools", "itertools", "dataclasses", "enum", "abc",
    "__future__",
)  # fmt: skip
"""What a model file may import, and of torch not `_TORCH_ATTRIBUTES`. `docs/tools.md` lists the same."""
_TORCH = ("torch", "torch.nn", "torch.functional", "torch.fft", "torch.linalg", "torch.special")
_CALLS = frozenset({
    "eval", "exec", "compile", "open", "input", "__import__", "breakpoint", "globals", "locals", "vars",
    "exit", "quit", "help",
})  # fmt: skip
_ATTRIBUTES = frozenset({
    "__subclasses__", "__globals__", "__builtins__", "__code__", "__bases__", "__mro__", "__loader__",
    "__spec__",
})  # fmt: skip
_TORCH_ATTRIBUTES = frozenset({
    "load", "save", "hub", "jit", "compile", "package", "serialization", "utils", "distributed",
    "multiprocessing", "ops", "classes", "library", "export", "onnx", "from_file", "_C",
})  # fmt: skip


def check_source(source: str, class_name: str) -> None:
    """Raise `CodeError` unless `source` parses, imports only what a model needs and defines `class_name`."""
    if len(source) > MAX_SOURCE:
        raise CodeError(f"source: expected at most {MAX_SOURCE} characters, got {len(source)}")
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        raise CodeError(
            f"line {line or 1}: expected valid Python, got {getattr(error, 'msg', error)}"
        ) from None
    classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    if class_name not in classes:
        got = f"class {classes[-1]}" if classes else "none"
        raise CodeError(f"source: expected class {class_name}(nn.Module), got {got}")
    for node in ast.walk(tree):
        problem = _problem(node)
        if problem:
            raise CodeError(f"line {getattr(node, 'lineno', 1)}: {problem}")


def _problem(node: ast.AST) -> str:
    match node:
        case ast.Import(names=names):
            refused = [alias.name for alias in names if not _may_import(alias.name)]
        case ast.ImportFrom(module=module, level=level, names=names):
            whole = [f"{module}.{alias.name}" if module == "torch" else str(module) for alias in names]
            refused = ["a relative import"] if level else [name for name in whole if not _may_import(name)]
        case ast.Call(func=ast.Name(id=name)) if name in _CALLS:
            return f"expected only torch operations, got {name}()"
        case ast.Attribute(attr=name) if name in _ATTRIBUTES:
            return f"expected only torch operations, got .{name}"
        case ast.Attribute(value=ast.Name(id="torch"), attr=name) if name in _TORCH_ATTRIBUTES:
            return f"expected only torch operations, got torch.{name}"
        case _:
            return ""
    return f"expected imports of {', '.join(MODULES)} only, got {refused[0]}" if refused else ""


def _may_import(name: str) -> bool:
    if name.partition(".")[0] != "torch":
        return name.partition(".")[0] in MODULES
    if name.startswith("torch.nn."):
        return True
    parent, _, last = name.rpartition(".")
    return name in _TORCH or (parent == "torch" and last not in _TORCH_ATTRIBUTES)
