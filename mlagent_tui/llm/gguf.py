"""Reads the header of a GGUF file, bounded, and says what is wrong with a file that is none or not whole.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Weights are neither read nor checked.
"""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlagent_tui.errors import ModelError

MAX_ENTRIES = 100_000
MAX_TEXT = 4_000_000
MAX_ITEMS = 10_000_000

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_COPY_AGAIN = "Copy or download the file again, and compare its size and checksum with the original."


@dataclass(frozen=True)
class Header:
    """What a GGUF says about itself; arrays are left out of `metadata`."""

    path: Path
    metadata: dict[str, Any] = field(repr=False)

    @property
    def architecture(self) -> str:
        return str(self.metadata.get("general.architecture", ""))

    @property
    def name(self) -> str:
        """The model's own name, or the file's."""
        return str(self.metadata.get("general.name") or self.path.stem)

    @property
    def context_length(self) -> int:
        """Tokens the model was trained for; 0 when not said."""
        return int(self.metadata.get(f"{self.architecture}.context_length", 0))

    @property
    def chat_template(self) -> str:
        """Jinja source; empty when there is none."""
        return str(self.metadata.get("tokenizer.chat_template", ""))


def read_header(path: Path) -> Header:
    """The header of the model file `path`.

    Raises `ModelError` for a file that is missing, unreadable, no GGUF, truncated before its weights end,
    an incomplete set of shards, or no language model.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            header = _parse(path, data)
    except FileNotFoundError as error:
        raise ModelError(f"there is no file {path}", "Check the path of the model.") from error
    except IsADirectoryError as error:
        raise ModelError(f"{path} is a folder", "Name the .gguf file in it.") from error
    except OSError as error:
        raise ModelError(
            f"cannot read {path}: {error.strerror}", "Check its permissions and the disk."
        ) from error
    except ValueError as error:  # an empty file cannot be mapped
        raise ModelError(f"{path} is empty", _COPY_AGAIN) from error
    except (struct.error, UnicodeDecodeError, OverflowError) as error:
        raise ModelError(f"{path} is truncated or damaged: its header cannot be read", _COPY_AGAIN) from error
    _check_shards(header)
    if header.metadata.get("general.type", "model") != "model" or not header.architecture:
        raise ModelError(
            f"{path} holds no language model", "Choose the .gguf file of a chat or instruct model."
        )
    return header


def _parse(path: Path, data: mmap.mmap) -> Header:
    if data[:4] != b"GGUF":
        raise ModelError(
            f"{path} is not a GGUF file", "Choose a model in GGUF format (its name ends in .gguf)."
        )
    reader = _Reader(data)
    version = reader.scalar("I")
    if version not in (2, 3):
        raise ModelError(f"{path} has GGUF version {version}, not 2 or 3", "Convert the model again.")
    tensors, entries = reader.scalar("Q"), reader.scalar("Q")
    if max(tensors, entries) > MAX_ENTRIES:
        raise ModelError(f"{path} is damaged: it claims {max(tensors, entries)} entries", _COPY_AGAIN)
    metadata = {}
    for _ in range(entries):
        key, kind = reader.text(), reader.scalar("I")
        value = reader.value(kind)
        if kind != _ARRAY:
            metadata[key] = value
    _check_extent(path, reader, tensors, int(metadata.get("general.alignment", 32)))
    return Header(path, metadata)


def _check_extent(path: Path, reader: _Reader, tensors: int, alignment: int) -> None:
    """The last tensor begins inside the file; llama.cpp checks that each also ends there."""
    last = 0
    for _ in range(tensors):
        reader.text()
        dimensions = reader.scalar("I")
        if dimensions > 8:
            raise struct.error("too many dimensions")
        reader.skip(8 * dimensions + 4)
        last = max(last, reader.scalar("Q"))
    begin = -(-reader.at // max(alignment, 1)) * max(alignment, 1)
    if tensors and begin + last >= len(reader.data):
        raise ModelError(
            f"{path} is truncated: it has {len(reader.data):,} bytes and its weights reach beyond "
            f"{begin + last:,}",
            _COPY_AGAIN,
        )


def _check_shards(header: Header) -> None:
    """All shards of a split model lie side by side, and the first is the one named."""
    count = int(header.metadata.get("split.count", 0))
    if count < 2:
        return
    named = re.fullmatch(r"(.*)-(\d{5})-of-\d{5}\.gguf", header.path.name)
    if not named:
        raise ModelError(
            f"{header.path} is one of {count} parts, under another name", "Give the parts their names."
        )
    parts = [header.path.with_name(f"{named[1]}-{i:05}-of-{count:05}.gguf") for i in range(1, count + 1)]
    missing = [part.name for part in parts if not part.is_file()]
    if missing:
        raise ModelError(f"{header.path.parent} lacks {', '.join(missing)}", "Put all parts in one folder.")
    if header.path != parts[0]:
        raise ModelError(f"{header.path} is not the first of {count} parts", f"Name {parts[0]} instead.")


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

    def value(self, kind: int) -> Any:
        if kind == _STRING:
            return self.text()
        if kind == _ARRAY:
            return self._skip_array()
        return self.scalar(self._code(kind))

    def _skip_array(self) -> None:
        kind, items = self.scalar("I"), self.scalar("Q")
        if items > MAX_ITEMS:
            raise struct.error("an array too long")
        if kind == _STRING:
            self._skip_strings(items)
        else:
            self.skip(items * struct.calcsize("<" + self._code(kind)))

    def _skip_strings(self, items: int) -> None:
        """Vocabularies have 150,000 of them: no more than one unpacking each."""
        at, data = self.at, self.data
        size_at: Callable[..., tuple[int]] = struct.Struct("<Q").unpack_from
        for _ in range(items):
            at += 8 + size_at(data, at)[0]
        self.at = at
        self.skip(0)

    @staticmethod
    def _code(kind: int) -> str:
        if kind not in _SCALARS:
            raise struct.error("an unknown type of value")
        return _SCALARS[kind]
