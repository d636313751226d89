"""What the engine sees of the training side: a `TrialWorker` asks, confined processes answer. No torch."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from mlagent_tui import paths, python_source, shapes
from mlagent_tui.errors import (
    CodeError,
    ConfigError,
    DataError,
    Interrupted,
    MachineError,
    OutOfMemory,
    TrialError,
    WorkerLost,
)
from mlagent_tui.files import explain, read_plain
from mlagent_tui.schemas import DatasetName, EvalConfig, EvalResult, ModelConfig, Summary, Value
from mlagent_tui.text import clean
from mlagent_tui.training import footprint
from mlagent_tui.training import weights as stored
from mlagent_tui.training.catalog import data_card, locate
from mlagent_tui.training.channel import Channel
from mlagent_tui.training.code_rules import MAX_SOURCE, check_source
from mlagent_tui.training.progress import Watch, check_tested
from mlagent_tui.training.replies import ConfigFacts, Measured, Room, Saved, TestResult

CHECK_SECONDS = 120.0
LOOK_SECONDS = 290.0  # a data set on a slow disk
_GRACE_SECONDS = 120.0  # loading, validation and saving around a training that has a time limit
_DISK_LEFT = 32 << 20  # bytes
Answer = TypeVar("Answer", bound=Value)
T = TypeVar("T")


class TrialWorker:
    """Asks confined processes, a fresh one for each request. `close` may be called from any thread.

    Scripts are read here, by the engine; the processes see neither the project nor the user's files but
    those of data sets, which `allow` lets them read. A process that does not start, or is killed from
    outside, is replaced once, on a fresh template; when that ends the same way, `WorkerLost` is raised.
    """

    def __init__(
        self,
        start: Callable[[], Channel],
        renew: Callable[[], None],
        *,
        root: Path,
        level: str,
        data_dir: Path,
        memory_mb: int,
        allow: Callable[[Sequence[Path]], None],
    ) -> None:
        self._start, self._renew, self._allow = start, renew, allow
        self._memory_mb = memory_mb
        self._root, self._level, self._data_dir = root, level, data_dir
        self._lock = threading.Lock()
        self._channel: Channel | None = None
        self._closed = False

    def check_config(self, config: ModelConfig) -> ConfigFacts:
        """Build the reference on the meta device. Raises `ConfigError`, also for a network that is too large
        for the memory of trials, `TrialError`, `WorkerLost`.
        """
        steps = shapes.infer(config)
        footprint.refuse_network(steps, self._memory_mb)
        value = self._ask("check_config", {"config": config.model_dump(mode="json")})
        facts = _read(ConfigFacts, value)
        if (facts.parameters, facts.output_shape) != (shapes.count_parameters(steps), steps[-1].output_shape):
            raise TrialError("the worker's answer does not fit the configuration")
        return facts

    def check_code(
        self, script: Path, class_name: str, config: ModelConfig | None, input_shape: Sequence[int] = ()
    ) -> None:
        """Raise `CodeError`, its `what` the first difference, unless the code is the network of `config`.

        Without a config the class must build and run forward and backward on `input_shape` (C, H, W). Raises
        `ConfigError` for a network that is too large, `OutOfMemory` and `TookTooLong` when the check breaks
        these limits, `TrialError` when the code ends the worker in another way.
        """
        if config:
            footprint.refuse_network(shapes.infer(config), self._memory_mb)
        source = self._source(script)
        check_source(source, class_name)
        value = self._ask("check_code", {
            "source": source, "class_name": class_name, "input_shape": list(input_shape),
            "config": config.model_dump(mode="json") if config else None,
        })  # fmt: skip
        if value is not None:
            raise TrialError("the worker answered a check with a value")

    def measure(self, script: Path, class_name: str, input_size: Sequence[int]) -> Summary:
        """Measured facts for an input of `input_size`, batch included; the explanation is empty."""
        arguments = {"source": self._source(script), "class_name": class_name, "input_size": list(input_size)}
        found = _read(Measured, self._ask("measure", arguments))
        if (found.class_name, found.input_shape) != (class_name, tuple(input_size)):
            raise TrialError("the worker measured something else than it was asked to")
        if found.trainable_parameters > found.total_parameters:
            raise TrialError("the worker counted more trainable parameters than there are")
        return Summary.model_validate(found.model_dump())

    def room(self, device: str) -> Room:
        """Where a trial on `device` ("auto" or one by name) would train. Raises `TrialError`."""
        room = _read(Room, self._ask("room", {"device": device}))
        if device not in ("auto", room.device):
            raise TrialError(f"the worker chose the device {room.device}, and {device} was asked for")
        return room

    def look(self, dataset: DatasetName) -> None:
        """Read all of a data set's files. Raises `DataError` naming the first that cannot be used."""
        files = self._files(dataset)
        if files:
            self._ask("look", {"dataset": dataset, "files": files}, seconds=LOOK_SECONDS)

    def evaluate(
        self,
        script: Path,
        class_name: str,
        eval_config: EvalConfig,
        run_dir: Path | None = None,
        on_event: Callable[[dict[str, Any]], None] | None = None,
        cancel: threading.Event | None = None,
        config: ModelConfig | None = None,
    ) -> EvalResult:
        """Train and validate; with `run_dir`, put `model.safetensors` there. `run_id` is its name, or empty.

        Reports and weights are held against the data set, `eval_config` and, where given, the network's
        `config`. A crash, a hang, a broken limit, an impossible report and a divergence are results, with
        their reason. Once the training has ended, its result stands: when the weights cannot be had,
        `weights_missing` says why.

        Raises `CodeError`, `DataError`, `MachineError` (`WorkerLost` when a process was killed from outside
        in training: the trial may be repeated), `Interrupted` when cancelled or closed.
        """
        source = self._source(script)
        card = data_card(eval_config.dataset, eval_config, self._data_dir)  # a missing set is known at once
        steps = shapes.infer(config) if config else None
        parameters = shapes.count_parameters(steps) if steps else None
        run_id = run_dir.name if run_dir else ""
        try:
            footprint.refuse_data(card, self._memory_mb)
        except OutOfMemory as error:
            watch = Watch(eval_config, card, parameters, on_event)
            return watch.result(run_id, self._level, watch.failed(error.what), "")
        arguments = self._trial(source, class_name, eval_config)
        limit = eval_config.time_limit + _GRACE_SECONDS if eval_config.time_limit else None

        def once() -> EvalResult:
            watch = Watch(eval_config, card, parameters, on_event)
            with self._process() as channel:
                try:
                    value = channel.call(
                        "evaluate", arguments, seconds=limit, on_progress=watch,
                        progress_lines=watch.lines, cancel=cancel,
                    )  # fmt: skip
                    unsaved = _take_weights(_read(Saved, value), watch, channel.folder, run_dir, steps)
                except _OF_A_TRIAL as error:
                    if watch.trained is None and not isinstance(error, TrialError):
                        raise
                    _refuse_full_disk(channel.folder)
                    unsaved = error.what
                except WorkerLost as error:
                    if watch.trained is None:
                        raise _Begun(error) if watch.started else error from None
                    unsaved = error.what
            if watch.trained is None:
                return watch.result(run_id, self._level, watch.failed(unsaved), "")
            return watch.result(run_id, self._level, watch.trained, unsaved)

        try:
            return self._repeated(once)
        except _Begun as begun:
            raise begun.cause from None

    def test(self, script: Path, class_name: str, eval_config: EvalConfig, weights: Path) -> TestResult:
        """Scores of saved weights on the TEST part of the data: for the final report only."""
        arguments = self._trial(self._source(script), class_name, eval_config)
        card = data_card(eval_config.dataset, eval_config, self._data_dir)

        def once() -> TestResult:
            with self._process() as channel:
                stored.lend(self._root / weights, channel.folder)
                return check_tested(_read(TestResult, channel.call("test", arguments)), card)

        return self._repeated(once)

    def close(self) -> None:
        """Kill the process at work. Idempotent, from any thread; a call in flight raises `Interrupted`."""
        with self._lock:
            self._closed = True
            channel = self._channel
        if channel is not None:
            channel.close()

    def _trial(self, source: str, class_name: str, config: EvalConfig) -> dict[str, Any]:
        return {
            "source": source, "class_name": class_name, "eval_config": config.model_dump(mode="json"),
            "files": self._files(config.dataset),
        }  # fmt: skip

    def _files(self, dataset: DatasetName) -> list[str]:
        """Where the data set's files really are, which workers can reach from now on."""
        files = locate(dataset, self._data_dir)
        self._allow(files)
        return [str(file) for file in files]

    def _ask(self, method: str, arguments: dict[str, Any], seconds: float | None = None) -> Any:
        def once() -> Any:
            with self._process() as channel:
                try:
                    return channel.call(method, arguments, seconds=seconds or CHECK_SECONDS)
                except TrialError:
                    _refuse_full_disk(channel.folder)
                    raise

        return self._repeated(once)

    def _repeated(self, once: Callable[[], T]) -> T:
        """`once`, and once more on a fresh template when its process was lost."""
        try:
            return once()
        except WorkerLost:
            self._renew()
            return once()

    @contextmanager
    def _process(self) -> Iterator[Channel]:
        if self._closed:
            raise Interrupted("the trial was stopped")
        channel = self._start()
        with self._lock:
            self._channel = channel
            closed = self._closed
        try:
            if closed:
                raise Interrupted("the trial was stopped")
            yield channel
        finally:
            channel.close()
            with self._lock:
                self._channel = None

    def _source(self, script: Path) -> str:
        path = self._root / script
        try:
            return python_source.decoded(read_plain(path))[: MAX_SOURCE + 1]
        except OSError as error:
            what = f"{path} cannot be read: {explain(error)[0]}"
            raise CodeError(what, "Name an existing Python file.") from None


