"""What the start screen holds, as values: from and to what is remembered, and what is wrong with it.

Only what can be told without the engine is told here; the rest is asked of `mlagent run --check`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from mlagent_tui import paths
from mlagent_tui.tui.engine import Problem, Request

EXAMPLES: tuple[str, ...] = (
    "Design a small CNN for digits that reaches at least 95% accuracy with at most 50,000 parameters",
    "A tiny MLP for digits, at least 90% accuracy, under 5k parameters",
    "MLP for MNIST, more than 97 percent, under 100k parameters, trained in less than 2 minutes",
    "A CNN with batch normalisation for fashion_mnist, at least 90% accuracy",
    "Find a network with residual blocks for cifar10, validation loss below 0.9, no dropout",
    "A compact CNN for cifar100 that reaches at least 30% accuracy, under 1M parameters",
)
DATASETS = ("digits", "mnist", "fashion_mnist", "cifar10", "cifar100", "dummy")
METRICS = ("accuracy", "val_loss")
DEVICES = ("auto", "cuda", "mps", "cpu")
FALLBACKS = ("bundled", "none")
SANDBOXES = ("auto", "required", "none", "bubblewrap", "landlock", "seatbelt")
HOLDS = ("assemble", "evaluate")

LONGEST_GOAL = 4000
SLUG_WIDTH = 40

_FIELDS = {
    "dataset": "the field Data set", "metric": "the field Metric", "threshold": "the field Threshold",
    "max-parameters": "the field Parameters", "max-seconds": "the field Seconds",
}  # fmt: skip
"""The fields by the options of the command line that say the same."""

_SCALES = {"": 1, "k": 1_000, "m": 1_000_000}
_DURATION = re.compile(r"([0-9]+(\.[0-9]+)?[smhd]?\s*)+", re.IGNORECASE)


@dataclass(frozen=True)
class Form:
    """The fields as they are typed; empty means the default."""

    goal: str = ""
    planner: str = "bundled"
    coder: str = "bundled"
    planner_options: str = ""
    coder_options: str = ""
    dataset: str = ""
    metric: str = ""
    threshold: str = ""
    max_parameters: str = ""
    max_seconds: str = ""
    iterations: str = ""
    patience: str = ""
    time_budget: str = ""
    device: str = "auto"
    sandbox: str = "auto"
    fallback: str = "bundled"
    seed: str = ""
    project: str = ""
    hold_assemble: bool = False
    hold_evaluate: bool = False

    def remembered(self) -> dict[str, Any]:
        """What to keep for the next time. A folder is for one run, so it is not kept."""
        return asdict(replace(self, project=""))

    def folder(self, base: Path) -> Path:
        """The project's folder: the one named, or a new one beside others."""
        if self.project.strip():
            return (base / paths.user_path(self.project.strip())).absolute()
        return default_folder(self.goal, base)

    def request(self, base: Path, *, another: bool = False) -> Request:
        """What to ask of the engine. The form has no problems."""
        return Request(
            goal=self.goal.strip(),
            project=self.folder(base),
            planner=self.planner.strip() or "bundled",
            coder=self.coder.strip() or "bundled",
            planner_options=tuple(shlex.split(self.planner_options)),
            coder_options=tuple(shlex.split(self.coder_options)),
            dataset=self.dataset,
            metric=self.metric,
            threshold=share(self.threshold),
            max_parameters=amount(self.max_parameters),
            max_seconds=seconds(self.max_seconds),
            device=self.device,
            sandbox=self.sandbox,
            fallback=self.fallback,
            iterations=_whole(self.iterations),
            patience=_whole(self.patience),
            time_budget=re.sub(r"\s", "", self.time_budget),
            seed=_whole(self.seed),
            hold=tuple(point for point in HOLDS if getattr(self, f"hold_{point}")),
            another=another,
        )

    def problems(self, base: Path) -> list[Problem]:
        """What keeps this from being started, by field, in the order of the screen."""
        told = [
            self._goal(),
            *(_model(role, getattr(self, role)) for role in ("planner", "coder")),
            *(_options(name, getattr(self, name)) for name in ("planner_options", "coder_options")),
            *self._limits(),
            _number("iterations", self.iterations, 1, 1000),
            _number("patience", self.patience, 1, 1000),
            self._time(),
            _number("seed", self.seed, 0, 2**31 - 1),
            self._project(base),
        ]
        return [problem for problem in told if problem is not None]

    def _goal(self) -> Problem | None:
        if not self.goal.strip():
            return Problem("goal", "Say what the network should reach.", "F4 offers examples.")
        if len(self.goal) > LONGEST_GOAL:
            return Problem("goal", f"A goal has at most {LONGEST_GOAL:,} characters.", "Shorten it.")
        return None

    def _time(self) -> Problem | None:
        text = self.time_budget.strip()
        if not text or (_DURATION.fullmatch(text) and re.search("[1-9]", text)):
            return None
        return Problem("time_budget", "This is not a valid duration.", "Such as 90s, 30m or 1h30m.")

    def _limits(self) -> Iterator[Problem | None]:
        """What is wrong with the numbers that say more exactly what the goal says."""
        for name, read, what, examples in (
            ("threshold", share, "a value to reach", "0.95 or 95% for the accuracy, 0.3 for a loss"),
            ("max_parameters", amount, "a number of parameters", "50000, 50k or 1.5M"),
            ("max_seconds", seconds, "a training time", "90, 90s or 2m"),
        ):
            text = getattr(self, name)
            if text.strip() and read(text) is None:
                yield Problem(name, f"This is not {what}.", f"Such as {examples}.")

    def _project(self, base: Path) -> Problem | None:
        if not self.project.strip():
            return None
        folder = self.folder(base)
        try:
            if folder.is_dir() and any(folder.iterdir()) and not paths.Layout(folder).is_project():
                return Problem(
                    "project", "This folder exists and is not a project.", "Name a new or an empty one."
                )
            if folder.exists() and not folder.is_dir():
                return Problem("project", "This is a file.", "Name a new folder, or a project.")
        except OSError as error:
            return Problem("project", f"This folder cannot be read: {error.strerror}.", "Name another one.")
        return None


