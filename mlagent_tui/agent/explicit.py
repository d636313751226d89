"""A wanted change of a network, said layer by layer: what a small model can carry out.

"Double the channels" leaves a model to work out which layers are meant and to compute their sizes. Here each
is named with its new size. What no rule knows is told as it was said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlagent_tui import shapes
from mlagent_tui.agent.layer_calls import Calls, call, calls_of
from mlagent_tui.errors import ConfigError
from mlagent_tui.research.change import ACTIVATIONS, MAX_SIZE
from mlagent_tui.schemas import Conv2d, ModelConfig

SHOWN = 4
"""How many layers a sentence names; where there are more, the change is told as it was said."""


@dataclass(frozen=True)
class Edit:
    """A change as it is told, and in calls: some `instead` of others, some more, one left out.

    `complete`: the calls say all of it.
    """

    told: str
    instead: Mapping[str, str] = field(default_factory=dict)
    image: tuple[str, ...] = ()
    vector: tuple[str, ...] = ()
    left_out: str = ""
    complete: bool = True


def edit(change: str, config: ModelConfig) -> Edit:
    """The change in the layers of `config`; only as it was said where no rule knows it."""
    for pattern, rule in _RULES:
        match = re.fullmatch(pattern, change, re.IGNORECASE)
        made = rule(match, config) if match else None
        if made:
            return Edit(f"{change}: {made.told}", made.instead, made.image, made.vector, made.left_out)
    return Edit(change, complete=False)


def together(edits: Iterable[Edit]) -> Edit:
    """All of the changes as one; those that leave out a layer must be alone to be complete."""
    every = list(edits)
    if len(every) == 1:
        return every[0]
    return Edit(
        "; ".join(one.told for one in every),
        {old: new for one in every for old, new in one.instead.items()},
        tuple(call for one in every for call in one.image),
        tuple(call for one in every for call in one.vector),
        complete=all(one.complete and not one.left_out for one in every),
    )


def allowed(config: ModelConfig, wanted: Edit) -> dict[str, tuple[list[str], int]]:
    """For each part of a network: the calls that it may have after the change, and how many of them."""
    shown = calls_of(config)
    return {
        part: _allowed(getattr(shown, part), getattr(wanted, part), wanted) for part in ("image", "vector")
    }


def _allowed(calls: Sequence[str], more: Sequence[str], wanted: Edit) -> tuple[list[str], int]:
    kept = [_changed(one, wanted.instead) for one in calls]
    fewer = 1 if wanted.left_out in kept else 0
    return list(dict.fromkeys([*kept, *more])), len(kept) + len(more) - fewer


def _changed(text: str, instead: Mapping[str, str]) -> str:
    """A call with others in the place of what it is or holds."""
    if not instead:
        return text
    names = "|".join(map(re.escape, sorted(instead, key=len, reverse=True)))
    return re.sub(rf"(?<![\w.])(?:{names})(?![\w(])", lambda found: instead[found[0]], text)


def replaced(old: Any, new: Any) -> Edit:
    """One layer instead of another."""
    return _instead({call(old): call(new)}) or Edit("", complete=False)


def _layers(config: ModelConfig) -> list[Any]:
    try:
        steps = shapes.infer(config)
    except ConfigError:
        return []
    return [step.layer for step in steps[:-1] if step.role == "layer"]


def _scaled(config: ModelConfig, factor: float) -> Edit | None:
    pairs: dict[str, str] = {}
    for layer in _layers(config):
        for size in ("out_channels", "out_features"):
            if value := getattr(layer, size, None):
                scaled = max(1, min(MAX_SIZE, int(value * factor)))
                pairs[call(layer)] = call(layer.model_copy(update={size: scaled}))
    return _instead(pairs)


def _instead(pairs: dict[str, str]) -> Edit | None:
    if not 0 < len(pairs) <= SHOWN:
        return None
    told = ", ".join(f"{new} instead of {old}" for old, new in pairs.items())
    return Edit(f"write {told}", pairs)


def _activation(config: ModelConfig, name: str) -> Edit | None:
    there = dict.fromkeys(call(layer) for layer in _layers(config) if layer.type in ACTIVATIONS)
    return _instead({old: name for old in there if old != name}) if name in ACTIVATIONS else None


def _at_end(*, image: tuple[str, ...] = (), vector: tuple[str, ...] = ()) -> Edit:
    part = "image" if image else "vector"
    return Edit(f'write {" and ".join(image or vector)} at the end of "{part}"', image=image, vector=vector)


def _convolution(config: ModelConfig) -> Edit | None:
    channels = _channels(config)
    return _at_end(image=(f"conv2d({channels}, kernel_size=3, padding=1)", "relu")) if channels else None


def _block(config: ModelConfig) -> Edit | None:
    channels = _channels(config)
    inner = f"conv2d({channels}, kernel_size=3, padding=1)"
    return _at_end(image=(f"residual({inner}, relu, {inner})",)) if channels else None


def _channels(config: ModelConfig) -> int:
    """The channels of the last convolution, 0 without one."""
    return next((x.out_channels for x in reversed(_layers(config)) if isinstance(x, Conv2d)), 0)


def _dropout(config: ModelConfig, p: str) -> Edit | None:
    old = dict.fromkeys(call(layer) for layer in _layers(config) if layer.type == "dropout")
    return _instead({one: f"dropout({p})" for one in old}) if old else _at_end(vector=(f"dropout({p})",))


def _batch_norm(config: ModelConfig) -> Edit | None:
    count = sum(one.startswith("conv2d(") for one in calls_of(config).image)
    told = "write batchnorm2d after every conv2d"
    return Edit(told, image=("batchnorm2d",) * count) if count else None


def _without(config: ModelConfig) -> Edit | None:
    calls = calls_of(config)
    last = _last(calls, "conv2d(") or _last(calls, "linear(")
    return Edit(f"leave out the last {last}", left_out=last) if last else None


def _last(calls: Calls, name: str) -> str:
    return next((one for one in reversed([*calls.image, *calls.vector]) if one.startswith(name)), "")


Rule = Callable[[re.Match[str], ModelConfig], Edit | None]
_RULES: Sequence[tuple[str, Rule]] = (
    ("double the (?:channels|width)", lambda m, c: _scaled(c, 2)),
    ("halve the (?:channels|width)", lambda m, c: _scaled(c, 0.5)),
    (r"use (\w+)(?: activations)?", lambda m, c: _activation(c, m[1].lower())),
    (r"use dropout (0?\.\d+)", lambda m, c: _dropout(c, m[1])),
    ("add a conv layer", lambda m, c: _convolution(c)),
    ("add a residual block", lambda m, c: _block(c)),
    (r"add a linear layer (\d+)", lambda m, c: _at_end(vector=(f"linear({m[1]})", "relu"))),
    ("add batch norm", lambda m, c: _batch_norm(c)),
    ("pool globally", lambda m, c: _at_end(image=("adaptive_avg_pool2d(1)",))),
    ("add max pooling", lambda m, c: _at_end(image=("max_pool2d(2)",))),
    ("remove a layer", lambda m, c: _without(c)),
)
"""Patterns of the changes that `changes` and `research.change` name."""
