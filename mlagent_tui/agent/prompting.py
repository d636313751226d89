"""Which prompts a run uses: told as an event, and those of the user's measured against the context."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from mlagent_tui import events, own_prompts
from mlagent_tui.agent.options import RunOptions
from mlagent_tui.errors import PromptError
from mlagent_tui.llm import LanguageModel, Message
from mlagent_tui.prompts import Profile, Prompts


def chosen(prompts: Prompts, models: Mapping[events.Role, LanguageModel]) -> events.PromptsChosen:
    """The files of the profiles that `models` are asked with."""
    profiles: dict[str, Profile] = {role: model.profile for role, model in models.items()}
    files = [
        asdict(prompt) | {"path": str(prompt.path or "")}
        for profile in sorted(set(profiles.values()))
        for prompt in prompts.of(profile)
    ]
    for file in files:
        del file["text"]
    return events.PromptsChosen(profiles={**profiles}, files=files)


def told(
    prompts: Prompts,
    models: Mapping[events.Role, LanguageModel],
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
    base = {model.name: role for role, model in models.items() if model.profile == "completion"}
    for name, role in base.items():
        if manners[role].prompts == "auto":
            yield events.Warned(
                message=f"{name} has no chat template: it is a base model, asked with completion prompts",
                remedy=f"For an instruct model, name its template: --{role}-option chat_template=FILE.",
            )


def since(before: events.PromptsChosen | None, now: events.PromptsChosen) -> list[str]:
    """The prompts that had another content `before`, as `chat/code`."""
    was = {(file["profile"], file["name"]): file["sha256"] for file in before.files} if before else {}
    return [
        f"{file['profile']}/{file['name']}"
        for file in now.files
        if was.get((file["profile"], file["name"]), file["sha256"]) != file["sha256"]
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
