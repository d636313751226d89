"""What a path that a user names as a model means, and whether it is a model that can write text here.

Only headers and small files are read. What is wrong with a file is told before anything is loaded.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from mlagent_tui.errors import ModelError
from mlagent_tui.llm import parts
from mlagent_tui.llm.folder import Folder, is_model_folder, read_folder
from mlagent_tui.llm.gguf import Header, read_header

CHAT = "Choose the .gguf file of a chat or instruct model."
RANK = 4
"""`LLAMA_POOLING_TYPE_RANK` of llama.h; 0 is no pooling, and the others are ways to embed a text."""

EMBEDDERS = {
    "bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "jina-bert-v3", "modern-bert", "neo-bert",
    "eurobert", "gemma-embedding", "llama-embed", "t5encoder",
}  # fmt: skip
"""Architectures of llama.cpp's that have no decoder."""
SPEAKERS = {"wavtokenizer-dec"}
PROJECTOR = "mmproj"


def meant(path: Path) -> Path:
    """The file or folder that a path stands for.

    Of a folder with one model in GGUF format that file, of a later part of a split model the first part.
    Raises `ModelError` for a folder with several models.
    """
    if not os.path.isdir(path):
        first = parts.first(path)
        return first if os.path.isfile(first) else path
    if is_model_folder(path):
        return path
    models = models_in(path)
    if len(models) > 1:
        names = parts.listed(model.name for model in models)
        raise ModelError(f"{path} contains {len(models)} models: {names}", f"Name one, such as {models[0]}.")
    return models[0] if models else path


def models_in(folder: Path) -> list[Path]:
    """The .gguf files of a folder, of a split model its first; vision projectors, by name, are left out."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    files = (folder / name for name in names if name.lower().endswith(".gguf"))
    return [
        file
        for file in files
        if PROJECTOR not in file.name.lower() and not parts.is_later(file) and os.path.isfile(file)
    ]


def read(path: Path) -> Header | Folder:
    """What the model at `path` says of itself. Raises `ModelError` for what cannot be used as one."""
    if os.path.isdir(path):
        folder = read_folder(path)
        if not os.path.isfile(path / "tokenizer.json"):
            raise ModelError(
                f"{path} has no tokenizer.json",
                "Convert its tokenizer with `AutoTokenizer.from_pretrained(...).save_pretrained(...)`.",
            )
        if not folder.architecture:
            raise ModelError(f"{path}/config.json has no model_type", "Choose a chat model.")
        return folder
    header = read_header(path)
    check(header)
    return header


def check(header: Header) -> None:
    """Raises `ModelError` for a file that is whole and no language model that can write text here."""
    for kind in KINDS:
        if kind.fits(header):
            raise ModelError(f"{header.path} {kind.what(header)}", kind.remedy(header))


@dataclass(frozen=True)
class Kind:
    """A kind of file that cannot be used: how it is recognised, what it is, and what to do instead."""

    fits: Callable[[Header], bool]
    what: Callable[[Header], str]
    remedy: Callable[[Header], str]


def _said(text: str) -> Callable[[Header], str]:
    return lambda header: text


def _is_type(header: Header, name: str) -> bool:
    return header.metadata.get("general.type") == name


def _pooling(header: Header) -> int:
    return header.number("pooling_type")


def _beside(header: Header) -> str:
    """The language model that lies beside a projector, if it is clear which."""
    models = [model for model in models_in(header.path.parent) if model != header.path]
    return f"Name the language model instead: {models[0]}." if len(models) == 1 else CHAT


def _adapted(header: Header) -> str:
    base = header.metadata.get("general.base_model.0.name")
    of = f" of {base[:100]}" if isinstance(base, str) and base.strip() else ""
    return f"is a LoRA adapter{of}, which only changes another model"


def _unknown(header: Header) -> str:
    try:
        version = " " + metadata.version("llama-cpp-python")
    except metadata.PackageNotFoundError:
        version = ""
    return (
        f"has the architecture {header.architecture!r}, which is not known to the llama.cpp of "
        f"llama-cpp-python{version}"
    )


@cache
def is_known(architecture: str) -> bool:
    """Whether the installed llama.cpp may know the architecture; True where its library is not found.

    Their names are C strings in the library, so one that is not there is not known; the reverse is not sure.
    """
    library = _library()
    return not library or architecture.encode(errors="replace") + b"\0" in library


def _library() -> bytes:
    found = find_spec("llama_cpp")
    if not found or not found.origin:
        return b""
    suffix = "dylib" if sys.platform == "darwin" else "so"
    try:
        return (Path(found.origin).parent / "lib" / f"libllama.{suffix}").read_bytes()
    except OSError:
        return b""


KINDS = (
    Kind(
        lambda h: _is_type(h, "adapter") or "adapter.type" in h.metadata,
        _adapted,
        _said("Merge it into its model (llama-export-lora), and use the merged model."),
    ),
    Kind(
        lambda h: _is_type(h, PROJECTOR) or h.architecture == "clip",
        _said("is a vision projector (mmproj), which only adds images to a language model"),
        _beside,
    ),
    Kind(
        lambda h: _is_type(h, "imatrix"),
        _said("is an importance matrix, which is used to quantise a model"),
        _said(CHAT),
    ),
    Kind(lambda h: not h.architecture, _said("does not contain a language model"), _said(CHAT)),
    Kind(
        lambda h: not h.weights.parameters,
        _said("contains a vocabulary but no weights"),
        _said(CHAT),
    ),
    Kind(
        lambda h: _pooling(h) == RANK,
        _said("is a reranking model, which rates texts and cannot write any"),
        _said(CHAT),
    ),
    Kind(
        lambda h: _pooling(h) > 0 or h.architecture in EMBEDDERS,
        _said("is an embedding model, which turns text into numbers and cannot write any"),
        _said(CHAT),
    ),
    Kind(
        lambda h: h.architecture in SPEAKERS,
        _said("is a part of a speech model, which cannot write text"),
        _said(CHAT),
    ),
    Kind(
        lambda h: h.architecture == "t5",
        _said("is an encoder-decoder model, which is not supported"),
        _said(CHAT),
    ),
    Kind(
        lambda h: h.metadata.get(f"{h.architecture}.attention.causal") is False,
        _said("does not write a text from left to right (a diffusion or embedding model)"),
        _said(CHAT),
    ),
    Kind(
        lambda h: not is_known(h.architecture),
        _unknown,
        _said("If the model is newer, update llama-cpp-python. Otherwise choose another model."),
    ),
    Kind(
        lambda h: h.metadata.get("tokenizer.ggml.model") in (None, "", "none", "no_vocab"),
        _said("has no tokenizer (tokenizer.ggml.model)"),
        _said("Convert the model again, with the tokenizer's files beside its weights."),
    ),
)
"""The first that fits is told."""
