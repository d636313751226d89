"""What a network or a layer gives: a tensor, or tensors in tuples, lists, dictionaries and dataclasses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from itertools import islice
from typing import Any

from torch import Tensor

from mlagent_tui import shapes

_MOST_ITEMS = 8
_DEEPEST = 4


def sizes(tensor: Tensor, batch: int | None = None) -> tuple[int, ...]:
    """The shape, without its first dimension where that is the `batch`."""
    shape = tuple(int(n) for n in tensor.shape)
    return shape[1:] if shape and shape[0] == batch else shape


def tensors(output: Any, depth: int = 0) -> list[Tensor]:
    """The tensors of an output in order, but for those nested very deep."""
    if isinstance(output, Tensor):
        return [output]
    if depth > _DEEPEST:
        return []
    return [tensor for _, item in _items(output) for tensor in tensors(item, depth + 1)]


def show(output: Any, batch: int | None = None, depth: int = 0) -> str:
    """`(28x32, (2x1x32, 2x1x32))`: the shape of each tensor (`sizes`), and the structure around them."""
    if isinstance(output, Tensor):
        return shapes.show(sizes(output, batch)) or "number"
    items = list(islice(_items(output), _MOST_ITEMS + 1))
    if not items:
        return "nothing" if output is None else f"empty {_kind(output)}" if _holds(output) else _kind(output)
    if depth == _DEEPEST:
        return "…"
    told = [f"{name}: " * bool(name) + show(item, batch, depth + 1) for name, item in items[:_MOST_ITEMS]]
    return f"({', '.join([*told, *['…'] * (len(items) > _MOST_ITEMS)])})"


def _holds(output: Any) -> bool:
    return isinstance(output, Mapping | list | tuple)


def _items(output: Any) -> Iterator[tuple[str, Any]]:
    """The parts of an output with their names, which are empty in lists and tuples."""
    if isinstance(output, Mapping):
        yield from ((str(name), item) for name, item in output.items())
    elif isinstance(output, tuple) and hasattr(output, "_fields"):
        yield from zip(map(str, output._fields), output, strict=False)
    elif isinstance(output, list | tuple):
        yield from (("", item) for item in output)
    elif is_dataclass(output) and not isinstance(output, type):
        yield from ((part.name, getattr(output, part.name, None)) for part in fields(output))


def _kind(output: Any) -> str:
    return type(output).__name__
