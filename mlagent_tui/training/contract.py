"""What a network must take and give: how it is called, and the sentences that refuse what cannot be used."""

from __future__ import annotations

import inspect
import re
from typing import Any, cast

import torch
from torch import Tensor, nn

from mlagent_tui.errors import CodeError, TrialError
from mlagent_tui.training.outputs import show

WANTED = "the network must take one float tensor (N, C, H, W) and return one float tensor (N, classes)"
NOTHING_TO_LEARN = "backward: expected gradients, got an output that depends on no trainable parameter"

_OF_INTEGERS = re.compile(
    r"\b(long|longtensor|int64|integers?|integral|indices)\b|not implemented for 'Float'", re.IGNORECASE
)


def inputs(model: nn.Module) -> int:
    """How many tensors `forward` must be given. Raises `CodeError` when tensors are not enough."""
    try:
        found = inspect.signature(model.forward).parameters.values()
    except (TypeError, ValueError):  # not written in Python
        return 1
    named = [p.name for p in found if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    if named:
        raise CodeError(f"forward: expected tensors as arguments, got the keyword argument {named[0]}")
    placed = [p for p in found if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL)]
    if not placed:
        raise CodeError("forward: expected a tensor as argument, got no argument")
    return max(1, sum(p.default is p.empty and p.kind is not p.VAR_POSITIONAL for p in placed))


def wants_integers(error: Exception) -> bool:
    """Whether `error` is what torch says where float numbers stand for indices."""
    return bool(_OF_INTEGERS.search(str(error)))


def refused_input(model: nn.Module, batch: Tensor, error: Exception) -> str:
    """Why `model` failed with `error` on one float tensor, where its inputs are the reason; else empty."""
    try:
        count = inputs(model)
    except CodeError as refusal:
        return f"{refusal.what}: {WANTED}"
    if count > 1:
        names = ", ".join(list(inspect.signature(model.forward).parameters)[:count])
        return f"forward: expected one input, got {count} ({names}): {WANTED}"
    if wants_integers(error) and _takes_integers(model, batch):
        return f"forward: expected a network for float numbers, got one for integers: {WANTED}"
    return ""


def _takes_integers(model: nn.Module, batch: Tensor) -> bool:
    try:
        with torch.no_grad():
            model(torch.zeros_like(batch, dtype=torch.long))
    except Exception as error:  # of its shape, perhaps, but not of its type any more
        return not wants_integers(error)
    return True


def one_tensor(output: Any) -> Tensor:
    """`output`, which must be one tensor of float numbers. Raises `TrialError`."""
    refusal = refused_output(output)
    if refusal:
        raise TrialError(refusal)
    return cast(Tensor, output)


def refused_output(output: Any) -> str:
    """Why `output` is not one tensor of float numbers; empty when it is."""
    if isinstance(output, Tensor) and output.is_floating_point():
        return ""
    if isinstance(output, Tensor):
        got = f"a tensor of {str(output.dtype).removeprefix('torch.')}"
    else:
        got = f"{type(output).__name__} {show(output)}" if output is not None else "nothing"
    return f"output: expected one float tensor, got {got}: {WANTED}"
