"""A training's reports against what the engine knows: sizes, plan, order, time."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from mlagent_tui.errors import TrialError
from mlagent_tui.schemas import DataCard, EvalConfig
from mlagent_tui.training.progress import Watch, check_tested
from mlagent_tui.training.replies import Reply, TestResult, Trained

CARD = DataCard(
    dataset="digits", input_shape=(1, 8, 8), num_classes=10, train_size=200, val_size=100, test_size=359
)
CONFIG = EvalConfig(dataset="digits", epochs=2, train_size=200, val_size=100)
STARTED = {
    "event": "started", "mean": [0.3], "std": [0.2], "device": "cpu",
    "train_size": 200, "val_size": 100, "test_size": 359,
    "parameters": 10, "precision": "float32",
}  # fmt: skip
BATCH = {
    "event": "batch", "epoch": 1, "epochs": 2, "batch": 1, "batches": 4, "loss": 1.0, "accuracy": 0.5,
    "images_per_second": 1.0,
}  # fmt: skip
EPOCH = {
    "event": "epoch", "epoch": 1, "train_loss": 1.0, "train_accuracy": 0.5, "val_loss": 1.0, "accuracy": 0.5,
    "seconds": -3.0,
}  # fmt: skip
TRAINED = {"status": "completed", "reason": "", "epochs": 2, "seconds": -3.0, "images_per_second": 1e9}
REPLY: TypeAdapter[Any] = TypeAdapter(Reply)


class Clock:
    """Goes on by a second each time it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def watched(*lines: dict[str, Any], config: EvalConfig = CONFIG, told: list[Any] | None = None) -> Watch:
    told = [] if told is None else told
    watch = Watch(config, CARD, 10, told.append, Clock())
    for line in lines:
        watch(REPLY.validate_python(line))
    return watch


def test_times_are_the_engines_whatever_the_worker_says() -> None:
    watch = watched(STARTED, EPOCH, EPOCH | {"epoch": 2, "seconds": 1e9})
    assert [point.seconds for point in watch.curves] == [1.0, 2.0]
    trained = watch.finish(Trained.model_validate(TRAINED))
    assert trained.seconds == 3.0
    assert trained.images_per_second == pytest.approx(400 / 3)


IMPOSSIBLE = {
    "training began twice": [STARTED, STARTED],
    "progress came before training began": [EPOCH],
    "train_size is 100": [STARTED | {"train_size": 100}],
    "val_size is 400": [STARTED | {"val_size": 400}],
    "test_size is 1": [STARTED | {"test_size": 1}],
    "parameters is 11": [STARTED | {"parameters": 11}],
    "precision is bfloat16": [STARTED | {"precision": "bfloat16"}],
    "epoch is 2, expected 1": [STARTED, EPOCH | {"epoch": 2}],
    "epoch is 1, expected 2": [STARTED, EPOCH, EPOCH],
    "epoch 3 of 2": [STARTED, EPOCH, EPOCH | {"epoch": 2}, EPOCH | {"epoch": 3}],
    "batches is 5": [STARTED, BATCH | {"batches": 5}],
    "epochs is 9": [STARTED, BATCH | {"epochs": 9}],
    "batch 1 came after batch 1": [STARTED, BATCH, BATCH],
    "batch 5 came after batch 0": [STARTED, BATCH | {"batch": 5}],
    "not a whole number of 100": [STARTED, EPOCH | {"accuracy": 0.505}],
}  # fmt: skip


@pytest.mark.parametrize("reason", IMPOSSIBLE)
def test_a_report_that_cannot_be_is_refused_with_its_reason(reason: str) -> None:
    with pytest.raises(TrialError, match=reason):
        watched(*IMPOSSIBLE[reason])


@pytest.mark.parametrize(
    ("lines", "end"),
    [
        ([], {}),
        ([STARTED, EPOCH], {}),
        ([STARTED, EPOCH, EPOCH | {"epoch": 2}], {"epochs": 1}),
        ([STARTED, EPOCH], {"status": "time_limit", "epochs": 1}),
        ([STARTED, EPOCH], {"status": "diverged", "epochs": 2}),
        ([STARTED], {"status": "failed", "epochs": 0}),
    ],
)
def test_an_end_that_does_not_follow_from_the_reports_is_refused(
    lines: list[dict[str, Any]], end: dict[str, Any]
) -> None:
    with pytest.raises(TrialError, match="what cannot be"):
        watched(*lines).finish(Trained.model_validate(TRAINED | end))


@pytest.mark.parametrize(
    "line",
    [
        EPOCH | {"accuracy": 7.5}, EPOCH | {"val_loss": float("nan")}, EPOCH | {"val_loss": -1.0},
        BATCH | {"loss": float("inf")}, BATCH | {"images_per_second": -1.0}, STARTED | {"val_size": -5},
        STARTED | {"device": "x" * 5000}, EPOCH | {"accuracy": None},
    ],
)  # fmt: skip
def test_values_out_of_bounds_are_no_reply(line: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        REPLY.validate_python(line)


def test_batches_are_thinned_and_the_last_of_an_epoch_is_told() -> None:
    told: list[Any] = []
    watch = Watch(CONFIG, CARD, None, told.append, lambda: 1.0)
    for line in (STARTED, *(BATCH | {"batch": number} for number in range(1, 5))):
        watch(REPLY.validate_python(line))
    assert [event.get("batch") for event in told] == [None, 1, 4]


def test_test_scores_are_held_against_the_size_of_the_test_part() -> None:
    good = TestResult(accuracy=300 / 359, loss=1.0, test_size=359)
    assert check_tested(good, CARD) == good
    for wrong in ({"test_size": 100}, {"accuracy": 0.5}):
        with pytest.raises(TrialError, match="what cannot be"):
            check_tested(good.model_copy(update=wrong), CARD)
