"""What two real models have answered to the product's own prompts, and the questions that they were asked.

`tests/answers` holds the answers, written by `scripts/record_answers.py`. `Replayed` gives them once more, in
their order, so that everything made of an answer can be tested without the models: they stand in for these.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mlagent_tui import tools
from mlagent_tui.agent import Attempt, Brief, Planner
from mlagent_tui.errors import Interrupted, MlagentError, ModelError
from mlagent_tui.events import CodeMade, Event
from mlagent_tui.llm import Answer, LanguageModel, Message, OnProgress, OnText, Request
from mlagent_tui.llm.base import Enough, Finish
from mlagent_tui.prompts import CodeForm, Profile
from mlagent_tui.schemas import DataCard, EvalConfig, Goal, ModelConfig, RegistryEntry
from mlagent_tui.training import WorkerPool

FOLDER = Path(__file__).parent / "answers"

GOALS = (
    "Design a small CNN for the digits data set that reaches at least 95% accuracy",
    "digits: validation loss below 0.3, under 20,000 parameters",
    "cifar10, residual, 70 percent, 500k, batch size 128",
    "digits: 95% accuracy, small, quick, 3x3 kernels, not too deep, like LeNet, with modern activations",
    "a network for the dummy data, accuracy 0.85 or better, gelu and no dropout",
    "Ein Netz für fashion_mnist mit mindestens 88,5 % Genauigkeit, höchstens 200.000 Parameter",
)
NETWORKS: Mapping[str, list[dict[str, Any]]] = {
    "linear": [{"type": "flatten"}, {"type": "linear", "out_features": 10}],
    "mlp": [
        {"type": "flatten"},
        {"type": "linear", "out_features": 32},
        {"type": "relu"},
        {"type": "linear", "out_features": 10},
    ],
    "conv": [
        {"type": "conv2d", "out_channels": 16, "kernel_size": 3, "padding": 1},
        {"type": "relu"},
        {"type": "max_pool2d", "kernel_size": 2},
        {"type": "flatten"},
        {"type": "linear", "out_features": 10},
    ],
    "norm": [
        {"type": "conv2d", "out_channels": 8, "kernel_size": 3, "padding": 1},
        {"type": "batchnorm2d"},
        {"type": "gelu"},
        {"type": "dropout2d", "p": 0.1},
        {"type": "adaptive_avg_pool2d", "output_size": 1},
        {"type": "flatten"},
        {"type": "linear", "out_features": 10},
    ],
    "residual": [
        {"type": "conv2d", "out_channels": 8, "kernel_size": 3, "padding": 1},
        {
            "type": "residual",
            "layers": [{"type": "conv2d", "out_channels": 8, "kernel_size": 3, "padding": 1}],
        },
        {"type": "flatten"},
        {"type": "linear", "out_features": 10},
    ],
}
QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "goal": GOALS,
    "plan": ("first", "missed"),
    "config": ("first", "missed", "too large"),
    "decision": ("missed", "too large", "reached"),
    "code": ("mlp", "conv", "norm", "residual"),
    "file": ("linear", "mlp"),
    "free": (f"goal {GOALS[2]}", f"goal {GOALS[3]}", "plan first", "config first", "decision missed"),
}
"""What is asked, by task: goals, situations of a run, networks. `file`: code as a whole file, whatever suits
the model. `free`: without a grammar, as of a server that has none."""

CARD = DataCard(
    dataset="digits", input_shape=(1, 8, 8), num_classes=10, train_size=1151, val_size=287, test_size=359
)


def network(name: str) -> ModelConfig:
    """One of the networks, on the digits."""
    return ModelConfig.model_validate({"input_shape": [1, 8, 8], "num_classes": 10, "layers": NETWORKS[name]})


def situation(name: str) -> Brief:
    """A run before its first network, or after one that missed the goal, was too large, or reached it."""
    goal = Goal(dataset="digits", metric="accuracy", comparison=">=", threshold=0.95, wishes="small cnn")
    if name == "first":
        return Brief(goal, CARD, 1, 8, 0, 3)
    accuracy, parameters, change = {
        "missed": (0.871, 2746, "add a convolution"),
        "too large": (0.962, 9810, "halve the channels"),
        "reached": (0.974, 2746, ""),
    }[name]
    if name == "too large":
        goal = goal.model_copy(update={"max_parameters": 5000})
    entry = RegistryEntry(
        run_id="qe_1", timestamp="", model_name="CurrentModel", dataset="digits", experiment_dir="",
        metrics_summary={"accuracy": accuracy, "val_loss": round(1.2 * (1 - accuracy), 4)}, iteration=1,
        parameters=parameters, seconds=4.2, train_accuracy=accuracy + 0.02,
        next_change=[change] if change else [],
    )  # fmt: skip
    tried = Attempt(entry, network("conv"), EvalConfig(dataset="digits"))
    return Brief(goal, CARD, 2, 8, 0, 3, (tried,))


@dataclass(frozen=True)
class Said:
    """One answer; `prompt` is the digest of what was asked."""

    prompt: str
    text: str
    finish: Finish = "stop"
    thinking: str = ""
    prompt_tokens: int = 0
    tokens: int = 0


@dataclass(frozen=True)
class Recording:
    """The answers of a model to one question, and what was made of them."""

    model: str
    profile: Profile
    forms: tuple[CodeForm, ...]
    context_length: int
    task: str
    question: str
    answers: tuple[Said, ...]
    outcome: dict[str, Any]

    @property
    def name(self) -> str:
        """For people: the model, the task and the question."""
        return f"{self.model}: {self.task}: {self.question[:40]}"


def load() -> list[Recording]:
    """All recordings there are."""
    found = []
    for file in sorted(FOLDER.glob("*.json")):
        for one in json.loads(file.read_text(encoding="utf-8")):
            answers = tuple(Said(**said) for said in one.pop("answers"))
            found.append(Recording(answers=answers, forms=tuple(one.pop("forms")), **one))
    return found


def store(file: Path, recordings: Sequence[Recording]) -> None:
    """Write recordings, a line for each answer, fields that are as usual left out."""
    usual = asdict(Said("", ""))
    blocks = []
    for one in recordings:
        fields = asdict(one) | {"answers": None}
        said = [{name: v for name, v in asdict(said).items() if v != usual[name]} for said in one.answers]
        lines = ",\n".join(json.dumps({"text": "", **line}, ensure_ascii=False) for line in said)
        head = json.dumps(fields, ensure_ascii=False).replace(
            '"answers": null', f'"answers": [\n{lines}\n]', 1
        )
        blocks.append(head)
    file.write_text("[\n" + ",\n".join(blocks) + "\n]\n", encoding="utf-8")


def digest(request: Request) -> str:
    """Tells whether a prompt is still the one that was asked."""
    told = [[message.role, message.content] for message in request.messages]
    return hashlib.sha256(json.dumps([told, request.begin]).encode()).hexdigest()[:12]


@dataclass
class Replayed:
    """Gives the answers of a recording; `others` counts those that were given to another prompt."""

    recording: Recording
    given: int = 0
    others: int = 0
    asked: list[Request] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.recording.model

    @property
    def context_length(self) -> int:
        return self.recording.context_length

    @property
    def code_forms(self) -> tuple[CodeForm, ...]:
        return self.recording.forms

    @property
    def profile(self) -> Profile:
        return self.recording.profile

    def generate(
        self,
        request: Request,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> Answer:
        if self.given == len(self.recording.answers):
            raise ModelError("the recording has no more answers")
        said = self.recording.answers[self.given]
        self.given += 1
        self.others += said.prompt != digest(request)
        self.asked.append(request)
        if on_text:
            with suppress(Enough):
                on_text(said.text, False)
        return Answer(said.text, said.thinking, said.finish, said.prompt_tokens, said.tokens, 0.0, 0.0)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content) for message in messages) // 4

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Place:
    """Where tools work, and the workers that check code."""

    folder: Path
    pool: WorkerPool


@contextmanager
def place(folder: Path) -> Iterator[Place]:
    """Workers for a folder; they start when they are first needed."""
    pool = WorkerPool(folder)
    try:
        yield Place(folder, pool)
    finally:
        pool.close()


def ask(
    task: str, question: str, model: LanguageModel, place: Place, cancel: threading.Event
) -> dict[str, Any]:
    """What the product makes of a model's answers to a question, as it does in a run.

    Raises `Interrupted` on `cancel`.
    """
    if task == "free":
        task, _, question = question.partition(" ")
    try:
        if task in ("code", "file"):
            return _code(network(question), model, place, cancel)
        planner = Planner(model, 0, lambda *_: None, lambda *_: None, cancel)
        made = _PLANNED[task](planner, question)
    except Interrupted:
        raise
    except MlagentError as error:
        return _error(error)
    return {task: made.model_dump(mode="json", by_alias=True, exclude_defaults=True)}


def _error(error: MlagentError) -> dict[str, Any]:
    return {"error": f"{type(error).__name__}: {error.what}"}


_PLANNED: Mapping[str, Callable[[Planner, str], Any]] = {
    "goal": lambda planner, text: planner.understand(text).goal,
    "plan": lambda planner, name: planner.plan(situation(name)),
    "config": lambda planner, name: planner.configure(situation(name)),
    "decision": lambda planner, name: planner.decide(situation(name)),
}


def _code(config: ModelConfig, model: LanguageModel, place: Place, cancel: threading.Event) -> dict[str, Any]:
    told: list[Event] = []
    at_hand = tools.ToolContext(
        place.folder, coder=lambda: model, pool=lambda: place.pool, on_event=told.append, cancel=cancel
    )
    with tools.use_context(at_hand):
        try:
            tools.pytorch_model_assembler(config.model_dump(mode="json"), "model.py")
        except Interrupted:
            raise
        except MlagentError as error:
            return _error(error)
    return {"code": next(event.code for event in told if isinstance(event, CodeMade) and event.accepted)}
