"""A check from loading a model to its result, within a budget of time.

Every question has a share of what is left of the budget. An answer that takes longer is stopped, and counted
as not right in time. For a model that is too slow for all questions, fewer are asked.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from mlagent_tui import check_results, temporary, tools
from mlagent_tui.check_results import Count, Result, Step
from mlagent_tui.checkup import questions, verdict
from mlagent_tui.checkup.asking import WRONG, Asker, Outcome, planner_of
from mlagent_tui.checkup.gauge import Asked, Gauge, Noting
from mlagent_tui.checkup.questions import QUESTIONS, WORDS, Question
from mlagent_tui.errors import ModelError
from mlagent_tui.llm import (
    Awaited,
    LanguageModel,
    Message,
    PromptTooLong,
    Request,
    RoleOptions,
    ServedModel,
    start_models,
    wait_for_models,
)
from mlagent_tui.sandbox import usage
from mlagent_tui.training import WorkerPool

SECONDS = 300.0
"""What a check may take, where nothing else is said."""

PROBES = ((64, 16), (512, 64))
"""Tokens to read and to write for the speed: few first, in case the model is very slow."""
PROBE_SHARE = 0.15
"""Of the budget, for each of these."""
LENIENT = 1.25
"""How many times its even share of the time left a question may take: many take less. With much more, a model
that repeats itself leaves no time for the last steps."""
WITH_REPAIRS = 1.5
"""A question is taken to last so many times as long as one call, when it is planned how many to ask."""
USUAL_ANSWERS: dict[Step, int] = {
    "goal": 100, "plan": 250, "config": 350, "decision": 120, "code": 500, "explain": 150,
}  # fmt: skip
"""Tokens, in most models' vocabularies."""
USUAL_PROMPT = 600
"""Tokens of a prompt that cannot be counted beforehand."""
LONG_ANSWERS: dict[Step, int] = {
    "goal": 200, "plan": 400, "config": 900, "decision": 300, "code": 1600, "explain": 250,
}  # fmt: skip
"""Of an answer at the end of a run with large networks."""


@dataclass(frozen=True)
class Progress:
    """What is being done: the question of how many, and how much of the time is used."""

    what: str
    number: int
    of: int
    spent: float
    budget: float

    def __str__(self) -> str:
        question = f"question {self.number} of {self.of}: " if self.number else ""
        return f"{self.spent:.0f} of {self.budget:.0f} s · {question}{self.what} …"


OnProgress = Callable[[Progress], None]
Tell = Callable[[str, str], None]
Start = Callable[[str, RoleOptions], LanguageModel]


def check(
    spec: str,
    options: RoleOptions | None = None,
    *,
    seconds: float = SECONDS,
    tell: OnProgress = lambda progress: None,
    waiting: Tell = lambda message, remedy: None,
    start: Start | None = None,
) -> Result:
    """Load the model that `spec` names, and measure it for `seconds` at most.

    `tell` hears what is being done, `waiting(message, remedy)` when the model's server has to be waited for;
    `start` starts loading a model. Ctrl-C ends it early, with what was measured so far. Raises `ModelError`
    when the model cannot be loaded, `MachineError` or `SandboxError` when code cannot be checked here.
    """
    began = time.monotonic()
    found = Result(
        identity=check_results.identity(spec),
        size=check_results.size(spec),
        spec=spec,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        budget=seconds,
        questions=len(QUESTIONS),
    )
    model = (start or _start)(spec, options or RoleOptions())
    try:
        with temporary.folder("check") as folder:
            pool = WorkerPool(folder)
            try:
                measuring = Measuring(found, model, began, tell)
                measuring.load(waiting)
                measuring.measure(folder, pool)
            except KeyboardInterrupt:
                if not found.asked and not found.write_speed:
                    raise
                found.interrupted = True
            finally:
                pool.close()
    finally:
        model.close()
    found.seconds = time.monotonic() - began
    verdict.conclude(found)
    return found


def _start(spec: str, options: RoleOptions) -> LanguageModel:
    return start_models(spec, spec, options, options)[0]


