"""Loads a language model and measures it: its speed, and how often its first answer to our tasks is right.

A small fixed set of the very calls that a run makes, each asked once and greedily; code is checked in a trial
worker as in a run. The counts are small, so a rate is good to about one task.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from mlagent_tui import temporary, tools
from mlagent_tui.agent import Attempt, Brief, Planner
from mlagent_tui.errors import CodeError, ConfigError, ModelError
from mlagent_tui.events import CodeMade, Event
from mlagent_tui.llm import (
    Answer,
    LanguageModel,
    Message,
    OnProgress,
    OnText,
    PromptTooLong,
    Request,
    open_model,
)
from mlagent_tui.research import ranking
from mlagent_tui.schemas import DataCard, EvalConfig, Goal, ModelConfig, RegistryEntry
from mlagent_tui.shapes import infer
from mlagent_tui.training import WorkerPool

T = TypeVar("T")

PROMPT_TOKENS = 1024
FREE_TOKENS = 128

VALID_WANTED, PLANS_WANTED, CODE_WANTED = 0.95, 0.75, 0.5
"""Rates from which a model suits a role. Code can be repaired; a misread goal spoils a whole run."""
SLOW = 5.0
"""Tokens a second below which a run takes longer than anybody waits."""

CARD = DataCard(
    dataset="digits", input_shape=(1, 8, 8), num_classes=10, train_size=1151, val_size=287, test_size=359
)

GOALS: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "Design a small CNN for the digits data set that reaches at least 95% accuracy",
        {"dataset": "digits", "metric": "accuracy", "comparison": ">=", "threshold": 0.95},
    ),
    (
        "cifar10: accuracy of at least 0.7 with no more than 200000 parameters",
        {"dataset": "cifar10", "metric": "accuracy", "threshold": 0.7, "max_parameters": 200_000},
    ),
    (
        "Train an MLP on mnist, validation loss below 0.2",
        {"dataset": "mnist", "metric": "val_loss", "comparison": "<", "threshold": 0.2},
    ),
    (
        "A network for fashion-mnist with 90 percent accuracy in under 120 seconds",
        {"dataset": "fashion_mnist", "metric": "accuracy", "threshold": 0.9, "max_seconds": 120},
    ),
)
"""Texts with the fields that they leave no doubt about."""

CODES: tuple[list[dict[str, Any]], ...] = (
    [
        {"type": "flatten"},
        {"type": "linear", "out_features": 32},
        {"type": "relu"},
        {"type": "linear", "out_features": 10},
    ],
    [
        {"type": "conv2d", "out_channels": 16, "kernel_size": 3, "padding": 1},
        {"type": "relu"},
        {"type": "max_pool2d", "kernel_size": 2},
        {"type": "flatten"},
        {"type": "linear", "out_features": 10},
    ],
    [
        {"type": "conv2d", "out_channels": 16, "kernel_size": 3, "padding": 1},
        {"type": "batchnorm2d"},
        {"type": "gelu"},
        {"type": "dropout2d", "p": 0.1},
        {"type": "adaptive_avg_pool2d", "output_size": 1},
        {"type": "flatten"},
        {"type": "linear", "out_features": 10},
    ],
    [
        {"type": "conv2d", "out_channels": 8, "kernel_size": 3, "padding": 1},
        {
            "type": "residual",
            "layers": [
                {"type": "conv2d", "out_channels": 8, "kernel_size": 3, "padding": 1},
                {"type": "relu"},
            ],
        },
        {"type": "avg_pool2d", "kernel_size": 2},
        {"type": "flatten"},
        {"type": "linear", "out_features": 10},
    ],
)
"""Networks to write, from plain to less so."""


@dataclass
class Rate:
    """How often something was right; `misses` say what was wrong."""

    right: int = 0
    asked: int = 0
    misses: list[str] = field(default_factory=list)

    def note(self, miss: str = "") -> None:
        """Count one; an empty `miss` means that it was right."""
        self.asked += 1
        self.right += not miss
        if miss:
            self.misses.append(miss)

    @property
    def share(self) -> float:
        return self.right / self.asked if self.asked else 0.0


@dataclass
class Checkup:
    """What was measured. Speeds in tokens a second: of the prompt, of free text, of text held to a schema."""

    spec: str
    name: str = ""
    context_length: int = 0
    loading_seconds: float = 0.0
    prompt_speed: float = 0.0
    decode_speed: float = 0.0
    json_speed: float = 0.0
    first_token_seconds: float = 0.0
    """Until the first token of a task, instructions read before: what a run waits for each time."""
    profile: str = ""
    """Which prompts it was asked with."""
    thinks: bool = False
    valid_json: Rate = field(default_factory=Rate)
    goals: Rate = field(default_factory=Rate)
    configs: Rate = field(default_factory=Rate)
    decisions: Rate = field(default_factory=Rate)
    code: Rate = field(default_factory=Rate)

    @property
    def plans(self) -> float:
        """The share of the planner's tasks that were right."""
        rates = (self.goals, self.configs, self.decisions)
        return sum(rate.right for rate in rates) / max(sum(rate.asked for rate in rates), 1)

    @property
    def suits_planner(self) -> bool:
        return self.valid_json.share >= VALID_WANTED and self.plans >= PLANS_WANTED

    @property
    def suits_coder(self) -> bool:
        return self.code.share >= CODE_WANTED

    @property
    def verdict(self) -> str:
        """Which role it suits, in a sentence."""
        roles = [
            role for role, suits in (("planner", self.suits_planner), ("coder", self.suits_coder)) if suits
        ]
        sentence = f"Suitable as {' and '.join(roles)}." if roles else "Not suitable for either role."
        if 0 < self.decode_speed < SLOW:
            sentence += f" At {self.decode_speed:.1f} tokens per second, a run will be slow."
        return sentence


