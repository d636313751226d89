"""What to change in a network that was refused: one change in plain words, worked out from its own layers."""

from __future__ import annotations

from mlagent_tui import shapes
from mlagent_tui.agent import alternatives, planning
from mlagent_tui.agent.context import Brief
from mlagent_tui.agent.explicit import Edit, edit, replaced, together
from mlagent_tui.errors import ConfigError
from mlagent_tui.research import wishes
from mlagent_tui.schemas import Conv2d, Linear, ModelConfig, Wish

WITHIN = 0.9
"""The share of a limit of parameters that an advice aims at."""
LEAST = 4
"""Channels or features below which no layer is made smaller."""


def advice(brief: Brief, refused: ModelConfig, repeated: bool = False) -> Edit | None:
    """The change that would make `refused` acceptable; None where nothing is wrong with it by itself.

    `repeated`: the advice before was not followed; then it goes further.
    """
    try:
        steps = shapes.infer(refused)
    except ConfigError as error:
        return Edit(f"{error.what}. {error.remedy}".rstrip(". "), complete=False)
    limit = brief.goal.max_parameters
    if limit is not None and alternatives.over(brief, shapes.count_parameters(steps)):
        return _smaller(steps, WITHIN * limit / 2 if repeated else WITHIN * limit)
    missed = planning.missed(brief, refused, None)
    return together(_missing(wish, refused) for wish in missed) if missed else None


def _missing(wish: Wish, refused: ModelConfig) -> Edit:
    """The change that gives `refused` what a wish asks for."""
    said = f"the network must have {wishes.words(wish)}"
    match wish.about:
        case _ if wish.refused:
            return Edit(said, complete=False)
        case "activation":
            said = f"use {wish.value}"
        case "norm" if wish.value in ("", "batch"):
            said = "add batch norm"
        case "dropout":
            said = f"use dropout {wish.number or 0.2:g}"
        case "pooling" if wish.value == "global average":
            said = "pool globally"
        case "pooling" if wish.value == "max":
            said = "add max pooling"
        case "residual" | "residual blocks":
            said = "add a residual block"
        case "fully connected":
            said = 'write no layers in "image"'
        case "convolutions" if wish.comparison == "=":
            said = f'write {wish.number:g} conv2d layers in "image"'
    return edit(said, refused)


def _smaller(steps: list[shapes.Step], aim: float) -> Edit:
    """The largest layer with fewer features, or a smaller image before it."""
    largest = max(steps, key=lambda step: step.parameters)
    rest = shapes.count_parameters(steps) - largest.parameters
    layer, share = largest.layer, max(0.0, aim - rest) / largest.parameters
    if isinstance(layer, Linear) and largest is not steps[-1] and share * layer.out_features >= LEAST:
        return replaced(layer, layer.model_copy(update={"out_features": int(share * layer.out_features)}))
    image = next((step.input_shape for step in steps if step.layer.type == "flatten"), ())
    if isinstance(layer, Linear) and len(image) == 3 and min(image[1:]) >= 2:
        return Edit('write max_pool2d(2) at the end of "image"', image=("max_pool2d(2)",))
    if isinstance(layer, Conv2d) and layer.out_channels > LEAST:
        return replaced(layer, layer.model_copy(update={"out_channels": max(LEAST, layer.out_channels // 2)}))
    return Edit("halve the channels", complete=False)
