"""Networks that people know, as configurations, and names that people give to networks."""

from __future__ import annotations

from minnow.architect import LayerDict, make
from mlagent_tui.schemas import ModelConfig

_BN: LayerDict = {"type": "batchnorm2d"}
_RELU: LayerDict = {"type": "relu"}
_END: list[LayerDict] = [{"type": "adaptive_avg_pool2d", "output_size": 1}, {"type": "flatten"}]

NAMES = (
    # English
    "Network", "Model", "Classifier", "Detector", "Baseline", "Candidate", "Winner", "Small", "Deep", "Wide",
    "Tiny", "Giant", "Forest", "River", "Mountain", "Apple", "Table", "Garden", "Window", "Summer", "Monday",
    "Doctor", "MLP", "CNN", "ResNet", "LeNet5", "DigitsCNN", "Net2", "TwoStage", "My_Model_v2",
    # what torch and the code of a network use
    "Linear", "Conv2d", "Sequential", "Parameter", "Torch", "Functional", "Forward", "Flatten", "ReLU", "Fc1",
    # German
    "Netz", "Zahl", "Strasse", "Erkenner", "Schicht", "Wolke", "Fluss",
    # Spanish
    "Red", "Numero", "Casa", "Clasificador", "Capa", "Ventana", "Montana",
    # Japanese
    "Sakura", "Kawa", "Suuji", "Gakushuu", "Yama", "Neko",
)  # fmt: skip
"""60 class names: words of English and, in ASCII, of three other languages, and names that torch has."""


def networks() -> dict[str, ModelConfig]:
    """Known networks by name, some of them narrower than published, for CIFAR-10's images."""
    return {
        "ResNet-20": resnet(3),
        "ResNet-32": resnet(5),
        "ResNet-56": resnet(9),
        "ResNet-110": resnet(18),
        "MobileNet, a quarter wide": mobilenet(8),
        "MobileNetV2": mobilenet2(),
        "VGG-16, a quarter wide": vgg16(4, norms=False),
        "VGG-16 with norms": vgg16(4, norms=True),
        "the longest possible": longest(),
    }


def resnet(blocks: int) -> ModelConfig:
    """He et al. (2016), section 4.2: 6 `blocks` + 2 layers."""
    layers = [_conv(16), _BN, _RELU]
    for width, stride in ((16, 1), (32, 2), (64, 2)):
        layers += [_basic(width, stride), _RELU]
        more = blocks - 1
        while more:
            times = min(more, 16)
            layers.append({"type": "repeat", "times": times, "layers": [_basic(width, 1), _RELU]})
            more -= times
    return _cifar([*layers, *_END])


def mobilenet(width: int) -> ModelConfig:
    """Howard et al. (2017), table 1, for small images: depthwise, then pointwise convolutions."""
    layers, channels = [_conv(width), _BN, _RELU], width
    rows = (
        (2, 1, 1),
        (4, 2, 1),
        (4, 1, 1),
        (8, 2, 1),
        (8, 1, 1),
        (16, 2, 1),
        (16, 1, 5),
        (32, 2, 1),
        (32, 1, 1),
    )
    for factor, stride, times in rows:
        out = factor * width
        part = [_conv(channels, 3, stride, channels), _BN, _RELU, _conv(out, 1), _BN, _RELU]
        layers += [{"type": "repeat", "times": times, "layers": part}] if times > 1 else part
        channels = out
    return _cifar([*layers, *_END])


def mobilenet2() -> ModelConfig:
    """Sandler et al. (2018), table 2, for small images."""
    layers, channels = [_conv(32), _BN, _RELU], 32
    rows = (
        (1, 16, 1, 1),
        (6, 24, 2, 1),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    )
    for expansion, out, times, stride in rows:
        layers.append({"type": "repeat", "times": 1, "layers": _inverted(channels, expansion, out, stride)})
        channels = out
        if times > 1:
            inner = {"type": "residual", "layers": _inverted(channels, expansion, out, 1)}
            layers.append({"type": "repeat", "times": times - 1, "layers": [inner]})
    return _cifar([*layers, _conv(1280, 1), _BN, _RELU, *_END])


def vgg16(narrower: int, *, norms: bool) -> ModelConfig:
    """Simonyan and Zisserman (2015), column D."""
    layers: list[LayerDict] = []
    for width, times in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(times):
            conv = {"type": "conv2d", "out_channels": width // narrower, "kernel_size": 3, "padding": 1}
            layers += [conv, *([_BN] if norms else []), _RELU]
        layers.append({"type": "max_pool2d", "kernel_size": 2})
    layers.append({"type": "flatten"})
    for _ in range(2):
        linear = {"type": "linear", "out_features": 4096 // narrower}
        layers += [linear, _RELU, {"type": "dropout", "p": 0.5}]
    return _cifar(layers)


def longest() -> ModelConfig:
    """As many layers as a network may have, in residual blocks of 16 layers each."""
    inner = [_conv(8), _BN, _RELU, _conv(8, 3, 1, 2), _BN, {"type": "gelu"}, _conv(8, 1), _BN] * 2
    block = {"type": "residual", "layers": inner}
    rows = [{"type": "repeat", "times": 16, "layers": [block]} for _ in range(7)]
    more = {"type": "repeat", "times": 14, "layers": [block, {"type": "gelu"}, _RELU]}
    return _cifar([_conv(8), *rows, more, *_END])


def _conv(out: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> LayerDict:
    layer: LayerDict = {"type": "conv2d", "out_channels": out, "kernel_size": kernel, "stride": stride}
    return layer | {"padding": kernel // 2, "groups": groups, "bias": False}


def _basic(width: int, stride: int) -> LayerDict:
    layers = [_conv(width, 3, stride), _BN, _RELU, _conv(width), _BN]
    return {"type": "residual", "layers": layers}


def _inverted(channels: int, expansion: int, out: int, stride: int) -> list[LayerDict]:
    wide = channels * expansion
    first = [_conv(wide, 1), _BN, _RELU]
    return [*first, _conv(wide, 3, stride, wide), _BN, _RELU, _conv(out, 1), _BN]


def _cifar(layers: list[LayerDict]) -> ModelConfig:
    return make((3, 32, 32), 10, [*layers, {"type": "linear", "out_features": 10}])
