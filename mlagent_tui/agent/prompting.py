"""Which prompts a run uses: told as an event, and those of the user's measured against the context."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from mlagent_tui import events, own_prompts
from mlagent_tui.agent.options import RunOptions
from mlagent_tui.errors import PromptError
from mlagent_tui.llm import LanguageModel, Message
from mlagent_tui.prompts import PROFILES, Profile, Prompts


def chosen(prompts: Prompts, models: Mapping[events.Role, LanguageModel]) -> events.PromptsChosen:
    """The files of the profiles that `models` are asked with, and every other file of the user's.

    Another model may stand in for one of them, and one profile may borrow from another.
    """
    profiles: dict[str, Profile] = {role: model.profile for role, model in models.items()}
    files = [
        asdict(prompt) | {"path": str(prompt.path or "")}
        for profile in PROFILES
        for prompt in prompts.of(profile)
        if profile in profiles.values() or prompt.path
    ]
    for file in files:
        del file["text"]
    return events.PromptsChosen(profiles={**profiles}, files=files)


def told(
    prompts: Prompts,
    models: dict[events.Role, LanguageModel],
    options: RunOptions,
    before: events.PromptsChosen | None,
    root: Path,
) -> Iterator[events.Event]:
    """What a run says of its prompts at its start: which there are, and what the user may not expect of them.

    `before` are those that the same run used in an earlier process.
    """
    now = chosen(prompts, models)
    yield now
    if differ := since(before, now):
        yield events.Warned(
            message=f"the prompts have changed since the run was started: {', '.join(differ)}",
            remedy="`mlagent prompts list` shows the files in use.",
        )
    for file in own_prompts.unknown(root):
        yield events.Warned(
            message=f"{file} is not used: no prompt has this name",
            remedy="`mlagent prompts list` shows the names.",
        )
    manners = {"planner": options.planner_options, "coder": options.coder_options}
    base = {
        model.name: role
        for role, model in reversed(models.items())
        if model.profile == "completion" and manners[role].prompts == "auto"
    }
    for name, role in base.items():
        yield events.Warned(
            message=f"{name} has no chat template: it is a base model, asked with completion prompts",
            remedy=f"For an instruct model, name its template: --{role}-option chat_template=FILE.",
        )


def since(before: events.PromptsChosen | None, now: events.PromptsChosen) -> list[str]:
    """The prompts that told a model something else `before`, as `chat/code`.

    A copy of the shipped file tells the same, though its bytes are others.
    """
    was = {(file["profile"], file["name"]): file for file in before.files} if before else {}
    pairs = ((was.get((file["profile"], file["name"]), file), file) for file in now.files)
    return [
        f"{file['profile']}/{file['name']}"
        for old, file in pairs
        if old["sha256"] != file["sha256"]
        and (old["changed"] or file["changed"] or old["path"] == file["path"] == "")
    ]


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
