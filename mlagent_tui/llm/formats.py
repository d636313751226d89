"""What a file is that was taken for a GGUF and is none, told by its first bytes and its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mlagent_tui.errors import ModelError
from mlagent_tui.llm import parts

HEAD = 1024
"""Bytes that are looked at."""
DOWNLOAD = "Download the model itself."
POINTER = b"version https://git-lfs"
"""How the file begins that Git LFS puts in the place of a large one."""


def not_gguf(path: Path, head: bytes) -> ModelError:
    """The error for a file that begins with `head`."""
    if cut := parts.piece(path):
        return cut
    for fits, what, remedy in _FORMATS:
        if fits(head, path.suffix.lower()):
            return ModelError(f"{path} is {what}", remedy)
    return ModelError(f"{path} is not a GGUF file", "Choose a model in GGUF format (its name ends in .gguf).")


def _begins(*signs: bytes) -> Callable[[bytes, str], bool]:
    return lambda head, suffix: head.startswith(signs)


_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_OTHER = "Choose a model in GGUF format, or a folder with weights as safetensors."
_FORMATS: tuple[tuple[Callable[[bytes, str], bool], str, str], ...] = (
    (
        _begins(POINTER),
        "not the model: Git LFS has left a pointer in its place",
        "Fetch the file itself: git lfs pull.",
    ),
    (
        lambda head, suffix: head.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")),
        "a web page, not a model",
        DOWNLOAD,
    ),
    (
        _begins(b"lmgg", b"tjgg", b"fmgg", b"algg"),
        "in an old format of llama.cpp, from before GGUF",
        "Download or convert the model again, as GGUF.",
    ),
    (
        lambda head, suffix: suffix == ".safetensors" and head[8:9] == b"{",
        "a file of safetensors weights, not a GGUF file",
        "Name the folder that holds it, with config.json and tokenizer.json.",
    ),
    (
        lambda head, suffix: suffix in (".bin", ".pt", ".pth", ".ckpt", ".pkl") or head[:2] in _PICKLES,
        "not a GGUF file but a PyTorch pickle, which can run code when it is loaded",
        _OTHER,
    ),
    (
        _begins(b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf", b"\xfd7zXZ"),
        "not a GGUF file but an archive",
        _OTHER,
    ),
)
"""For each format: how it is told by first bytes and ending, what it is, and what to do."""
