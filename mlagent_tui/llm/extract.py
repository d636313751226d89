"""Finds the answer in what a model wrote around it: one JSON object, or one block of Python."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from mlagent_tui.llm.needed_code import needed
from mlagent_tui.llm.objects import find
from mlagent_tui.llm.plain_code import has_class, parsed, plain
from mlagent_tui.llm.thinking import split
from mlagent_tui.python_source import text_of

_FENCE = re.compile(r"\s*(?:```+|~~~+)\s*([^`\n]*)$")
_PAGE = re.compile(r"<(pre|code)\b[^>]*>(.*?)(?:</\1>|$)", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_BEGINS_CODE = re.compile(r"(?:import|from|class|def)\s+\w|@\w")
MAX_TRIMMED = 60
"""Lines of prose after unfenced code that are tried without."""
MAX_STARTS = 8
"""Lines that look like the beginning of unfenced code that are tried."""


def json_object(text: str) -> str:
    """The last complete JSON object in `text`; empty when there is none, or when it was cut off."""
    found, _ = find(text)
    return found[-1].as_json if found and not found[-1].open else ""


def code_block(text: str) -> str:
    """The Python that an answer holds: its fenced block, or all of it where there is no fence.

    Of several blocks it is the longest that defines a class and parses, else the first. Thinking, fences that
    are doubled or never closed, prose, tool calls, marks around the lines, and what follows the class without
    being needed by it, are no part of it.
    """
    text = text_of(text).replace("\0", "")
    text = split(text)[1] or text
    blocks = [block for block in _blocks(text) if block.strip()]
    found = _longest(blocks)
    for more in (_on_pages, _in_objects):
        found = found or _longest(more(text))
    chosen = found or (blocks[0] if blocks else _without_prose(text))
    return needed(chosen).strip("\n") + "\n"


def holds_class(text: str) -> bool:
    """Whether there is Python in `text` that defines a class, in a fenced block or among prose."""
    return "class" in text and has_class(code_block(text))


def _longest(blocks: Iterable[str]) -> str:
    """The longest that is Python with a class, without what is around its lines; empty when none is."""
    return max(filter(has_class, map(plain, blocks)), key=len, default="")


def _blocks(text: str) -> Iterator[str]:
    """What stands between fences."""
    inside: list[str] | None = None
    for line in text.split("\n"):
        fence = _FENCE.match(line)
        if not fence:
            if inside is not None:
                inside.append(line)
        elif inside is None:
            inside = []
        elif any(map(str.strip, inside)):
            yield "\n".join(inside)
            inside = [] if fence[1] else None
    if inside is not None:
        yield "\n".join(inside)


def _on_pages(text: str) -> Iterator[str]:
    """What a page shows as code."""
    for element in _PAGE.finditer(text):
        yield _TAG.sub("", element[2])


def _in_objects(text: str) -> Iterator[str]:
    """The texts inside an object, such as the arguments of a tool call."""
    if "class" in text:
        found, _ = find(text)
        for one in found:
            yield from _texts(one.value)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        fenced = list(_blocks(value))
        yield from fenced or [value]
        if value.lstrip().startswith("{"):
            yield from _in_objects(value)
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


def _without_prose(text: str) -> str:
    """From a line that looks like Python, to the last that still parses with what is before it."""
    if "class" not in text or parsed(text):
        return text
    if has_class(whole := plain(text)):
        return whole
    lines = text.split("\n")
    starts = [number for number, line in enumerate(lines) if _BEGINS_CODE.match(line)]
    for first in starts[:MAX_STARTS]:
        for last in range(len(lines), max(first, len(lines) - MAX_TRIMMED), -1):
            if has_class(part := "\n".join(lines[first:last])):
                return part
    return text
