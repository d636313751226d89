"""How an iteration becomes an entry of the registry and a folder of its own, and comes back from there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from mlagent_tui import chance, events, shapes
from mlagent_tui.agent.context import Attempt, Brief
from mlagent_tui.agent.recovery import Iteration
from mlagent_tui.agent.stopping import Settled
from mlagent_tui.errors import ConfigError, MlagentError
from mlagent_tui.experiments import Project, entry_of
from mlagent_tui.research import change as changes
from mlagent_tui.research import wishes
from mlagent_tui.schemas import DEFAULT_CLASS, DataCard, EvalResult, Goal, ModelConfig, RegistryEntry
from mlagent_tui.training import TestResult


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
    project: Project,
    now: Iteration,
    result: EvalResult,
    change: list[str],
    written: str | None,
    goal: Goal,
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
        model_name=now.config.model_name if now.config else DEFAULT_CLASS,
        iteration=now.number,
        change=change,
        parameters=result.parameters or _parameters(now.config),
        goal=goal.model_dump(mode="json"),
        unmet=wishes.unmet(wishes.check(goal.asked, now.config, settings)),
        planner=now.planner,
        coder=now.coder,
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


def change(brief: Brief, start: Origin | None, now: Iteration) -> list[str]:
    """What makes this iteration different from the trial it starts from.

    It is computed from both configs and settings. Only where no config was made is it what was asked for.
    """
    found = list(brief.changes)
    if now.config is not None and brief.last_config is not None:
        settings = now.plan.evaluation if now.plan else None
        differs = changes.differences(brief.last_config, now.config, brief.last_eval_config, settings)
        found = differs or ["no change"]
    if start:
        run_id = start.attempt.entry.run_id
        found = [f"{run_id} again, seed {start.seed}"] if start.again else [f"from {run_id}", *found]
    elif not brief.history:
        found = []
    own = ["chosen by the loop"] if now.own else []
    edits = [f"{what} edited by the user" for what in ("config", "settings", "code") if what in now.edited]
    return [*found, *own, *edits]


def decided(attempt: Attempt, settled: Settled) -> Attempt:
    """The attempt with what was decided after it."""
    update = {"decision": settled.text, "next_change": list(settled.decision.changes)}
    entry = attempt.entry.model_copy(update=update)
    return Attempt(entry, attempt.config, attempt.eval_config)


def doubt(project: Project, entry: RegistryEntry, scores: TestResult) -> str:
    """What to say when a network's test score differs from its validation score beyond chance, or empty."""
    result = project.load_run(entry.run_id).result
    validated = result.val_size if result else 0
    return chance.doubt(entry.metrics_summary.get("accuracy"), validated, scores.accuracy, scores.test_size)


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
