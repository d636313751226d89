"""The trial worker's process: answers one request, a JSON line, with the replies of `replies`, and ends.

It runs inside the sandbox, forked by `template` or, where forking is not safe, started by itself as
`python -m mlagent_tui.training.worker`. Standard input carries the request; replies go to a private copy of
standard output, and whatever generated code prints goes to standard error.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import nn

from mlagent_tui.errors import MlagentError, TrialError
from mlagent_tui.schemas import DatasetName, EvalConfig, ModelConfig, Value
from mlagent_tui.training import checks, contract, datasets, trainer
from mlagent_tui.training.catalog import split_sizes
from mlagent_tui.training.datasets import Data, PartName
from mlagent_tui.training.layers import count_parameters
from mlagent_tui.training.loading import SMALLER, describe, load_model, load_trainable, shortage
from mlagent_tui.training.measuring import run, summarise
from mlagent_tui.training.replies import Done, Ready, Refused, Room, Saved, Started, TestResult
from mlagent_tui.training.saving import load as load_weights
from mlagent_tui.training.saving import save as save_weights

WEIGHTS = "model.safetensors"
_TEXT = 4000
_CORES = torch.get_num_threads()
# Multiply-adds of a batch below which one more thread costs more in waiting than it brings. The count follows
# from model and settings alone, so that the order of sums, and with it the metrics, are the same every time.
_WORK_OF_A_THREAD = 20_000_000


class Worker:
    """One method a request; keyword arguments come from the request's JSON."""

    def __init__(self, send: Callable[[Value], None]) -> None:
        self._send = send

    def check_config(self, config: dict[str, Any]) -> Value:
        """Facts of the reference build."""
        return checks.check_config(ModelConfig.model_validate(config))

    def check_code(self, source: str, class_name: str, config: Any, input_shape: list[int]) -> None:
        """Raises `CodeError` when the code is not the network of `config`."""
        known = ModelConfig.model_validate(config) if config else None
        checks.check_code(source, class_name, known, input_shape)

    def measure(self, source: str, class_name: str, input_size: list[int]) -> Value:
        """A `Summary`."""
        return summarise(load_model(source, class_name), class_name, tuple(input_size))

    def room(self, device: str) -> Value:
        """The device that a trial would use, and how much of its memory is free."""
        chosen = _device(device)
        free = torch.cuda.mem_get_info(chosen)[0] if chosen.type == "cuda" else None
        return Room.model_validate({"device": chosen.type, "free": free})

    def look(self, dataset: DatasetName, files: list[str]) -> None:
        """Read all of a data set. Raises `DataError`."""
        datasets.look(dataset, [Path(file) for file in files])

    def evaluate(self, source: str, class_name: str, eval_config: dict[str, Any], files: list[str]) -> Value:
        """Train, validate, say how it ended, and only then leave the weights in the working directory."""
        config = EvalConfig.model_validate(eval_config)
        model, data, device = _prepare(source, class_name, config, files, "validation")
        self._send(
            Started(
                event="started",
                device=_device_name(device),
                train_size=len(data.train),
                val_size=len(data.validation),
                test_size=split_sizes(data.info).test,
                parameters=count_parameters(model),
                precision=config.precision,
                mean=data.mean.tolist(),
                std=data.std.tolist(),
            )
        )
        training = trainer.Training(model, data, config, self._send)
        self._send(training.run())
        return Saved(missing=_stored(training))

    def test(self, source: str, class_name: str, eval_config: dict[str, Any], files: list[str]) -> Value:
        """Scores of the weights in the working directory on the test part."""
        config = EvalConfig.model_validate(eval_config)
        model, data, _ = _prepare(source, class_name, config, files, "test")
        load_weights(model, WEIGHTS)
        scores = trainer.measure(model, data, data.test, config)
        return TestResult(accuracy=scores.accuracy, loss=scores.loss, test_size=scores.count)


def _prepare(
    source: str, class_name: str, config: EvalConfig, files: list[str], measured_on: PartName
) -> tuple[nn.Module, Data, torch.device]:
    """Model and the data that is needed on the device, every source of randomness seeded."""
    device = _device(config.device)
    model = load_trainable(source, class_name, config.seed).to(device)
    data = datasets.load(config, device, [Path(file) for file in files], [measured_on])
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    torch.manual_seed(config.seed)
    images = data.normalise(data.train.images[:2])
    try:
        ran = run(model.eval(), [images])
    except Exception as error:
        refusal = contract.refused_input(model, images, error)
        raise (TrialError(refusal) if refusal else error) from None
    trainer.checked(ran.output, len(images), data.info.num_classes)
    if device.type == "cpu":
        work = ran.multiply_adds // len(images) * config.batch_size
        torch.set_num_threads(max(1, min(_CORES, work // _WORK_OF_A_THREAD)))
    return model, data, device


def _stored(training: trainer.Training) -> str:
    """Store the best epoch's weights; why that was not possible, or empty. What was measured stands."""
    try:
        training.restore()
        save_weights(training.model.cpu(), WEIGHTS)
    except MlagentError as error:
        return error.what[:_TEXT]
    except Exception as error:
        return shortage(error) or describe(error)[:_TEXT]
    return ""


def _device(asked: str) -> torch.device:
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    chosen = next(name for name, there in available.items() if there) if asked == "auto" else asked
    if not available[chosen]:
        raise TrialError(f"there is no {chosen} device here", "Use `device: auto`.")
    return torch.device(chosen)


def _device_name(device: torch.device) -> str:
    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type


def _answer(worker: Worker, request: dict[str, Any]) -> Value:
    try:
        value = getattr(worker, request["method"])(**request["arguments"])
    except MlagentError as error:
        kind: Any = type(error).__name__
        return Refused(event="refused", error=kind, what=error.what[:_TEXT], remedy=error.remedy[:_TEXT])
    except Exception as error:
        lacking = shortage(error)
        if lacking:
            return Refused(event="refused", error="OutOfMemory", what=lacking, remedy=SMALLER)
        return Refused(event="refused", error="TrialError", what=describe(error)[:_TEXT], remedy="")
    return Done(event="done", value=value.model_dump(mode="json") if value is not None else None)


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Say that the worker is ready, answer one request, and return."""

    def send(value: Value) -> None:
        replies.write(value.model_dump_json().encode() + b"\n")
        replies.flush()

    send(Ready(event="ready", torch=torch.__version__))
    line = requests.readline()
    if line:
        send(_answer(Worker(send), json.loads(line)))


def main() -> None:
    """Serve one request of standard input, in a process of its own."""
    replies = os.fdopen(os.dup(1), "wb")
    requests = os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    serve(requests, replies)
    os._exit(0)  # nothing that generated code has left behind runs after the answer


if __name__ == "__main__":
    main()
