"""Networks far beyond what the architect builds: the coder must write any of them."""

from __future__ import annotations

import random
from dataclasses import dataclass

from minnow.architect import ACTIVATIONS, LayerDict, make
from mlagent_tui.errors import ConfigError
from mlagent_tui.schemas import ModelConfig


@dataclass
class Fancy:
    """Draws configs of all kinds of layers, at most about `longest` of them.

    `stacks` is the chance of a row of like residual blocks at each step: hard to tell from one another.
    """

    rng: random.Random
    longest: int = 14
    stacks: float = 0.03

    def draw(self) -> ModelConfig:
        """A random network that builds."""
        while True:
            channels = self.rng.choice((1, 1, 2, 3, 3, 4, 6))
            side = self.rng.choice((6, 8, 8, 12, 14, 16, 28, 28, 32, 32, 48))
            any_number = self.rng.randint(2, 200)
            classes = self.rng.choice((2, 3, 5, 10, 10, 10, 20, 26, 47, 62, 100, 100, any_number))
            try:
                return make((channels, side, side), classes, self._layers(classes))
            except ConfigError:
                continue

    def _layers(self, classes: int) -> list[LayerDict]:
        rng = self.rng
        body: list[LayerDict] = []
        wanted = rng.randint(1, self.longest)
        while len(body) < wanted:
            kind = rng.random()
            if kind < 0.10:
                body.append({"type": "residual", "layers": self._some(rng.randint(1, 5))})
            elif kind < 0.14:
                times = rng.randint(1, 3)
                body.append({"type": "repeat", "times": times, "layers": self._some(rng.randint(1, 3))})
            elif kind < 0.14 + self.stacks:
                inner: LayerDict = {"type": "residual", "layers": self._some(rng.randint(1, 4))}
                times = rng.randint(2, 3)
                body.append({"type": "repeat", "times": times, "layers": [inner, self._activation()]})
            else:
                body += self._some(1)
        if rng.random() < 0.25:
            body.append({"type": "adaptive_avg_pool2d", "output_size": rng.choice((1, 1, 1, 2, 3, 4))})
        body.append({"type": "flatten"})
        for _ in range(rng.choice((0, 0, 1, 1, 2, 3))):
            body.append(self._linear(self._size()))
            if rng.random() < 0.15:
                body.append({"type": "layernorm"})
            if rng.random() < 0.9:
                body.append(self._activation())
            if rng.random() < 0.3:
                body.append({"type": "dropout", "p": self._p()})
        return [*body, self._linear(classes)]

    def _some(self, count: int) -> list[LayerDict]:
        return [self._one() for _ in range(count)]

    def _one(self) -> LayerDict:
        rng = self.rng
        kinds = {"conv": 0.4, "norm": 0.17, "activation": 0.25, "pool": 0.1, "drop": 0.08}
        kind = rng.choices(tuple(kinds), weights=tuple(kinds.values()))[0]
        if kind == "conv":
            return self._conv()
        if kind == "norm":
            return rng.choice((
                {"type": "batchnorm2d"}, {"type": "batchnorm2d"}, {"type": "layernorm"},
                {"type": "groupnorm", "num_groups": rng.choice((1, 2, 4, 8, 16, rng.randint(1, 32)))},
            ))  # fmt: skip
        if kind == "activation":
            return self._activation()
        if kind == "pool":
            size = rng.choice((2, 2, 2, 3))
            layer: LayerDict = {"type": rng.choice(("max_pool2d", "avg_pool2d")), "kernel_size": size}
            if rng.random() < 0.3:
                layer["stride"] = rng.choice((1, 2, 3))
            if rng.random() < 0.2:
                layer["padding"] = 1
            return layer
        return {"type": rng.choice(("dropout", "dropout2d")), "p": self._p()}

    def _conv(self) -> LayerDict:
        rng = self.rng
        kernel = rng.choice((3, 3, 3, 1, 5, 7, 2, 4))
        layer: LayerDict = {"type": "conv2d", "out_channels": self._size(), "kernel_size": kernel}
        if rng.random() < 0.2:
            layer["stride"] = rng.choice((2, 2, 3))
        if rng.random() < 0.75:
            layer["padding"] = kernel // 2 or 1
        if rng.random() < 0.08:
            layer["dilation"] = rng.choice((2, 3))
        if rng.random() < 0.12:
            layer["groups"] = rng.choice((2, 4, 8, 3, layer["out_channels"]))
        if rng.random() < 0.12:
            layer["bias"] = False
        return layer

    def _linear(self, size: int) -> LayerDict:
        bias = {"bias": False} if self.rng.random() < 0.08 else {}
        return {"type": "linear", "out_features": size} | bias

    def _activation(self) -> LayerDict:
        name = self.rng.choice(("relu", "relu", *ACTIVATIONS))
        if name == "leaky_relu" and self.rng.random() < 0.5:
            return {"type": name, "negative_slope": self.rng.choice((0.1, 0.2, 0.05, 0.3))}
        if name == "elu" and self.rng.random() < 0.4:
            return {"type": name, "alpha": self.rng.choice((0.5, 0.8, 1.5, 2.0))}
        return {"type": name}

    def _size(self) -> int:
        rng = self.rng
        if rng.random() < 0.6:
            return rng.choice((4, 6, 8, 10, 12, 16, 16, 20, 24, 32, 32, 48, 64, 64, 96, 128, 192, 256, 512))
        return rng.choice((rng.randint(1, 64), rng.randint(64, 400), rng.randint(100, 999)))

    def _p(self) -> float:
        return self.rng.choice((0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.05, 0.15, 0.35))
