"""The research loop: a generator of events that reads top to bottom, one function per step.

Everything a model says is checked here or in a tool; `stopping` decides what happens next, and before each
step the user may. Nothing here shows anything or writes a file by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from mlagent_tui import events, paths, tools
from mlagent_tui.agent import alternatives, editing, planning, records, standing_in, stopping
from mlagent_tui.agent.configuring import configure
from mlagent_tui.agent.context import Attempt, Brief
from mlagent_tui.agent.control import Edit
from mlagent_tui.agent.planner import Understood
from mlagent_tui.agent.reading import read, unclear
from mlagent_tui.agent.recovery import Iteration
from mlagent_tui.agent.session import Session
from mlagent_tui.agent.standing_in import Models, Unexplained, asked
from mlagent_tui.errors import (
    CodeError,
    ConfigError,
    DataError,
    Interrupted,
    MlagentError,
    ModelError,
    ProjectError,
    ToolError,
    TrialError,
)
from mlagent_tui.research import ranking, wishes
from mlagent_tui.sandbox import OUT_OF_MEMORY
from mlagent_tui.schemas import DataCard, EvalConfig, EvalResult, Goal, ModelConfig, Plan, Summary, ToolCall
from mlagent_tui.text import clean
from mlagent_tui.tools import ToolContext

EXIT_ACHIEVED, EXIT_STOPPED = 0, 3

FAILURES = (ConfigError, CodeError, TrialError, ModelError, ToolError)
"""What ends an iteration and is recorded as its result; any other error ends the run, `MachineError` too."""

_LEFT_OUT = "The report leaves the test accuracy out. Everything else in it was measured."

T = TypeVar("T")
Steps = Generator[events.Event, None, T]


class Loop:
    """One run: the values its steps share. `origin` is the run that the user chose to start from, if any."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.saved = session.saved
        self.options = self.saved.options
        self.now = self.saved.current
        self.history: list[Attempt] = records.attempts(session.project, self.saved.run_ids)
        self.origin: records.Origin | None = None
        self.goal: Goal
        self.card: DataCard

    def run(self) -> Steps[events.RunFinished]:
        """The whole search, up to and including the report; returns its ending."""
        self.goal = self.saved.goal or (yield from self.step("understand", self.understand))
        self.card = self.session.data_card(self.goal.dataset)
        while True:
            try:
                yield from self.iteration()
            except alternatives.NothingNew as end:
                settled = stopping.exhausted(end.what)
                decision = settled.decision.model_dump(mode="json")
                yield events.DecisionMade(
                    iteration=self.now.number, decision=decision, overruled_because=end.what
                )
                break
            settled = yield from self.decision()
            following = self.now.number + 1
            if settled.decision.decision != "iterate" and not self.session.control.goes_on(following):
                break
            self.now = Iteration(following)
        return (yield from self.step("report", partial(self.report, settled)))

    def iteration(self) -> Steps[None]:
        """Plan, configure, assemble, summarise, evaluate; whatever goes wrong is the iteration's result."""
        self.session.written, self.session.written_by = None, ""
        yield from self.begin()
        result = self.now.result
        if result is None:
            try:
                result = yield from self.attempt()
            except FAILURES as error:
                self.interrupted_by(error)
                result = records.failed(self.session.project, error, self.card, self.seed)
                yield events.TrialFinished(result=result.model_dump(mode="json"))
            self.now.result = result
        if all(a.entry.run_id != result.run_id for a in self.history):
            change = self.change(self.now.config)
            written = self.session.written
            if self.now.code is None:
                self.now.coder = self.session.written_by
            attempt = records.store(self.session.project, self.now, result, change, written, self.goal)
            yield from self.record(attempt)
            self.history.append(attempt)

    def begin(self) -> Steps[None]:
        """What this iteration starts from, where the user has chosen it."""
        queued = self.session.control.begin(self.now.number)
        self.origin = records.origin(self.session.project, queued) if queued else None
        if queued and not self.origin:
            yield events.Warned(message=f"{queued.run_id} is no longer there; the run goes on without it")

    # --- understand -------------------------------------------------------------------------------------

    def understand(self) -> Steps[Goal]:
        """The goal in typed form, or a clear refusal."""
        text = self.options.goal_text
        typed = self.options.typed()
        if questions := read(text, typed).questions:
            raise unclear(questions)  # for the user to answer, whatever a model makes of the text

        def ask(models: Models) -> Steps[Understood]:
            return self.thinking(lambda: models.planner.understand(text, typed))

        understood = yield from asked(self, "goal", ask)
        goal = understood.goal
        yield planning.goal_understood(goal)
        for warning in understood.warnings:
            yield events.Warned(
                message=warning,
                remedy="If this is not what you mean, change the goal or set the limit with an option.",
            )
        return goal

    # --- plan -------------------------------------------------------------------------------------------

    def plan(self) -> Steps[Plan]:
        """The tool calls of this iteration, with what the run itself prescribes filled in."""
        brief = self.brief()
        if self.origin and self.origin.again:
            proposed = planning.again(self.origin.attempt)
        else:
            proposed = yield from asked(
                self, "plan", lambda models: self.thinking(lambda: models.planner.plan(brief))
            )
        options = self.options.model_copy(update={"seed": self.seed})
        plan = planning.prescribe(proposed, brief, options, self.time_left())
        yield planning.plan_made(brief.iteration, plan)
        return plan

    # --- assemble, summarise, evaluate ------------------------------------------------------------------

    def attempt(self) -> Steps[EvalResult]:
        """What is not done yet of one iteration: plan, configure, then the planned calls in order."""
        now, result = self.now, None
        now.plan = now.plan or (yield from self.step("plan", self.plan))
        now.config = now.config or (yield from self.step("configure", partial(configure, self, now.plan)))
        if now.code is not None:
            self.session.project.files.write(paths.CURRENT_MODEL, now.code)
        for call in planning.remaining(now.plan, now.carried_out):
            if call.tool == "pytorch_model_assembler":
                now.code = yield from self.step("assemble", partial(self.assemble, call))
            elif call.tool == "pytorch_model_summary":
                now.summary = yield from self.step("summarise", partial(self.summarise, call))
            elif call.tool == "pytorch_quick_evaluator":
                result = yield from self.step("evaluate", partial(self.evaluate, call))
            else:
                yield from self.extra(call)
        assert result is not None  # a plan evaluates exactly once
        return result

    def assemble(self, call: ToolCall) -> Steps[str]:
        """The coder's module, checked against the configuration by the tool; or that of a repeated run."""
        origin = self.origin
        with self.session.clock.spend("checking"):
            if origin and origin.again and origin.code is not None and "config" not in self.now.edited:
                yield from editing.accept_code(self, origin.code)
                self.now.coder = origin.attempt.entry.coder
            else:
                yield from asked(self, "code", lambda models: self.planned(call, models.tools))
                self.now.coder = self.session.written_by
        return self.session.project.files.read(paths.CURRENT_MODEL).decode()

    def summarise(self, call: ToolCall) -> Steps[Summary]:
        """Measured facts and the coder's explanation."""
        with self.session.clock.spend("checking"):
            try:
                return (yield from asked(self, "explain", partial(self.explained, call)))
            except Unexplained as error:
                yield from error.told
                return error.summary

    def explained(self, call: ToolCall, models: Models) -> Steps[Summary]:
        """The summary with the coder's explanation. Raises `Unexplained` where another may explain it."""
        session = self.session
        told: list[events.Event] = []
        if models is not session.models or "coder" not in session.stand_ins.roles:
            return Summary.model_validate((yield from self.planned(call, models.tools)))
        listen = standing_in.holding_back(models.tools.on_event, told)
        tools = replace(models.tools, on_event=listen)
        session.stand_ins.fault = None
        summary = Summary.model_validate((yield from self.planned(call, tools)))
        if summary.explanation_source == "measurement":
            raise Unexplained(summary, told, session.stand_ins.fault)
        return summary

    def evaluate(self, call: ToolCall) -> Steps[EvalResult]:
        """A short training, with live events; the user may have changed its settings since it was planned."""
        assert self.now.plan is not None
        call = next(planned for planned in self.now.plan.calls if planned.tool == call.tool)
        settings = EvalConfig.model_validate(planning.arguments(call, self.config)["eval_config"])
        yield from self.make_room(self.config, settings)
        with self.session.clock.spend("training"):
            return EvalResult.model_validate((yield from self.planned(call)))

    def make_room(self, config: ModelConfig, settings: EvalConfig) -> Steps[None]:
        """Language models give way to a trial where they share its memory and the policy wants it."""
        last = self.history[-1].entry.reason if self.history else ""
        with self.session.clock.spend("loading"):
            yield from self.background(
                lambda: self.session.make_room(config, settings, self.card, OUT_OF_MEMORY in last)
            )

    def extra(self, call: ToolCall) -> Steps[None]:
        """A planned call besides the three core tools; its failure is said and stops nothing."""
        try:
            result = yield from self.planned(call)
        except FAILURES as error:
            self.interrupted_by(error)
            self.now.seen.append(f"{call.tool} failed: {error.what}")
            yield events.Warned(message=f"{call.tool}: {error.what}", remedy=error.remedy)
        else:
            if result is not None:
                self.now.seen.append(clean(f"{call.tool}: {result}"))
        yield from self.restored(call.tool)

    def restored(self, tool: str) -> Steps[None]:
        """The checked code is what is measured and trained: put it back where a planned call changed it."""
        code, files = self.now.code, self.session.project.files
        if code is None:
            return
        try:
            changed = files.read(paths.CURRENT_MODEL) != code.encode()
        except ProjectError:
            changed = True
        if changed:
            files.write(paths.CURRENT_MODEL, code)
            yield events.Warned(message=f"{tool} changed {paths.CURRENT_MODEL}; its checked code is restored")

    # --- decide -----------------------------------------------------------------------------------------

    def decision(self) -> Steps[stopping.Settled]:
        """What happens next; a decision that the journal holds is settled again, not asked again."""
        if self.now.decided:
            settled = planning.resettle(self.now.decided, self.brief(), self.out_of_time(), self.now.result)
            yield from self.remember(settled)
            return settled
        return (yield from self.step("decide", self.decide))

    def decide(self) -> Steps[stopping.Settled]:
        """The planner's advice, settled by the numbers, in the registry."""
        yield from standing_in.renewed(self, self.brief())
        brief = self.brief()
        try:
            advice = yield from asked(
                self, "decision", lambda models: self.thinking(lambda: models.planner.decide(brief))
            )
        except ModelError as error:
            self.interrupted_by(error)
            advice = None
            yield events.Warned(message=f"the planner gave no decision: {error.what}", remedy=error.remedy)
        settled = stopping.settle(advice, brief, out_of_time=self.out_of_time(), result=self.now.result)
        yield events.DecisionMade(
            iteration=brief.iteration,
            decision=settled.decision.model_dump(mode="json"),
            advised=advice.model_dump(mode="json") if advice else {},
            overruled_because=settled.overruled_because,
        )
        yield from self.remember(settled)
        return settled

    # --- report -----------------------------------------------------------------------------------------

    def report(self, settled: stopping.Settled) -> Steps[events.RunFinished]:
        """The test accuracy of the best network, measured once, and the report."""
        entry = ranking.best(self.goal, [a.entry for a in self.history])
        best = next((a for a in self.history if a.entry is entry), None)
        if best is not None:
            yield from self.tested(best)
        answers = wishes.check(self.goal.asked, best.config, best.eval_config) if best else []
        achieved = settled.decision.decision == "goal_achieved"
        ending = events.RunFinished(
            outcome="achieved" if achieved else "stopped",
            reason=settled.reason,
            best_run_id=entry.run_id if entry else None,
            exit_status=EXIT_ACHIEVED if achieved else EXIT_STOPPED,
            wishes=[str(answer) for answer in answers],
            unmet=wishes.unmet(answers),
        )
        try:
            yield from self.background(lambda: self.session.report(ending))
        except ProjectError as error:
            self.session.project.check_place()
            yield events.Warned(
                message=f"the report is not written: {error.what}",
                remedy=f"{error.remedy} All trials are recorded. `mlagent report` prints the report.".strip(),
            )
        return ending

    def tested(self, best: Attempt) -> Steps[None]:
        """The best network on the test images; where that cannot be had, a warning and no value."""
        try:
            if best.config is None or best.eval_config is None:
                raise ProjectError(f"the folder of {best.entry.run_id} is incomplete", _LEFT_OUT)
            yield from self.make_room(best.config, best.eval_config)
            runs = [attempt.entry.run_id for attempt in self.history]
            scores = yield from self.checking(lambda: self.session.test(best, runs))
        except (*FAILURES, DataError, ProjectError) as error:
            self.interrupted_by(error)
            remedy = _LEFT_OUT if isinstance(error, ProjectError) else error.remedy
            yield events.Warned(message=f"no test accuracy: {error.what}", remedy=remedy)
        else:
            yield events.BestTested(
                run_id=best.entry.run_id, accuracy=scores.accuracy, test_size=scores.test_size
            )
            if said := records.doubt(self.session.project, best.entry, scores):
                yield events.Warned(message=said)

    # --- what the steps share ---------------------------------------------------------------------------

    def step(self, name: events.StepName, work: Callable[[], Steps[T]]) -> Steps[T]:
        """`work`, once the user has nothing against it: announced, timed and journalled as complete."""
        yield from self.gate(name)
        number = 0 if name in ("understand", "report") else self.now.number
        began = time.monotonic()
        self.session.step = name
        yield events.StepStarted(step=name, iteration=number)
        result = yield from work()
        self.now.done.add(name)
        yield events.StepFinished(step=name, iteration=number, seconds=round(time.monotonic() - began, 3))
        return result

    def gate(self, before: events.StepName) -> Steps[None]:
        """Stand still while the user wants to, and take versions of theirs meanwhile."""
        reason = self.session.control.arrive(before)
        if reason:
            yield events.Paused(reason=reason, before=before)
            while edit := (yield from self.waiting()):
                yield from editing.edited(self, edit)
            yield events.Continued()

    def waiting(self) -> Steps[Edit | None]:
        """Time that counts for nothing, until the user goes on (None) or gives a version of their own."""
        with self.session.clock.standing():
            return (yield from self.background(self.session.control.next_edit))

    def background(self, work: Callable[[], T]) -> Steps[T]:
        """Blocking work and the events it emits; an interruption is noticed when it ends, at the latest."""
        try:
            result = yield from self.session.background.run(work)
        except MlagentError as error:
            self.interrupted_by(error)
            raise
        self.interrupted_by(None)
        return result

    def thinking(self, work: Callable[[], T]) -> Steps[T]:
        """Work of a language model."""
        with self.session.clock.spend("thinking"):
            return (yield from self.background(work))

    def checking(self, work: Callable[[], T]) -> Steps[T]:
        """Work of a trial worker that is no training."""
        with self.session.clock.spend("checking"):
            return (yield from self.background(work))

    def planned(self, call: ToolCall, context: ToolContext | None = None) -> Steps[Any]:
        """A planned call, on the configuration as it is now."""
        return (yield from self.call(call.tool, planning.arguments(call, self.config), context))

    def call(self, name: str, arguments: dict[str, Any], context: ToolContext | None = None) -> Steps[Any]:
        """A call of one of the nine tools, with its events; without a `context`, with that of the run."""
        act = partial(tools.call, name, arguments)
        return (yield from self.background(lambda: self.session.use(act, self.now.config, context)))

    def interrupted_by(self, error: MlagentError | None) -> None:
        """Raise `Interrupted` when the user asked to stop: what failed meanwhile failed because of that."""
        if self.session.cancel.is_set():
            raise Interrupted("stopped on request") from error

    def change(self, config: ModelConfig | None) -> list[str]:
        """What this iteration changes with `config`, in words."""
        return records.change(self.brief(), self.origin, replace(self.now, config=config))

    def brief(self) -> Brief:
        """Where the run stands, for the planner."""
        brief = Brief(
            goal=self.goal,
            card=self.card,
            iteration=self.now.number,
            iterations=self.options.iterations,
            stale=standing_in.stale(
                self, stopping.progress(self.goal, [a.entry for a in self.history]).stale
            ),
            patience=self.options.patience,
            history=tuple(self.history),
            steering=self.session.control.steering(),
            seen=tuple(self.now.seen),
        )
        changed = self.origin is not None and not self.origin.again
        return planning.branched(brief, self.origin.attempt) if self.origin and changed else brief

    @property
    def config(self) -> ModelConfig:
        """The network of this iteration, once it is configured: every call of a plan comes after that."""
        assert self.now.config is not None
        return self.now.config

    @property
    def seed(self) -> int:
        """What everything random in this iteration follows from."""
        again = self.origin.seed if self.origin else None
        return self.options.seed if again is None else again

    def remember(self, settled: stopping.Settled) -> Steps[None]:
        """Put the decision into the history and the registry."""
        attempt = records.decided(self.history[-1], settled)
        yield from self.record(attempt)
        self.history[-1] = attempt

    def record(self, attempt: Attempt) -> Steps[None]:
        """An attempt's entry in the journal, which is the record, and then in the registry."""
        yield events.TrialRecorded(entry=attempt.entry.model_dump(mode="json"))
        self.session.project.record(attempt.entry)

    def time_left(self) -> float | None:
        """Seconds of the time budget that are left; None without a budget."""
        if self.options.time_budget is None:
            return None
        return self.options.time_budget - self.saved.seconds - self.session.clock.elapsed

    def out_of_time(self) -> bool:
        """Whether the time budget is used up."""
        left = self.time_left()
        return left is not None and left <= 0
