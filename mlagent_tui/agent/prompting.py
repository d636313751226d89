"""Which prompts a run uses: told as an event, and those of the user's measured against the context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from mlagent_tui import events
from mlagent_tui.errors import PromptError
from mlagent_tui.llm import LanguageModel, Message
from mlagent_tui.prompts import Prompts


def chosen(prompts: Prompts, models: Mapping[events.Role, LanguageModel]) -> events.PromptsChosen:
    """The files of the profiles that `models` are asked with."""
    profiles = {role: model.profile for role, model in models.items()}
    files = [
        asdict(prompt) | {"path": str(prompt.path or "")}
        for profile in sorted(set(profiles.values()))
        for prompt in prompts.of(profile)
    ]
    for file in files:
        del file["text"]
    return events.PromptsChosen(profiles=dict(profiles), files=files)


def check_room(prompts: Prompts, models: Mapping[events.Role, LanguageModel]) -> None:
    """Raises `PromptError` for a file of the user's that fills the context of a model asked with it."""
    for role, model in models.items():
        for prompt in prompts.of(model.profile):
            if prompt.path is None:
                continue
            tokens, room = model.count_tokens((Message("system", prompt.text),)), model.context_length
            if tokens >= room:
                raise PromptError(
                    f"{prompt.path} has {tokens:,} tokens, and the {role}'s context is {room:,}",
                    "Write a shorter file, or delete it to use the shipped one.",
                )
