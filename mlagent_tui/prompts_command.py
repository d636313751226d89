"""`mlagent prompts`: which file is used for each task, and copies of the shipped ones to change."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from mlagent_tui import paths
from mlagent_tui.console import clean, width
from mlagent_tui.errors import ProjectError, PromptError
from mlagent_tui.files import Folder, explain
from mlagent_tui.prompts import PROFILES, Profile, Prompt, names, own, shipped
from mlagent_tui.prompts.about import comment

HEAD = ("profile", "task", "sha-256", "file")
SHIPPED = "shipped"
SHORT = 12
"""Characters of a checksum in the table."""


def show(project: Path | None, *, as_json: bool = False) -> int:
    """Print the file that is used for each task of each profile. Raises `PromptError`."""
    found = own.read(project)
    every = [prompt for profile in PROFILES for prompt in found.of(profile)]
    if as_json:
        told = [asdict(prompt) | {"path": str(prompt.path or "")} for prompt in every]
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return 0
    print(table(every))
    if slips := own.unknown(project):
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
    place = own.places(project)[0]
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


def _write(place: own.Place, file: Path, content: bytes) -> None:
    if place.project is not None:
        Folder(place.project, PromptError).write(str(file), content)
        return
    try:
        place.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what, remedy = explain(error)
        raise PromptError(f"cannot make {place.folder}: {what}", remedy) from error
    Folder(place.folder, PromptError).write(str(file), content)
