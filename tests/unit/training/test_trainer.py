"""Real trainings of small networks, without a process around them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from mlagent_tui.research.ranking import best_epoch
from mlagent_tui.schemas import EvalConfig
from mlagent_tui.training.datasets import load
from mlagent_tui.training.measuring import summarise
from mlagent_tui.training.replies import Batch, Epoch, Progress, Trained
from mlagent_tui.training.trainer import Training, make_optimizer, measure


def train(**settings: object) -> tuple[Trained, list[Progress]]:
    config = EvalConfig.model_validate({"dataset": "digits", "train_size": 256, "epochs": 2} | settings)
    torch.manual_seed(config.seed)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 10))
    events: list[Progress] = []
    data = load(config, torch.device("cpu"))
    return Training(model, data, config, events.append).run(), events


def epochs(events: list[Progress]) -> list[tuple[float, ...]]:
    return [(e.train_loss, e.train_accuracy, e.val_loss, e.accuracy) for e in events if isinstance(e, Epoch)]


@pytest.mark.parametrize("settings", [
    {"optimizer": "sgd", "learning_rate": 0.05}, {"schedule": "cosine"}, {"schedule": "constant"},
    {"augmentation": "flip"}, {"label_smoothing": 0.1}, {"precision": "bfloat16"}, {"batch_size": 1000}, {},
    {"epochs": 1, "batch_size": 256},
])  # fmt: skip
def test_every_setting_trains(settings: dict[str, object]) -> None:
    done, events = train(**settings)
    assert (done.status, done.reason) == ("completed", "")
    assert done.epochs == len(epochs(events)) == int(settings.get("epochs", 2))  # type: ignore[call-overload]
    assert all(math.isfinite(value) for row in epochs(events) for value in row)


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others() -> None:
    same = {"augmentation": "shift", "epochs": 3}
    assert epochs(train(seed=3, **same)[1]) == epochs(train(seed=3, **same)[1])
    assert epochs(train(seed=3, **same)[1]) != epochs(train(seed=4, **same)[1])


def test_training_learns() -> None:
    _, events = train(train_size=None, epochs=8, batch_size=32)
    assert epochs(events)[-1][3] > 0.85


@pytest.mark.parametrize("rate", [10.0, 3.0])
def test_a_divergence_stops_the_trial_with_its_reason(rate: float) -> None:
    done, _ = train(optimizer="sgd", learning_rate=rate, schedule="constant", epochs=50)
    assert done.status == "diverged"
    assert "epoch" in done.reason
    assert done.epochs < 50


def test_the_time_limit_stops_the_trial_and_it_reports_what_it_has() -> None:
    done, events = train(time_limit=0.05, epochs=1000, batch_size=1)
    assert done.status == "time_limit"
    assert "the time limit of 0.05 s was reached in epoch 1" in done.reason
    assert done.epochs == 0
    assert len(epochs(events)) == 1
    assert done.images_per_second > 0


@pytest.mark.parametrize("metric", ["accuracy", "val_loss"])
def test_the_weights_kept_are_those_of_the_best_validated_epoch(metric: str) -> None:
    settings = {"dataset": "digits", "train_size": 256, "epochs": 12, "optimizer": "sgd", "keep_best": metric,
                "learning_rate": 0.3, "schedule": "constant", "batch_size": 8}  # fmt: skip
    config = EvalConfig.model_validate(settings)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10))
    events: list[Progress] = []
    data = load(config, torch.device("cpu"))
    training = Training(model, data, config, events.append)
    training.run()
    training.restore()
    curves = [e for e in events if isinstance(e, Epoch)]
    kept = best_epoch(curves, metric)
    assert kept is not None and kept < len(curves) - 1
    found = measure(model, data, data.validation, config)
    assert (found.accuracy, found.loss) == (curves[kept].accuracy, curves[kept].val_loss)
    assert getattr(curves[kept], metric) != getattr(curves[-1], metric)


def test_progress_counts_batches_and_always_tells_the_last() -> None:
    _, events = train(batch_size=100)
    last = [e for e in events if isinstance(e, Batch) and e.batch == e.batches]
    assert [(e.epoch, e.epochs, e.batch, e.batches) for e in last] == [(1, 2, 3, 3), (2, 2, 3, 3)]


def test_norms_and_biases_are_not_decayed() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    decayed, plain = make_optimizer(model, EvalConfig(dataset="digits", weight_decay=0.1)).param_groups
    assert [p.dim() for p in decayed["params"]] == [4] and decayed["weight_decay"] == 0.1
    assert [p.dim() for p in plain["params"]] == [1, 1, 1] and plain["weight_decay"] == 0


def test_a_summary_is_measured() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(128, 5)
    )
    model[0].weight.requires_grad_(False)
    summary = summarise(model, "Net", (2, 3, 4, 4))
    assert (summary.input_shape, summary.output_shape) == ((2, 3, 4, 4), (2, 5))
    assert summary.total_parameters == 216 + 16 + 645
    assert summary.trainable_parameters == 16 + 645
    assert summary.multiply_adds == 2 * (16 * 216 + 128 * 5)
    assert summary.size_mb == pytest.approx(4 * (216 + 32 + 645) / 1e6 + 8e-6)  # and the batch counter
    first = summary.layers[0]
    assert (first.name, first.type, first.output_shape, first.parameters) == ("0", "Conv2d", (8, 4, 4), 216)


def training(model: nn.Module, **settings: object) -> tuple[Trained, list[Progress]]:
    """As `train`, of a model that is given, so that only the settings differ."""
    config = EvalConfig.model_validate({"dataset": "digits", "train_size": 128, "epochs": 1} | settings)
    events: list[Progress] = []
    return Training(model, load(config, torch.device("cpu")), config, events.append).run(), events


def linear() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


def test_the_seed_decides_the_order_of_the_images() -> None:
    first, again, other = (epochs(training(linear(), seed=seed)[1]) for seed in (1, 1, 2))
    assert first == again != other


def test_label_smoothing_is_part_of_the_loss_that_is_trained() -> None:
    plain, smoothed = (training(linear(), label_smoothing=share)[1] for share in (0.0, 0.5))
    assert epochs(smoothed)[0][0] != epochs(plain)[0][0]


def test_a_network_trains_in_training_mode_and_is_measured_in_evaluation_mode() -> None:
    model = linear()
    modes: list[tuple[bool, bool]] = []
    model.register_forward_hook(lambda module, *_: modes.append((module.training, torch.is_grad_enabled())))
    training(model, epochs=2)
    assert modes == 2 * [(True, True), (True, True), (False, False)]


def test_a_loss_that_is_no_number_ends_the_trial_at_once() -> None:
    class Broken(nn.Sequential):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            output: torch.Tensor = super().forward(images)
            return output * math.nan

    done, _ = training(Broken(*linear()))
    assert done.status == "diverged"
    assert "stopped being a number in epoch 1, batch 1" in done.reason
