"""Networks that a study of prompts asks for: of the kinds that people ask for, with sizes drawn at random.

None of the sizes is one of a worked example's.
"""

from __future__ import annotations

import random
from typing import Any

from mlagent_tui.errors import ConfigError
from mlagent_tui.schemas import ModelConfig
from mlagent_tui.shapes import infer

LayerDict = dict[str, Any]
FEWEST, MOST = 4, 25
"""Steps of a network."""
SIZES = (6, 8, 10, 12, 16, 18, 20, 24, 32, 40, 48, 64, 80, 96, 100, 128, 160, 200, 256)
ACTIVATIONS = ("relu", "relu", "relu", "gelu", "silu", "tanh", "elu", "leaky_relu", "sigmoid")


def networks(count: int, seed: int = 40_000_003) -> list[ModelConfig]:
    """`count` networks, of each kind about as many; the same for the same seed."""
    rng = random.Random(seed)
    kinds = (_plain, _convolutional, _normed, _residual)
    found: list[ModelConfig] = []
    while len(found) < count:
        config = _drawn(rng, kinds[len(found) % len(kinds)](rng))
        if config and FEWEST <= len(infer(config)) <= MOST:
            found.append(config)
    return found


def _drawn(rng: random.Random, body: list[LayerDict]) -> ModelConfig | None:
    channels, side = rng.choice((1, 1, 3, 2)), rng.choice((8, 12, 16, 28, 32))
    classes = rng.choice((10, 10, 2, 5, 7, 26, 100))
    layers = [*body, {"type": "linear", "out_features": classes}]
    config = ModelConfig.model_validate(
        {"input_shape": (channels, side, side), "num_classes": classes, "layers": layers}
    )
    try:
        infer(config)
    except ConfigError:
        return None
    return config


def _activation(rng: random.Random) -> LayerDict:
    return {"type": rng.choice(ACTIVATIONS)}


def _plain(rng: random.Random) -> list[LayerDict]:
    """A multilayer perceptron."""
    layers: list[LayerDict] = [{"type": "flatten"}]
    activation = _activation(rng)
    for _ in range(rng.randint(1, 4)):
        layers += [{"type": "linear", "out_features": rng.choice(SIZES)}, activation]
        if rng.random() < 0.3:
            layers.append({"type": "dropout", "p": rng.choice((0.1, 0.2, 0.3, 0.5))})
    return layers


def _conv(rng: random.Random) -> LayerDict:
    kernel = rng.choice((3, 3, 3, 5, 1))
    layer: LayerDict = {"type": "conv2d", "out_channels": rng.choice(SIZES[:13]), "kernel_size": kernel}
    if kernel > 1:
        layer["padding"] = kernel // 2
    if rng.random() < 0.15:
        layer["stride"] = 2
    return layer


def _ended(rng: random.Random, layers: list[LayerDict]) -> list[LayerDict]:
    if rng.random() < 0.3:
        layers.append({"type": "adaptive_avg_pool2d", "output_size": rng.choice((1, 2))})
    layers.append({"type": "flatten"})
    if rng.random() < 0.4:
        layers += [{"type": "linear", "out_features": rng.choice(SIZES)}, _activation(rng)]
    if rng.random() < 0.3:
        layers.append({"type": "dropout", "p": rng.choice((0.25, 0.4, 0.5))})
    return layers


def _convolutional(rng: random.Random) -> list[LayerDict]:
    layers: list[LayerDict] = []
    activation = _activation(rng)
    for _ in range(rng.randint(1, 3)):
        layers += [_conv(rng), activation]
        if rng.random() < 0.6:
            layers.append({"type": rng.choice(("max_pool2d", "avg_pool2d")), "kernel_size": 2})
    return _ended(rng, layers)


def _normed(rng: random.Random) -> list[LayerDict]:
    layers: list[LayerDict] = []
    activation, norm = _activation(rng), rng.choice(("batchnorm2d", "batchnorm2d", "groupnorm", "layernorm"))
    for _ in range(rng.randint(2, 3)):
        layers += [_conv(rng), _norm(norm), activation]
        if rng.random() < 0.3:
            layers.append({"type": "dropout2d", "p": rng.choice((0.1, 0.2))})
        if rng.random() < 0.5:
            layers.append({"type": "max_pool2d", "kernel_size": 2})
    return _ended(rng, layers)


def _norm(kind: str) -> LayerDict:
    return {"type": kind, "num_groups": 2} if kind == "groupnorm" else {"type": kind}


def _residual(rng: random.Random) -> list[LayerDict]:
    width = rng.choice(SIZES[:10])
    activation = _activation(rng)
    conv: LayerDict = {"type": "conv2d", "out_channels": width, "kernel_size": 3, "padding": 1}
    layers: list[LayerDict] = [conv, activation]
    for _ in range(rng.randint(1, 2)):
        wide = {**conv, "out_channels": width * rng.choice((1, 1, 2))}
        width = wide["out_channels"]
        inner = [wide, {"type": "batchnorm2d"}] if rng.random() < 0.5 else [wide]
        if rng.random() < 0.3:
            inner = [*inner, activation, wide]
        layers += [{"type": "residual", "layers": inner}, activation]
        conv = wide
    return _ended(rng, layers)
