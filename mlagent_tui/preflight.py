"""What is wrong with a run before it starts, found without starting or making anything."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ValidationError

from mlagent_tui import check_results, field_errors, own_prompts, sandbox, settings, workspace
from mlagent_tui.agent import Reading, RunOptions, read
from mlagent_tui.arguments import option_values, slip
from mlagent_tui.errors import DataError, MlagentError, UsageError
from mlagent_tui.field_errors import FieldError
from mlagent_tui.llm import check_options, check_spec
from mlagent_tui.research import wishes
from mlagent_tui.schemas import DatasetName
from mlagent_tui.training import data_card

DEVICE_FILES = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
"""What a GPU that torch calls `cuda` shows on Linux: NVIDIA, the same in WSL, AMD."""


class Problem(BaseModel):
    """One problem; `field` is the argument it is about."""

    field: str
    message: str
    remedy: str = ""


class Told(BaseModel):
    """Every problem, the sandbox that a run would have, and what each data set lacks (empty: nothing).

    `goal` is what rules understand of the goal, without a model, and `wishes` what it asks of the network
    besides; each of the `questions` is a problem too. `models` holds by role what a check of its model found,
    where it was checked, and `slow` that they are too slow for the time budget.
    """

    problems: list[Problem]
    sandbox: str
    datasets: dict[str, str]
    goal: dict[str, str | int | float | None] = {}
    wishes: list[str] = []
    questions: list[str] = []
    models: dict[str, str] = {}
    slow: str = ""


def check(arguments: argparse.Namespace) -> Told:
    """Look at everything that a run of these arguments needs before its first step."""
    problems: list[Problem] = []
    try:
        defaults = settings.load()
    except UsageError as error:
        problems.append(Problem(field="settings", message=error.what, remedy=error.remedy))
        defaults = settings.Settings()
    options: RunOptions | None = None
    try:
        options = option_values(arguments, defaults)
    except ValidationError as error:
        problems += [
            _slip(told, arguments.goal) for told in field_errors.every(error, RunOptions, noun="option")
        ]
    level = sandbox.best_level()
    reading = read(options.goal_text, options.typed()) if options else Reading()
    for question in reading.questions:
        problems.append(Problem(field=question.part, message=question.what, remedy=question.remedy))
    if options:
        if options.sandbox != "auto" and options.sandbox != "required":
            level = options.sandbox
        for field, look in _looks(options, reading, arguments):
            try:
                look()
            except MlagentError as error:
                problems.append(Problem(field=field, message=error.what, remedy=error.remedy))
    data_dir = options.data_dir if options else defaults.data_dir
    models, slow = _checked(options) if options else ({}, "")
    shown = ("dataset", "metric", "threshold", "max_parameters", "max_seconds")
    return Told(
        problems=problems,
        sandbox=level,
        datasets=dict(_datasets(data_dir)),
        goal={name: getattr(reading, name) for name in shown},
        wishes=[wishes.words(wish) for wish in reading.asked],
        questions=[str(question) for question in reading.questions],
        models=models,
        slow=slow,
    )


def _checked(options: RunOptions) -> tuple[dict[str, str], str]:
    kept = check_results.Kept()
    results = {role: kept.of(getattr(options, role)) for role in ("planner", "coder")}
    networks = min(options.iterations, options.patience)
    slow = check_results.too_slow(results["planner"], results["coder"], options.time_budget, networks)
    return {role: result.line for role, result in results.items() if result}, slow


def _slip(told: FieldError, goal: str) -> Problem:
    if told.path[0] == "goal_text":
        what = told.what.replace("goal_text", "the goal") if goal.strip() else "there is no goal"
        return Problem(field="goal", message=what, remedy="Say what to reach, with a number.")
    _, message, remedy = slip(told)
    return Problem(field=str(told.path[0]), message=message, remedy=remedy)


def _looks(
    options: RunOptions, reading: Reading, arguments: argparse.Namespace
) -> Iterator[tuple[str, Callable[[], None]]]:
    """(field, look) for each; a look raises what is wrong."""
    yield "dataset", lambda: _dataset(options, reading)
    yield "planner", lambda: check_spec(options.planner)
    yield "coder", lambda: check_spec(options.coder)
    yield "planner_options", lambda: check_options(options.planner_options)
    yield "coder_options", lambda: check_options(options.coder_options)
    yield "prompts", lambda: _prompts(arguments.project)
    yield "device", lambda: _device(options.device)
    yield "sandbox", lambda: _confined(options)
    folder = arguments.project or workspace.default_folder(options.goal_text)
    yield "project", lambda: workspace.check(folder, another=arguments.another)
    if arguments.branch_from:
        yield "branch_from", lambda: workspace.check_branch(arguments.project, arguments.branch_from)


def _dataset(options: RunOptions, reading: Reading) -> None:
    if reading.dataset:
        data_card(reading.dataset, None, options.data_dir)


def _datasets(data_dir: Path | None) -> Iterator[tuple[str, str]]:
    for name in get_args(DatasetName):
        try:
            data_card(name, None, data_dir)
        except DataError as error:
            yield name, f"{error.what}. {error.remedy}"
        else:
            yield name, ""


def _prompts(project: Path | None) -> None:
    own_prompts.read(project)


def _device(device: str) -> None:
    missing = {
        "cuda": sys.platform != "linux" or not any(os.path.exists(name) for name in DEVICE_FILES),
        "mps": (sys.platform, platform.machine()) != ("darwin", "arm64"),
    }
    if missing.get(device):
        raise UsageError(f"this machine has no {device} device", "Choose `auto` or `cpu`.")
    if device == "cuda" and _torch_version().endswith("+cpu"):
        raise UsageError(
            "the installed torch is built for the CPU only", "Install torch with CUDA, or choose `cpu`."
        )


def _torch_version() -> str:
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return ""


def _confined(options: RunOptions) -> None:
    sandbox.resolve_level(options.sandbox)
