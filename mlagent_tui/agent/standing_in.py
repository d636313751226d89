"""The bundled model stands in for a role's own model: for a call at which it fails, and in the end for good.

One rule decides. What a model says, or cannot say, is its weakness: no valid value and no right code within
its attempts, none of the goal's numbers for the criterion, a prompt longer than its context. Then the bundled
model answers this call with its own prompts. The same happens, with a warning, when what runs the model fails
during a run: a server, a process, the memory. But a model that has not answered once is set up wrongly, and
its error stays one. Nothing else is a model's fault: a stop, a goal without a criterion, a network that needs
too much, a fault of the machine.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeVar

from mlagent_tui import events
from mlagent_tui.agent.wrapped import Wrapped
from mlagent_tui.errors import CodeError, ConfigError, GoalError, Interrupted, MlagentError, ModelError
from mlagent_tui.llm import Answer, LanguageModel, Message, OnProgress, OnText, PromptTooLong, Request
from mlagent_tui.research import ranking
from mlagent_tui.schemas import Summary

if TYPE_CHECKING:
    from mlagent_tui.agent.context import Brief
    from mlagent_tui.agent.loop import Loop
    from mlagent_tui.agent.planner import Planner
    from mlagent_tui.tools import ToolContext

T = TypeVar("T")
Steps = Generator[events.Event, None, T]
Task = Literal["goal", "plan", "config", "decision", "code", "explain"]

AFTER = 3
"""Failures in a row at one task after which the bundled model does this task for the rest of the run."""

ROLES: dict[Task, events.Role] = {
    "goal": "planner", "plan": "planner", "config": "planner", "decision": "planner",
    "code": "coder", "explain": "coder",
}  # fmt: skip

PLANNING: tuple[Task, ...] = ("plan", "config", "decision")
"""What a planner does in every iteration."""

WEAKNESSES: dict[Task, tuple[type[MlagentError], ...]] = {
    "goal": (ModelError, Interrupted, GoalError),
    "plan": (ModelError, Interrupted),
    "config": (ModelError, Interrupted, ConfigError),
    "decision": (ModelError, Interrupted),
    "code": (ModelError, Interrupted, CodeError),
    "explain": (ModelError, Interrupted),
}
"""The errors by which a call for a task ends when its model has not done it.

`Interrupted` is one where nobody has stopped the run: an answer was ended that led nowhere.
"""


class Unavailable(ModelError):
    """What runs a language model has failed. `ever_answered` says whether the model had answered before."""

    def __init__(self, error: ModelError, ever_answered: bool) -> None:
        super().__init__(error.what, error.remedy)
        self.ever_answered = ever_answered


class Unexplained(ModelError):
    """The coder's explanation does not hold; `summary` has one that is composed from the measurement.

    `told` are the events of that one, to be told where nobody else explains the network. `fault` is why the
    coder said nothing, where what runs it has failed.
    """

    def __init__(self, summary: Summary, told: Sequence[events.Event], fault: Unavailable | None) -> None:
        what = fault.what if fault else "it gave no explanation that agrees with the measurement"
        super().__init__(what, fault.remedy if fault else "")
        self.summary = summary
        self.told = told
        self.fault = fault


def holding_back(
    tell: Callable[[events.Event], None], held: list[events.Event]
) -> Callable[[events.Event], None]:
    """Tells all events of a summary but those of an explanation that is not the coder's: they are `held`."""

    def listen(event: events.Event) -> None:
        composed = (
            isinstance(event, events.SummaryMade) and event.summary.get("explanation_source") != "coder"
        )
        if composed or isinstance(event, events.Warned):
            held.append(event)
        else:
            tell(event)

    return listen


