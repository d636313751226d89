"""The language models on this machine: what `mlagent models` lists, and what a picker can tell by itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlagent_tui.files import open_plain
from mlagent_tui.tui import engine

SECONDS = 120.0
"""The first time, memory is measured and every header read; later the list takes about a second."""

BUNDLED = "bundled"

_FITS = {
    "short": "fits with a short context",
    "busy": "does not fit now: other programs use the memory",
    "no": "does not fit into memory",
}


_PROMPTS = {
    "minnow": "Minnow's prompts",
    "chat": "chat prompts",
    "completion": "base model: completion prompts",
}


@dataclass(frozen=True)
class Model:
    """A model of the list. `spec` is what a role's field takes; `problem` says why it cannot be used."""

    spec: str
    name: str
    size: int = 0
    facts: tuple[str, ...] = ()
    fits: str = ""
    """What is in the way of using it here; empty when nothing is."""
    problem: str = ""
    checked: str = ""
    """What `mlagent models check` found of it; empty where it was not checked."""


@dataclass(frozen=True)
class Listing:
    """The models that were found, the usable ones first; or why there is no list."""

    models: tuple[Model, ...] = ()
    problem: str = ""


async def models() -> Listing:
    """Ask the command line for its list."""
    try:
        out, err = await engine.ask(["models", "--json"], SECONDS)
    except TimeoutError:
        return Listing(problem=f"Listing the models took longer than {SECONDS:g} seconds.")
    except OSError as error:
        return Listing(problem=f"The models cannot be listed: {error}.")
    return read(out, err)


def read(out: bytes, err: bytes = b"") -> Listing:
    """What `mlagent models --json` has printed; anything but its JSON is a problem."""
    try:
        listed = [_model(entry) for entry in json.loads(out)]
    except (ValueError, KeyError, TypeError, AttributeError):
        words = err.decode("utf-8", "replace").strip() or "The output of `mlagent models` cannot be read."
        return Listing(problem=words)
    return Listing(tuple(sorted(listed, key=lambda model: bool(model.problem))))


def _model(entry: dict[str, Any]) -> Model:
    facts = entry["facts"]
    context = int(facts["context"])
    told = (
        str(entry["source"]),
        str(facts["family"]),
        str(facts["quantisation"]),
        f"{context:,} tokens" if context else "",
        _PROMPTS.get(str(facts.get("profile")), ""),
    )
    return Model(
        str(entry["spec"]),
        str(facts["name"]),
        int(facts["size"]),
        tuple(fact for fact in told if fact),
        _FITS.get(entry["fits"], ""),
        str(facts["problem"]),
        str((entry.get("checked") or {}).get("line", "")),
    )


def is_model(path: Path) -> bool:
    """Whether to list the file: a GGUF file, and the first where a model is split into several."""
    return ("-of-" not in path.name or "-00001-of-" in path.name) and is_gguf(path)


def is_gguf(path: Path) -> bool:
    """Whether the file begins as GGUF files do."""
    try:
        with open_plain(path) as file:
            return file.read(4) == b"GGUF"
    except OSError:
        return False


def is_weights(path: Path) -> bool:
    """Whether the folder holds a model as Hugging Face lays it out, its weights as safetensors."""
    try:
        return (path / "config.json").is_file() and any(path.glob("*.safetensors"))
    except OSError:
        return False


def size_text(size: int) -> str:
    """`640 kB`, `4.1 GB`: powers of ten, as file managers show them."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size} B"
