"""What to change in a network that was refused: one change in plain words, worked out from its own layers."""

from __future__ import annotations

from mlagent_tui import shapes
from mlagent_tui.agent import alternatives, planning
from mlagent_tui.agent.context import Brief
from mlagent_tui.agent.explicit import explicit
from mlagent_tui.agent.layer_calls import call
from mlagent_tui.errors import ConfigError
from mlagent_tui.research import wishes
from mlagent_tui.schemas import Conv2d, Linear, ModelConfig, Wish

WITHIN = 0.9
"""The share of a limit of parameters that an advice aims at."""
LEAST = 4
"""Channels or features below which no layer is made smaller."""


def advice(brief: Brief, refused: ModelConfig, repeated: bool = False) -> str:
    """The change that would make `refused` acceptable; empty where nothing is wrong with it by itself.

    `repeated`: the advice before was not followed; then it goes further.
    """
    try:
        steps = shapes.infer(refused)
    except ConfigError as error:
        return f"{error.what}. {error.remedy}".rstrip(". ")
    limit = brief.goal.max_parameters
    if limit is not None and alternatives.over(brief, shapes.count_parameters(steps)):
        return _smaller(steps, WITHIN * limit / 2 if repeated else WITHIN * limit)
    return "; ".join(_missing(wish, refused) for wish in planning.missed(brief, refused, None))


def _missing(wish: Wish, refused: ModelConfig) -> str:
    """The change that gives `refused` what a wish asks for."""
    said = wishes.words(wish)
    if wish.refused:
        return f"the network must have {said}"
    match wish.about:
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
            return 'write no layers in "image"'
        case "convolutions" if wish.comparison == "=":
            return f'write {wish.number:g} conv2d layers in "image"'
        case _:
            return f"the network must have {said}"
    return explicit(said, refused)


def _smaller(steps: list[shapes.Step], aim: float) -> str:
    """The largest layer with fewer features, or a smaller image before it."""
    largest = max(steps, key=lambda step: step.parameters)
    rest = shapes.count_parameters(steps) - largest.parameters
    layer, share = largest.layer, max(0.0, aim - rest) / largest.parameters
    if isinstance(layer, Linear) and largest is not steps[-1] and share * layer.out_features >= LEAST:
        smaller = layer.model_copy(update={"out_features": int(share * layer.out_features)})
        return f"write {call(smaller)} instead of {call(layer)}"
    image = next((step.input_shape for step in steps if step.layer.type == "flatten"), ())
    if isinstance(layer, Linear) and len(image) == 3 and min(image[1:]) >= 2:
        return 'add "max_pool2d(2)" as the last layer of "image"'
    if isinstance(layer, Conv2d) and layer.out_channels > LEAST:
        smaller = layer.model_copy(update={"out_channels": max(LEAST, layer.out_channels // 2)})
        return f"write {call(smaller)} instead of {call(layer)}"
    return "halve the channels"
