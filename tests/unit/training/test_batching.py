"""How images are cut into batches: all of them, and none alone."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from mlagent_tui.errors import TrialError
from mlagent_tui.schemas import EvalConfig
from mlagent_tui.training.batching import bounds, count, largest, seen
from mlagent_tui.training.datasets import load
from mlagent_tui.training.replies import Batch, Progress, Trained
from mlagent_tui.training.trainer import Training


@given(images=st.integers(1, 400), size=st.integers(1, 450))
def test_every_image_is_in_one_batch_and_none_is_alone_unless_it_must_be(images: int, size: int) -> None:
    batches = list(bounds(images, size))
    assert [place for start, end in batches for place in range(start, end)] == list(range(images))
    sizes = [end - start for start, end in batches]
    assert len(sizes) == count(images, size) and max(sizes) == largest(images, size)
    assert [seen(images, size, done) for done in range(len(sizes) + 1)] == [
        sum(sizes[:done]) for done in range(len(sizes) + 1)
    ]
    if images % size != 1:  # nothing is left alone: nothing is changed
        assert sizes == [min(size, images - start) for start in range(0, images, size)]
    elif size > 1:
        assert min(sizes) > 1 or images == 1


def normed() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 10))


def training(model: nn.Module, **settings: object) -> tuple[Trained, list[Progress]]:
    config = EvalConfig.model_validate({"dataset": "digits", "epochs": 1} | settings)
    events: list[Progress] = []
    return Training(model, load(config, torch.device("cpu")), config, events.append).run(), events


@pytest.mark.parametrize(
    "settings",
    [
        *({"batch_size": size} for size in (2, 10, 23, 46, 50, 115, 230, 575, 1150)),  # 1,151 leave one alone
        {"train_size": 2, "batch_size": 64, "epochs": 2}, {"train_size": 65, "val_size": 1},
        {"train_size": 9, "batch_size": 65_536}, {"val_size": 513},
    ],
    ids=str,
)  # fmt: skip
def test_a_network_with_batchnorm_trains_whatever_is_left_over(settings: dict[str, object]) -> None:
    done, events = training(normed(), **settings)
    assert (done.status, done.reason) == ("completed", "")
    last = [event for event in events if isinstance(event, Batch)][-1]
    assert last.batch == last.batches and math.isfinite(last.loss)


@pytest.mark.parametrize("settings", [{"train_size": 1}, {"train_size": 3, "batch_size": 1}], ids=str)
def test_single_images_train_a_network_without_batchnorm_and_are_named_to_one_with_it(
    settings: dict[str, object],
) -> None:
    done, _ = training(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), **settings, val_size=1)
    assert (done.status, done.epochs) == ("completed", 1)
    with pytest.raises(TrialError, match="BatchNorm needs two images or more in a training batch") as caught:
        training(normed(), **settings)
    assert "batch_size" in caught.value.what and "batch_size" in caught.value.remedy


class Squeezing(nn.Sequential):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = super().forward(images)
        return output.squeeze()


def test_a_network_that_drops_the_first_dimension_is_told_what_it_gives() -> None:
    model = Squeezing(nn.Flatten(), nn.Linear(64, 10))
    assert training(model, train_size=9)[0].status == "completed"
    with pytest.raises(TrialError, match=r"gives the shape \(10,\) for 1 image, expected \(1, 10\)"):
        training(model, train_size=9, val_size=1)
