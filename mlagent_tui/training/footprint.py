"""How much memory a trial is expected to need beyond what an idle worker has, worked out before it starts.

An estimate that is rather too high than too low: what PyTorch's libraries take on their own differs by
machine, and asking for too much room costs a few seconds while asking for too little costs a trial.
"""

from __future__ import annotations

from math import prod

from mlagent_tui import shapes
from mlagent_tui.schemas import DataCard, EvalConfig, ModelConfig

FLOAT = 4
"""Bytes of a number."""

COPIES = 4
"""Weights, gradients, and AdamW's two moments."""

MEASURED_AT_ONCE = 512
"""Images of a batch while a network is measured (`trainer._MEASURE_BATCH`)."""

LIBRARIES = {"cuda": 1_000_000_000, "mps": 500_000_000, "cpu": 200_000_000}
"""Bytes that a first training takes by itself: a CUDA context with its kernels and their workspace, or what
the CPU's libraries allocate."""

MARGIN = 1.25


def expected_memory(config: ModelConfig, settings: EvalConfig, card: DataCard, device: str) -> int:
    """Bytes that a trial of `config` will take on `device` ("cuda", "mps", "cpu").

    Each layer's output is kept for the backward pass, where its gradient stands beside it; a convolution's
    workspace is about as large again. Raises `ConfigError` for a configuration that cannot be built.
    """
    steps = shapes.infer(config)
    outputs = [prod(config.input_shape), *(prod(step.output_shape) for step in steps)]
    training = 3 * sum(outputs) * settings.batch_size
    measuring = 2 * max(outputs) * MEASURED_AT_ONCE
    images = (card.train_size + card.val_size + card.test_size) * prod(card.input_shape)
    numbers = COPIES * shapes.count_parameters(steps) + max(training, measuring)
    return LIBRARIES[device] + int(MARGIN * (FLOAT * numbers + 2 * images))
