"""Measures a module as it runs: shapes, parameters, multiply-adds. Nothing is guessed from source text."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mlagent_tui.errors import CodeError
from mlagent_tui.schemas import LayerRow, Summary
from mlagent_tui.training.loading import describe


def summarise(model: nn.Module, class_name: str, input_size: tuple[int, ...]) -> Summary:
    """Facts of one forward pass in eval mode; `input_size` includes the batch. Raises `CodeError`."""
    rows: list[LayerRow] = []

    def row(name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            shape = tuple(output.shape[1:]) if isinstance(output, Tensor) else ()
            kind = type(module).__name__
            rows.append(LayerRow(name=name, type=kind, output_shape=shape, parameters=_count(module)))

        return hook

    leaves = [(name, module) for name, module in model.named_modules() if name and not any(module.children())]
    hooks = [module.register_forward_hook(row(name)) for name, module in leaves]
    counter = FlopCounterMode(display=False)
    try:
        with torch.no_grad(), counter:
            output = model.eval()(torch.zeros(input_size))
    except Exception as error:
        raise CodeError(
            f"forward: expected an output for input {input_size}, got {describe(error)}"
        ) from None
    finally:
        for hook in hooks:
            hook.remove()
    if not isinstance(output, Tensor):
        raise CodeError(f"output: expected a tensor, got {type(output).__name__}")
    stored = [*model.parameters(), *model.buffers()]
    return Summary(
        class_name=class_name,
        input_shape=input_size,
        output_shape=tuple(output.shape),
        total_parameters=_count(model),
        trainable_parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
        size_mb=sum(tensor.numel() * tensor.element_size() for tensor in stored) / 1e6,
        multiply_adds=int(counter.get_total_flops()) // 2,  # the counter takes a multiply-add for two
        layers=rows,
    )


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
