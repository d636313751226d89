"""`experiments/registry.json`: the list of all runs, in the order they were first recorded.

Entries and fields written by others are kept. A registry that cannot be read is never written over.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from mlagent_tui import paths
from mlagent_tui.errors import ProjectError
from mlagent_tui.files import Folder
from mlagent_tui.schemas import RegistryEntry

_ENTRIES = TypeAdapter(list[RegistryEntry])


def load(root: Path) -> list[RegistryEntry]:
    """All entries of the project at `root`. Raises `ProjectError` when it is missing or damaged."""
    try:
        return _ENTRIES.validate_json(Folder(root, ProjectError).read(paths.REGISTRY))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ProjectError(
            f"{root / paths.REGISTRY} is damaged: {f'{place}: ' if place else ''}{first['msg']}",
            "Correct the file, or move it away and put [] in its place; the runs' folders stay as they are.",
        ) from error


def record(root: Path, entry: RegistryEntry) -> None:
    """Append `entry`, or let it take the place of the one with its `run_id`. Raises `ProjectError`."""
    entries = load(root)
    for index, known in enumerate(entries):
        if known.run_id == entry.run_id:
            entries[index] = RegistryEntry.model_validate((known.model_extra or {}) | entry.model_dump())
            break
    else:
        entries.append(entry)
    text = _ENTRIES.dump_json(entries, indent=2).decode()
    Folder(root, ProjectError).write(paths.REGISTRY, text + "\n")