class Attended(Wrapped):
    """A role's model; an error that is not about its answer or its prompt is raised as `Unavailable`.

    `spec` is how the model is given.
    """

    def __init__(self, model: LanguageModel, spec: str, stand_ins: StandIns) -> None:
        super().__init__(model)
        self._spec = spec
        self._stand_ins = stand_ins

    def generate(
        self,
        request: Request,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> Answer:
        answer = self._attend(lambda: self._model.generate(request, on_text, cancel, on_progress))
        self._stand_ins.answered.add(self._spec)
        return answer

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return self._attend(lambda: self._model.count_tokens(messages))

    def _attend(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except PromptTooLong:
            raise
        except ModelError as error:
            fault = Unavailable(error, self._spec in self._stand_ins.answered)
            self._stand_ins.fault = fault
            raise fault from error


@dataclass(frozen=True)
class Models:
    """Who answers the calls of both roles: the planner, and the tools with the coder."""

    planner: Planner
    tools: ToolContext

    def name(self, role: events.Role) -> str:
        """The name of the model in a role."""
        return self.planner.model.name if role == "planner" else self.tools.coder().name


@dataclass
class StandIns:
    """For which `roles` the bundled model may stand in.

    `taken` are the tasks that it has taken over for good, with the iteration since which.
    """

    roles: frozenset[events.Role]
    taken: dict[str, int]
    answered: set[str] = field(default_factory=set)
    """The models, as they are given, that have answered in this process."""
    fault: Unavailable | None = None
    """The last failure of what runs a model."""
    _in_a_row: Counter[str] = field(default_factory=Counter)

    def failed(self, task: Task, iteration: int) -> bool:
        """One more failure; whether the bundled model takes the task over now."""
        self._in_a_row[task] += 1
        if self._in_a_row[task] >= AFTER:
            self.taken[task] = iteration
        return task in self.taken

    def succeeded(self, task: Task) -> None:
        """The role's own model has done it."""
        self._in_a_row[task] = 0


def asked(loop: Loop, task: Task, ask: Callable[[Models], Steps[T]]) -> Steps[T]:
    """What `ask` returns with the models of the run; where that fails, with the bundled one, which is told.

    Raises what `ask` raises for errors that are no weakness of a model, and when the bundled model fails too.
    """
    session, stand_ins, role = loop.session, loop.session.stand_ins, ROLES[task]
    if role not in stand_ins.roles:
        return (yield from ask(session.models))
    own = session.models.name(role)
    if task in stand_ins.taken:
        bundled = yield from loop.background(session.bundled)
    else:
        try:
            result = yield from ask(session.models)
        except WEAKNESSES[task] as error:
            loop.interrupted_by(error)
            bundled = yield from _replacing(loop, task, own, error)
        else:
            stand_ins.succeeded(task)
            yield events.AnswerUsed(role=role, task=task, model=own)
            return result
    result = yield from ask(bundled)
    yield events.AnswerUsed(role=role, task=task, model=bundled.name(role), instead_of=own)
    return result


def _replacing(loop: Loop, task: Task, own: str, error: MlagentError) -> Steps[Models]:
    """The bundled model, said to stand in because of `error`; raises that where it cannot."""
    fault = error.fault if isinstance(error, Unexplained) else error
    fault = fault if isinstance(fault, Unavailable) else None
    if fault and not fault.ever_answered:
        raise error
    try:
        bundled = yield from loop.background(loop.session.bundled)
    except ModelError as missing:
        yield _missing(missing)
        raise error from missing
    role = ROLES[task]
    model = bundled.name(role)
    if fault:
        yield events.Warned(message=f"{fault.what}; {model} answers this call", remedy=fault.remedy)
    yield events.StoodIn(
        role=role,
        task=task,
        model=model,
        instead_of=own,
        reason=error.what,
        for_good=loop.session.stand_ins.failed(task, loop.now.number),
        iteration=loop.now.number,
    )
    return bundled


def _missing(error: ModelError) -> events.Warned:
    return events.Warned(message=f"the bundled model cannot stand in: {error.what}", remedy=error.remedy)


def stale(loop: Loop, iterations: int) -> int:
    """Iterations without improvement that count against patience: those since the last change of planner."""
    since = loop.session.stand_ins.taken.get("config")
    return iterations if since is None else min(iterations, loop.now.number - since)


def renewed(loop: Loop, brief: Brief) -> Steps[None]:
    """Let the bundled model plan from now on where the planner brings no improvement.

    The search would stop otherwise: for lack of progress, with the goal not reached and iterations left.
    """
    stand_ins, left = loop.session.stand_ins, brief.iteration < brief.iterations and not loop.out_of_time()
    stopped = brief.stale >= brief.patience and ranking.unmet(brief.goal, brief.history[-1].entry)
    if not (stopped and left) or "planner" not in stand_ins.roles:
        return
    own = loop.session.models.name("planner")
    for task in PLANNING:
        if task in stand_ins.taken:
            continue
        try:
            bundled = yield from loop.background(loop.session.bundled)
        except ModelError as missing:
            yield _missing(missing)
            return
        stand_ins.taken[task] = brief.iteration
        yield events.StoodIn(
            role="planner",
            task=task,
            model=bundled.name("planner"),
            instead_of=own,
            reason=f"no improvement for {brief.stale} iterations",
            for_good=True,
            iteration=brief.iteration,
        )
