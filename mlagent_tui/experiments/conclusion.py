"""How a run of the loop ended, or how far it came, as its journal tells it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from mlagent_tui import events
from mlagent_tui.errors import ProjectError
from mlagent_tui.experiments import history, registry
from mlagent_tui.field_errors import first
from mlagent_tui.research import wording
from mlagent_tui.schemas import Goal

TIMES = ("loading", "thinking", "checking", "training", "other")


@dataclass(frozen=True)
class Conclusion:
    """How a run of the loop ended. `run_ids` are its entries of the registry; None: all there are.

    `answers` are those of roles for which another model may stand in. `problem` says what of the journal
    could not be used, as a sentence without its full stop.
    """

    goal_text: str
    outcome: str
    reason: str
    goal: Goal | None = None
    best_run_id: str | None = None
    run_ids: frozenset[str] | None = None
    test_accuracy: float | None = None
    test_size: int = 0
    planner: str = ""
    coder: str = ""
    sandbox: str = ""
    seed: int = 0
    versions: dict[str, str] = field(default_factory=dict)
    spent: events.TimeSpent | None = None
    prompts: events.PromptsChosen | None = None
    answers: Sequence[events.AnswerUsed] = ()
    problem: str = ""


def concluded(root: Path) -> Conclusion:
    """The conclusion of the project's last run; of a journal that cannot be read, what the registry tells.

    Raises `ProjectError` when there is nothing to report.
    """
    try:
        return from_journal(history.last_run(root))
    except ProjectError as error:
        if not registry.load(root):
            raise
        return Conclusion("The goal is not known", "unknown", "", problem=error.what)


def from_journal(journal: Iterable[events.Event]) -> Conclusion:
    """The conclusion of the last run that the journal holds. Raises `ProjectError` when it holds none."""
    told = _Told()
    for event in journal:
        if isinstance(event, events.RunStarted):
            told = _Told(event, skipped=told.skipped)
        elif told.under_way and isinstance(event, events.StepStarted) and event.step == "understand":
            told = _Told(skipped=told.skipped)  # another run, whose first line is damaged
        else:
            told.take(event)
    if told.started is None and not told.run_ids:
        skipped = f"; {told.skipped}" if told.skipped.count else ""
        raise ProjectError(f"the journal tells of no run{skipped}", "Start one with: mlagent run GOAL")
    return told.conclusion()


@dataclass
class _Told:
    """What the events of a run have told so far."""

    started: events.RunStarted | None = None
    goal: Goal | None = None
    finished: events.RunFinished | None = None
    tested: events.BestTested | None = None
    spent: events.TimeSpent | None = None
    prompts: events.PromptsChosen | None = None
    answers: list[events.AnswerUsed] = field(default_factory=list)
    run_ids: set[str] = field(default_factory=set)
    skipped: history.Skipped = field(default_factory=history.Skipped)
    unknown: str = ""

    @property
    def under_way(self) -> bool:
        """Whether the goal was understood, which happens once in a run."""
        return self.goal is not None or self.finished is not None

    def take(self, event: events.Event) -> None:
        """Take one event in."""
        match event:
            case events.GoalUnderstood():
                self._understood(event)
            case events.TrialFinished():
                self.run_ids.add(str(event.result.get("run_id")))
            case events.TrialRecorded():
                self.run_ids.add(str(event.entry.get("run_id")))
            case events.BestTested():
                self.tested = event
            case events.PromptsChosen():
                self.prompts = event
            case events.AnswerUsed():
                self.answers.append(event)
            case events.TimeSpent():
                self.spent = _add(self.spent, event)
            case events.RunFinished() | events.RunResumed():
                self.finished = event if isinstance(event, events.RunFinished) else None
            case events.Unreadable():
                self.skipped = self.skipped.add(event.line, event.reason)
            case _:
                pass

    def _understood(self, event: events.GoalUnderstood) -> None:
        try:
            self.goal = Goal.model_validate(event.goal)
        except ValidationError as error:
            self.unknown = f"the goal in the journal cannot be read: {first(error, Goal).what}"

    def conclusion(self) -> Conclusion:
        """What they amount to."""
        finished, tested, started = self.finished, self.tested, self.started
        return Conclusion(
            goal_text=started.goal_text if started else "The goal is not known",
            outcome=finished.outcome if finished else "running",
            reason=finished.reason if finished else "",
            goal=self.goal,
            best_run_id=finished.best_run_id if finished else None,
            run_ids=frozenset(self.run_ids),
            test_accuracy=tested.accuracy if tested else None,
            test_size=tested.test_size if tested else 0,
            planner=started.planner if started else "",
            coder=started.coder if started else "",
            sandbox=started.sandbox if started else "",
            seed=started.seed if started else 0,
            versions=started.versions if started else {},
            spent=self.spent,
            prompts=self.prompts,
            answers=self.answers,
            problem="; ".join(filter(None, (str(self.skipped), self.unknown))),
        )


def shares(answers: Iterable[events.AnswerUsed]) -> list[str]:
    """A sentence for each role for which another model may stand in: whose answers were used."""
    by_role: dict[str, list[events.AnswerUsed]] = {}
    for answer in answers:
        by_role.setdefault(answer.role, []).append(answer)
    return [_share(role, used) for role, used in sorted(by_role.items(), reverse=True)]


def _share(role: str, used: Sequence[events.AnswerUsed]) -> str:
    replaced = [answer for answer in used if answer.instead_of]
    own = used[0].instead_of or used[0].model
    other = replaced[0].model if replaced else ""
    return wording.share(role, own, len(used) - len(replaced), other, len(replaced))


def _add(before: events.TimeSpent | None, more: events.TimeSpent) -> events.TimeSpent:
    if before is None:
        return more
    return more.but(**{name: getattr(before, name) + getattr(more, name) for name in TIMES})
