"""Measures a module as it runs: shapes, parameters, multiply-adds. Nothing is guessed from source text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn

from mlagent_tui.errors import CodeError
from mlagent_tui.research.multiply_adds import EVERYTHING
from mlagent_tui.schemas import LayerRow, Summary
from mlagent_tui.training import contract
from mlagent_tui.training.layers import Calls, count_parameters, cut, own_parameters, rows, size
from mlagent_tui.training.loading import describe
from mlagent_tui.training.multiply_adds import counting
from mlagent_tui.training.outputs import show, tensors
from mlagent_tui.training.replies import MOST_NAMES, MOST_ROWS


@dataclass(frozen=True)
class Ran:
    """One forward pass: what it gave and took. `first_use` is None where it could not be followed."""

    output: Any
    multiply_adds: int
    not_counted: list[str]
    first_use: Mapping[int, int] | None


def run(
    model: nn.Module,
    inputs: Sequence[Tensor],
    watching: Callable[[Iterator[int]], AbstractContextManager[None]] = lambda clock: nullcontext(),
) -> Ran:
    """`model(*inputs)` without gradients, its multiply-adds counted. Raises what the network itself raises.

    What the counter cannot follow runs without it.
    """
    clock = count()
    try:
        with torch.no_grad(), counting(clock) as counter, watching(clock):
            output = model(*inputs)
        return Ran(output, counter.total, counter.not_counted, counter.first_use)
    except Exception:
        with torch.no_grad(), watching(clock):
            output = model(*inputs)
        return Ran(output, 0, [EVERYTHING], None)


def summarise(model: nn.Module, class_name: str, input_size: tuple[int, ...]) -> Summary:
    """Facts of one forward pass in eval mode; `input_size` includes the batch.

    The input is a tensor of float zeros, or of integers where the network takes no other; a network of
    several inputs gets as many. Raises `CodeError`.
    """
    inputs = contract.inputs(model)
    calls = Calls(input_size[0] if input_size else 1)
    ran, dtype = _try(model.eval(), inputs, input_size, calls)
    outputs = tensors(ran.output)
    if not outputs:
        raise CodeError(f"output: expected tensors, got {show(ran.output)}")
    stored = [*own_parameters(model).values(), *model.buffers()]
    return Summary(
        class_name=class_name,
        input_shape=input_size,
        inputs=inputs,
        input_type=str(dtype).removeprefix("torch."),
        output_shape=tuple(outputs[0].shape),
        output="" if isinstance(ran.output, Tensor) else cut(show(ran.output)),
        total_parameters=count_parameters(model),
        trainable_parameters=sum(size(p) for p in own_parameters(model).values() if p.requires_grad),
        size_mb=sum(tensor.nbytes for tensor in stored if size(tensor)) / 1e6,
        multiply_adds=ran.multiply_adds,
        not_counted=ran.not_counted[:MOST_NAMES],
        layers=_most(rows(model, calls, ran.first_use)),
    )


def _try(model: nn.Module, inputs: int, input_size: tuple[int, ...], calls: Calls) -> tuple[Ran, torch.dtype]:
    """The forward pass on float numbers; on integers where it is that which the network lacks."""
    for dtype in (torch.float32, torch.long):
        try:
            return run(model, [torch.zeros(input_size, dtype=dtype)] * inputs, calls.watching), dtype
        except Exception as error:
            problem = error
            if not contract.wants_integers(error):
                break
    given = "one tensor" if inputs == 1 else f"{inputs} tensors"
    raise CodeError(
        f"forward: expected an output for {given} of size {input_size}, got {describe(problem)}"
    ) from None


def _most(table: list[LayerRow]) -> list[LayerRow]:
    """`table`, the last of very many rows taken together."""
    if len(table) <= MOST_ROWS:
        return table
    rest = table[MOST_ROWS - 1 :]
    parameters = sum(row.parameters for row in rest)
    last = LayerRow(name="…", type=f"{len(rest)} more", output_shape=(), parameters=parameters)
    return [*table[: MOST_ROWS - 1], last]
