"""What language models are told: one folder a profile, one file a task. Nothing of any model.

A file of the user's takes the place of the shipped one of its profile and name: `own_prompts` reads those.
"""

from __future__ import annotations

import contextvars
import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal, get_args

__all__ = [
    "PROFILES", "SUFFIX", "CodeForm", "Profile", "Prompt", "Prompts", "names", "shipped", "text", "use",
    "without_comments",
]  # fmt: skip

Profile = Literal["minnow", "chat", "completion"]
"""Which prompts a model is asked with: Minnow's short ones, those for models that were taught to follow
instructions, or those for models that only continue a text."""

CodeForm = Literal["whole", "lines"]
"""How a network's code is asked for: as a whole file, or line by line."""

PROFILES: tuple[Profile, ...] = get_args(Profile)

SUFFIX = ".md"
_COMMENT = re.compile(r"^<!--.*?-->[ \t]*\n?", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Prompt:
    """One file of a profile: what it tells a model, where it lies, and the SHA-256 of its bytes.

    `path` None is the shipped one. An own file is `changed` where it tells a model something else than the
    shipped one does.
    """

    profile: Profile
    name: str
    text: str = field(repr=False)
    sha256: str
    path: Path | None = None
    changed: bool = False


@dataclass(frozen=True)
class Prompts:
    """The prompts of a run, read once: the user's `own` files by profile and name, and the shipped ones."""

    own: Mapping[tuple[Profile, str], Prompt] = field(default_factory=dict)

    def get(self, profile: Profile, name: str) -> Prompt:
        """The prompt in use."""
        return self.own.get((profile, name)) or shipped(profile, name)

    def of(self, profile: Profile) -> list[Prompt]:
        """All that a profile has, by name."""
        return [self.get(profile, name) for name in names(profile)]


_current: contextvars.ContextVar[Prompts] = contextvars.ContextVar("prompts")


@contextmanager
def use(prompts: Prompts) -> Iterator[Prompts]:
    """Let `text` give these prompts within the block, in this thread and in copies of its context."""
    token = _current.set(prompts)
    try:
        yield prompts
    finally:
        _current.reset(token)


def text(profile: Profile, name: str) -> str:
    """The file `name` of a profile: the user's where one is in use, else the shipped one."""
    own = _current.get(None)
    return (own.get(profile, name) if own else shipped(profile, name)).text


@cache
def names(profile: Profile) -> tuple[str, ...]:
    """The names of the shipped files of a profile, sorted; none where the profile has no folder."""
    folder = resources.files(__name__).joinpath(profile)
    if not folder.is_dir():
        return ()
    files = (file.name for file in folder.iterdir() if file.name.endswith(SUFFIX))
    return tuple(sorted(name.removesuffix(SUFFIX) for name in files))


@cache
def shipped(profile: Profile, name: str) -> Prompt:
    """The file that comes with the package. Raises `FileNotFoundError` where there is none."""
    data = resources.files(__name__).joinpath(profile, name + SUFFIX).read_bytes()
    return Prompt(profile, name, without_comments(data.decode()), hashlib.sha256(data).hexdigest())


def without_comments(source: str) -> str:
    """What is told to a model: the text without what stands from `<!--` at the start of a line to `-->`."""
    return _COMMENT.sub("", source)
