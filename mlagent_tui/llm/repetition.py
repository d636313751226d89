"""Whether a text has begun to repeat itself without end, as small models do.

Only exact repetition counts. Text that differs in a number each time is left alone: so do the lines of a
deep network's code.
"""

from __future__ import annotations

import re

EVERY = 256
"""Characters of new text after which it is worth looking again."""

SHORTEST = 400
"""Characters that equal pieces have to make up at least: shorter runs are rulers, indents and lists of
numbers."""
PIECES = 5
"""So many equal pieces in a row are a repetition."""
ITEMS = 65
"""So many where the pieces may be equal items of a list, as in the configuration of a regular network, which
has at most 64 layers on a level."""

_KEY = 24
"""Characters at the end that are looked for before it."""
_PLACES = 40
"""Places where they are found that are tried."""
_ITEM = re.compile(r"\s*[\w.]*\s*")


def repetition(text: str) -> int | None:
    """Where the repetition begins that `text` ends with: after its first piece. None where there is none.

    A repetition is the same piece at least 5 times in a row, or 65 times where the pieces may be items of a
    list, and at least 400 characters long. The cost grows with the length of the repetition alone.
    """
    if len(text) < SHORTEST:
        return None
    key = text[-_KEY:]
    end = len(text)
    for _ in range(_PLACES):
        end = text.rfind(key, 0, end - 1) + len(key)
        period = len(text) - end
        if end < len(key) or period * PIECES > len(text):
            return None
        begins = len(text) - _equal(text, period)
        pieces = (len(text) - begins) // period
        piece = text[-period:]
        if pieces >= PIECES and pieces * period >= SHORTEST and pieces >= _wanted(piece):
            return begins + period
    return None


def _equal(text: str, period: int) -> int:
    """How many characters at the end of `text` have the period."""
    piece, length = text[-period:], period
    while text.endswith(piece, 0, len(text) - length):
        length += period
    return length


def _wanted(piece: str) -> int:
    return ITEMS if _may_be_items(piece) else PIECES


def _may_be_items(piece: str) -> bool:
    """Whether `piece`, which may begin anywhere in an item, holds items in brackets with commas between."""
    depth = lowest = start = 0
    for index, char in enumerate(piece):
        depth += (char in "([{") - (char in ")]}")
        if depth < lowest:
            lowest, start = depth, index + 1
    if depth:
        return False
    outside: list[str] = []
    for char in piece[start:] + piece[:start]:
        closes = char in ")]}"
        depth -= closes
        if depth == 0 and not closes and char not in "([{":
            outside.append(char)
        depth += char in "([{"
    items = "".join(outside).split(",")
    return len(items) > 1 and len(outside) < len(piece) and all(map(_ITEM.fullmatch, items))
