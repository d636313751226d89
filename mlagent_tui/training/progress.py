"""A training's reports, held against what the engine knows by itself: sizes, plan, order, time.

A worker says what it measured; it is believed only where nobody else can know. Times are the engine's own:
seconds of training run from the moment it reads `started` to the moment it reads an epoch or the answer.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from mlagent_tui.errors import TrialError
from mlagent_tui.research import ranking
from mlagent_tui.schemas import DataCard, EpochMetrics, EvalConfig, EvalResult
from mlagent_tui.training import batching
from mlagent_tui.training.replies import Batch, Epoch, Progress, Started, TestResult, Trained

BATCHES_EVERY = 0.1
"""Seconds between two reports of batches that are passed on; the last of an epoch always is."""


class Watch:
    """Collects one training's progress and passes it on. Raises `TrialError` for what cannot be so.

    `parameters` is the network's own number where it is known. `clock` gives seconds.
    """

    def __init__(
        self,
        config: EvalConfig,
        card: DataCard,
        parameters: int | None,
        on_event: Callable[[dict[str, Any]], None] | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config, self._card, self._parameters = config, card, parameters
        self._tell = on_event or (lambda event: None)
        self._clock = clock
        self._batches = batching.count(card.train_size, config.batch_size)
        self._batch = 0
        self._began = self._told = 0.0
        self.started: Started | None = None
        self.trained: Trained | None = None
        self.curves: list[EpochMetrics] = []

    @property
    def lines(self) -> int:
        """How many lines an honest training sends at most, besides those that are sent by time."""
        return 2 * self._config.epochs + 8

    @property
    def elapsed(self) -> float:
        """Seconds since training began, 0 before."""
        return self._clock() - self._began if self.started else 0.0

    def __call__(self, progress: Progress) -> None:
        match progress:
            case Started():
                self._start(progress)
            case Batch():
                self._take_batch(progress)
            case Epoch():
                self._take_epoch(progress)
            case Trained():
                self.trained = self.finish(progress)

    def _start(self, reply: Started) -> None:
        if self.started is not None:
            raise _impossible("training began twice")
        card, config = self._card, self._config
        _expect("train_size", reply.train_size, card.train_size)
        _expect("val_size", reply.val_size, card.val_size)
        _expect("test_size", reply.test_size, card.test_size)
        _expect("precision", reply.precision, config.precision)
        if self._parameters is not None:
            _expect("parameters", reply.parameters, self._parameters)
        kind = reply.device.partition(" ")[0]
        if kind not in ("cpu", "cuda", "mps") or config.device not in ("auto", kind):
            raise _impossible(f"it trains on {reply.device[:40]!r}, and {config.device} was asked for")
        self.started, self._began = reply, self._clock()
        self._tell(reply.model_dump(mode="json"))

    def _take_batch(self, reply: Batch) -> None:
        self._in_training(reply.epoch)
        _expect("epochs", reply.epochs, self._config.epochs)
        _expect("batches", reply.batches, self._batches)
        if not self._batch < reply.batch <= self._batches:
            raise _impossible(f"batch {reply.batch} came after batch {self._batch} of {self._batches}")
        self._batch = reply.batch
        now = self._clock()
        if now - self._told >= BATCHES_EVERY or reply.batch == self._batches:
            self._told = now
            self._tell(reply.model_dump(mode="json"))

    def _take_epoch(self, reply: Epoch) -> None:
        self._in_training(reply.epoch)
        check_share("accuracy", reply.accuracy, self._card.val_size)
        reply = reply.model_copy(update={"seconds": self.elapsed})
        self.curves.append(EpochMetrics(**reply.model_dump(exclude={"event"})))
        self._batch = 0
        self._tell(reply.model_dump(mode="json"))

    def _in_training(self, epoch: int) -> None:
        if self.started is None:
            raise _impossible("progress came before training began")
        if self.trained is not None:
            self.trained = None  # it is not believed
            raise _impossible("training went on after its end")
        if epoch > self._config.epochs:
            raise _impossible(f"epoch {epoch} of {self._config.epochs}")
        _expect("epoch", epoch, len(self.curves) + 1)

    def finish(self, trained: Trained) -> Trained:
        """The end as the worker tells it, with the engine's own times."""
        done, validated = trained.epochs, len(self.curves)
        if self.started is None:
            raise _impossible("training ended before it began")
        if self.trained is not None:
            raise _impossible("training ended twice")
        if trained.status == "completed":
            _expect("epochs", done, self._config.epochs)
            _expect("validated epochs", validated, self._config.epochs)
        elif trained.status == "failed" or (trained.status == "time_limit" and not self._config.time_limit):
            raise _impossible(f"training ended with the status {trained.status}")
        elif not validated - 1 <= done <= validated:
            raise _impossible(f"{done} epochs are complete and {validated} validated")
        return trained.model_copy(update=self._times())

    def failed(self, reason: str) -> Trained:
        """The end of a trial that ended early."""
        return Trained.model_validate(
            {"status": "failed", "reason": reason[:4000], "epochs": len(self.curves), **self._times()}
        )

    def _times(self) -> dict[str, float]:
        """Images per second count validation's time too: it is the engine's clock that is read."""
        seconds = self.elapsed
        images = len(self.curves) * self._card.train_size
        images += batching.seen(self._card.train_size, self._config.batch_size, self._batch)
        return {"seconds": seconds, "images_per_second": images / seconds if seconds > 0 else 0.0}

    def result(self, run_id: str, level: str, trained: Trained, unsaved: str) -> EvalResult:
        """Everything known, as the tool returns it; `unsaved` is why there are no weights, or empty."""
        config, start = self._config, self.started
        kept = ranking.best_epoch(self.curves, config.keep_best)
        last = None if kept is None else self.curves[kept]
        noise = math.sqrt(last.accuracy * (1 - last.accuracy) / self._card.val_size) if last else None
        return EvalResult(
            run_id=run_id, status=trained.status, reason=trained.reason, dataset=config.dataset,
            accuracy=last.accuracy if last else None, accuracy_noise=noise,
            val_loss=last.val_loss if last else None, train_loss=last.train_loss if last else None,
            train_accuracy=last.train_accuracy if last else None,
            epochs=trained.epochs, best_epoch=last.epoch if last else None, seconds=trained.seconds,
            images_per_second=trained.images_per_second,
            parameters=start.parameters if start else 0, device=start.device if start else "",
            precision=config.precision, sandbox=level, seed=config.seed,
            train_size=start.train_size if start else 0, val_size=start.val_size if start else 0,
            test_size=start.test_size if start else 0, curves=self.curves,
            weights_missing=unsaved,
        )  # fmt: skip


def check_tested(result: TestResult, card: DataCard) -> TestResult:
    """Scores on the test part, if they can be so. Raises `TrialError`."""
    _expect("test_size", result.test_size, card.test_size)
    check_share("accuracy", result.accuracy, card.test_size)
    return result


def check_share(what: str, share: float, count: int) -> None:
    """Raise `TrialError` unless `share` is a whole number of `count` images."""
    if abs(share * count - round(share * count)) > 1e-6 * max(1, count):
        raise _impossible(f"{what} {share} is not a whole number of {count} images")


def _expect(what: str, got: object, wanted: object) -> None:
    if got != wanted:
        raise _impossible(f"{what} is {str(got)[:80]}, expected {wanted}")


def _impossible(what: str) -> TrialError:
    return TrialError(f"the worker reported what cannot be: {what}")
