"""What `mlagent models check` found of each language model, kept by the model's content.

A result belongs to the bytes of a model, wherever the file lies, or to a server's address and model name. It
was measured on this machine, and is out of date once mlagent or the prompts have changed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlagent_tui import __version__, own_prompts, paths
from mlagent_tui.errors import ModelError, ProjectError, PromptError
from mlagent_tui.files import atomic_write, read_plain
from mlagent_tui.llm import fingerprint, locate, read_header
from mlagent_tui.prompts import Profile, Prompts

Step = Literal["goal", "plan", "config", "decision", "code", "explain"]
Role = Literal["planner", "coder"]

STEPS: dict[Role, tuple[Step, ...]] = {
    "planner": ("goal", "plan", "config", "decision"),
    "coder": ("code", "explain"),
}
"""What each role is asked for."""

OF_A_FOLDER = ("*.safetensors", "*.json", "*.jinja")
"""The files of a folder of weights that say what the model is."""
MAX_RESULT = 1_000_000
"""Bytes of a stored result."""
ENOUGH = 3
"""Networks that a run should be able to try within its time budget, or else it is warned."""

Natural = Annotated[int, Field(ge=0)]
Measured = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Count(BaseModel):
    """The answers to the questions of one step. `seconds` is the language model's time for all of them."""

    asked: Natural = 0
    first: Natural = 0
    """Right at first."""
    repaired: Natural = 0
    """Right after it was asked again, as a run does too."""
    late: Natural = 0
    """Not right in time: stopped at the end of the question's share of the budget."""
    seconds: Measured = 0.0
    misses: list[str] = Field(default_factory=list)
    """What was wrong, for those that were not right."""

    @property
    def right(self) -> int:
        return self.first + self.repaired

    @property
    def fallback(self) -> int:
        """Those for which a run would need the bundled model."""
        return self.asked - self.right


class Result(BaseModel):
    """All that one check measured. Speeds are tokens a second, memory is bytes, 0 is not measured."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())

    identity: str = ""
    size: Natural = 0
    """Bytes of the model's files; 0 for a server."""
    spec: str = ""
    name: str = ""
    profile: Profile = "chat"
    version: str = __version__
    prompts: str = ""
    made: str = ""
    """When, as ISO 8601 in UTC."""

    budget: Measured = 0.0
    seconds: Measured = 0.0
    questions: Natural = 0
    """All that there are; for a slow model fewer are asked."""
    interrupted: bool = False
    loading_seconds: Measured = 0.0
    read_speed: Measured = 0.0
    write_speed: Measured = 0.0
    memory: Natural = 0
    context: Natural = 0
    longest: Natural = 0
    """Tokens of the longest prompt of a usual run, together with its answer."""
    longest_step: str = ""
    thinks: bool = False
    steps: dict[Step, Count] = Field(default_factory=dict)

    planner_seconds: Measured = 0.0
    """Of this model for one iteration, as planner; `coder_seconds` as coder. Training is not in it."""
    coder_seconds: Measured = 0.0
    at_least: bool = False
    """Whether these are lower bounds, since answers were stopped."""
    suits_planner: bool | None = None
    """None where too few questions were asked to tell; the same for `suits_coder`."""
    suits_coder: bool | None = None
    verdict: str = ""
    command: str = ""

    @property
    def asked(self) -> int:
        return sum(count.asked for count in self.steps.values())

    def count(self, step: Step) -> Count:
        """The answers of a step; none where it was not asked for."""
        return self.steps.get(step, Count())

    @property
    def outdated(self) -> str:
        """Why it no longer counts in full; empty while it does."""
        if self.version != __version__:
            return f"made with mlagent {self.version}"
        return "" if self.prompts == prompts_version(self.profile) else "the prompts have changed since"

    @property
    def day(self) -> str:
        """The date of it."""
        return self.made[:10]

    @property
    def line(self) -> str:
        """What was found, in one line."""
        old = f" Out of date: {self.outdated}." if self.outdated else ""
        return f"checked {self.day}: {self.verdict}{old}"


# --- which model ----------------------------------------------------------------------------------------


