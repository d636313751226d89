"""What the training generator never produces, so that the benchmark can ask for exactly that.

Networks with a size or a pair of neighbouring layers listed here are refused while training texts are made;
`scripts/bench_minnow.py` draws only networks with at least one of them. Turns of phrase are in `phrases`.
"""

from __future__ import annotations

from itertools import pairwise

from mlagent_tui.schemas import ModelConfig
from mlagent_tui.shapes import infer

SIZES = frozenset({7, 18, 26, 36, 40, 56, 72, 88, 104, 112, 144, 168, 208, 224, 272, 304, 336, 352, 416, 464})
PAIRS = frozenset({
    ("groupnorm", "gelu"), ("layernorm", "elu"), ("batchnorm2d", "tanh"), ("silu", "avg_pool2d"),
    ("leaky_relu", "dropout2d"), ("tanh", "conv2d"), ("sigmoid", "max_pool2d"), ("elu", "dropout"),
    ("max_pool2d", "dropout2d"), ("avg_pool2d", "batchnorm2d"), ("gelu", "adaptive_avg_pool2d"),
    ("silu", "linear"), ("relu", "groupnorm"),
})  # fmt: skip
INPUTS = frozenset({(2, 12, 12), (3, 20, 20), (1, 24, 24), (4, 10, 10)})
CLASSES = frozenset({7, 13, 37})


def held_out(config: ModelConfig) -> bool:
    """Whether `config` holds a size, input, class count or pair of layers kept for the benchmark."""
    if tuple(config.input_shape) in INPUTS or config.num_classes in CLASSES:
        return True
    layers = [step.layer for step in infer(config) if step.role == "layer"]
    sizes = {getattr(layer, name, None) for layer in layers for name in ("out_channels", "out_features")}
    return bool(sizes & SIZES) or any((a.type, b.type) in PAIRS for a, b in pairwise(layers))
