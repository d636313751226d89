"""The lines of a network's code before they are written: what each is to do, and its left side.

The right side is the coder's to write. `difference` says whether a right side does what its line is to do.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mlagent_tui.shapes import Step
from mlagent_tui.tools.torch_calls import KINDS, REQUIRED, arguments, described

Method = Literal["__init__", "forward"]
_MODULES = ("nn", "torch.nn")
SHOWN = 120
"""Characters of a wrong line that are told."""


@dataclass(frozen=True)
class Line:
    """One line of `method`: `comment` says what it does, `left` begins it. `kind` tells lines that are alike.

    `right` is one way to write the rest, for comparison alone: nothing of it is shown or accepted in place
    of what the coder writes.
    """

    method: Method
    kind: str
    comment: str
    left: str
    right: str
    step: Step | None = None


def outline(steps: Sequence[Step]) -> list[Line]:
    """The lines of `__init__` after `super().__init__()`, then those of `forward`, its return included."""
    made = [_made(step) for step in steps if step.role in ("layer", "shortcut")]
    return [*made, *_run(steps), Line("forward", "return", "return x", "return", "x")]


def _made(step: Step) -> Line:
    left = f"self.{step.name} ="
    return Line("__init__", step.layer.type, described(step), left, described(step), step)


def _run(steps: Sequence[Step]) -> Iterator[Line]:
    for step in steps:
        name = step.name
        if step.role == "layer":
            yield Line("forward", "apply", name, "x =", f"self.{name}(x)", step)
        elif step.role == "open":
            yield Line("forward", "keep", f"keep x as {name}", f"{name} =", "x", step)
        elif step.role == "close" and step.input_shape == step.output_shape:
            yield Line("forward", "add", f"add {name}", "x =", f"x + {name}", step)
        elif step.role == "close":
            short = f"shortcut{name.removeprefix('res')}"
            yield Line(
                "forward", "add_shortcut", f"add {short} of {name}", "x =", f"x + self.{short}({name})", step
            )


def difference(line: Line, text: str) -> str | None:
    """What is wrong with `text` as the right side of `line`; None where it does what it is to do."""
    shown = " ".join(text.split())[:SHOWN] or "nothing"
    try:
        value = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return f"{_place(line)}: expected {_wanted(line)}, got {shown}"
    right = _makes(line.step, value) if line.method == "__init__" and line.step else _does(line, value)
    return None if right else f"{_place(line)}: expected {_wanted(line)}, got {shown}"


def _place(line: Line) -> str:
    return line.step.name if line.step else "forward"


def _wanted(line: Line) -> str:
    return line.comment.partition(": ")[2] if line.method == "__init__" else f"{line.left} {line.right}"


def _does(line: Line, value: ast.expr) -> bool:
    """Whether `value` is the expression of the line, sums in either order."""
    wanted = ast.parse(line.right, mode="eval").body
    return ast.dump(value) in (ast.dump(wanted), ast.dump(_turned(wanted)))


def _turned(value: ast.expr) -> ast.expr:
    match value:
        case ast.BinOp(left, op, right):
            return ast.BinOp(right, op, left)
    return value


def _makes(step: Step, value: ast.expr) -> bool:
    """Whether `value` makes the layer of `step`: its class, and the same arguments, by name or by place."""
    kind = KINDS[step.layer.type]
    match value:
        case ast.Call(func=ast.Attribute(value=module, attr=name), args=placed, keywords=named):
            if name != kind.name or ast.unparse(module) not in _MODULES or len(placed) > len(kind.parameters):
                return False
        case _:
            return False
    given: dict[str, Any] = {}
    pairs = [
        *zip(kind.parameters, placed, strict=False),
        *((keyword.arg or "", keyword.value) for keyword in named),
    ]
    for key, node in pairs:
        if key in given or key not in kind.parameters:
            return False
        try:
            given[key] = ast.literal_eval(node)
        except ValueError:
            return False
    wanted, found = _complete({**kind.parameters, **arguments(step)}), _complete({**kind.parameters, **given})
    return all(found[key] is not REQUIRED and _same(found[key], wanted[key]) for key in wanted)


def _complete(given: dict[str, Any]) -> dict[str, Any]:
    """Arguments with the stride of a pooling layer, which is its kernel's size where none is given."""
    return given | {"stride": given["kernel_size"]} if given.get("stride", 0) is None else given


def _same(one: Any, other: Any) -> bool:
    """Whether torch takes both for the same: `3` and `(3, 3)`, `[8, 4, 4]` and `(8, 4, 4)`."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return list(one) == list(other)
    if isinstance(one, list | tuple):
        return bool(one) and all(_same(each, other) for each in one) and len(one) <= 2
    if isinstance(other, list | tuple):
        return len(other) == 1 and _same(one, other[0])
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    return bool(one == other)
