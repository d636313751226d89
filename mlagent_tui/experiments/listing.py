"""The text of `registry.json`: reading as much of it as can be read, and changing only its end.

Adding an entry, or changing the newest, costs the same whatever the length of the list.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from mlagent_tui.schemas import RegistryEntry

_ENTRIES = TypeAdapter(list[RegistryEntry])
_BOM = b"\xef\xbb\xbf"
_ENTRY = b"\n  {"
"""How an entry begins in a list that `dumped` has written; nothing inside an entry looks like it."""
_TAIL = 2**20
"""Bytes at the end of a list in which its newest entry is looked for."""


def dumped(entries: list[RegistryEntry]) -> bytes:
    """The whole text of a list."""
    return _ENTRIES.dump_json(entries, indent=2) + b"\n"


@dataclass(frozen=True)
class Parsed:
    """The entries that a text holds, and what is wrong with it; empty when nothing is."""

    entries: list[RegistryEntry]
    problem: str = ""


def parsed(data: bytes) -> Parsed:
    """Every entry of a list that can be read; a bad entry costs only itself."""
    text = data.removeprefix(_BOM)
    problem = "it begins with a byte-order mark" if len(text) < len(data) else ""
    try:
        return Parsed(_ENTRIES.validate_json(text), problem)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        problem = f"{place}: {first['msg']}" if place else first["msg"]
    return Parsed([entry for value in _values(text) if (entry := _entry(value))], problem)


def _values(text: bytes) -> list[Any]:
    """The members of the list; of a text that is not valid JSON, those that begin on a line of their own."""
    try:
        whole = json.loads(text)
        return whole if isinstance(whole, list) else []
    except (ValueError, RecursionError):
        pass
    found = []
    decoder = json.JSONDecoder()
    lenient = text.decode("utf-8", "surrogateescape")
    begin = lenient.find("{")
    while begin >= 0:
        try:
            value, end = decoder.raw_decode(lenient, begin)
            found.append(value)
        except (ValueError, RecursionError):
            end = begin + 1
        begin = lenient.find("\n  {", end)
        begin += 3 * (begin >= 0)
    return found


def _entry(value: object) -> RegistryEntry | None:
    """A member of a damaged list, unless it is damaged itself: bytes that are not UTF-8 included."""
    try:
        entry = RegistryEntry.model_validate(value)
        entry.model_dump_json()
    except (ValidationError, PydanticSerializationError):
        return None
    return entry


def add(file: int, entry: RegistryEntry) -> bool:
    """Append to the list in an open file; False, and nothing done, where its end is not that of a list.

    Raises `OSError` (a full disk, say), and the file is then as it was.
    """
    start, tail = _tail(file)
    inner = tail.rstrip()
    if not inner.endswith(b"]"):
        return False
    inner = inner[:-1].rstrip()
    empty = inner.removeprefix(_BOM) == b"[" and start == 0
    if not empty and not inner.endswith(b"}"):
        return False
    _put(file, start + len(inner), (b"" if empty else b",") + _member(entry), tail[len(inner) :])
    return True


def change(file: int, entry: RegistryEntry) -> bool:
    """Change the newest entry of the list in an open file; False, and nothing done, where it is another.

    Fields that others have added to it are kept. Raises `OSError`, and the file is then as it was.
    """
    start, tail = _tail(file)
    begin, end = tail.rfind(_ENTRY), tail.rstrip().removesuffix(b"]")
    if begin < 0 or len(end) == len(tail.rstrip()):
        return False
    try:
        known = RegistryEntry.model_validate_json(tail[begin : len(end)])
    except ValidationError:
        return False
    if known.run_id != entry.run_id:
        return False
    _put(file, start + begin, _member(kept(known, entry)), tail[begin:])
    return True


def kept(known: RegistryEntry, entry: RegistryEntry) -> RegistryEntry:
    """`entry` with the fields of `known` that others have added."""
    return RegistryEntry.model_validate((known.model_extra or {}) | entry.model_dump())


def _member(entry: RegistryEntry) -> bytes:
    """An entry on lines of its own, and the end of the list."""
    return b"\n  " + entry.model_dump_json(indent=2).replace("\n", "\n  ").encode() + b"\n]\n"


def _tail(file: int) -> tuple[int, bytes]:
    size = os.fstat(file).st_size
    start = max(0, size - _TAIL)
    return start, os.pread(file, size - start, start)


def _put(file: int, at: int, new: bytes, old: bytes) -> None:
    """Replace what follows byte `at`, which is `old`. Raises `OSError`, with `old` in its place again."""
    try:
        _write(file, at, new)
        os.ftruncate(file, at + len(new))
        os.fsync(file)
    except BaseException:
        _write(file, at, old)
        os.ftruncate(file, at + len(old))
        raise


def _write(file: int, at: int, data: bytes) -> None:
    while data:
        done = os.pwrite(file, data, at)
        data, at = data[done:], at + done
