"""What a trial is expected to take: more for more of anything, and in the region of what was measured."""

from __future__ import annotations

import pytest

from mlagent_tui.errors import ConfigError
from mlagent_tui.schemas import DataCard, EvalConfig, ModelConfig
from mlagent_tui.shapes import infer
from mlagent_tui.training import expected_memory
from mlagent_tui.training.footprint import measured_at_once, refuse_network

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


def test_a_network_is_refused_only_when_its_parameters_alone_do_not_fit() -> None:
    steps = infer(config(64, hidden=4096))  # 67.2 million parameters: 1,075 MB with gradients and moments
    refuse_network(steps, 1026)
    with pytest.raises(ConfigError, match=r"fc1 alone has 67,112,960") as caught:
        refuse_network(steps, 1025)
    assert "takes at least 1.1 GB" in caught.value.what and "memory_limit_mb" in caught.value.remedy


@pytest.mark.parametrize(
    ("shape", "batch", "images"),
    [((1, 8, 8), 64, 512), ((1, 28, 28), 64, 512), ((3, 32, 32), 64, 512), ((3, 64, 64), 16, 128),
     ((3, 64, 64), 256, 256), ((3, 224, 224), 4, 10), ((3, 224, 224), 1000, 512), ((3, 9000, 9000), 1, 1)],
)  # fmt: skip
def test_large_images_are_measured_in_smaller_batches_and_small_ones_as_ever(
    shape: tuple[int, int, int], batch: int, images: int
) -> None:
    assert measured_at_once(shape, batch) == images


def test_a_network_that_cannot_be_built_has_no_footprint() -> None:
    broken = config(64).model_copy(update={"num_classes": 3})
    with pytest.raises(ConfigError):
        expected_memory(broken, EvalConfig(dataset="dummy"), CARD, "cpu")
