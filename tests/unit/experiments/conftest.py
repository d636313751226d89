"""A scaffolded project, and what a finished run leaves in one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlagent_tui.experiments import registry, runs
from mlagent_tui.schemas import (
    EpochMetrics,
    EvalConfig,
    EvalResult,
    LayerRow,
    ModelConfig,
    RegistryEntry,
    Summary,
)
from mlagent_tui.tools import create_pytorch_project_scaffold

CONFIG = ModelConfig.model_validate({
    "input_shape": (1, 8, 8), "num_classes": 10,
    "layers": [
        {"type": "conv2d", "out_channels": 8, "kernel_size": 3, "padding": 1}, {"type": "relu"},
        {"type": "flatten"}, {"type": "linear", "out_features": 10},
    ],
})  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    create_pytorch_project_scaffold("P", str(tmp_path))
    return tmp_path / "P"


Finish = Callable[..., RegistryEntry]


@pytest.fixture
def finish() -> Finish:
    """Stores a run as the loop does: `finish(root, run_id, accuracy, **fields of its entry)`."""
    return _finish


@pytest.fixture
def config() -> ModelConfig:
    """The network of every run that `finish` stores."""
    return CONFIG


def _finish(root: Path, run_id: str, accuracy: float | None, **fields: Any) -> RegistryEntry:
    curves = [] if accuracy is None else [_point(epoch, accuracy * epoch / 3) for epoch in (1, 2, 3)]
    status = "failed" if accuracy is None else "completed"
    result = EvalResult(
        run_id=run_id, status=status, dataset="digits", accuracy=accuracy, device="cpu", curves=curves
    )  # fmt: skip
    summary = Summary(
        class_name="CurrentModel", input_shape=(1, 1, 8, 8), output_shape=(1, 10), total_parameters=5210,
        trainable_parameters=5210, size_mb=0.02, multiply_adds=9728,
        layers=[LayerRow(name="conv1", type="Conv2d", output_shape=(8, 8, 8), parameters=80)],
        explanation="One convolution\nand a | linear layer.",
    )  # fmt: skip
    runs.save(
        root, run_id, config=CONFIG, eval_config=EvalConfig(dataset="digits"), summary=summary, result=result,
        code="class CurrentModel: ...\n",
    )  # fmt: skip
    entry = RegistryEntry.model_validate({
        "run_id": run_id, "timestamp": "2026-01-01T00:00:00Z", "model_name": "CurrentModel",
        "metrics_summary": {} if accuracy is None else {"accuracy": accuracy, "val_loss": 0.1234},
        "dataset": "digits", "experiment_dir": f"experiments/{run_id}/", "status": status, "parameters": 5210,
        "seconds": 2.5,
    } | fields)  # fmt: skip
    registry.record(root, entry)
    return entry


def _point(epoch: int, accuracy: float) -> EpochMetrics:
    return EpochMetrics(
        epoch=epoch, train_loss=1 / epoch, train_accuracy=accuracy, val_loss=1.1 / epoch, accuracy=accuracy,
        seconds=epoch * 0.5,
    )  # fmt: skip