class Measuring:
    """Fills `found` in as it goes, so that what was measured is there when it is ended early."""

    def __init__(self, found: Result, model: LanguageModel, began: float, tell: OnProgress) -> None:
        self._found, self._model, self._began, self._tell = found, model, began, tell
        self._prompts: dict[Step, int] = {}

    @property
    def _left(self) -> float:
        return self._found.budget - (time.monotonic() - self._began)

    def _say(self, what: str, number: int = 0, of: int = 0) -> None:
        budget = self._found.budget
        self._tell(Progress(what, number, of, time.monotonic() - self._began, budget))

    def load(self, waiting: Tell) -> None:
        """Wait until the model is loaded. Raises `ModelError`, also when that takes all of the time."""
        self._say("loading the model")
        if isinstance(self._model, Awaited):
            self._model.watch("the model server", waiting)
        out_of_time = threading.Event()
        clock = threading.Timer(max(self._left, 0.0), out_of_time.set)
        clock.daemon = True
        clock.start()
        began = time.monotonic()
        try:
            if not wait_for_models((self._model,), out_of_time):
                raise ModelError(
                    f"the model was not loaded after {self._found.budget:.0f} s",
                    "Give the check more time: --seconds.",
                )
        finally:
            clock.cancel()
        self._found.loading_seconds = time.monotonic() - began

    def measure(self, folder: Path, pool: WorkerPool) -> None:
        """Speed, prompts, then the questions, as many as there is time for."""
        found, model = self._found, self._model
        found.name, found.context, found.profile = model.name, model.context_length, model.profile
        found.prompts = check_results.prompts_version(model.profile)
        gauge = Gauge(model)
        self._say("measuring its speed")
        self._probe(gauge)
        self._say("counting the tokens of prompts")
        self._count_prompts()
        self._note(gauge)
        asker = Asker(gauge, folder, pool)
        for number, question in enumerate(QUESTIONS):
            end = self._end(number)
            if number >= end or self._left <= 0:
                return
            self._say(WORDS[question.step], number + 1, end)
            outcome = asker.ask(question, self._share(QUESTIONS[number:end]))
            _count(found.steps.setdefault(question.step, Count()), outcome, gauge.seconds)
            self._note(gauge)

    def _note(self, gauge: Gauge) -> None:
        found = self._found
        found.read_speed, found.write_speed, found.thinks = gauge.read_speed, gauge.write_speed, gauge.thinks
        if isinstance(self._model, ServedModel) and self._model.pid:
            held, loaded = usage(self._model.pid)[0], self._model.memory
            found.memory = max(found.memory, held + loaded.gpu)

    # --- speed ------------------------------------------------------------------------------------------

    def _probe(self, gauge: Gauge) -> None:
        for read, write in PROBES:
            text = self._long_text(min(read, self._found.context // 4))
            cancel = threading.Event()
            clock = threading.Timer(PROBE_SHARE * self._found.budget, cancel.set)
            clock.daemon = True
            clock.start()
            try:
                gauge.generate(Request((text,), max_tokens=write), None, cancel)
            except PromptTooLong:
                return
            finally:
                clock.cancel()
            if cancel.is_set():
                return

    def _long_text(self, tokens: int) -> Message:
        """A text of about so many tokens that has nothing in common with any prompt."""
        lines: list[str] = []
        while True:
            number = len(lines)
            lines.append(
                f"{number}. After {number * 37 % 101} steps the loss was {number * 61 % 89} hundredths."
            )
            message = Message("user", "\n".join(lines))
            if number % 4 == 3 and self._model.count_tokens((message,)) >= tokens:
                return message

    # --- prompts ----------------------------------------------------------------------------------------

    def _count_prompts(self) -> None:
        """Tokens of each step's prompt near the end of a usual run; which is longest with its answer."""
        noting = Noting(self._model)
        planner = planner_of(noting, threading.Event())
        brief = questions.LONG
        asks: dict[Step, Callable[[], object]] = {
            "goal": partial(planner.understand, questions.LONG_GOAL),
            "plan": partial(planner.plan, brief),
            "config": partial(planner.configure, brief),
            "decision": partial(planner.decide, brief),
            "code": partial(_assemble, noting),
        }
        for step, ask in asks.items():
            try:
                ask()
            except WRONG:
                continue  # it needs no model, or says of itself that it does not fit
            except Asked as asked:
                self._prompts[step] = self._model.count_tokens(asked.request.messages)
        whole = {step: tokens + LONG_ANSWERS[step] for step, tokens in self._prompts.items()}
        if whole:
            self._found.longest_step = max(whole, key=lambda step: whole[step])
            self._found.longest = max(whole.values())

    # --- the budget -------------------------------------------------------------------------------------

    def _end(self, number: int) -> int:
        """Up to which question, from `number` on, there is time; one of each step is tried in any case."""
        needed = 0.0
        for at in range(number, len(QUESTIONS)):
            needed += WITH_REPAIRS * self._expected(QUESTIONS[at].step)
            if needed > self._left and at >= len(WORDS):
                return at
        return len(QUESTIONS)

    def _expected(self, step: Step) -> float:
        """Seconds of one call, by the speeds measured; 1 for each where there are none, to share evenly."""
        if not (self._found.read_speed and self._found.write_speed):
            return 1.0
        prompt = self._prompts.get(step, USUAL_PROMPT)
        return prompt / self._found.read_speed + USUAL_ANSWERS[step] / self._found.write_speed

    def _share(self, left: tuple[Question, ...]) -> float:
        """Seconds for the first of the questions that are left."""
        this, *others = (self._expected(question.step) for question in left)
        return min(self._left, LENIENT * self._left * this / (this + sum(others)))


def _assemble(coder: LanguageModel) -> None:
    with temporary.folder("check") as folder, tools.use_context(_no_workers(folder, coder)):
        tools.pytorch_model_assembler(questions.LONG_CODE.model_dump(mode="json"), "model.py")


def _no_workers(folder: Path, coder: LanguageModel) -> tools.ToolContext:
    def none() -> WorkerPool:
        raise AssertionError("nothing is checked before it is written")

    return tools.ToolContext(folder, coder=lambda: coder, pool=none)


def _count(count: Count, outcome: Outcome, seconds: float) -> None:
    count.asked += 1
    count.seconds += seconds
    if outcome.miss:
        count.late += outcome.late
        count.misses.append(outcome.miss)
    elif outcome.again:
        count.repaired += 1
    else:
        count.first += 1
