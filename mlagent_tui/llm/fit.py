"""Whether a model fits into memory, before it is loaded; and what would fit where it does not.

Estimates: the weights as they lie on disk or as they will be stored, the context's keys and values, and what
an evaluation needs besides. Reads nothing; whoever loads the model says what there is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

from mlagent_tui.errors import ModelError

SCRATCH = 250_000_000
"""Bytes that an evaluation takes besides, apart from what grows with the model. Most of it is room for the
logits of one chunk of a prompt, here over a vocabulary of 150,000 or more."""

SHORTEST = 2048
"""Tokens; a shorter context is not proposed, since prompts would not fit."""

STEP = 1024

LAYERS_AND_OUTPUT = 1
"""llama.cpp counts the output matrix as one more layer."""


@dataclass(frozen=True)
class Model:
    """Bytes that a model needs. `cache(tokens)` are those of its context."""

    name: str
    weights: int
    layers: int
    cache: Callable[[int], int]

    def need(self, context: int) -> int:
        """Bytes with a context of so many tokens."""
        return self.weights + self.cache(context) + self.weights // 50 + SCRATCH

    def longest(self, room: int, context: int) -> int:
        """The longest context, in steps of 1,024 tokens, that fits into `room`; 0 when none of use."""
        steps = range(SHORTEST, context, STEP)
        return steps[fitting - 1] if (fitting := bisect_right(steps, room, key=self.need)) else 0

    def layers_within(self, room: int, context: int) -> int:
        """How many layers fit into `room` bytes of a GPU; -1: all."""
        if self.need(context) <= room:
            return -1
        each = (self.weights + self.cache(context)) / (max(self.layers, 1) + LAYERS_AND_OUTPUT)
        return min(self.layers, max(0, int((room - self.weights // 50 - SCRATCH) / each))) if each else 0


@dataclass(frozen=True)
class Held:
    """Bytes that a loaded model holds: in the machine's memory, and in that of GPUs which have their own."""

    host: int = 0
    gpu: int = 0


def held(model: Model, context: int, layers: int) -> Held:
    """What a model holds with so many layers on GPUs that have memory of their own; -1: all of them."""
    need, counted = model.need(context), model.layers + LAYERS_AND_OUTPUT
    share = 1.0 if layers < 0 else min(layers / counted, 1.0)
    on_gpu = int(share * need)
    return Held(need - on_gpu, on_gpu)


def gpu_layers(model: Model, context: int, wanted: int, gpu: int) -> int:
    """How many layers to put on a GPU with `gpu` bytes free; `wanted` -1: as many as fit, -1: all of them.

    Raises `ModelError` when more are wanted than fit.
    """
    fitting = model.layers_within(gpu, context)
    if wanted < 0:
        return fitting
    if 0 <= fitting < wanted:
        raise ModelError(
            f"{wanted} layers of {model.name} do not fit on the GPU, which has {size(gpu)} free",
            f"Use at most {fitting} GPU layers" + _or_context(model, gpu, context) + ".",
        )
    return wanted


def check(model: Model, context: int, available: int) -> None:
    """Raises `ModelError` when the model does not fit into `available` bytes, with what would."""
    need = model.need(context)
    if need <= available:
        return
    longest = model.longest(available, context)
    if longest:
        remedy = f"A context of {longest:,} tokens would fit; or close other programs."
    else:
        remedy = "Use a smaller model, or one with fewer bits per weight, or close other programs."
    raise ModelError(
        f"{model.name} does not fit: it needs about {size(need)} ({size(model.weights)} of weights, "
        f"{size(model.cache(context))} for a context of {context:,} tokens), and {size(available)} are free",
        remedy,
    )


def _or_context(model: Model, room: int, context: int) -> str:
    longest = model.longest(room, context)
    return f", or a context of {longest:,} tokens" if longest else ""


def size(count: int) -> str:
    """`5.2 GB`."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
