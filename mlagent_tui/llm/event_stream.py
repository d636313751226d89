"""Reads the body of an HTTP answer as JSON values, one after the other, however a server frames them.

Server-sent events as the standard has them and as servers write them: with or without a space after `data:`,
any line ends, comments to keep a connection alive, no blank line between two events. Also one JSON value a
line, and a body that is a single JSON value. Nothing here knows what the values mean.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

MAX_BYTES = 16 << 20
"""The longest line, event or single value that is read."""
SAMPLE = 200
DONE = object()
"""The mark `[DONE]`, after which nothing more is read."""

_LINE_END = re.compile(rb"\r\n|\n|\r")
_FIELD = re.compile(rb"(data|error|event|id|retry)?:")
_BLANK = b" \t\r\n\xef\xbb\xbf"


class NotJson(Exception):
    """What arrived is not JSON; `sample` is how it begins, empty where nothing arrived."""

    def __init__(self, sample: str = "") -> None:
        super().__init__(sample)
        self.sample = sample

    @property
    def is_page(self) -> bool:
        """Whether it looks like a page for a browser."""
        return self.sample.lstrip().startswith("<")


def values(blocks: Iterable[bytes]) -> Iterator[Any]:
    """The JSON values of a body that arrives in `blocks`, `DONE` where it says so. Raises `NotJson`."""
    lines = _lines(blocks)
    first = next((line for line in lines if line.strip(_BLANK)), b"").lstrip(_BLANK)
    if _FIELD.match(first):
        yield from _events(chain((first,), lines))
    elif first[:1] in (b"{", b"["):
        yield from _plain(first, lines)
    else:
        raise NotJson(_sample(first))


def _events(lines: Iterable[bytes]) -> Iterator[Any]:
    pending: list[bytes] = []
    size = 0
    for line in lines:
        name, _, rest = line.partition(b":")
        if not line.strip():
            yield from _event(pending)
        elif name == b"error":  # a field of older llama-servers
            yield from _event(pending)
            yield {"error": _parsed(rest)}
        elif name == b"data":
            if pending and _is_whole(pending):
                yield from _event(pending)
            size = len(rest) + (size if pending else 0)
            if size > MAX_BYTES:
                raise NotJson(_sample(rest))
            pending.append(rest)
    yield from _event(pending)


def _is_whole(pending: list[bytes]) -> bool:
    """Whether the lines of an event are a value already: the next line is then of another event."""
    text = b"\n".join(pending).strip()
    if text.upper() == b"[DONE]" or not text:
        return True
    if not text.endswith((b"}", b"]", b"null")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _event(pending: list[bytes]) -> Iterator[Any]:
    """The value of one event, if it has one; `pending` is empty afterwards."""
    text = b"\n".join(pending).strip()
    pending.clear()
    if text.upper() == b"[DONE]":
        yield DONE
    elif text:
        yield _parsed(text)


def _plain(first: bytes, lines: Iterator[bytes]) -> Iterator[Any]:
    """A value a line, or one value over all lines."""
    try:
        yield _parsed(first)
    except NotJson:
        whole = [first]
        size = len(first)
        for line in lines:
            whole.append(line)
            size += len(line)
            if size > MAX_BYTES:
                raise
        yield _parsed(b"\n".join(whole))
        return
    for line in lines:
        if line.strip():
            yield _parsed(line)


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text.decode(errors="replace"))
    except (ValueError, RecursionError) as error:
        raise NotJson(_sample(text)) from error


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Complete lines without their ends, and what follows the last. Raises `NotJson` for a long one."""
    held: list[bytes] = []
    size = 0
    for block in blocks:
        held.append(block)
        size += len(block)
        if b"\n" in block or b"\r" in block or (len(held) > 1 and held[-2].endswith(b"\r")):
            text = b"".join(held)
            end = len(text) - text.endswith(b"\r")  # its line feed may be in the next block
            *lines, rest = _LINE_END.split(text[:end])
            yield from lines
            held = [rest + text[end:]]
            size = len(held[0])
        if size > MAX_BYTES:
            raise NotJson(_sample(held[0]))
    yield from _LINE_END.split(b"".join(held))


def _sample(text: bytes) -> str:
    return " ".join(text[: 4 * SAMPLE].decode(errors="replace").split())[:SAMPLE]