def remembered(state: Mapping[str, Any], defaults: Form) -> Form:
    """The form as it was left; what no longer fits is as in `defaults`."""
    kept = {
        field.name: state[field.name]
        for field in fields(Form)
        if field.name in state and type(state[field.name]) is type(getattr(defaults, field.name))
    }
    choices = {
        "dataset": ("", *DATASETS), "metric": ("", *METRICS), "device": DEVICES, "sandbox": SANDBOXES,
        "fallback": FALLBACKS,
    }  # fmt: skip
    fitting = {name: value for name, value in kept.items() if value in choices.get(name, (value,))}
    return replace(defaults, **fitting)


def default_folder(goal: str, base: Path) -> Path:
    """The first of `base/<slug of the goal>-<n>` that does not exist, as the command line names it."""
    words = re.sub(r"[^a-z0-9]+", "-", goal.lower()).strip("-")[:SLUG_WIDTH].rstrip("-") or "run"
    number = 1
    while (folder := base.absolute() / f"{words}-{number}").exists():
        number += 1
    return folder


def amount(text: str) -> int | None:
    """The number in `50000`, `50,000`, `50k` or `1.5M`; None for anything else and for zero."""
    match = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)\s*([km]?)", text.strip().replace(",", "").lower())
    value = round(float(match[1]) * _SCALES[match[2]]) if match else 0
    return value or None


def share(text: str) -> float | None:
    """The number in `0.95`, `0,95`, `95%` or `95 %`; None for anything else and for zero."""
    match = re.fullmatch(r"([0-9]{1,4}(?:[.,][0-9]{1,9})?|[.,][0-9]{1,9})\s*(%?)", text.strip())
    value = float(match[1].replace(",", ".")) if match else 0.0
    return round(value / 100 if match and match[2] else value, 12) or None


def seconds(text: str) -> float | None:
    """The seconds in `90`, `90s`, `2m` or `1h`; None for anything else and for zero."""
    match = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)\s*([smh]?)", text.strip().lower())
    value = float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] if match else 0.0
    return value or None


def here(remedy: str) -> str:
    """A remedy that names options of the command line, with the fields of the form in their place."""
    return re.sub(r"--([a-z-]+)", lambda found: _FIELDS.get(found[1], found[0]), remedy)


def _whole(text: str) -> int | None:
    return int(text) if text.strip() else None


def _number(field: str, text: str, low: int, high: int) -> Problem | None:
    text = text.strip()
    if not text or (text.isascii() and text.isdigit() and len(text) < 12 and low <= int(text) <= high):
        return None
    return Problem(
        field, "Enter a whole number in the allowed range.", f"A whole number from {low} to {high:,}."
    )


def _model(role: str, spec: str) -> Problem | None:
    spec = spec.strip()
    if spec in ("", "bundled"):
        return None
    if "://" in spec:
        return url_problem(role, spec)
    path = paths.user_path(spec)
    key = {"planner": "F2", "coder": "F3"}[role]
    try:
        path.stat()  # the engine tells whether it can be used
    except OSError as error:
        return Problem(
            role,
            f"{error.strerror}: {path.name}",
            f"Pick a model with {key}, or type bundled or http://HOST:PORT/v1#MODEL.",
        )
    return None


def url_problem(field: str, url: str) -> Problem | None:
    """What is wrong with the URL of a server. Nothing is sent to it: that is for the run."""
    from mlagent_tui.settings import SERVER

    if SERVER.fullmatch(url):
        return None
    return Problem(
        field, "This does not name a server.", "Write http://HOST:PORT/v1#MODEL, without user name or query."
    )


def _options(field: str, text: str) -> Problem | None:
    """What is wrong with `context=8192 gpu_layers=20`: options of a role, as the command line takes them."""
    if not text.strip():
        return None
    from pydantic import ValidationError

    from mlagent_tui import field_errors
    from mlagent_tui.settings import RoleOptions

    try:
        words = [word.partition("=") for word in shlex.split(text)]
    except ValueError:
        return Problem(field, "A quotation mark is missing.", "Such as context=8192 gpu_layers=20.")
    wrong = next((key for key, sign, value in words if not (key and sign and value)), None)
    if wrong is not None:
        return Problem(field, f"{wrong} has no value.", "Such as context=8192 gpu_layers=20.")
    said = {key.replace("-", "_"): None if value == "null" else value for key, _, value in words}
    try:
        RoleOptions.model_validate(said)
    except ValidationError as error:
        told = field_errors.first(error, RoleOptions, noun="option")
        what = told.what.replace("there is", "There is", 1)
        return Problem(field, what if what.endswith("?") else f"{what}.", told.remedy)
    return None
