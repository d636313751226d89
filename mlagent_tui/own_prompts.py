"""Reads the prompts that a user has written, in the folder `prompts` of a project or beside the settings."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from mlagent_tui import paths
from mlagent_tui.errors import PromptError
from mlagent_tui.files import Folder, explain, read_plain
from mlagent_tui.prompts import PROFILES, SUFFIX, Profile, Prompt, Prompts, names, shipped, without_comments

MAX_BYTES = 64_000
"""Of one file. The longest that is shipped has a tenth of it."""


@dataclass(frozen=True)
class Place:
    """A folder with one folder for each profile.

    In a `project` no link is followed that leads out of it: generated code may have made that link.
    """

    folder: Path
    project: Path | None = None

    def file(self, profile: Profile, name: str) -> Path:
        """Where the file of a prompt lies, or would lie."""
        return self.folder / profile / f"{name}{SUFFIX}"

    def bytes(self, file: Path) -> bytes | None:
        """What the file holds; None where there is none. Raises `PromptError`."""
        if not os.path.lexists(file):
            return None
        if self.project is not None:
            return Folder(self.project, PromptError).read(str(file), MAX_BYTES)
        try:
            return read_plain(file, MAX_BYTES)
        except OSError as error:
            what, remedy = explain(error)
            raise PromptError(f"cannot read {file}: {what}", remedy or _SHORTER) from error


_SHORTER = "Write a shorter file, or delete it to use the shipped one."


def places(project: Path | None) -> list[Place]:
    """Where prompts are looked for: the project first, then the settings folder."""
    user = Place(paths.prompts_folder())
    if project is None:
        return [user]
    root = project.absolute()
    return [Place(root / paths.PROMPTS, root), user]


def read(project: Path | None = None) -> Prompts:
    """All files of the user's that take the place of shipped ones; without a project, the settings' alone.

    Raises `PromptError` for one that cannot be read, is empty, is not text, or is too long.
    """
    own: dict[tuple[Profile, str], Prompt] = {}
    for place in places(project):
        for profile in PROFILES:
            for name in names(profile):
                found = None if (profile, name) in own else _read(place, profile, name)
                if found:
                    own[profile, name] = found
    return Prompts(own)


def unknown(project: Path | None = None) -> list[Path]:
    """Files in the folders of prompts that take no shipped one's place: a slip in a name, for instance."""
    found: list[Path] = []
    for place in places(project):
        for profile in PROFILES:
            files = sorted((place.folder / profile).glob(f"*{SUFFIX}"))
            found += [file for file in files if file.stem not in names(profile)]
    return found


def _read(place: Place, profile: Profile, name: str) -> Prompt | None:
    file = place.file(profile, name)
    data = place.bytes(file)
    if data is None:
        return None
    try:
        source = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PromptError(f"{file}, line {line}, is not UTF-8 text", "Save the file as UTF-8.") from error
    text = without_comments(source)
    if "\0" in text:
        raise PromptError(f"{file} is not a text file", "Save the file as UTF-8.")
    if "\n<!--" in f"\n{text}":
        raise PromptError(f"{file} has a comment without an end", "End the comment with -->.")
    if not text.strip():
        raise PromptError(
            f"{file} is empty", "Write what the model is told, or delete the file to use the shipped one."
        )
    if fault := misshaped(text, shipped(profile, name).text):
        raise PromptError(f"{file} {fault}", "Compare it with the shipped one: mlagent prompts copy.")
    changed = text.strip() != shipped(profile, name).text.strip()
    return Prompt(profile, name, text, hashlib.sha256(data).hexdigest(), file, changed)


def misshaped(text: str, like: str) -> str:
    """What the text lacks of the parts that the shipped one is made of, as the end of a sentence; or nothing.

    Worked examples are pairs of `=== question` and `=== answer`. Under each heading `## NAME` there are pairs
    of lines, where the shipped text has headings.
    """
    marks = re.findall(r"^=== (question|answer)$", text, re.MULTILINE)
    if marks != ["question", "answer"] * (len(marks) // 2):
        return "has an `=== question` without its `=== answer`, or the other way round"
    wanted, there = _sections(like), _sections(text)
    if missing := [name for name in wanted if name not in there]:
        return f"lacks the heading `## {missing[0]}`"
    odd = [
        name for name in wanted if len(wanted[name]) % 2 == 0 and (len(there[name]) % 2 or not there[name])
    ]
    return f"needs pairs of lines under `## {odd[0]}`: a comment and its code" if odd else ""


def _sections(text: str) -> dict[str, list[str]]:
    """The lines under each heading, without blank ones."""
    found: dict[str, list[str]] = {}
    for section in f"\n{text}".split("\n## ")[1:]:
        heading, *lines = (line for line in section.splitlines() if line.strip())
        found[heading.strip()] = lines
    return found
