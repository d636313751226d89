"""Texts that people read use the usual words of the field: riddles that were removed do not come back.

All string literals of the package and the scripts are read, docstrings too, and all pages of documentation.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
CODE = sorted([*CHECKOUT.glob("mlagent_tui/**/*.py"), *CHECKOUT.glob("scripts/*.py")])
PAGES = sorted([*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/*.md"), *CHECKOUT.glob("*/README.md")])

INSTEAD = {
    r"without a word": "unexpectedly, or: silently",
    r"\b(this|it) is no (?!longer\b|more\b|part\b)[A-Za-z]+\b": "is not a …, or: is not valid …",
    r"\bhand(s|ed)? in\b": "confirm, send",
    r"\btake[ns]? (it|the run|them) up\b|\btaken up\b": "resume, use",
    r"\bthe house's\b|\bthe house\b": "say what is meant",
    r"\bfirst word\b|\blast words?\b": "first message, last lines",
    r"\btells none\b": "lists none",
    r"\bremoved again\b": "removed",
    r"\bis a run of no\b": "does not belong to",
    r"\b(the user\'s|your) hands\b|^hands on\b": "steering",
    r"\bis well\b|\bare well\b": "works, is in order",
    r"\blooked into\b": "searched",
    r"\bbroke(n)? off\b": "ended early, was closed",
    r"\bgo(es)? astray\b": "differs",
    r"\btalked round\b": "say what decides",
    r"\bhad not been heard\b|\bis heeded\b|\bare heeded\b": "respected",
    r"\bfor ever\b": "without end, always",
}  # fmt: skip
"""What must not be written, as regular expressions, with what to write."""

NOT_FOR_PEOPLE = {"scripts/minnow"}


def texts_of_code(path: Path) -> Iterator[tuple[int, str]]:
    """The string literals of a module, with their lines; f-strings with `…` for values."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "…" for part in node.values]
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.lineno, node.value


def riddles(text: str) -> list[str]:
    """The expressions of `text` that must not be there, each with a better one."""
    flat = " ".join(text.split())
    found = ((re.search(pattern, flat, re.IGNORECASE), better) for pattern, better in INSTEAD.items())
    return [f"{match[0]!r}: write {better}" for match, better in found if match]


def name(path: Path) -> str:
    return path.relative_to(CHECKOUT).as_posix()


@pytest.mark.parametrize("path", CODE, ids=name)
def test_no_message_or_docstring_is_a_riddle(path: Path) -> None:
    found = [f"line {line}: {riddle}" for line, text in texts_of_code(path) for riddle in riddles(text)]
    assert found == []


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_no_page_has_a_riddle(path: Path) -> None:
    prose = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert riddles(prose) == []


@pytest.mark.parametrize("text", [
    "The engine has ended without a word.", "This is no YAML: line 3", "Hand in", "take it up again",
    "project    removed again: nothing was tried in it", "qe_1 is a run of no project that was named",
    "the worker's first word was not that it is ready", "serves several models or tells none: a, b",
    "small and quick; knows the house's own vocabulary", "✔ is well. ! works, and could work better",
    "A run may be\n    taken up later",
])  # fmt: skip
def test_known_riddles_are_found(text: str) -> None:
    assert riddles(text)


@pytest.mark.parametrize("text", [
    "This is no longer a project", "there is no project here", "The run can be resumed.", "as well as it can",
    "Thinking is hidden.", "Check the disk.", "passes text on as it comes",
])  # fmt: skip
def test_ordinary_sentences_are_left_alone(text: str) -> None:
    assert riddles(text) == []
