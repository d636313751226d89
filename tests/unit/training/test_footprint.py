"""What a trial is expected to take: more for more of anything, and in the region of what was measured."""

from __future__ import annotations

import pytest

from mlagent_tui.errors import ConfigError
from mlagent_tui.schemas import DataCard, EvalConfig, ModelConfig
from mlagent_tui.training import expected_memory

MB = 1_000_000
CARD = DataCard(
    dataset="dummy", input_shape=(3, 32, 32), num_classes=10, train_size=1920, val_size=480, test_size=600
)


def config(channels: int, hidden: int = 512) -> ModelConfig:
    conv = {"type": "conv2d", "out_channels": channels, "kernel_size": 3, "padding": 1}
    layers = [
        conv, {"type": "relu"}, conv, {"type": "relu"}, {"type": "max_pool2d", "kernel_size": 2},
        {"type": "flatten"}, {"type": "linear", "out_features": hidden},
        {"type": "linear", "out_features": 10},
    ]  # fmt: skip
    fields = {"input_shape": (3, 32, 32), "num_classes": 10, "layers": layers}
    return ModelConfig.model_validate(fields)


def expected(channels: int = 64, batch: int = 256, device: str = "cpu", hidden: int = 512) -> int:
    settings = EvalConfig(dataset="dummy", batch_size=batch)
    return expected_memory(config(channels, hidden), settings, CARD, device)


def test_more_channels_images_at_once_or_weights_take_more() -> None:
    assert expected(channels=128) > 1.5 * expected()
    assert expected(batch=512) > 1.5 * expected()
    assert expected(hidden=4096) > expected() + 4 * 4 * 3584 * 16_384
    assert expected(device="cuda") > expected() + 500 * MB


def test_what_a_real_training_took_is_covered_and_not_many_times_over() -> None:
    assert 330 * MB < expected() < 5 * 330 * MB  # measured on a CPU, looking ten times a second


def test_a_network_that_cannot_be_built_has_no_footprint() -> None:
    broken = config(64).model_copy(update={"num_classes": 3})
    with pytest.raises(ConfigError):
        expected_memory(broken, EvalConfig(dataset="dummy"), CARD, "cpu")
