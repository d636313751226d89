"""Data sets as confined workers see them: over links, replaced meanwhile, damaged inside; at each level."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mlagent_tui import events, workspace
from mlagent_tui.agent import RunOptions, research
from mlagent_tui.errors import DataError
from mlagent_tui.experiments import Project
from mlagent_tui.sandbox import Level, works
from mlagent_tui.schemas import EvalConfig
from mlagent_tui.training import WorkerPool, pool
from tests.data_files import write_cifar, write_mnist
from tests.scripted import Scripted

LEVELS: tuple[Level, ...] = ("seatbelt",) if sys.platform == "darwin" else ("bubblewrap", "landlock")
LINEAR = """\
import torch
from torch import nn


class CurrentModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 10)

    def forward(self, x):
        return self.fc1(x.flatten(1))
"""


def linked(root: Path) -> Path:
    """A data folder that is a link, in it every kind of link to the files of two data sets."""
    write_mnist(root / "store" / "mnist")
    write_mnist(root / "store" / "fashion")
    (root / "alias").symlink_to("store")
    (root / "real").mkdir()
    (root / "real" / "MNIST").symlink_to(root / "alias" / "mnist")
    (root / "real" / "FashionMNIST").mkdir()
    for file in (root / "store" / "fashion").iterdir():
        (root / "real" / "FashionMNIST" / file.name).symlink_to(f"../../alias/fashion/{file.name}")
    (root / "data").symlink_to("real")
    return root / "data"


@pytest.mark.parametrize("level", LEVELS)
def test_a_worker_reads_data_over_links_and_files_that_have_come_since_it_was_started(
    level: Level, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not works(level):
        pytest.skip(f"{level} does not work on this machine")
    monkeypatch.setattr(pool, "resolve_level", lambda policy: level)
    data = linked(tmp_path)
    made = WorkerPool(tmp_path, data_dir=data)
    try:
        with made.worker() as worker:
            if level == LEVELS[0]:
                (tmp_path / "model.py").write_text(LINEAR)
                settings = EvalConfig(dataset="mnist", train_size=64, val_size=64, epochs=1)
                result = worker.evaluate(tmp_path / "model.py", "CurrentModel", settings)
                assert (result.status, result.reason, result.test_size) == ("completed", "", 10_000)
                worker.look("fashion_mnist")
                labels = tmp_path / "store" / "fashion" / "t10k-labels-idx1-ubyte"
                spoilt = bytearray(labels.read_bytes())
                spoilt[8 + 77] = 12
                labels.unlink()  # another file takes its place, as rsync does it
                labels.write_bytes(spoilt)
                with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte: image 77 has the label 12"):
                    worker.look("fashion_mnist")
            else:
                worker.look("mnist")
                worker.look("fashion_mnist")
    finally:
        made.close()


@pytest.fixture
def cifar(tmp_path: Path) -> Iterator[Path]:
    """CIFAR-10 of which the fourth batch has a label too high, and the others are good."""
    files = write_cifar(tmp_path / "data" / "cifar-10-batches-py")
    pixels = np.zeros((10_000, 3072), np.uint8)
    good = pickle.dumps({b"data": pixels, b"labels": [0] * 10_000})
    for path in files:
        path.write_bytes(good)
    files[3].write_bytes(pickle.dumps({b"data": pixels, b"labels": [0] * 9_999 + [10]}))
    yield tmp_path / "data"


def test_a_data_set_that_is_damaged_inside_ends_a_run_before_any_model_is_called(
    cifar: Path, tmp_path: Path
) -> None:
    root = tmp_path / "project"
    workspace.prepare(root)
    model = Scripted(before=lambda task: pytest.fail(f"the model was asked: {task}"))
    options = RunOptions(goal_text="cifar10, at least 30% accuracy", data_dir=cifar)
    with Project(root) as project:
        told = list(research(project, options, open_models=model.open))
    (failed,) = [event for event in told if isinstance(event, events.Failed)]
    assert failed.title == "Data set"
    assert failed.what.startswith(os.fspath(cifar / "cifar-10-batches-py" / "data_batch_4"))
    assert failed.what.endswith("image 9999 has the label 10; the classes are 0 to 9")
    assert not any(isinstance(event, events.StepStarted) for event in told)
