"""Finds the answer in what a model wrote around it: one JSON object, or one block of Python."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator

_FENCE = re.compile(r"\s*(?:```+|~~~+)\s*([^`\n]*)$")
_BEGINS_CODE = re.compile(r"(?:import|from|class|def)\s+\w|@\w")
MAX_TRIMMED = 60
"""Lines of prose after unfenced code that are tried without."""


def json_object(text: str) -> str:
    """The last complete JSON object in `text`; empty when there is none."""
    decoder = json.JSONDecoder()
    found, at = "", text.find("{")
    while at >= 0:
        try:
            _, end = decoder.raw_decode(text, at)
            found = text[at:end]
        except json.JSONDecodeError as error:
            if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated"):
                break  # it was cut off: what is inside is not the answer
            end = at + 1
        except (RecursionError, ValueError):  # nested too deeply, or a number of thousands of digits
            break
        at = text.find("{", end)
    return found


def code_block(text: str) -> str:
    """The Python that an answer holds: its fenced block, or all of it where there is no fence.

    Of several blocks it is the longest that defines a class and parses, else the first. Fences that are
    doubled or never closed, and prose around code without fences, are no part of it.
    """
    blocks = [block for block in _blocks(text) if block.strip()]
    whole = [block for block in blocks if _has_class(block)]
    chosen = max(whole, key=len) if whole else blocks[0] if blocks else _without_prose(text)
    return chosen.strip("\n") + "\n"


def holds_class(text: str) -> bool:
    """Whether there is Python in `text` that defines a class, in a fenced block or among prose."""
    return "class" in text and _has_class(code_block(text))


def _blocks(text: str) -> Iterator[str]:
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


def _without_prose(text: str) -> str:
    """From the first line that looks like Python, to the last that still parses with what is before it."""
    if "class" not in text or _parses(text):
        return text
    lines = text.split("\n")
    first = next((i for i, line in enumerate(lines) if _BEGINS_CODE.match(line)), None)
    if first is None:
        return text
    for last in range(len(lines), max(first, len(lines) - MAX_TRIMMED), -1):
        part = "\n".join(lines[first:last])
        if _has_class(part):
            return part
    return text


def _has_class(text: str) -> bool:
    tree = _parsed(text)
    return tree is not None and any(isinstance(node, ast.ClassDef) for node in tree.body)


def _parses(text: str) -> bool:
    return _parsed(text) is not None


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
