"""Finds the objects in a model's text and reads them, as far as no doubt is left about a value.

Besides JSON (RFC 8259) it reads what Python and JavaScript write: other quotation marks, names without any,
`True` and `None`, tuples, comments, a comma before a closing bracket. Knows no type: `typed` does.
"""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

MOST_DEEP = 64
"""Containers inside one another; the values that models are asked for have ten at most."""
SHOWN = 40

_SPACE = re.compile(r"(?:[\s\0\ufeff]+|//[^\n]*|#[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"""'
    r"|'''(?:[^\\]|\\.)*?'''"
    r'|"(?:[^"\\]|\\.)*"'
    r"|'(?:[^'\\]|\\.)*'"
    r"|[“”„][^“”„]*[“”„]|[‘’][^‘’]*[‘’]",
    re.DOTALL,
)
_BARE = re.compile(r"[^\s\0,:{}\[\]()\"'“”„‘’，：&\\#]+")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:_\d+)*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_CONSTANTS = {"true": True, "false": False, "null": None, "none": None}
_NO_NUMBERS = ("nan", "inf", "infinity")
_CLOSING = {"{": "}", "[": "]", "(": ")"}
_COMMAS, _COLONS = (",", "，"), (":", "：")
_ESCAPE = re.compile(r'\\[\s\S]|"')


class Unclear(ValueError):
    """A value with no reading, or with more than one; the message is a sentence for whoever wrote it."""


class _Cut(Exception):
    """The text ends inside an object."""


@dataclass(frozen=True)
class Found:
    """An object, and its `text` as it was written.

    Where the text ended inside it, `open` has the complete fields of every object that was not closed yet,
    the outermost first; else it is empty.
    """

    value: dict[str, Any]
    text: str
    open: tuple[dict[str, Any], ...] = ()

    @property
    def as_json(self) -> str:
        """The object as JSON: its own text where that is valid."""
        try:
            json.loads(self.text)
        except ValueError:
            return json.dumps(self.value, ensure_ascii=False)
        return self.text


def find(text: str) -> tuple[list[Found], str]:
    """The objects of a text, in their order, and what keeps another one from being read, if anything does.

    Only the last one can have been cut. Text written for a web page or inside another text is read as well.
    """
    found, problem = _find(text)
    for other in _readings(text):
        if not found and not problem:
            found, problem = _find(other)
    return found, problem


def _readings(text: str) -> Iterator[str]:
    """The text without the escapes of HTML, and without those of a JSON string."""
    if "&" in text:
        yield html.unescape(text)
    if '\\"' in text:
        yield re.sub(r'\\(["\\])', r"\1", text)


def _find(text: str) -> tuple[list[Found], str]:
    found: list[Found] = []
    problem = ""
    at = text.find("{")
    while at >= 0:
        reader = _Reader(text, at)
        end = at + 1
        try:
            value = reader.object()
            found.append(Found(value, text[at : reader.at]))
            end = reader.at
        except _Cut:
            if reader.begun:
                found.append(Found(reader.open[0], text[at:], tuple(reader.open)))
                break
        except Unclear as error:
            if reader.begun:  # what is inside it is not the answer
                problem, end = str(error), reader.past(at)
        at = text.find("{", end)
    return found, problem


