"""How much memory a trial needs beyond what an idle worker has, worked out before it starts.

`expected_memory` is an estimate, rather too high than too low: what PyTorch's libraries take on their own
differs by machine; asking for too much room costs a few seconds, and asking for too little costs a trial.
What `refuse_network` and `refuse_data` refuse would need more for certain.
"""

from __future__ import annotations

from math import prod

from mlagent_tui import shapes
from mlagent_tui.errors import ConfigError, OutOfMemory
from mlagent_tui.schemas import DataCard, EvalConfig, ModelConfig
from mlagent_tui.training import batching

FLOAT = 4
"""Bytes of a number."""

COPIES = 5
"""Weights, gradients, AdamW's two moments, and the weights of the best epoch."""

FEWEST_COPIES = 4
"""The same with SGD, which keeps one moment. Checking a network takes more: it is compared in float64."""

MEASURED_AT_ONCE = 512
"""Images of a batch while a network is measured, up to CIFAR's size; fewer of larger ones."""

LIBRARIES = {"cuda": 1_000_000_000, "mps": 500_000_000, "cpu": 200_000_000}
"""Bytes that a first training takes by itself: a CUDA context with its kernels and their workspace, or what
the CPU's libraries allocate."""

MARGIN = 1.25


def measured_at_once(input_shape: tuple[int, ...], batch_size: int) -> int:
    """Images that are measured together: as many numbers as `MEASURED_AT_ONCE` of CIFAR's images have.

    It is never fewer than are trained on together, which need more.
    """
    fitting = MEASURED_AT_ONCE * 3 * 32 * 32 // prod(input_shape)
    return min(MEASURED_AT_ONCE, max(batch_size, fitting, 1))


def expected_memory(config: ModelConfig, settings: EvalConfig, card: DataCard, device: str) -> int:
    """Bytes that a trial of `config` will take on `device` ("cuda", "mps", "cpu").

    Each layer's output is kept for the backward pass, where its gradient stands beside it; a convolution's
    workspace is about as large again. Raises `ConfigError` for a configuration that cannot be built.
    """
    steps = shapes.infer(config)
    outputs = [prod(config.input_shape), *(prod(step.output_shape) for step in steps)]
    training = 3 * sum(outputs) * batching.largest(card.train_size, settings.batch_size)
    measuring = 2 * max(outputs) * measured_at_once(config.input_shape, settings.batch_size)
    numbers = COPIES * shapes.count_parameters(steps) + max(training, measuring)
    return LIBRARIES[device] + int(MARGIN * (FLOAT * numbers + 2 * _images(card)))


def refuse_network(steps: list[shapes.Step], memory_mb: int) -> None:
    """Raise `ConfigError` for a network whose parameters alone take more than trials may use."""
    count = shapes.count_parameters(steps)
    least = FEWEST_COPIES * FLOAT * count
    if least > memory_mb << 20:
        largest = max(steps, key=lambda step: step.parameters)
        raise ConfigError(
            f"the network is too large: training its {count:,} parameters takes at least {_gb(least)} of "
            f"memory, and trials may use {_gb(memory_mb << 20)}; {largest.name} alone has "
            f"{largest.parameters:,}",
            "Use fewer channels or features, pool more before a linear layer, or raise memory_limit_mb.",
        )


def refuse_data(card: DataCard, memory_mb: int) -> None:
    """Raise `OutOfMemory` for images that alone take more than trials may use: a byte each number."""
    least = _images(card)
    if least > memory_mb << 20:
        raise OutOfMemory(
            f"out of memory: the {card.train_size + card.val_size:,} images of {card.dataset} take "
            f"{_gb(least)}, and trials may use {_gb(memory_mb << 20)}",
            "Set a smaller train_size or input_shape, or raise memory_limit_mb.",
        )


def _images(card: DataCard) -> int:
    """Bytes of the images that a training keeps."""
    return (card.train_size + card.val_size) * prod(card.input_shape)


def _gb(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"
