"""Real vocabularies and chat templates of many families, and random-weight models built around them.

They come from llama-cpp-python's source package. pip fetches it once into a folder of the Python environment
that runs the tests (`.venv`), which nothing else uses and which goes away with it; the user's own caches are
left alone. Where it cannot be fetched, `Unavailable` says why.
"""

from __future__ import annotations

import struct
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from types import MappingProxyType

import numpy as np

from tests.packages import Unavailable, download

__all__ = ["FAMILIES", "Unavailable", "folder", "random_model", "templates"]

Matrix = np.ndarray[tuple[int, ...], np.dtype[np.float32]]

_INSIDE = "/vendor/llama.cpp/models/"
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING, _ARRAY = 8, 9

FAMILIES: Mapping[str, str] = MappingProxyType({
    "aquila": "ByteDance-Seed-OSS",
    "baichuan": "mistralai-Mistral-Nemo-Instruct-2407",
    "command-r": "CohereForAI-c4ai-command-r7b-12-2024-tool_use",
    "deepseek-coder": "llama-cpp-deepseek-r1",
    "deepseek-llm": "deepseek-ai-DeepSeek-V3.1",
    "falcon": "",
    "gemma-4": "google-gemma-4-31B-it",
    "gpt-2": "openai-gpt-oss-120b",
    "gpt-neox": "HuggingFaceTB-SmolLM3-3B",
    "llama-bpe": "meta-llama-Llama-3.1-8B-Instruct",
    "llama-spm": "google-gemma-2-2b-it",
    "mpt": "GLM-4.6",
    "phi-3": "microsoft-Phi-3.5-mini-instruct",
    "qwen2": "Qwen-Qwen3-0.6B",
    "qwen35": "Qwen3.5-4B",
    "refact": "Kimi-K2-Instruct",
    "starcoder": "ibm-granite-granite-3.3-2B-Instruct",
})  # fmt: skip
"""Every vocabulary of a model that writes text, each with a template of its family, or of one that has none
here; empty: no template."""


def folder() -> Path:
    """The folder with `ggml-vocab-*.gguf` and `templates/*.jinja`. Raises `Unavailable`."""
    version = metadata.version("llama-cpp-python")
    cache = Path(sys.prefix) / ".mlagent" / "test-vocabularies" / f"llama-cpp-python-{version}"
    try:
        if not (cache / "complete").exists():
            cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cache) as fetched:
                _unpack(_fetch(version, Path(fetched)), cache)
            (cache / "complete").touch()
    except OSError as error:
        raise Unavailable(f"{cache} cannot be written to: {error.strerror}") from error
    return cache


def _fetch(version: str, into: Path) -> Path:
    source = ("--no-binary", "llama-cpp-python")  # its source; what builds it may come built
    packages = [
        file for file in download([*source, f"llama-cpp-python=={version}"], into) if file.suffix == ".gz"
    ]
    if not packages:
        raise Unavailable("pip download gave no source package")
    return packages[0]


def _unpack(package: Path, cache: Path) -> None:
    with tarfile.open(package) as archive:
        for member in archive:
            inside = member.name.partition(_INSIDE)[2]
            if member.isfile() and inside.endswith((".gguf", ".jinja")):
                member.name = inside
                archive.extract(member, cache, filter="data")


def templates() -> dict[str, str]:
    """Every chat template there is, by its name. Raises `Unavailable`."""
    files = sorted((folder() / "templates").glob("*.jinja"))
    return {file.stem: file.read_text(encoding="utf-8") for file in files}


def random_model(path: Path, family: str, *, width: int = 64, layers: int = 2, context: int = 4096) -> Path:
    """A llama of random weights with the vocabulary and template of `family`. What it writes is noise."""
    source = (folder() / f"ggml-vocab-{family}.gguf").read_bytes()
    name = FAMILIES[family]
    template = (folder() / "templates" / f"{name}.jinja").read_text(encoding="utf-8") if name else ""
    kept = {key: entry for key, entry in _entries(source) if key.startswith("tokenizer.")}
    kept.pop("tokenizer.chat_template", None)
    (tokens,) = struct.unpack_from("<Q", kept["tokenizer.ggml.tokens"], 8 + len("tokenizer.ggml.tokens") + 8)
    said: dict[str, str | int | float] = {
        "general.architecture": "llama", "general.name": family, "llama.context_length": context,
        "llama.embedding_length": width, "llama.feed_forward_length": 2 * width, "llama.block_count": layers,
        "llama.attention.head_count": 2, "llama.attention.head_count_kv": 2,
        "llama.attention.layer_norm_rms_epsilon": 1e-5, "llama.rope.dimension_count": width // 2,
    }  # fmt: skip
    if template:
        said["tokenizer.chat_template"] = template
    entries = [*(_entry(key, value) for key, value in said.items()), *kept.values()]
    _write(path, entries, list(_weights(tokens, width, layers)))
    return path


def _weights(tokens: int, width: int, layers: int) -> Iterator[tuple[str, Matrix]]:
    random = np.random.default_rng(0)

    def matrix(*shape: int) -> Matrix:
        return random.standard_normal(shape, dtype=np.float32) * np.float32(shape[-1] ** -0.5)

    yield "token_embd.weight", matrix(tokens, width)
    yield "output_norm.weight", np.full(width, 8, np.float32)
    for layer in range(layers):
        for norm in ("attn_norm", "ffn_norm"):
            yield f"blk.{layer}.{norm}.weight", np.ones(width, np.float32)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"blk.{layer}.{name}.weight", matrix(width, width)
        yield f"blk.{layer}.ffn_gate.weight", matrix(2 * width, width)
        yield f"blk.{layer}.ffn_up.weight", matrix(2 * width, width)
        yield f"blk.{layer}.ffn_down.weight", matrix(width, 2 * width)


def _entries(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The metadata of a GGUF as it is written: key, and the bytes of the whole entry."""
    (count,) = struct.unpack_from("<Q", data, 16)
    at = 24
    for _ in range(count):
        begin = at
        (size,) = struct.unpack_from("<Q", data, at)
        key = data[at + 8 : at + 8 + size].decode()
        (kind,) = struct.unpack_from("<I", data, at + 8 + size)
        at = _after(data, at + 12 + size, kind)
        yield key, data[begin:at]


def _after(data: bytes, at: int, kind: int) -> int:
    if kind == _STRING:
        return at + 8 + int(struct.unpack_from("<Q", data, at)[0])
    if kind != _ARRAY:
        return at + _SIZES[kind]
    inner, items = struct.unpack_from("<IQ", data, at)
    at += 12
    if inner != _STRING:
        return at + _SIZES[inner] * int(items)
    for _ in range(items):
        at += 8 + int(struct.unpack_from("<Q", data, at)[0])
    return at


def _entry(key: str, value: str | int | float) -> bytes:
    head = _text(key)
    if isinstance(value, str):
        return head + struct.pack("<I", _STRING) + _text(value)
    kind, code = (4, "I") if isinstance(value, int) else (6, "f")
    return head + struct.pack(f"<I{code}", kind, value)


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _write(path: Path, entries: list[bytes], tensors: list[tuple[str, Matrix]]) -> None:
    infos, offset = [], 0
    for name, values in tensors:
        shape = values.shape[::-1]
        infos.append(_text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, offset))
        offset += -(-values.nbytes // 32) * 32
    with path.open("wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries)))
        file.writelines([*entries, *infos])
        file.write(bytes(-file.tell() % 32))
        for _, values in tensors:
            file.write(values.tobytes())
            file.write(bytes(-values.nbytes % 32))