def check(
    spec: str,
    tell: Callable[[str], None] = lambda text: None,
    open_: Callable[[str], LanguageModel] = open_model,
) -> Checkup:
    """Load the model that `spec` names and put it through the tasks; `tell` hears what is being done.

    Raises `ModelError` when it cannot be loaded or stops working.
    """
    tell("loading the model")
    began = time.monotonic()
    model = open_(spec)
    try:
        checkup = Checkup(spec, model.name, model.context_length, time.monotonic() - began)
        checkup.profile = model.profile
        tell("reading a long prompt")
        _measure_speed(model, checkup)
        recorder = _Recorder(checkup)
        mind = Planner(model, 0, lambda *_: None, recorder, threading.Event())
        _goals(mind, checkup, recorder, tell)
        _configs_and_decisions(mind, checkup, recorder, tell)
        checkup.json_speed = recorder.speed
        checkup.first_token_seconds = recorder.first_token
        _code(model, checkup, tell)
        return checkup
    finally:
        model.close()


class _Recorder:
    """Hears every answer of the planner: an ask that needed a second answer had a first that was invalid."""

    def __init__(self, checkup: Checkup) -> None:
        self._checkup = checkup
        self._tokens, self._seconds = 0, 0.0
        self._answers = 0
        self._waits: list[float] = []

    def __call__(self, task: str, answer: Answer) -> None:
        self._answers += 1
        self._checkup.thinks |= bool(answer.thinking)
        self._tokens += answer.tokens
        self._seconds += answer.seconds
        self._waits.append(answer.prompt_seconds)

    def ask(self, work: Callable[[], T]) -> tuple[T | None, str]:
        """What `work` returns, or why it failed; notes whether the first answer was valid."""
        self._answers = 0
        try:
            value: T | None = work()
            problem = ""
        except PromptTooLong as error:
            value, problem = None, f"the answer did not fit into the context ({error.context_length} tokens)"
        except ModelError as error:
            value, problem = None, error.what
        first_was_valid = value is not None and self._answers == 1
        self._checkup.valid_json.note("" if first_was_valid else problem or "only a later answer was valid")
        return value, problem

    @property
    def speed(self) -> float:
        """Tokens a second of all answers."""
        return self._tokens / self._seconds if self._seconds else 0.0

    @property
    def first_token(self) -> float:
        """The median wait, the first call of all left out."""
        waits = sorted(self._waits[1:])
        return waits[len(waits) // 2] if waits else 0.0


def _measure_speed(model: LanguageModel, checkup: Checkup) -> None:
    """One long prompt that has nothing in common with any other, and free text after it."""
    wanted = min(PROMPT_TOKENS, model.context_length // 2)
    lines: list[str] = []
    while True:
        number = len(lines)
        lines.append(f"{number}. After {number * 37 % 101} steps the loss was {number * 61 % 89} hundredths.")
        messages = (Message("user", "\n".join(lines)),)
        if number % 8 == 7 and model.count_tokens(messages) >= wanted:
            break
    answer = model.generate(Request(messages, max_tokens=FREE_TOKENS))
    checkup.thinks = bool(answer.thinking)
    checkup.prompt_speed = answer.prompt_tokens / max(answer.prompt_seconds, 1e-9)
    checkup.decode_speed = answer.tokens / max(answer.seconds, 1e-9) if answer.tokens else 0.0


def _goals(mind: Planner, checkup: Checkup, recorder: _Recorder, tell: Callable[[str], None]) -> None:
    for number, (text, wanted) in enumerate(GOALS, 1):
        tell(f"reading goal {number} of {len(GOALS)}")
        goal, problem = recorder.ask(partial(mind.read, text))
        wrong = [
            f"{name} {getattr(goal, name)!r}"
            for name in wanted
            if goal and getattr(goal, name) != wanted[name]
        ]
        checkup.goals.note(problem or (f"{text!r}: {', '.join(wrong)}" if wrong else ""))


def _configs_and_decisions(
    mind: Planner, checkup: Checkup, recorder: _Recorder, tell: Callable[[str], None]
) -> None:
    briefs = _briefs()
    for number, brief in enumerate(briefs, 1):
        tell(f"designing network {number} of {len(briefs)}")
        config, problem = recorder.ask(partial(mind.configure, brief))
        checkup.configs.note(problem or _unbuildable(config))
    for number, brief in enumerate(briefs[1:], 1):
        tell(f"deciding {number} of {len(briefs) - 1}")
        decision, problem = recorder.ask(partial(mind.decide, brief))
        met = ranking.achieved(brief.goal, brief.history[-1].entry)
        wanted = "goal_achieved" if met else "iterate"
        said = decision.decision if decision else ""
        checkup.decisions.note(
            problem or ("" if said == wanted else f"decided {said}, but by the numbers it is {wanted}")
        )


def _briefs() -> list[Brief]:
    """A first iteration, one that has missed its goal, one over a limit, one that has reached it."""
    goal = Goal(dataset="digits", metric="accuracy", comparison=">=", threshold=0.95, wishes="small cnn")
    limited = goal.model_copy(update={"max_parameters": 5000})
    config = _config(CODES[1])
    return [
        Brief(goal, CARD, 1, 8, 0, 3),
        Brief(goal, CARD, 2, 8, 0, 3, (_attempt(config, 0.871, 2746, "add a convolution"),)),
        Brief(limited, CARD, 2, 8, 0, 3, (_attempt(config, 0.962, 9810, "halve the channels"),)),
        Brief(goal, CARD, 2, 8, 0, 3, (_attempt(config, 0.974, 2746),)),
    ]


def _attempt(config: ModelConfig, accuracy: float, parameters: int, *changes: str) -> Attempt:
    entry = RegistryEntry(
        run_id="qe_1", timestamp="", model_name=config.model_name, dataset="digits", experiment_dir="",
        metrics_summary={"accuracy": accuracy, "val_loss": round(1.2 * (1 - accuracy), 4)}, iteration=1,
        parameters=parameters, seconds=4.2, train_accuracy=min(1.0, accuracy + 0.02),
        next_change=list(changes),
    )  # fmt: skip
    return Attempt(entry, config, EvalConfig(dataset="digits"))


def _config(layers: Sequence[dict[str, Any]]) -> ModelConfig:
    return ModelConfig.model_validate({"input_shape": [1, 8, 8], "num_classes": 10, "layers": list(layers)})


def _unbuildable(config: ModelConfig | None) -> str:
    try:
        if config is not None:
            infer(config)
    except ConfigError as error:
        return error.what
    return ""


def _code(model: LanguageModel, checkup: Checkup, tell: Callable[[str], None]) -> None:
    """Each network once; what a trial worker makes of the first answer is the result."""
    answers: list[Answer] = []
    verdicts: list[Event] = []
    with temporary.folder("check") as folder:
        pool = WorkerPool(folder)
        try:
            coder = _FirstAnswerOnly(model)
            at_hand = tools.ToolContext(
                folder,
                coder=lambda: coder,
                pool=lambda: pool,
                on_event=verdicts.append,
                on_call=lambda task, answer: answers.append(answer),
            )
            with tools.use_context(at_hand):
                for number, layers in enumerate(CODES, 1):
                    tell(f"writing network {number} of {len(CODES)}")
                    verdicts.clear()
                    problem = _written(_config(layers))
                    first = next((event for event in verdicts if isinstance(event, CodeMade)), None)
                    checkup.code.note("" if first and first.accepted else problem)
        finally:
            pool.close()
    seconds = sum(answer.seconds for answer in answers)
    if seconds:
        checkup.decode_speed = sum(answer.tokens for answer in answers) / seconds


def _written(config: ModelConfig) -> str:
    """Why the first code was not accepted."""
    try:
        tools.pytorch_model_assembler(config.model_dump(mode="json"), "model.py")
    except _SecondAnswer as stop:
        return stop.what
    except (CodeError, ModelError) as error:
        return error.what
    return ""


class _SecondAnswer(ModelError):
    """The coder was asked to repair what it wrote."""


class _FirstAnswerOnly:
    """A coder that answers every question once: it is not asked to repair what it wrote."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self.name = model.name
        self.context_length = model.context_length
        self.profile = model.profile

    def generate(
        self,
        request: Request,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> Answer:
        if request.temperature > 0:
            said = request.messages[-1].content.rpartition("Problem: ")[2].strip()
            raise _SecondAnswer(said or "the first code was not accepted")
        return self._model.generate(request, on_text, cancel, on_progress)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return self._model.count_tokens(messages)

    def close(self) -> None:
        """The model is closed by whoever opened it."""
