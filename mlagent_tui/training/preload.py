"""What every trial would load again by itself: a template loads it once for all its workers."""

from __future__ import annotations

import numpy.ctypeslib  # noqa: F401
import torch.optim.lr_scheduler  # noqa: F401

from mlagent_tui.schemas import ModelConfig
from mlagent_tui.training import checks


def preload() -> None:
    """Have torch import what it imports late. A network on the meta device is shapes only: no kernel runs."""
    layers = [
        {"type": "conv2d", "out_channels": 1, "kernel_size": 1},
        {"type": "flatten"},
        {"type": "linear", "out_features": 2},
    ]
    config = {"input_shape": (1, 2, 2), "num_classes": 2, "layers": layers}
    checks.check_config(ModelConfig.model_validate(config))
