"""Takes off what a page, a terminal, a diff or another text puts around the lines of Python.

Each way is taken only where every line shows its mark: half of a listing is not one.
"""

from __future__ import annotations

import ast
import html
import re
import textwrap
from collections.abc import Callable

_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|apos|nbsp|#\d+|#x[0-9a-fA-F]+);")
_PROMPT = re.compile(r"\s*(?:>>>|\.\.\.)(?: |$)")
_NUMBER = re.compile(r"\s*(\d+)(?:\s*[|:.)]|\t)?")
_HUNK = re.compile(r"(?:diff |index |--- |\+\+\+ |@@ |\\ )")
_TAB = 4


def parsed(code: str) -> ast.Module | None:
    """The syntax tree; None where it is not valid Python."""
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def has_class(code: str) -> bool:
    """Whether it is valid Python with a class."""
    tree = parsed(code)
    return tree is not None and any(isinstance(node, ast.ClassDef) for node in tree.body)


def plain(code: str) -> str:
    """The code alone, where a class appears when what is around its lines is taken off; else as it is."""
    if "class" not in code:
        return code
    found = _without_entities(code)
    for way in WAYS:
        if not has_class(found):
            found = way(found)
    return found if has_class(found) else code


def _without_entities(code: str) -> str:
    """Signs as they are, not as a page has them: `a &lt; b` would be valid Python."""
    return html.unescape(code).replace("\xa0", " ") if _ENTITY.search(code) else code


def _without_prompts(code: str) -> str:
    """The lines that were typed at a Python prompt; what it answered has no mark."""
    lines = [line for line in code.split("\n") if line.strip()]
    if not lines or not lines[0].lstrip().startswith(">>>"):
        return code
    return "\n".join(_PROMPT.sub("", line, count=1) for line in lines if _PROMPT.match(line))


def _without_numbers(code: str) -> str:
    """Lines numbered one after the other."""
    lines = code.strip("\n").split("\n")
    found = [_NUMBER.match(line) for line in lines]
    numbers = [int(number[1]) for number in found if number]
    if len(numbers) < len(lines) or numbers != list(range(numbers[0], numbers[0] + len(lines))):
        return code
    bare = [line[number.end() :] for line, number in zip(lines, found, strict=True) if number]
    return textwrap.dedent("\n".join(bare))


def _without_marks_of_a_diff(code: str) -> str:
    """The lines after a change: those added and those that stayed."""
    lines = [line for line in code.split("\n") if not _HUNK.match(line)]
    if not any(line.startswith("+") for line in lines) or any(line[:1] not in "+- " for line in lines):
        return code
    return "\n".join(line[1:] for line in lines if not line.startswith("-"))


def _without_indentation(code: str) -> str:
    """Indented as a whole, or all but its first line."""
    first, _, rest = code.strip("\n").partition("\n")
    whole = textwrap.dedent(code)
    return whole if parsed(whole) else f"{first.lstrip()}\n{textwrap.dedent(rest)}"


def _with_spaces(code: str) -> str:
    """Tabs among spaces, where both usual widths mean the same."""
    narrow, wide = parsed(code.expandtabs(_TAB)), parsed(code.expandtabs(2 * _TAB))
    same = narrow and wide and ast.dump(narrow) == ast.dump(wide)
    return code.expandtabs(_TAB) if same or (narrow and not wide) else code.expandtabs(2 * _TAB)


WAYS: tuple[Callable[[str], str], ...] = (
    _without_prompts,
    _without_numbers,
    _without_marks_of_a_diff,
    _without_indentation,
    _with_spaces,
)
"""In the order in which they are tried, each on what those before it have left."""
