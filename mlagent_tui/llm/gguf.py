"""Reads the header of a GGUF file, bounded, and says what is wrong with a file that is none or not whole.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Weights are neither read nor checked. Big
arrays, such as vocabularies, are stepped over without making anything of them.
"""

from __future__ import annotations

import math
import mmap
import re
import struct
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlagent_tui.errors import ModelError
from mlagent_tui.files import explain, open_plain
from mlagent_tui.llm import parts
from mlagent_tui.llm.formats import HEAD, not_gguf
from mlagent_tui.llm.quantisation import FILE_TYPES, TENSOR_TYPES, type_bytes, type_name

MAX_ENTRIES = 100_000
MAX_TEXT = 4_000_000
MAX_ITEMS = 10_000_000
MAX_NAME = 200
MAX_DIMENSIONS = 8
KEPT_ITEMS = 1024
"""Arrays of numbers up to this length are kept: some models say a thing for each of their layers."""

MANY_ITEMS = 2048
"""Arrays of more texts than this are gone through a block at a time."""
BLOCK = 1 << 16

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_NO_NAME = re.compile(r"[/\\]|^[0-9a-f]{32,}$")
_COPY_AGAIN = "Copy or download the file again, and compare its size and checksum with the original."


@dataclass(frozen=True)
class Weights:
    """The tensors of a file, counted. `expert` are those of which each token uses a few, by their names."""

    parameters: int = 0
    bytes: int = 0
    expert_parameters: int = 0
    expert_bytes: int = 0
    input_bytes: int = 0
    """The table of token embeddings, where it is not the output matrix as well: a token reads one row."""
    types: Mapping[int, int] = field(default_factory=dict)
    """Bytes by type of tensor."""

    def __add__(self, other: Weights) -> Weights:
        return Weights(
            self.parameters + other.parameters,
            self.bytes + other.bytes,
            self.expert_parameters + other.expert_parameters,
            self.expert_bytes + other.expert_bytes,
            self.input_bytes + other.input_bytes,
            Counter(self.types) + Counter(other.types),
        )


@dataclass(frozen=True)
class Header:
    """What a GGUF says about itself. Of arrays, `metadata` holds short ones of numbers, as tuples."""

    path: Path
    metadata: dict[str, Any] = field(repr=False)
    weights: Weights = field(default_factory=Weights, repr=False)
    parts: tuple[Path, ...] = ()
    """The files of the model, this one first; more than one for a split model."""

    @property
    def architecture(self) -> str:
        return str(self.metadata.get("general.architecture", ""))[:MAX_NAME]

    @property
    def name(self) -> str:
        """The model's own name; the file's where it has none, or has a path or a hash in its place."""
        said = self.metadata.get("general.name")
        name = " ".join(said.split())[:MAX_NAME] if isinstance(said, str) else ""
        return self.path.stem if not name or _NO_NAME.search(name) else name

    @property
    def context_length(self) -> int:
        """Tokens the model was trained for; 0 when not said."""
        return self.number("context_length")

    @property
    def chat_template(self) -> str:
        """Jinja source; empty when there is none, or something else in its place."""
        said = self.metadata.get("tokenizer.chat_template")
        return said if isinstance(said, str) and said.strip() else ""

    @property
    def has_chat_template(self) -> bool:
        """Whether the file says how it wants to be spoken to."""
        return bool(self.chat_template)

    @property
    def size(self) -> int:
        """Bytes on disk, all parts."""
        return sum(part.stat().st_size for part in self.parts or (self.path,))

    @property
    def parameters(self) -> int:
        """Weights, counted one by one."""
        return self.weights.parameters

    @property
    def layers(self) -> int:
        """Blocks of the network; 0 when not said."""
        return self.number("block_count")

    @property
    def quantisation(self) -> str:
        """`Q4_K_M`: as the file says, or else the type that most of its bytes have."""
        said = self.metadata.get("general.file_type")
        if isinstance(said, int) and said in FILE_TYPES:
            return FILE_TYPES[said]
        return type_name(max(self.weights.types, key=self.weights.types.__getitem__, default=0))

    @property
    def bytes_per_token(self) -> int:
        """Bytes of weights that writing one token reads: of experts, the share that a token uses."""
        experts, used = self.number("expert_count"), self.number("expert_used_count")
        unused = 1 - used / experts if 0 < used < experts else 0.0
        weights = self.weights
        return weights.bytes - weights.input_bytes - int(unused * weights.expert_bytes)

    def kv_bytes(self, context: int, bytes_per_value: float = 2.0) -> int:
        """Memory of `context` tokens in all layers that attend; 0 when the header does not tell.

        Sliding windows are counted as whole contexts, which is how the cache is opened here. Recurrent
        layers, whose state does not grow, are left out.
        """
        heads = max(self._per_layer("attention.head_count"), default=0)
        width = self.number("embedding_length") // heads if heads else 0
        key = self.number("attention.key_length") or width
        value = self.number("attention.value_length") or width
        kv_heads = self._per_layer("attention.head_count_kv") or self._per_layer("attention.head_count")
        return int(context * sum(kv_heads) * (key + value) * bytes_per_value)

    def score_bytes(self, context: int, chunk: int) -> int:
        """Bytes of the attention scores, in float32, of `chunk` tokens to a context of so many."""
        return 4 * max(self._per_layer("attention.head_count"), default=0) * chunk * context

    def number(self, key: str) -> int:
        """The whole number `{architecture}.{key}`; 0 when there is none, or none that makes sense."""
        value = self.metadata.get(f"{self.architecture}.{key}")
        return value if isinstance(value, int) and 0 <= value < 2**48 else 0

    def _per_layer(self, key: str) -> list[int]:
        value = self.metadata.get(f"{self.architecture}.{key}")
        if isinstance(value, tuple):
            return [int(item) for item in value if isinstance(item, int) and 0 <= item < 2**20]
        return [self.number(key)] * min(self.layers, KEPT_ITEMS) if self.number(key) else []


