"""What language models are told: one folder a profile, one file a task. No code, and nothing of any model."""

from __future__ import annotations

from importlib import resources
from typing import Literal, get_args

__all__ = ["PROFILES", "CodeForm", "Profile", "text"]

Profile = Literal["minnow", "chat", "completion"]
"""Which prompts a model is asked with: Minnow's short ones, those for models that were taught to follow
instructions, or those for models that only continue a text."""

CodeForm = Literal["whole", "lines"]
"""How a network's code is asked for: as a whole file, or line by line."""

PROFILES: tuple[Profile, ...] = get_args(Profile)


def text(profile: Profile, name: str) -> str:
    """The file `name` of a profile."""
    return resources.files(__name__).joinpath(profile, f"{name}.md").read_text("utf-8")