_OF_A_TRIAL = (TrialError, CodeError, ConfigError, DataError)
"""What a worker may refuse with."""


def _take_weights(
    saved: Saved, watch: Watch, folder: Path, run_dir: Path | None, steps: list[shapes.Step] | None
) -> str:
    """Store what a worker saved into `folder`; why there are no weights, or empty.

    Raises `TrialError` for weights that are not the network's, `MachineError` for a full disk.
    """
    if watch.started is None or watch.trained is None:
        raise TrialError("the worker reported what cannot be: no training")
    if saved.missing:
        _refuse_full_disk(folder)
    elif run_dir is not None:
        stored.fetch(folder, run_dir / paths.RUN_WEIGHTS, watch.started.parameters, steps)
    return clean(saved.missing)


class _Begun(Exception):
    """A process was lost after its training began: the caller has to start the trial over."""

    def __init__(self, cause: WorkerLost) -> None:
        super().__init__()
        self.cause = cause


def _refuse_full_disk(folder: Path) -> None:
    """Raise `MachineError` when the temporary folder's disk is full and the trial is not what filled it."""
    facts = os.statvfs(folder)
    if facts.f_bavail * facts.f_frsize + _own_bytes(folder) < _DISK_LEFT:
        raise MachineError(
            f"the disk of the temporary folder is full: {folder.parent}",
            "Free some space there, or set TMPDIR to another folder, then resume.",
        )


def _own_bytes(folder: Path) -> int:
    """What lies directly in a trial's folder; deeper there is nothing that an honest trial writes."""
    with os.scandir(folder) as entries:
        return sum(entry.stat(follow_symlinks=False).st_blocks * 512 for entry in entries)


def _read(type_: type[Answer], value: Any) -> Answer:
    """A worker's value, checked: its content is untrusted like its code."""
    try:
        return type_.model_validate(value)
    except ValueError:
        raise TrialError(f"the worker's answer is not a valid {type_.__name__}") from None
