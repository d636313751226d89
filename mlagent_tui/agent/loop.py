"""The research loop: a generator of events that reads top to bottom, one function per step.

Everything a model says is checked here or in a tool; `stopping` decides what happens next. Nothing here
shows anything or writes a file by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, TypeVar

from mlagent_tui import events, paths, shapes, tools
from mlagent_tui.agent import planning, records, stopping
from mlagent_tui.agent.context import Attempt, Brief
from mlagent_tui.agent.recovery import Iteration, Saved
from mlagent_tui.agent.session import Session
from mlagent_tui.errors import (
    CodeError,
    ConfigError,
    GoalError,
    Interrupted,
    MlagentError,
    ModelError,
    ToolError,
    TrialError,
)
from mlagent_tui.schemas import DataCard, EvalResult, Goal, ModelConfig, Plan, Summary

EXIT_ACHIEVED, EXIT_STOPPED = 0, 3

CONFIG_ATTEMPTS = 4
"""How often the planner may propose a configuration before the iteration counts as failed."""

FAILURES = (ConfigError, CodeError, TrialError, ModelError, ToolError)
"""What ends an iteration and is recorded as its result; any other error ends the run."""

T = TypeVar("T")
Steps = Generator[events.Event, None, T]


class Loop:
    """One run: the values its steps share. `saved` is what an earlier process has done of it."""

    def __init__(self, session: Session, saved: Saved) -> None:
        self.session = session
        self.options = saved.options
        self.saved = saved
        self.now = saved.current
        self.history: list[Attempt] = records.attempts(session.project, saved.run_ids)

    def run(self) -> Steps[events.RunFinished]:
        """The whole search, up to and including the report; returns its ending."""
        goal = self.saved.goal or (yield from self.step("understand", self.understand()))
        card = self.session.data_card(goal.dataset)
        while True:
            yield from self.iteration(goal, card)
            settled = yield from self.decision(goal, card)
            if settled.decision.decision != "iterate":
                break
            self.now = Iteration(self.now.number + 1)
        return (yield from self.step("report", self.report(goal, settled)))

    def iteration(self, goal: Goal, card: DataCard) -> Steps[None]:
        """Plan, configure, assemble, summarise, evaluate; whatever goes wrong is the iteration's result."""
        self.session.written = None
        result = self.now.result
        if result is None:
            try:
                result = yield from self.attempt(self.brief(goal, card))
            except FAILURES as error:
                self.interrupted_by(error)
                result = records.failed(self.session.project, error, card, self.options.seed)
                yield events.TrialFinished(result=result.model_dump(mode="json"))
            self.now.result = result
            self.session.pool.renew()
        if all(a.entry.run_id != result.run_id for a in self.history):
            change = self.history[-1].entry.next_change if self.history else []
            attempt = records.store(self.session.project, self.now, result, change, self.session.written)
            self.history.append(attempt)

    # --- understand -------------------------------------------------------------------------------------

    def understand(self) -> Steps[Goal]:
        """The goal in typed form, or a clear refusal."""
        text = self.options.goal_text
        understood = yield from self.thinking(lambda: self.session.planner.understand(text))
        goal = understood.goal
        if self.options.dataset:
            goal = goal.model_copy(update={"dataset": self.options.dataset})
        if goal.dataset is None:
            raise GoalError(
                "the goal names no data set",
                "Name one in the goal, or choose it with --dataset: digits, mnist, fashion_mnist, cifar10, "
                "cifar100 or dummy.",
            )
        yield events.GoalUnderstood(goal=goal.model_dump(mode="json"))
        for warning in understood.warnings:
            yield events.Warned(
                message=warning, remedy="Say it again in the goal if this is not what you mean."
            )
        return goal

    # --- plan -------------------------------------------------------------------------------------------

    def plan(self, brief: Brief) -> Steps[Plan]:
        """The tool calls of this iteration, with what the run itself prescribes filled in."""
        proposed = yield from self.thinking(lambda: self.session.planner.plan(brief))
        plan = planning.prescribe(proposed, brief, self.options, self.time_left())
        yield events.PlanMade(iteration=brief.iteration, plan=plan.model_dump(mode="json", by_alias=True))
        return plan

    # --- configure --------------------------------------------------------------------------------------

    def configure(self, brief: Brief, plan: Plan) -> Steps[ModelConfig]:
        """A configuration that builds; the planner hears, a bounded number of times, why one does not."""
        problem: str | None = None
        for attempt in range(CONFIG_ATTEMPTS):
            ask = partial(self.session.planner.configure, brief, problem, attempt)
            config = planning.fitted(brief, (yield from self.thinking(ask)))
            try:
                steps = shapes.infer(config)
                if attempt + 1 < CONFIG_ATTEMPTS:
                    planning.refuse_pointless(brief, config, steps, plan)
                yield from self.checking(partial(self.session.build, config))
            except ConfigError as error:
                problem = error.what
                yield events.CheckFailed(what="config", problem=problem, attempt=attempt)
            else:
                if not planning.writes_config(plan):
                    yield from self.call("write_file", planning.config_file(config))
                yield planning.config_made(brief.iteration, config, steps)
                return config
        raise ConfigError(str(problem), "State the goal differently, or use a more capable planner.")

    # --- assemble, summarise, evaluate ------------------------------------------------------------------

    def attempt(self, brief: Brief) -> Steps[EvalResult]:
        """What is not done yet of one iteration: plan, configure, then the planned calls in order."""
        now, result = self.now, None
        now.plan = now.plan or (yield from self.step("plan", self.plan(brief)))
        now.config = now.config or (yield from self.step("configure", self.configure(brief, now.plan)))
        if now.code is not None:
            self.session.project.files.write(paths.CURRENT_MODEL, now.code)
        for name, arguments in planning.calls(now.plan, now.config, now.carried_out):
            if name == "pytorch_model_assembler":
                now.code = yield from self.step("assemble", self.assemble(arguments))
            elif name == "pytorch_model_summary":
                now.summary = yield from self.step("summarise", self.summarise(arguments))
            elif name == "pytorch_quick_evaluator":
                result = yield from self.step("evaluate", self.evaluate(arguments))
            else:
                yield from self.extra(name, arguments)
        assert result is not None  # a plan evaluates exactly once
        return result

    def assemble(self, arguments: dict[str, Any]) -> Steps[str]:
        """The coder's module, checked against the configuration by the tool."""
        with self.session.clock.spend("checking"):
            yield from self.call("pytorch_model_assembler", arguments)
        return self.session.project.files.read(arguments["output_script_path"]).decode()

    def summarise(self, arguments: dict[str, Any]) -> Steps[Summary]:
        """Measured facts and the coder's explanation."""
        with self.session.clock.spend("checking"):
            return Summary.model_validate((yield from self.call("pytorch_model_summary", arguments)))

    def evaluate(self, arguments: dict[str, Any]) -> Steps[EvalResult]:
        """A short training, with live events."""
        with self.session.clock.spend("training"):
            return EvalResult.model_validate((yield from self.call("pytorch_quick_evaluator", arguments)))

    def extra(self, name: str, arguments: dict[str, Any]) -> Steps[None]:
        """A planned call besides the three core tools; its failure is said and stops nothing."""
        try:
            result = yield from self.call(name, arguments)
        except ToolError as error:
            self.interrupted_by(error)
            self.now.seen.append(f"{name} failed: {error.what}")
            yield events.Warned(message=f"{name}: {error.what}", remedy=error.remedy)
        else:
            if result is not None:
                self.now.seen.append(f"{name}: {result}")

    # --- decide -----------------------------------------------------------------------------------------

    def decision(self, goal: Goal, card: DataCard) -> Steps[stopping.Settled]:
        """What happens next; a decision that the journal holds is settled again, not asked again."""
        brief = self.brief(goal, card)
        if self.now.decided:
            settled = planning.resettle(self.now.decided, brief, self.out_of_time())
            self.remember(settled)
            return settled
        return (yield from self.step("decide", self.decide(brief)))

    def decide(self, brief: Brief) -> Steps[stopping.Settled]:
        """The planner's advice, settled by the numbers, in the registry."""
        try:
            advice = yield from self.thinking(lambda: self.session.planner.decide(brief))
        except ModelError as error:
            self.interrupted_by(error)
            advice = None
            yield events.Warned(message=f"the planner gave no decision: {error.what}", remedy=error.remedy)
        settled = stopping.settle(advice, brief, out_of_time=self.out_of_time())
        yield events.DecisionMade(
            iteration=brief.iteration,
            decision=settled.decision.model_dump(mode="json"),
            advised=advice.model_dump(mode="json") if advice else {},
            overruled_because=settled.overruled_because,
        )
        self.remember(settled)
        return settled

    # --- report -----------------------------------------------------------------------------------------

    def report(self, goal: Goal, settled: stopping.Settled) -> Steps[events.RunFinished]:
        """The test accuracy of the best network, measured once, and the report."""
        entry = stopping.best(goal, [a.entry for a in self.history])
        best = next((a for a in self.history if a.entry is entry), None)
        if best is not None:
            try:
                scores = yield from self.checking(lambda: self.session.test(best))
                yield events.BestTested(
                    run_id=best.entry.run_id, accuracy=scores.accuracy, test_size=scores.test_size
                )
            except FAILURES as error:
                self.interrupted_by(error)
                yield events.Warned(message=f"no test accuracy: {error.what}", remedy=error.remedy)
        achieved = settled.decision.decision == "goal_achieved"
        ending = events.RunFinished(
            outcome="achieved" if achieved else "stopped",
            reason=settled.reason,
            best_run_id=entry and entry.run_id,
            exit_status=EXIT_ACHIEVED if achieved else EXIT_STOPPED,
        )
        yield from self.background(lambda: self.session.report(ending))
        return ending

    # --- what the steps share ---------------------------------------------------------------------------

    def step(self, name: events.StepName, work: Steps[T]) -> Steps[T]:
        """`work`, announced, timed and journalled as complete."""
        number = 0 if name in ("understand", "report") else self.now.number
        began = time.monotonic()
        yield events.StepStarted(step=name, iteration=number)
        result = yield from work
        self.now.done.add(name)
        yield events.StepFinished(step=name, iteration=number, seconds=round(time.monotonic() - began, 3))
        return result

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

    def call(self, name: str, arguments: dict[str, Any]) -> Steps[Any]:
        """A call of one of the nine tools, with its events."""

        def work() -> Any:
            with tools.use_context(self.session.tools):
                return tools.call(name, arguments)

        return (yield from self.background(work))

    def interrupted_by(self, error: MlagentError | None) -> None:
        """Raise `Interrupted` when the user asked to stop: what failed meanwhile failed because of that."""
        if self.session.cancel.is_set():
            raise Interrupted("stopped on request") from error

    def brief(self, goal: Goal, card: DataCard) -> Brief:
        """Where the run stands, for the planner."""
        return Brief(
            goal=goal,
            card=card,
            iteration=self.now.number,
            iterations=self.options.iterations,
            stale=stopping.progress(goal, [a.entry for a in self.history]).stale,
            patience=self.options.patience,
            history=tuple(self.history),
            seen=tuple(self.now.seen),
        )

    def remember(self, settled: stopping.Settled) -> None:
        """Put the decision into the history and the registry."""
        self.history[-1] = records.decided(self.session.project, self.history[-1], settled)

    def time_left(self) -> float | None:
        """Seconds of the time budget that are left; None without a budget."""
        if self.options.time_budget is None:
            return None
        return self.options.time_budget - self.saved.seconds - self.session.clock.elapsed

    def out_of_time(self) -> bool:
        """Whether the time budget is used up."""
        left = self.time_left()
        return left is not None and left <= 0
