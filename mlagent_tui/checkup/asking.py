"""Ask a model one question with a run's own planner, tools and checks, and judge the answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mlagent_tui import tools
from mlagent_tui.agent import CONFIG_ATTEMPTS, Brief, Planner, again, fitted, refuse_pointless, settle
from mlagent_tui.checkup.gauge import Gauge
from mlagent_tui.checkup.questions import BriefQuestion, CodeQuestion, GoalQuestion, Question
from mlagent_tui.errors import (
    CodeError,
    ConfigError,
    GoalError,
    Interrupted,
    ModelError,
    ToolError,
    TrialError,
)
from mlagent_tui.events import CodeMade, Event
from mlagent_tui.llm import LanguageModel
from mlagent_tui.schemas import Plan
from mlagent_tui.shapes import infer
from mlagent_tui.training import WorkerPool

WRONG = (ModelError, CodeError, ConfigError, GoalError, ToolError, TrialError)
"""What a run takes for a failure of the model; anything else is none of its doing."""

MOST_EPOCHS, RATES = 60, (1e-4, 0.2)
"""A first plan outside of these would waste a run."""


@dataclass(frozen=True)
class Outcome:
    """How an answer was. `miss` says what is wrong with it, and is empty for a right one.

    `again`: the model was asked more than once. `late`: it was stopped.
    """

    miss: str = ""
    again: bool = False
    late: bool = False


@dataclass
class Asker:
    """What questions are asked with. Code is written below `folder` and checked by workers of `pool`."""

    gauge: Gauge
    folder: Path
    pool: WorkerPool
    cancel: threading.Event = field(default_factory=threading.Event)

    def ask(self, question: Question, seconds: float) -> Outcome:
        """The model's answer, stopped after so many seconds.

        Raises what is not the model's failure, such as `MachineError`.
        """
        self.gauge.begin()
        self.cancel = threading.Event()
        clock = threading.Timer(seconds, self.cancel.set)
        clock.daemon = True
        clock.start()
        try:
            return self._asked(question)
        except Interrupted:
            return Outcome(f"stopped after {seconds:.0f} s", self.gauge.calls > 1, late=True)
        except WRONG as error:
            late = self.cancel.is_set()
            what = f"stopped after {seconds:.0f} s" if late else error.what
            return Outcome(what, self.gauge.calls > 1, late)
        finally:
            clock.cancel()

    def _asked(self, question: Question) -> Outcome:
        match question.about:
            case GoalQuestion():
                return self._goal(question.about)
            case CodeQuestion():
                return self._explain(question.about) if question.about.code else self._code(question.about)
            case BriefQuestion():
                by_step = {"plan": self._plan, "config": self._config, "decision": self._decision}
                return by_step[question.step](question.about)

    # --- as planner -------------------------------------------------------------------------------------

    @property
    def _planner(self) -> Planner:
        return planner_of(self.gauge, self.cancel)

    def _planned(self, miss: str) -> Outcome:
        return Outcome(miss, self.gauge.calls > 1)

    def _goal(self, question: GoalQuestion) -> Outcome:
        goal = self._planner.understand(question.text).goal
        wrong = [
            f"{name} {getattr(goal, name)}, not {value}"
            for name, value in question.wanted.items()
            if getattr(goal, name) != value
        ]
        return self._planned(f"{question.text!r}: {', '.join(wrong)}" if wrong else "")

    def _plan(self, question: BriefQuestion) -> Outcome:
        settings = self._planner.plan(question.brief).evaluation
        least, most = RATES
        if question.epochs and settings.epochs != question.epochs:
            return self._planned(f"{settings.epochs} epochs, though {question.epochs} were asked for")
        if settings.epochs > MOST_EPOCHS or not least <= settings.learning_rate <= most:
            told = f"{settings.epochs} epochs at a learning rate of {settings.learning_rate:g}"
            return self._planned(f"{told} is not a quick evaluation")
        return self._planned("")

    def _config(self, question: BriefQuestion) -> Outcome:
        """As the loop does: what cannot be built, is too large or was tried goes back with the reason."""
        problem, planner, brief = "", self._planner, question.brief
        plan = _same_training(brief)
        for attempt in range(CONFIG_ATTEMPTS):
            config = fitted(brief, planner.configure(brief, problem or None, attempt))
            try:
                steps = infer(config)
                if plan:
                    refuse_pointless(brief, config, steps, plan)
            except ConfigError as error:
                problem = error.what
            else:
                return self._planned("")
        return self._planned(problem)

    def _decision(self, question: BriefQuestion) -> Outcome:
        said = self._planner.decide(question.brief)
        by_numbers = settle(said, question.brief).decision.decision
        wrong = said.decision != by_numbers
        return self._planned(f"decided {said.decision}, the numbers say {by_numbers}" if wrong else "")

    # --- as coder ---------------------------------------------------------------------------------------

    def _code(self, question: CodeQuestion) -> Outcome:
        made: list[CodeMade] = []

        def told(event: Event) -> None:
            if isinstance(event, CodeMade):
                made.append(event)

        with tools.use_context(self._context(self.gauge, told)):
            try:
                tools.pytorch_model_assembler(question.config.model_dump(mode="json"), "model.py")
            except CodeError as error:
                return Outcome(error.what, again=True)
        return Outcome("", again=not made or made[-1].attempt > 0)

    def _explain(self, question: CodeQuestion) -> Outcome:
        """Right when the measurement bears out all sentences; a run leaves out those that it does not."""
        (self.folder / "explained.py").write_text(question.code, encoding="utf-8")
        config = question.config
        with tools.use_context(self._context(self.gauge, lambda event: None)):
            summary = tools.pytorch_model_summary("explained.py", config.model_name, (1, *config.input_shape))
        dropped = summary["explanation_dropped"]
        if summary["explanation_source"] != "coder":
            return Outcome("no sentence that the measurement confirms")
        return Outcome("", again=bool(dropped))

    def _context(self, coder: LanguageModel, told: Callable[[Event], None]) -> tools.ToolContext:
        return tools.ToolContext(
            self.folder, coder=lambda: coder, pool=lambda: self.pool, on_event=told, cancel=self.cancel
        )


def planner_of(model: LanguageModel, cancel: threading.Event) -> Planner:
    """A planner as in a run, which nobody listens to."""
    return Planner(model, 0, lambda *_: None, lambda *_: None, cancel)


def _same_training(brief: Brief) -> Plan | None:
    """The plan that trains as the last trial did: then the network has to be another one."""
    return again(brief.history[-1]) if brief.history else None