def read_header(path: Path) -> Header:
    """The header of the model file `path`; of a split model, that of the first part with the weights of all.

    Raises `ModelError` for a file that is missing, unreadable, no GGUF, or truncated, and for an incomplete
    set of parts.
    """
    header = _read(path)
    every = _parts(header)
    weights = sum((_read(part).weights for part in every[1:]), header.weights)
    return Header(path, header.metadata, weights, every)


def is_gguf(path: Path) -> bool:
    """Whether the file begins as a GGUF does, whatever its name."""
    try:
        with open_plain(path) as file:
            return file.read(4) == b"GGUF"
    except OSError:
        return False


def _read(path: Path) -> Header:
    try:
        with open_plain(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _parse(path, data)
    except FileNotFoundError as error:
        raise ModelError(f"there is no file {path}", "Check the path of the model.") from error
    except IsADirectoryError as error:
        raise ModelError(f"{path} is a folder", "Name the .gguf file in it.") from error
    except OSError as error:
        what, remedy = explain(error)
        raise ModelError(f"cannot read {path}: {what}", remedy or "Check the disk.") from error
    except (struct.error, UnicodeDecodeError, OverflowError) as error:
        damaged = ModelError(f"{path} is truncated or damaged: its header cannot be read", _COPY_AGAIN)
        raise parts.piece(path) or damaged from error
    except ValueError as error:  # an empty file cannot be mapped
        raise ModelError(f"{path} is empty", _COPY_AGAIN) from error


def _parse(path: Path, data: mmap.mmap) -> Header:
    if data[:4] != b"GGUF":
        raise not_gguf(path, data[:HEAD])
    reader = _Reader(data)
    version = reader.scalar("I")
    if version not in (2, 3):
        raise ModelError(f"{path} has GGUF version {version}, not 2 or 3", "Convert the model again.")
    tensors, entries = reader.scalar("Q"), reader.scalar("Q")
    if max(tensors, entries) > MAX_ENTRIES:
        raise ModelError(f"{path} is damaged: it claims {max(tensors, entries)} entries", _COPY_AGAIN)
    metadata = {}
    for _ in range(entries):
        key = reader.text()
        value = reader.value(reader.scalar("I"))
        if value is not None:
            metadata[key] = value
    alignment = metadata.get("general.alignment", 32)
    alignment = alignment if isinstance(alignment, int) and alignment > 0 else 32
    return Header(path, metadata, _weights(path, reader, tensors, alignment))


def _weights(path: Path, reader: _Reader, tensors: int, alignment: int) -> Weights:
    """Counts the tensors. Raises `ModelError` where one ends beyond the end of the file."""
    end = parameters = expert_parameters = expert_bytes = input_bytes = 0
    types: Counter[int] = Counter()
    has_output = False
    for _ in range(tensors):
        name, shape = reader.text(), reader.shape()
        kind, offset = reader.scalar("I"), reader.scalar("Q")
        count = math.prod(shape)
        size = type_bytes(kind, count)
        parameters += count
        types[kind] += size
        if "_exps." in name:
            expert_parameters += count
            expert_bytes += size
        if name == "token_embd.weight":
            input_bytes = size
        has_output |= name == "output.weight"
        end = max(end, offset + (size if kind in TENSOR_TYPES else 1))
    begin = -(-reader.at // alignment) * alignment
    if tensors and begin + end > len(reader.data):
        raise parts.piece(path) or ModelError(
            f"{path} is truncated: it has {len(reader.data):,} bytes and its weights need {begin + end:,}",
            _COPY_AGAIN,
        )
    return Weights(
        parameters,
        sum(types.values()),
        expert_parameters,
        expert_bytes,
        input_bytes if has_output else 0,
        dict(types),
    )


def _parts(header: Header) -> tuple[Path, ...]:
    """All parts of a split model lie side by side, and the first is the one named."""
    count = header.metadata.get("split.count", 0)
    if not isinstance(count, int) or count < 2:
        return (header.path,)
    names = parts.names(header.path.name)
    if len(names) != count:
        raise ModelError(
            f"{header.path} is one of {count} parts, under another name",
            "Rename the parts to their original names, which end in "
            f"-00001-of-{count:05}.gguf to -{count:05}-of-{count:05}.gguf.",
        )
    parts.check(header.path, names)
    if header.path.name != names[0]:
        first = header.path.with_name(names[0])
        raise ModelError(f"{header.path} is not the first of {count} parts", f"Name {first} instead.")
    return tuple(header.path.with_name(name) for name in names)


class _Reader:
    """A position in the bytes of a GGUF; reading past the end raises `struct.error`."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.at = 4

    def scalar(self, code: str) -> Any:
        (value,) = struct.unpack_from("<" + code, self.data, self.at)
        self.at += struct.calcsize("<" + code)
        return value

    def skip(self, size: int) -> None:
        self.at += size
        if self.at > len(self.data):
            raise struct.error("beyond the end of the file")

    def text(self) -> str:
        size = self.scalar("Q")
        if size > MAX_TEXT:
            raise struct.error("a text too long")
        self.skip(size)
        return self.data[self.at - size : self.at].decode()

    def shape(self) -> tuple[int, ...]:
        dimensions = self.scalar("I")
        if dimensions > MAX_DIMENSIONS:
            raise struct.error("too many dimensions")
        return tuple(self.scalar("Q") for _ in range(dimensions))

    def value(self, kind: int) -> Any:
        """A text, a number, or a short array of numbers; None for any other array."""
        if kind == _STRING:
            return self.text()
        if kind == _ARRAY:
            return self._array()
        return self.scalar(self._code(kind))

    def _array(self) -> tuple[Any, ...] | None:
        kind, items = self.scalar("I"), self.scalar("Q")
        if items > MAX_ITEMS:
            raise struct.error("an array too long")
        if kind == _STRING:
            self._skip_texts(items)
            return None
        code = self._code(kind)
        if items <= KEPT_ITEMS:
            return tuple(self.scalar(code) for _ in range(items))
        self.skip(items * struct.calcsize("<" + code))
        return None

    def _skip_texts(self, items: int) -> None:
        """Vocabularies have 150,000 of them: no more than one unpacking each, and mostly not that."""
        at, data = self.at, self.data
        size_at: Callable[..., tuple[int]] = struct.Struct("<Q").unpack_from
        while items:
            passed = 0
            if items > MANY_ITEMS:
                passed, at = _pass_short_texts(data, at, items)
            for _ in range(min(items - passed, MANY_ITEMS)):
                at += 8 + size_at(data, at)[0]
                passed += 1
            items -= passed
        self.at = at
        self.skip(0)

    @staticmethod
    def _code(kind: int) -> str:
        if kind not in _SCALARS:
            raise struct.error("an unknown type of value")
        return _SCALARS[kind]


def _pass_short_texts(data: mmap.mmap, at: int, items: int) -> tuple[int, int]:
    """How many texts after `at` are shorter than 256 bytes, at most `items`, and where the next one begins.

    Before such a text stand one byte and seven zeros, four of which are a word of the block: a search for
    these words finds where texts may begin, and those that lead from one to the next without a gap do.
    """
    import numpy as np  # takes as long as reading a few thousand texts

    passed = 0
    while passed < items:
        block = data[at : at + BLOCK]
        octets = np.frombuffer(block, np.uint8)
        words = np.frombuffer(block, "<u4", len(block) // 4)
        begins = 4 * np.flatnonzero(words == 0) - 1
        for _ in range(3):
            begins -= octets[begins] == 0
        sizes = np.ndarray((max(len(block) - 7, 0),), "<i8", block, strides=(1,))[begins[:-1]]
        follows = begins[:-1] + 8 + sizes == begins[1:]
        unbroken = len(follows) if follows.all() else int(follows.argmin())
        if not unbroken or begins[0]:
            break
        unbroken = min(unbroken, items - passed)
        passed += unbroken
        at += int(begins[unbroken])
    return passed, at
