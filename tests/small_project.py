"""A project with three runs and the journal that led to them, made through the package's own writers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlagent_tui import events, paths
from mlagent_tui.events import Journal
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

GOAL = "A tiny MLP for digits, at least 99% accuracy"
RUN_IDS = ("qe_20260101_000001", "qe_20260101_000002", "qe_20260101_000003")
ACCURACIES = (0.95, 0.97, None)
CODE = "from torch import nn\n\n\nclass CurrentModel(nn.Module):\n    width = {width}\n"


def make(folder: Path, outcome: str = "stopped") -> Path:
    """The project `folder/P`. The third run failed. An empty `outcome` leaves the journal without its end."""
    create_pytorch_project_scaffold("P", str(folder))
    root = folder / "P"
    with Journal(paths.Layout(root).journal) as journal:
        journal.append(events.RunStarted(goal_text=GOAL, planner="bundled", coder="bundled"))
        journal.append(events.StepStarted(step="understand"))
        _say(journal, "planner", "goal", "What is the goal?", '{"dataset":"digits"}')
        for number, (run_id, accuracy) in enumerate(zip(RUN_IDS, ACCURACIES, strict=True), 1):
            _iteration(root, journal, number, run_id, accuracy)
        if outcome:
            best = RUN_IDS[1]
            told: Any = {
                "outcome": outcome,
                "reason": "iteration limit",
                "best_run_id": best,
                "exit_status": 3,
            }
            journal.append(events.RunFinished.read(told))
    return root


def config(width: int) -> ModelConfig:
    """The network of a run."""
    layers = [{"type": "flatten"}, {"type": "linear", "out_features": width}]
    fields = {
        "input_shape": (1, 8, 8),
        "num_classes": 10,
        "layers": [*layers, {"type": "linear", "out_features": 10}],
    }
    return ModelConfig.model_validate(fields)


def _iteration(root: Path, journal: Journal, number: int, run_id: str, accuracy: float | None) -> None:
    width = 16 * number
    journal.append(events.StepStarted(step="plan", iteration=number))
    _say(journal, "planner", "plan", f"Plan iteration {number}.", '{"calls":[]}')
    _say(journal, "coder", "code", f"Write width {width}.", f"```python\n{CODE.format(width=width)}```")
    if accuracy is None:
        journal.append(events.CheckFailed(what="code", problem="fc1: expected 64 input features, got 10"))
    else:
        journal.append(events.TrialStarted(run_id=run_id))
    result = _store(root, number, run_id, accuracy, width)
    journal.append(events.TrialFinished(result=result.model_dump(mode="json")))
    journal.append(
        events.DecisionMade(iteration=number, decision={"decision": "iterate", "changes": ["wider"]})
    )


def _say(journal: Journal, role: events.Role, task: str, prompt: str, answer: str) -> None:
    journal.append(events.ModelAsked(role=role, task=task, prompt=prompt))
    half = len(answer) // 2
    journal.append(events.TokensStreamed(role=role, task=task, text=answer[:half]))
    journal.append(events.TokensStreamed(role=role, task=task, text=answer[half:]))
    journal.append(events.ModelCalled(role=role, task=task, tokens=7, seconds=0.5))


def _store(root: Path, number: int, run_id: str, accuracy: float | None, width: int) -> EvalResult:
    done = accuracy is not None
    points = [
        EpochMetrics(
            epoch=epoch, train_loss=1 / epoch, train_accuracy=0.9, val_loss=1.1 / epoch,
            accuracy=(accuracy or 0) * epoch / 3, seconds=epoch / 2,
        )
        for epoch in ((1, 2, 3) if done else ())
    ]  # fmt: skip
    status = "completed" if done else "failed"
    result = EvalResult.model_validate({
        "run_id": run_id, "status": status, "dataset": "digits", "accuracy": accuracy, "curves": points,
        "val_loss": 0.1 if done else None, "parameters": 100 * width,
    })  # fmt: skip
    summary = Summary(
        class_name="CurrentModel", input_shape=(1, 1, 8, 8), output_shape=(1, 10),
        total_parameters=100 * width, trainable_parameters=100 * width, size_mb=0.02, multiply_adds=9728,
        layers=[LayerRow(name="fc1", type="Linear", output_shape=(width,), parameters=65 * width)],
        explanation=f"Two linear layers, {width} wide.",
    )  # fmt: skip
    runs.save(
        root, run_id, config=config(width), eval_config=EvalConfig(dataset="digits"),
        summary=summary if done else None, result=result, code=CODE.format(width=width),
    )  # fmt: skip
    entry = RegistryEntry.model_validate({
        "run_id": run_id, "timestamp": "2026-01-01T00:00:00Z", "model_name": "CurrentModel",
        "dataset": "digits",
        "metrics_summary": {"accuracy": accuracy, "val_loss": 0.1} if done else {}, "iteration": number,
        "experiment_dir": f"experiments/{run_id}/", "status": status,
        "parameters": 100 * width, "seconds": 1.5,
        "change": ["wider"] if number > 1 else [], "decision": "Iterate: wider",
        "reason": "" if done else "fc1: expected 64 input features, got 10",
    })  # fmt: skip
    registry.record(root, entry)
    return result
