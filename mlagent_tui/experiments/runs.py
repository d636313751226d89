"""The folder of one run: a name of its own, what is put into it, and reading it back."""

from __future__ import annotations

import codecs
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from mlagent_tui import held, paths, python_source, yaml_text
from mlagent_tui.errors import CodeError, MlagentError, ProjectError
from mlagent_tui.field_errors import first, from_yaml
from mlagent_tui.files import Folder, explain
from mlagent_tui.schemas import EpochMetrics, EvalConfig, EvalResult, ModelConfig, Preprocessing, Summary

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
_claimed: set[str] = set()


def claim(root: Path) -> str:
    """A new run id, `qe_YYYYMMDD_HHMMSS` in UTC, with `_2`, `_3`, … for others of the same second.

    In a project its folder is made, which is what makes it unique among processes. Raises `ProjectError`.
    """
    held.check(root)
    start = datetime.now(UTC).strftime("qe_%Y%m%d_%H%M%S")
    folder = Folder(root, ProjectError) if paths.Layout(root).is_project() else None
    for number in count(1):
        run_id = start if number == 1 else f"{start}_{number}"
        if run_id not in _claimed and (folder is None or folder.make(f"{paths.EXPERIMENTS}/{run_id}")):
            break
    _claimed.add(run_id)
    return run_id


@dataclass
class NewRun:
    """A run that is being evaluated; `folder` is None outside of a project, where nothing is stored."""

    root: Path
    run_id: str
    folder: Path | None
    _metrics: int = -1
    _kept: bool = field(default=False)

    def begin(self, config: EvalConfig) -> None:
        """Store how it will be evaluated, and open the file of its curves. Raises `ProjectError`."""
        if self.folder is not None:
            inside = Folder(self.folder, ProjectError)
            inside.write(paths.RUN_EVAL_CONFIG, _yaml(config))
            self._metrics = inside.append_to(paths.RUN_METRICS)

    def add(self, metrics: EpochMetrics) -> None:
        """Append one point of the curves. Raises `ProjectError`."""
        line = metrics.model_dump_json().encode() + b"\n" if self._metrics >= 0 else b""
        try:
            while line:
                line = line[os.write(self._metrics, line) :]
        except OSError as error:
            what, remedy = explain(error)
            raise ProjectError(f"cannot write {self.run_id}/{paths.RUN_METRICS}: {what}", remedy) from error

    def describe(self, preprocessing: Preprocessing) -> None:
        """Store how images are prepared for the weights. Raises `ProjectError`."""
        if self.folder is not None:
            Folder(self.folder, ProjectError).write(paths.RUN_PREPROCESSING, _json(preprocessing))

    def keep(self) -> None:
        """Keep the folder; without this it is removed."""
        self._kept = True

    def close(self) -> None:
        """Close the file of the curves, and remove what is not to be kept."""
        if self._metrics >= 0:
            os.close(self._metrics)
        if self.folder is not None and not self._kept:
            inside = Folder(self.folder.parent, ProjectError)
            for name in (
                paths.RUN_EVAL_CONFIG,
                paths.RUN_METRICS,
                paths.RUN_WEIGHTS,
                paths.RUN_PREPROCESSING,
                "",
            ):
                with suppress(ProjectError):
                    inside.remove(f"{self.run_id}/{name}")


@contextmanager
def new_run(root: Path) -> Iterator[NewRun]:
    """A run with an id and, in a project, a folder, which goes away again unless it is kept."""
    run_id = claim(root)
    layout = paths.Layout(root)
    run = NewRun(root, run_id, layout.run(run_id) if layout.is_project() else None)
    try:
        yield run
    finally:
        run.close()


@dataclass(frozen=True)
class Run:
    """What a run's folder holds; None for what is missing or cannot be read.

    `damaged` names the files that cannot be read, each with the reason.
    """

    config: ModelConfig | None
    eval_config: EvalConfig | None
    code: str | None
    summary: Summary | None
    result: EvalResult | None
    damaged: Mapping[str, str] = field(default_factory=dict)


def load(root: Path, run_id: str) -> Run:
    """What the folder of `run_id` holds. Links that lead out of the project are not followed."""
    inside = Folder(root, ProjectError)
    damaged: dict[str, str] = {}

    def part(name: str, parse: Callable[[bytes], T]) -> T | None:
        try:
            return parse(inside.read(f"{paths.EXPERIMENTS}/{run_id}/{name}"))
        except (ProjectError, CodeError, ValueError) as error:
            if os.path.lexists(paths.Layout(root).run(run_id) / name):
                damaged[name] = _why(error)
            return None

    parts = (
        part(paths.RUN_CONFIG, partial(from_yaml, ModelConfig)),
        part(paths.RUN_EVAL_CONFIG, partial(from_yaml, EvalConfig)),
        part(paths.RUN_CODE, python_source.decoded),
        part(paths.RUN_SUMMARY, partial(_from_json, Summary)),
        part(paths.RUN_RESULTS, partial(_from_json, EvalResult)),
    )
    return Run(*parts, damaged=damaged)


def _from_json(model: type[M], data: bytes) -> M:
    try:
        return model.model_validate_json(data.removeprefix(codecs.BOM_UTF8))
    except ValidationError as error:
        raise ValueError(first(error, model, "the file").what) from error


def _why(error: Exception) -> str:
    return error.what if isinstance(error, MlagentError) else str(error)


def save(
    root: Path,
    run_id: str,
    *,
    config: ModelConfig | None = None,
    eval_config: EvalConfig | None = None,
    code: str | None = None,
    summary: Summary | None = None,
    result: EvalResult | None = None,
) -> None:
    """Put the parts that are given into the folder of `run_id`. Raises `ProjectError`."""
    parts: dict[str, str | None] = {
        paths.RUN_CONFIG: config.to_yaml() if config else None,
        paths.RUN_EVAL_CONFIG: _yaml(eval_config) if eval_config else None,
        paths.RUN_CODE: code,
        paths.RUN_SUMMARY: _json(summary) if summary else None,
        paths.RUN_RESULTS: _json(result) if result else None,
    }
    inside = Folder(root, ProjectError)
    for name, content in parts.items():
        if content is not None:
            inside.write(f"{paths.EXPERIMENTS}/{run_id}/{name}", content)


def _yaml(value: BaseModel) -> str:
    return yaml_text.dump(value.model_dump(mode="json"))


def _json(value: BaseModel) -> str:
    return json.dumps(value.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"
