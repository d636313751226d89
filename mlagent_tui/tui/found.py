"""Model files on this machine: looked for where people keep them, within a bounded time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlagent_tui import paths

SECONDS = 3.0
DEPTH = 6
MOST = 300

_PLACES = (
    "models", ".local/share/mlagent/models", ".cache/huggingface/hub", ".lmstudio/models",
    ".cache/lm-studio/models", ".local/share/nomic.ai/GPT4All", ".cache/llama.cpp", "Downloads",
    "Library/Application Support/nomic.ai/GPT4All", "Library/Caches/llama.cpp",
)  # fmt: skip
_SKIPPED = {"node_modules", "__pycache__", "site-packages", ".git", ".venv"}


@dataclass(frozen=True)
class ModelFile:
    """A .gguf file. `size` is in bytes."""

    path: Path
    size: int


def places(here: Path) -> list[Path]:
    """The folders that are searched, each once."""
    home = Path.home()
    beside = paths.bundled_model().parent
    named = [beside, here, here / "models", *(home / place for place in _PLACES)]
    return list(dict.fromkeys(folder for folder in named if folder.is_dir()))


def models(here: Path, seconds: float = SECONDS) -> list[ModelFile]:
    """The .gguf files in these folders and below, the bundled one not among them, by name.

    What takes longer than `seconds` is not found: a disk may be large, and somebody is waiting.
    """
    limit = time.monotonic() + seconds
    found: dict[Path, ModelFile] = {}
    for place in places(here):
        for path in _below(place, DEPTH if place != here else 2, limit):
            real = Path(os.path.realpath(path))
            if real not in found and is_model(real) and real != paths.bundled_model():
                found[real] = ModelFile(path, real.stat().st_size)
            if len(found) >= MOST:
                break
    return sorted(found.values(), key=lambda model: (model.path.name.lower(), str(model.path)))


def is_model(path: Path) -> bool:
    """Whether the file begins as GGUF files do, and is the first where a model is split into several."""
    if "-of-" in path.name and "-00001-of-" not in path.name:
        return False
    try:
        with path.open("rb") as file:
            return file.read(4) == b"GGUF"
    except OSError:
        return False


def _below(folder: Path, depth: int, limit: float) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if time.monotonic() > limit:
            return
        if entry.name.lower().endswith(".gguf"):
            yield Path(entry.path)
        elif depth > 0 and entry.name not in _SKIPPED and _is_folder(entry):
            yield from _below(Path(entry.path), depth - 1, limit)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def size_text(size: int) -> str:
    """`640 kB`, `4.1 GB`: powers of ten, as file managers show them."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size} B"
