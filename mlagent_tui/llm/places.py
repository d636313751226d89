"""Where models lie on this machine: this project's folder, other programs' stores, folders of the user's.

Only looks: nothing is opened but the small files in which those programs say where and what. Every walk is
bounded in depth and in number. What may not be looked at is left out: `os.path` answers False there, where
`Path.is_file` raises.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlagent_tui import paths
from mlagent_tui.files import read_plain
from mlagent_tui.llm import parts
from mlagent_tui.llm.folder import is_model_folder

MAX_DEPTH = 8
"""How deep folders of models are searched."""
SHALLOW = 2
"""The same for folders that hold all kinds of things."""
MAX_LOOKED_AT = 50_000
MAX_NOTE = 1_000_000
OLLAMA_SYSTEM = "/usr/share/ollama/.ollama/models"
OLLAMA_WEIGHTS = "application/vnd.ollama.image.model"


_STORES = (
    (".cache/llama.cpp", "llama.cpp"),
    ("Library/Caches/llama.cpp", "llama.cpp"),
    (".local/share/nomic.ai/GPT4All", "GPT4All"),
    ("Library/Application Support/nomic.ai/GPT4All", "GPT4All"),
)
"""Below the home folder."""


@dataclass(frozen=True)
class Found:
    """A .gguf file or a folder of weights; `name` where its source knows a better one than the file's."""

    path: Path
    source: str
    name: str = ""


def find(folders: Iterable[Path] = ()) -> list[Found]:
    """Every model on this machine, each file once, whatever links lead to it."""
    found: dict[tuple[int, int], Found] = {}
    for model in _everywhere(folders):
        with suppress(OSError):
            status = model.path.stat()
            found.setdefault((status.st_dev, status.st_ino), model)
    return list(found.values())


def searched(folders: Iterable[Path] = ()) -> list[Path]:
    """The folders that are searched, those that exist."""
    places = [
        paths.bundled_model().parent,
        *folders,
        *lm_studio_folders(),
        *ollama_folders(),
        hugging_face_cache(),
        *(folder for folder, _ in stores()),
        *(folder for folder, _ in mixed()),
    ]
    return [place for place in dict.fromkeys(places) if os.path.isdir(place)]


def _everywhere(folders: Iterable[Path]) -> Iterator[Found]:
    bundled = paths.bundled_model()
    yield Found(bundled, "bundled")
    yield from (Found(path, "models/") for path in models_below(bundled.parent))
    for folder in folders:
        yield from (Found(path, "settings") for path in models_below(paths.user_path(folder).absolute()))
    for folder in lm_studio_folders():
        yield from (Found(path, "LM Studio") for path in models_below(folder))
    for folder in ollama_folders():
        yield from ollama_models(folder)
    yield from hugging_face_models(hugging_face_cache())
    for folder, source in stores():
        yield from (Found(path, source) for path in models_below(folder))
    for folder, source in mixed():
        yield from (Found(path, source) for path in models_below(folder, SHALLOW))


def stores() -> list[tuple[Path, str]]:
    """Folders in which other programs keep models, or people by habit, each with its name."""
    home = paths.home()
    kept = [(home / folder, source) for folder, source in _STORES]
    return [*kept, (home / "models", "~/models"), (Path.cwd() / "models", "here")]


def mixed() -> list[tuple[Path, str]]:
    """Folders with models among other things."""
    return [(Path.cwd(), "here"), (paths.home() / "Downloads", "Downloads")]


def models_below(folder: Path, depth: int = MAX_DEPTH) -> Iterator[Path]:
    """The .gguf files (of a split model its first) and folders of weights; hidden folders are left out.

    `depth` is how far down from `folder`.
    """
    looked_at = 0
    for here, inner, files in os.walk(folder):
        place = Path(here)
        looked_at += len(inner) + len(files)
        if looked_at > MAX_LOOKED_AT or len(place.relative_to(folder).parts) >= depth:
            inner.clear()
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in sorted(files):
            path = place / name
            named = name.lower().endswith(".gguf") and not name.startswith("mmproj")
            if named and not parts.is_later(path) and os.path.isfile(path):
                yield path
        if "config.json" in files and is_model_folder(place):
            yield place


def lm_studio_folders() -> list[Path]:
    """Its folder of today and that of earlier versions, or where its own files say that it keeps models."""
    home = paths.home()
    own = home / ".lmstudio"
    with suppress(OSError, UnicodeDecodeError):
        said = read_plain(home / ".lmstudio-home-pointer", MAX_NOTE).decode().strip()
        own = paths.user_path(said or own)
    moved = _note(own / "settings.json").get("downloadsFolder")
    chosen = [paths.user_path(moved)] if isinstance(moved, str) and moved else []
    return [*chosen, own / "models", home / ".cache" / "lm-studio" / "models"]


def ollama_folders() -> list[Path]:
    """`$OLLAMA_MODELS`, or the user's and the system's."""
    named = os.environ.get("OLLAMA_MODELS")
    return [paths.user_path(named)] if named else [paths.home() / ".ollama" / "models", Path(OLLAMA_SYSTEM)]


def ollama_models(folder: Path) -> Iterator[Found]:
    """The weights that Ollama's manifests name; a blob has no name of its own."""
    manifests = folder / "manifests"
    for here, _, files in os.walk(manifests):
        for tag in sorted(files):
            manifest = _note(Path(here) / tag)
            digest = next(
                (
                    str(layer.get("digest", ""))
                    for layer in _list(manifest.get("layers"))
                    if layer.get("mediaType") == OLLAMA_WEIGHTS
                ),
                "",
            )
            blob = folder / "blobs" / digest.replace(":", "-")
            if digest and "/" not in digest and os.path.isfile(blob):
                yield Found(blob, "Ollama", _ollama_name(Path(here).relative_to(manifests).parts, tag))


def _ollama_name(parts: tuple[str, ...], tag: str) -> str:
    """`qwen3:8b`: as Ollama calls it, without its own registry and library."""
    parts = parts[1:] if parts[:1] == ("registry.ollama.ai",) else parts
    parts = parts[1:] if parts[:1] == ("library",) else parts
    return f"{'/'.join(parts)}:{tag}"


def hugging_face_cache() -> Path:
    """Where huggingface_hub keeps what it has downloaded."""
    named = os.environ.get("HF_HUB_CACHE")
    if named:
        return paths.user_path(named)
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or os.path.join(base, "huggingface")
    return paths.user_path(home) / "hub"


def hugging_face_models(cache: Path) -> Iterator[Found]:
    """Folders and .gguf files of every snapshot, the one that `main` names first."""
    if not os.path.isdir(cache):
        return
    for repository in sorted(cache.glob("models--*")):
        current = ""
        with suppress(OSError, UnicodeDecodeError):
            current = read_plain(repository / "refs" / "main", MAX_NOTE).decode().strip()
        snapshots = sorted((repository / "snapshots").glob("*"), key=lambda path: path.name != current)
        for snapshot in snapshots:
            for path in models_below(snapshot):
                yield Found(path, "Hugging Face")


def _note(file: Path) -> dict[str, Any]:
    """A small JSON object of another program's; empty where there is none."""
    with suppress(OSError, ValueError, RecursionError):
        value = json.loads(read_plain(file, MAX_NOTE))
        return value if isinstance(value, dict) else {}
    return {}


def _list(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
