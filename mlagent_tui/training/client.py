"""What the engine sees of the training side: a `TrialWorker` asks, a confined process answers. No torch."""

from __future__ import annotations

import math
import os
import shutil
import stat
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from mlagent_tui import paths
from mlagent_tui.errors import CodeError, ProjectError, TrialError
from mlagent_tui.research import ranking
from mlagent_tui.schemas import EpochMetrics, EvalConfig, EvalResult, ModelConfig, Summary, Value
from mlagent_tui.training.catalog import data_card
from mlagent_tui.training.channel import Channel
from mlagent_tui.training.code_rules import MAX_SOURCE, check_source
from mlagent_tui.training.replies import ConfigFacts, Epoch, Progress, Room, Started, TestResult, Trained

CHECK_SECONDS = 120.0
Answer = TypeVar("Answer", bound=Value)
_GRACE_SECONDS = 120.0  # loading, validation and saving around a training that has a time limit


class TrialWorker:
    """One confined process, used for one trial, then thrown away. `close` may be called from any thread.

    Scripts are read here, by the engine; the process itself sees neither the project nor the user's files.
    """

    def __init__(self, channel: Channel, *, root: Path, level: str, data_dir: Path) -> None:
        self._channel = channel
        self._root, self._level, self._data_dir = root, level, data_dir

    @property
    def alive(self) -> bool:
        """Whether it can be used again; a trial that failed may have ended it."""
        return self._channel.alive

    def check_config(self, config: ModelConfig) -> ConfigFacts:
        """Build the reference on the meta device. Raises `ConfigError`, `TrialError`."""
        value = self._ask("check_config", {"config": config.model_dump(mode="json")}, CHECK_SECONDS)
        return _read(ConfigFacts, value)

    def check_code(
        self, script: Path, class_name: str, config: ModelConfig | None, input_shape: Sequence[int] = ()
    ) -> None:
        """Raise `CodeError`, its `what` the first difference, unless the code is the network of `config`.

        Without a config the class must build and run forward and backward on `input_shape` (C, H, W).
        """
        source = self._source(script)
        check_source(source, class_name)
        self._ask("check_code", {
            "source": source, "class_name": class_name, "input_shape": list(input_shape),
            "config": config.model_dump(mode="json") if config else None,
        }, CHECK_SECONDS)  # fmt: skip

    def measure(self, script: Path, class_name: str, input_size: Sequence[int]) -> Summary:
        """Measured facts for an input of `input_size`, batch included; the explanation is empty."""
        arguments = {"source": self._source(script), "class_name": class_name, "input_size": list(input_size)}
        return _read(Summary, self._ask("measure", arguments, CHECK_SECONDS))

    def room(self, device: str) -> Room:
        """Where a trial on `device` ("auto" or one by name) would train. Raises `TrialError`."""
        return _read(Room, self._ask("room", {"device": device}, CHECK_SECONDS))

    def evaluate(
        self,
        script: Path,
        class_name: str,
        eval_config: EvalConfig,
        run_dir: Path | None = None,
        on_event: Callable[[dict[str, Any]], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> EvalResult:
        """Train and validate; with `run_dir`, put `model.safetensors` there. `run_id` is its name, or empty.

        A crash, a hang, a broken limit and a divergence are results, with their reason. Raises `CodeError`,
        `DataError`, and `Interrupted` when cancelled or closed.
        """
        source = self._source(script)
        data_card(eval_config.dataset, eval_config, self._data_dir)  # a missing set is known at once
        watch = _Watch(on_event)
        trained = None
        try:
            limit = eval_config.time_limit + _GRACE_SECONDS if eval_config.time_limit else None
            arguments = self._trial(source, class_name, eval_config)
            value = self._ask("evaluate", arguments, limit, on_progress=watch, cancel=cancel)
            trained = _read(Trained, value)
            if run_dir is not None:
                self._fetch_weights(run_dir)
        except TrialError as error:
            trained = Trained(
                status="failed", reason=error.what[:4000], epochs=len(watch.curves),
                seconds=watch.curves[-1].seconds if watch.curves else 0.0, images_per_second=0.0,
            )  # fmt: skip
        return watch.result(run_dir.name if run_dir else "", eval_config, self._level, trained)

    def test(self, script: Path, class_name: str, eval_config: EvalConfig, weights: Path) -> TestResult:
        """Scores of saved weights on the TEST part of the data: for the final report only."""
        shutil.copyfile(self._root / weights, self._channel.folder / paths.RUN_WEIGHTS)
        arguments = self._trial(self._source(script), class_name, eval_config)
        return _read(TestResult, self._ask("test", arguments, None))

    def close(self) -> None:
        """Kill the process. Idempotent, from any thread; a call in flight raises `Interrupted`."""
        self._channel.close()

    def _trial(self, source: str, class_name: str, config: EvalConfig) -> dict[str, Any]:
        return {
            "source": source, "class_name": class_name, "eval_config": config.model_dump(mode="json"),
            "data_dir": str(self._data_dir),
        }  # fmt: skip

    def _ask(
        self,
        method: str,
        arguments: dict[str, Any],
        seconds: float | None,
        *,
        on_progress: Callable[[Progress], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Any:
        return self._channel.call(method, arguments, seconds=seconds, on_progress=on_progress, cancel=cancel)

    def _source(self, script: Path) -> str:
        path = self._root / script
        try:
            with open(path, encoding="utf-8") as file:
                return file.read(MAX_SOURCE + 1)
        except (OSError, UnicodeDecodeError) as error:
            raise CodeError(f"{path} cannot be read: {error}", "Name an existing Python file.") from None

    def _fetch_weights(self, run_dir: Path) -> None:
        """Copy the weights out of the worker's folder, where anything may lie under that name."""
        try:
            place = os.open(
                self._channel.folder / paths.RUN_WEIGHTS, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            )
        except OSError as error:
            raise TrialError(f"the worker left no weights: {error.strerror}") from None
        with os.fdopen(place, "rb") as source:
            if not stat.S_ISREG(os.fstat(place).st_mode):
                raise TrialError("the worker left no weights: not a plain file")
            try:
                _copy(source, run_dir / paths.RUN_WEIGHTS)
            except OSError as error:
                raise ProjectError(
                    f"the weights cannot be written to {run_dir}: {error.strerror}",
                    "Free disk space, or allow writing.",
                ) from None


def _copy(source: BinaryIO, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        with open(temporary, "wb") as file:
            shutil.copyfileobj(source, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


class _Watch:
    """Collects a trial's progress and passes it on."""

    def __init__(self, on_event: Callable[[dict[str, Any]], None] | None) -> None:
        self._on_event = on_event
        self.started: Started | None = None
        self.curves: list[EpochMetrics] = []

    def __call__(self, progress: Progress) -> None:
        if isinstance(progress, Started):
            self.started = progress
        elif isinstance(progress, Epoch):
            self.curves.append(EpochMetrics(**progress.model_dump(exclude={"event"})))
        if self._on_event:
            self._on_event(progress.model_dump(mode="json"))

    def result(self, run_id: str, config: EvalConfig, level: str, trained: Trained) -> EvalResult:
        """Everything known, as the tool returns it."""
        kept = ranking.best_epoch(self.curves, config.keep_best)
        last = None if kept is None else self.curves[kept]
        start = self.started
        noise = None
        if last and start and start.val_size:
            noise = math.sqrt(max(0.0, last.accuracy * (1 - last.accuracy)) / start.val_size)
        return EvalResult(
            run_id=run_id, status=trained.status, reason=trained.reason, dataset=config.dataset,
            accuracy=last.accuracy if last else None, accuracy_noise=noise,
            val_loss=last.val_loss if last else None, train_loss=last.train_loss if last else None,
            train_accuracy=last.train_accuracy if last else None,
            epochs=trained.epochs,
            best_epoch=last.epoch if last else None, seconds=trained.seconds,
            images_per_second=trained.images_per_second,
            parameters=start.parameters if start else 0, device=start.device if start else "",
            precision=config.precision, sandbox=level, seed=config.seed,
            train_size=start.train_size if start else 0, val_size=start.val_size if start else 0,
            test_size=start.test_size if start else 0, curves=self.curves,
        )  # fmt: skip


def _read(type_: type[Answer], value: Any) -> Answer:
    """A worker's value, checked: its content is untrusted like its code."""
    try:
        return type_.model_validate(value)
    except ValueError:
        raise TrialError(f"the worker's answer is not a {type_.__name__}") from None