class _Reader:
    """Reads one object that begins at `at`, where it then stands behind it."""

    def __init__(self, text: str, at: int) -> None:
        self.text, self.at = text, at
        self.open: list[dict[str, Any]] = []
        self.begun = False
        """Whether a name and a colon were read: else it may be any text in braces."""
        self._deep = 0

    def object(self) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        self.open.append(fields)

        def one() -> None:
            name = self._name()
            value = self._value(name)
            if name in fields and fields[name] != value:
                raise Unclear(f"{name} is given twice, as {_shown(fields[name])} and as {_shown(value)}")
            fields[name] = value

        self._items(one)
        self.open.pop()
        return fields

    def past(self, at: int) -> int:
        """Where the brackets opened at `at` are closed; the end of the text where they are not."""
        deep = 0
        while at < len(self.text):
            token = _STRING.match(self.text, at)
            character = self.text[at]
            deep += (character in "{[") - (character in "}]")
            at = token.end() if token else at + 1
            if deep <= 0:
                return at
        return at

    def _next(self) -> str:
        """The next character that counts; empty at the end of the text."""
        space = _SPACE.match(self.text, self.at)
        assert space is not None
        self.at = space.end()
        return self.text[self.at : self.at + 1]

    def _items(self, one: Callable[[], None]) -> None:
        """What stands between the bracket here and the one that closes it."""
        closing = _CLOSING[self._next()]
        self.at += 1
        self._deep += 1
        if self._deep > MOST_DEEP:
            raise Unclear(f"the object is nested more than {MOST_DEEP} deep")
        while self._next() != closing:
            one()
            after = self._next()
            if after == "":
                raise _Cut
            if after in _COMMAS:
                self.at += 1
            elif after != closing:
                rest = _shown_rest(self.text, self.at)
                inside = _quotes(self.text[self.at - 1])
                hint = ': a quotation mark inside a text is written \\"' if inside else ""
                raise Unclear(f"a comma or {closing} is missing before {rest}{hint}")
        self.at += 1
        self._deep -= 1

    def _name(self) -> str:
        character = self._next()
        if character == "":
            raise _Cut
        name = self._string() if _quotes(character) else self._bare()
        after = self._next()
        if after == "":
            raise _Cut
        if after not in _COLONS:
            raise Unclear(f"a colon is missing after {_shown(name)}")
        self.at += 1
        self.begun = True
        return name

    def _value(self, name: str) -> Any:
        character = self._next()
        if character == "":
            raise _Cut
        if character == "{":
            return self.object()
        if character in _CLOSING:
            items: list[Any] = []
            self._items(lambda: items.append(self._value(name)))
            return items
        return self._string() if _quotes(character) else _scalar(self._bare(), name)

    def _bare(self) -> str:
        """A name, a number or a word without quotation marks."""
        token = _BARE.match(self.text, self.at)
        if not token:
            raise Unclear(f"a value is missing before {_shown_rest(self.text, self.at)}")
        self.at = token.end()
        if self.at == len(self.text):
            raise _Cut  # more of it may have been to come
        return token[0]

    def _string(self) -> str:
        token = _STRING.match(self.text, self.at)
        if not token:
            raise _Cut
        self.at = token.end()
        return _unquoted(token[0])


def _quotes(character: str) -> bool:
    return character in "\"'“”„‘’"


def _unquoted(text: str) -> str:
    if text[0] in "“”„‘’":
        return text[1:-1]
    size = 3 if text[:3] in ('"""', "'''") and len(text) >= 6 else 1
    written = _ESCAPE.sub(_as_in_json, text[size:-size])
    try:
        return str(json.loads(f'"{written}"', strict=False))
    except ValueError:
        raise Unclear(
            f"the text {_shown_rest(text, 0)} has a backslash that stands alone: write \\\\"
        ) from None


def _as_in_json(found: re.Match[str]) -> str:
    """A quotation mark needs a backslash in JSON; a sign such as `_` needs none and is meant itself."""
    if found[0] == '"':
        return '\\"'
    return found[0] if found[0][1] in '"\\/' or found[0][1].isalnum() else found[0][1]


def _scalar(text: str, name: str) -> Any:
    if text.startswith(("...", "…")):
        raise Unclear(f"{name} has ... in place of a value: write all of it")
    if _NUMBER.fullmatch(text):
        number = _number(text)
        if number is None:
            raise Unclear(f"{name} is too large a number")
        return number
    if text.lstrip("+-").lower() in _NO_NUMBERS:
        raise Unclear(f"{name} is {text}, which is not a number: write a number or null")
    return _CONSTANTS.get(text.lower(), text)


def _number(text: str) -> int | float | None:
    try:
        number = float(text) if re.search(r"[.eE]", text) else int(text)
    except ValueError:  # thousands of digits
        return None
    return number if math.isfinite(number) else None


def _shown(value: Any) -> str:
    return _shown_rest(json.dumps(value, ensure_ascii=False), 0)


def _shown_rest(text: str, at: int) -> str:
    rest = " ".join(text[at : at + SHOWN + 1].split())
    return rest if len(text) - at <= SHOWN else f"{rest[: SHOWN - 1]}…"
