"""Networks as lists of calls: nothing is lost on the way, and what is wrong is named."""

from __future__ import annotations

import random
import re

import pytest

from mlagent_tui.agent import layer_calls
from mlagent_tui.agent.layer_calls import Calls, calls_of, layers_of, network
from mlagent_tui.schemas import ModelConfig
from mlagent_tui.shapes import infer

SHAPE = (3, 16, 16)
EVERY = {
    "conv2d": {"out_channels": 8, "kernel_size": 3, "stride": 2, "padding": 1, "groups": 1, "bias": False},
    "batchnorm2d": {}, "groupnorm": {"num_groups": 4}, "layernorm": {}, "relu": {}, "gelu": {}, "silu": {},
    "leaky_relu": {"negative_slope": 0.2}, "elu": {"alpha": 0.5}, "tanh": {}, "sigmoid": {},
    "max_pool2d": {"kernel_size": 2, "stride": 1, "padding": 1}, "avg_pool2d": {"kernel_size": 2},
    "adaptive_avg_pool2d": {"output_size": 2}, "dropout": {"p": 0.25}, "dropout2d": {"p": 0.1},
    "flatten": {}, "linear": {"out_features": 12, "bias": False},
}  # fmt: skip


def config(*layers: dict[str, object]) -> ModelConfig:
    last = {"type": "linear", "out_features": 5}
    return ModelConfig.model_validate({"input_shape": SHAPE, "num_classes": 5, "layers": [*layers, last]})


def layer(name: str) -> dict[str, object]:
    return {"type": name, **EVERY[name]}


def test_every_layer_survives_being_written_and_read() -> None:
    assert set(EVERY) == set(layer_calls.SIMPLE)
    image = [layer(name) for name in EVERY if name not in ("flatten", "linear")]
    vector = [layer(name) for name in layer_calls.ON_VECTORS]
    blocks = [
        {"type": "residual", "layers": [layer("conv2d"), layer("relu")]},
        {"type": "repeat", "times": 3, "layers": [{"type": "residual", "layers": [layer("gelu")]}]},
    ]
    whole = config(*image, *blocks, layer("flatten"), *vector)
    calls = calls_of(whole)
    assert network(calls.image, calls.vector, SHAPE, 5) == whole


def test_random_networks_survive_being_written_and_read(random_config: random.Random) -> None:
    for _ in range(200):
        names = random_config.sample([n for n in EVERY if n not in ("flatten", "linear")], 5)
        whole = config(*map(layer, names), layer("flatten"), layer("linear"))
        calls = calls_of(whole)
        assert network(calls.image, calls.vector, SHAPE, 5) == whole


@pytest.fixture
def random_config() -> random.Random:
    return random.Random(5)


def test_what_a_model_is_held_to_allows_the_usual_layers_and_no_others() -> None:
    image, vector = (re.compile(layer_calls.pattern(part)) for part in ("image", "vector"))
    allowed = (
        "conv2d(16, kernel_size=3, padding=1)", "conv2d(16, kernel_size=5, stride=2, bias=False)", "relu",
        "max_pool2d(2)", "residual(conv2d(8, kernel_size=3, padding=1), relu)", "dropout2d(0.1)",
        "repeat(2, residual(conv2d(8, kernel_size=1), gelu), max_pool2d(2))",
    )  # fmt: skip
    assert all(image.search(text) for text in allowed)
    assert all(vector.search(text) for text in ("linear(64)", "dropout(0.25)", "residual(linear(9), tanh)"))
    refused = ("conv2d(0, kernel_size=3)", "conv2d(16)", "linear(10)", "flatten", "relu relu", "max_pool2d(2")
    assert not any(image.search(text) for text in refused)
    assert not any(
        vector.search(text) for text in ("max_pool2d(2)", "batchnorm2d", "conv2d(8, kernel_size=3)")
    )


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("nn.Conv2d(8, 3, padding=1)", "conv2d(8, kernel_size=3, padding=1)"),
        ("MaxPool2d(kernel_size=2)", "max_pool2d(2)"),
        ("ReLU()", "relu"),
        ("relu", "relu"),
    ],
)
def test_layers_as_pytorch_writes_them_are_understood(text: str, same: str) -> None:
    assert layers_of(Calls((text,), ()), 5) == layers_of(Calls((same,), ()), 5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lstm(32)", "there is no layer lstm"),
        ("conv2d(16, kernel_size=", "is not a layer"),
        ("conv2d(16, kernel_size=99)", "kernel_size"),
        ("conv2d(16, kernel_size='3')", "as numbers"),
        ("relu(1, 2)", "relu takes 0 values"),
        ("__import__('os').system('ls')", "there is no layer"),
    ],
)
def test_what_is_wrong_with_a_layer_is_named(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        network([text], [], SHAPE, 5)


def test_flattening_and_the_last_layer_are_added_once() -> None:
    made = network(["conv2d(4, kernel_size=3)", "flatten"], ["flatten", "linear(6)"], SHAPE, 5)
    assert [layer.type for layer in made.layers] == ["conv2d", "flatten", "linear", "linear"]
    assert infer(made)[-1].output_shape == (5,)
