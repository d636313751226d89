"""How an iteration becomes an entry of the registry and a folder of its own, and comes back from there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from mlagent_tui import events, shapes
from mlagent_tui.agent.context import Attempt, Brief
from mlagent_tui.agent.recovery import Iteration
from mlagent_tui.agent.stopping import Settled
from mlagent_tui.errors import ConfigError, MlagentError
from mlagent_tui.experiments import Project, entry_of
from mlagent_tui.schemas import DataCard, EvalResult, ModelConfig


def failed(project: Project, error: MlagentError, card: DataCard, seed: int) -> EvalResult:
    """The result of an iteration that never came to an evaluation's own result."""
    return EvalResult(
        run_id=project.claim_run(),
        status="failed",
        reason=error.what,
        dataset=card.dataset,
        seed=seed,
    )


def store(
    project: Project, now: Iteration, result: EvalResult, change: list[str], written: str | None
) -> Attempt:
    """Put what an iteration made into its folder; returns its attempt, which the registry does not know yet.

    `written` is the code that failed its checks, for an iteration that has no accepted code.
    """
    settings = now.plan.evaluation if now.plan else None
    project.save_run(
        result.run_id,
        config=now.config,
        eval_config=settings,
        code=now.code or written,
        summary=now.summary,
        result=result,
    )
    entry = entry_of(
        result,
        datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        model_name=now.config.model_name if now.config else "CurrentModel",
        iteration=now.number,
        change=change,
        parameters=result.parameters or _parameters(now.config),
    )
    return Attempt(entry, now.config, settings)


@dataclass(frozen=True)
class Origin:
    """The earlier run that the user chose for an iteration to start from; with a seed, to be repeated."""

    attempt: Attempt
    code: str | None
    seed: int | None

    @property
    def again(self) -> bool:
        """Whether it is trained again as it is, and not changed."""
        return self.seed is not None


def origin(project: Project, queued: events.Queued) -> Origin | None:
    """What `queued` names, if the project still holds what it takes."""
    found = attempts(project, [queued.run_id])
    if not found or found[0].config is None or (queued.kind == "rerun" and found[0].eval_config is None):
        return None
    seed = (queued.seed or 0) if queued.kind == "rerun" else None
    return Origin(found[0], project.load_run(queued.run_id).code, seed)


def change(brief: Brief, start: Origin | None, edited: set[str]) -> list[str]:
    """What makes this iteration different from those before, for the registry."""
    changes = brief.changes
    if start:
        run_id = start.attempt.entry.run_id
        changes = [f"{run_id} again, seed {start.seed}"] if start.again else [f"from {run_id}", *changes]
    return [*changes, *(f"{what} edited by the user" for what in sorted(edited))]


def decided(attempt: Attempt, settled: Settled) -> Attempt:
    """The attempt with what was decided after it."""
    update = {"decision": settled.text, "next_change": list(settled.decision.changes)}
    entry = attempt.entry.model_copy(update=update)
    return Attempt(entry, attempt.config, attempt.eval_config)


def attempts(project: Project, run_ids: list[str]) -> list[Attempt]:
    """The attempts of a run that the registry holds, oldest first."""
    entries = {entry.run_id: entry for entry in project.registry()}
    found = []
    for run_id in dict.fromkeys(run_ids):
        if run_id in entries:
            run = project.load_run(run_id)
            found.append(Attempt(entries[run_id], run.config, run.eval_config))
    return found


def _parameters(config: ModelConfig | None) -> int | None:
    try:
        return shapes.count_parameters(shapes.infer(config)) if config else None
    except ConfigError:
        return None
