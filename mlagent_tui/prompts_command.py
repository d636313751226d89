"""`mlagent prompts`: which file is used for each task, and copies of the shipped ones to change."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from mlagent_tui import own_prompts, paths
from mlagent_tui.console import clean, width
from mlagent_tui.errors import ProjectError, PromptError
from mlagent_tui.files import Folder, explain
from mlagent_tui.own_prompts import Place
from mlagent_tui.prompts import PROFILES, Profile, Prompt, names, shipped

HEAD = ("profile", "task", "sha-256", "file")
SHIPPED = "shipped"
SHORT = 12
"""Characters of a checksum in the table."""

TASKS = {
    "goal": "The planner reads the user's goal. Asked once, at the start of a run.",
    "plan": "The planner plans an iteration, and how its network is trained.",
    "config": "The planner designs the network of an iteration.",
    "decision": "The planner judges the last trial, and says what to change.",
    "code": "The coder writes the PyTorch module of a network.",
    "lines": "Worked lines, for code that is written line by line.",
    "explain": "The coder explains a network in a few sentences.",
}
"""By name. A file that is not here has the comment without this line."""

MODELS = {
    "minnow": "Minnow was trained on exactly this text: with any other it is likely to fail.",
    "chat": "For models with a chat template.",
    "completion": "For models without a chat template, which continue a text.",
}
EXAMPLES = "Keep the lines `=== question` and `=== answer`: they separate the worked examples."
HEADINGS = "Keep every heading that begins with `## `: parts are found by it."


def show(project: Path | None, *, as_json: bool = False) -> int:
    """Print the file that is used for each task of each profile. Raises `PromptError`."""
    found = own_prompts.read(project)
    every = [prompt for profile in PROFILES for prompt in found.of(profile)]
    if as_json:
        told = [asdict(prompt) | {"path": str(prompt.path or "")} for prompt in every]
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return 0
    print(table(every))
    if slips := own_prompts.unknown(project):
        print("\nThese are not used, because no prompt has their name:")
        print("\n".join(f"  {clean(str(file))}" for file in slips))
    return 0


def table(every: Iterable[Prompt]) -> str:
    """The prompts as aligned columns."""
    rows = [HEAD, *((p.profile, p.name, p.sha256[:SHORT], _file(p)) for p in every)]
    widths = [max(width(row[i]) for row in rows) for i in range(len(HEAD))]
    return "\n".join(
        "  ".join(cell + " " * (widths[i] - width(cell)) for i, cell in enumerate(row)).rstrip()
        for row in rows
    )


def _file(prompt: Prompt) -> str:
    if prompt.path is None:
        return SHIPPED
    return (
        f"{clean(str(prompt.path))} ({'changed' if prompt.changed else 'the same text as the shipped one'})"
    )


def copy(project: Path | None, profiles: Iterable[Profile] = PROFILES, *, force: bool = False) -> int:
    """Write the shipped files with comments into the project, or None: into the settings folder.

    A file that is there and has another content is kept, unless `force`. Raises `PromptError`, and
    `ProjectError` for a folder that is not a project.
    """
    if project is not None and not paths.Layout(project.absolute()).is_project():
        raise ProjectError(
            f"{project} is not a project",
            "Name one with --project, or copy into the settings folder: --to settings.",
        )
    place = own_prompts.places(project)[0]
    kept = False
    for prompt in (shipped(profile, name) for profile in profiles for name in names(profile)):
        file = place.file(prompt.profile, prompt.name)
        content = f"{comment(prompt)}{prompt.text}".encode()
        state = _state(file, content)
        if state == "there" or (state == "other" and not force):
            kept |= state == "other"
            print(f"{'kept' if state == 'other' else 'is there':<10}{clean(str(file))}")
            continue
        _write(place, file, content)
        print(f"{'replaced' if state == 'other' else 'written':<10}{clean(str(file))}")
    if kept:
        print("\nFiles that were changed are kept. To replace them with the shipped ones: --force")
    return 0


def _state(file: Path, content: bytes) -> str:
    """Whether a file of this content is `there`, something `other` is, or nothing (empty)."""
    if not os.path.lexists(file):
        return ""
    try:
        return "there" if file.is_file() and file.read_bytes() == content else "other"
    except OSError:
        return "other"


def _write(place: Place, file: Path, content: bytes) -> None:
    if place.project is not None:
        Folder(place.project, PromptError).write(str(file), content)
        return
    try:
        place.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what, remedy = explain(error)
        raise PromptError(f"cannot make {place.folder}: {what}", remedy) from error
    Folder(place.folder, PromptError).write(str(file), content)


def comment(prompt: Prompt) -> str:
    """The comment for a copy of a shipped file; it ends with a line end, and is not told to a model."""
    placeholders = sorted(set(re.findall(r"\{[a-z_]+\}", prompt.text)))
    lines = [
        f"{prompt.profile}/{prompt.name}: a prompt of mlagent.",
        TASKS.get(prompt.name, ""),
        MODELS[prompt.profile],
        "The question itself, such as the goal, the history or the layers, is added after this text.",
        f"mlagent replaces {', '.join(placeholders)}." if placeholders else "",
        EXAMPLES if re.search(r"^=== answer$", prompt.text, re.MULTILINE) else "",
        HEADINGS if re.search(r"^## ", prompt.text, re.MULTILINE) else "",
        "Comments like this one are not shown to the model. Each begins at the start of a line.",
        "A run uses the file as it is when the run starts. Delete it to use the shipped one again.",
    ]
    return "\n".join(["<!--", *filter(None, lines), "-->", ""])
