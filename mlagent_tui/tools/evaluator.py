"""`pytorch_quick_evaluator`: one short training in a trial worker, reported and stored as it happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mlagent_tui import field_errors
from mlagent_tui.errors import ToolError, WorkerLost
from mlagent_tui.events import BatchDone, EpochDone, Event, TrialFinished, TrialStarted, Warned
from mlagent_tui.experiments import NewRun, new_run
from mlagent_tui.schemas import EpochMetrics, EvalConfig
from mlagent_tui.tools.checking import checked
from mlagent_tui.tools.context import ToolContext, current
from mlagent_tui.tools.scripts import staged_copy
from mlagent_tui.training import WorkerPool, data_card, expected_memory, preprocessing


@checked
def pytorch_quick_evaluator(
    model_script_path: str, model_class_name: str, eval_config: dict[str, Any]
) -> dict[str, Any]:
    """Train the class in the script as `eval_config` says; returns the fields of `schemas.EvalResult`.

    In a project, `experiments/<run_id>/` then holds `eval_config.yaml`, `metrics.jsonl`,
    `preprocessing.json` and `model.safetensors`, the weights of the best validated epoch. A trial that
    diverges, crashes, hangs or runs out of a limit is a result as well: its `status` and `reason` say so.
    Raises `CodeError` when the class cannot be built, `DataError` when the data set is missing, `ToolError`
    for arguments that are wrong, `MachineError` when the machine is short of something. A trial whose process
    is killed from outside is started over once. Once a training has ended, its result stands: weights that
    cannot be stored are a warning, and `weights_missing` says why.
    """
    context = current()
    config = _parse(eval_config)
    with staged_copy(context, model_script_path) as script:
        try:
            fields = _trial(context, script, model_class_name, config)
        except WorkerLost as lost:
            context.on_event(Warned(message=f"{lost.what}; the trial starts over", remedy=lost.remedy))
            fields = _trial(context, script, model_class_name, config)
    if fields["weights_missing"]:
        context.on_event(Warned(
            message=f"{fields['run_id']}: the weights are not stored: {fields['weights_missing']}",
            remedy="What was measured stands. Without weights, the network cannot be tested or used later.",
        ))  # fmt: skip
    context.on_event(TrialFinished(result=fields))
    return fields


def _trial(context: ToolContext, script: Path, class_name: str, config: EvalConfig) -> dict[str, Any]:
    """One training with a run id of its own; without a result, nothing of it stays."""
    with new_run(context.root) as run:
        run.begin(config)
        pool = context.pool()
        _warn_of_memory(context, config, pool)
        with pool.worker() as worker:
            result = worker.evaluate(
                script,
                class_name,
                config,
                run.folder,
                lambda report: context.on_event(_told(report, run, config, pool.level)),
                cancel=context.cancel,
                config=context.network,
            )
        run.keep()
    return result.model_copy(update={"run_id": run.run_id}).model_dump(mode="json")


def _warn_of_memory(context: ToolContext, config: EvalConfig, pool: WorkerPool) -> None:
    """Say before a training that it may need more memory than it has, where that can be worked out."""
    if context.network is None or pool.has_gpu:
        return
    card = data_card(config.dataset, config, pool.data_dir)
    need, limit = expected_memory(context.network, config, card, "cpu"), pool.memory_mb << 20
    if need > limit:
        context.on_event(Warned(
            message=f"this trial is expected to need about {need / 1e9:.1f} GB, and trials may use "
            f"{limit / 1e9:.1f} GB",
            remedy="It ends when it needs more than that. Use a smaller batch_size or fewer channels.",
        ))  # fmt: skip


def _parse(fields: dict[str, Any]) -> EvalConfig:
    try:
        return EvalConfig.model_validate(fields)
    except ValidationError as error:
        told = field_errors.first(error, EvalConfig, "eval_config")
        what = told.what if not told.path else f"eval_config: {told.what}"
        raise ToolError(what, told.remedy) from error


def _told(report: dict[str, Any], run: NewRun, config: EvalConfig, level: str) -> Event:
    """The event of a worker's report; a point of the curves also goes to its file."""
    fields = report | {"run_id": run.run_id, "sandbox": level, "epochs": config.epochs}
    if report["event"] == "started":
        run.describe(preprocessing(config, report["mean"], report["std"]))
        return TrialStarted.read(fields)
    if report["event"] == "batch":
        return BatchDone.read(fields)
    run.add(EpochMetrics.model_validate({name: report[name] for name in EpochMetrics.model_fields}))
    return EpochDone.read(fields)