def identity(spec: str) -> str:
    """What a model is known by, whatever its files are called. Raises `ModelError` where there is none.

    For files their fingerprint; for a server its address and the model's name, as they are written.
    """
    if "://" in spec:
        return hashlib.sha256(spec.encode()).hexdigest()
    try:
        return fingerprint(_files(spec))
    except OSError as error:
        raise ModelError(f"cannot read {spec}: {error.strerror}", "Check the path of the model.") from error


def size(spec: str) -> int:
    """Bytes of the files that `identity` reads; 0 for a server. Raises `ModelError`."""
    if "://" in spec:
        return 0
    try:
        return sum(file.stat().st_size for file in _files(spec))
    except OSError as error:
        raise ModelError(f"cannot read {spec}: {error.strerror}", "Check the path of the model.") from error


def _files(spec: str) -> list[Path]:
    path = locate(spec)
    if os.path.isdir(path):
        return sorted(file for pattern in OF_A_FOLDER for file in path.glob(pattern) if file.is_file())
    return list(read_header(path).parts) or [path]


def prompts_version(profile: Profile) -> str:
    """What the prompts of a profile, the user's own among them, are known by: it changes with them."""
    found = hashlib.sha256()
    for prompt in _prompts().of(profile):
        found.update(f"{prompt.name}\0{prompt.text}\0".encode())
    return found.hexdigest()[:16]


def _prompts() -> Prompts:
    """Those in use; the shipped ones where the user's cannot be read."""
    try:
        return own_prompts.read()
    except PromptError:
        return Prompts()


# --- the store ------------------------------------------------------------------------------------------


def keep(result: Result) -> None:
    """Store the result, in place of an earlier one of the same model. Raises `ProjectError`."""
    file = _file(result.identity)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ProjectError(f"cannot make {file.parent}: {error.strerror}") from error
    atomic_write(file, result.model_dump_json(indent=1))


class Kept:
    """The results on this machine; files that hold something else are left out.

    A model's content is only read where a result for a model of the same size is there.
    """

    def __init__(self) -> None:
        self._by_identity = {result.identity: result for result in _stored()}
        self._sizes = {result.size for result in self._by_identity.values()}

    def of(self, spec: str) -> Result | None:
        """The result of the model that `spec` names; None where it was not checked or cannot be read."""
        with suppress(ModelError):
            if self._by_identity and size(spec) in self._sizes:
                return self._by_identity.get(identity(spec))
        return None


def _stored() -> Iterator[Result]:
    with suppress(OSError):
        for file in sorted(paths.checks_folder().glob("*.json")):
            with suppress(OSError, ValidationError):
                result = Result.model_validate_json(read_plain(file, MAX_RESULT))
                if file == _file(result.identity):
                    yield result


def _file(known_by: str) -> Path:
    return paths.checks_folder() / f"{known_by}.json"


# --- what a run is told ---------------------------------------------------------------------------------


def too_slow(planner: Result | None, coder: Result | None, time_budget: float | None, networks: int) -> str:
    """That few networks, or none, can be tried within the time budget; empty where enough can.

    `networks` is how many the run may try; results are those of the roles' models, None where there is none.
    """
    parts = [
        ("planner", planner, planner.planner_seconds if planner else 0.0),
        ("coder", coder, coder.coder_seconds if coder else 0.0),
    ]
    known = [(role, result, seconds) for role, result, seconds in parts if result and seconds]
    each = sum(seconds for _, _, seconds in known)
    if time_budget is None or not known or time_budget >= min(ENOUGH, networks) * each:
        return ""
    at_least = "at least " if any(result.at_least for _, result, _ in known) else "about "
    shares = " and ".join(f"{seconds:,.0f} s as {role}" for role, _, seconds in known)
    fit = int(time_budget // each)
    many = f"time for {fit} network{'s' * (fit > 1)}" if fit else "not enough for one network"
    return (
        f"the language models need {at_least}{each:,.0f} s for each network ({shares}, measured "
        f"{known[0][1].day}), and the time budget is {time_budget:,.0f} s: {many}, training not counted"
    )


def warnings(planner: str, coder: str, time_budget: float | None, networks: int) -> Iterable[tuple[str, str]]:
    """What a run has to say of its models before it starts, each with a remedy."""
    if time_budget is None:
        return
    kept = Kept()
    told = too_slow(kept.of(planner), kept.of(coder), time_budget, networks)
    if told:
        yield told, "Give the run more time (--time-budget), or use a faster model, such as `bundled`."
