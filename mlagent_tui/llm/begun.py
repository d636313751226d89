"""An answer that was begun for a model behind a server: such models go on from it, or begin it again."""

from __future__ import annotations

import re

_FENCE = re.compile(r"\s*```\w*\n")
_PART_OF_FENCE = re.compile(r"\s*`{0,2}|\s*```\w*")
LEAST = 3
"""Characters of the last line of a begun answer by which it is recognised alone."""


class Begun:
    """Takes what such a model writes and gives what follows the text `begin`."""

    def __init__(self, begin: str) -> None:
        self._begin = begin
        self._held = ""
        self._decided = not begin

    def __call__(self, piece: str, final: bool = False) -> str:
        """What of the text so far can be passed on; with `final`, all of it."""
        if self._decided:
            return piece
        self._held += piece
        rest = following(self._held, self._begin, final)
        if rest is None:
            return ""
        self._decided = True
        return rest


def sent(begin: str) -> str:
    """What of a begun answer is sent: some servers refuse or drop blanks at its end."""
    return begin.rstrip()


def following(text: str, begin: str, final: bool = True) -> str | None:
    """What in `text` follows `begin`, where it was begun again: all of it, or its last line alone.

    None where, unless it is `final`, more of the text has to be known.
    """
    whole, last = begin.strip(), begin.rpartition("\n")[2].strip()
    marks = [whole, last] if len(last) >= LEAST else [whole]
    head = text[fence.end() if (fence := _FENCE.match(text)) else 0 :].lstrip()
    found = next((mark for mark in marks if mark and head.startswith(mark)), None)
    if found is not None:
        rest = head[len(found) :]
    elif final or not (_PART_OF_FENCE.fullmatch(text) or any(mark.startswith(head) for mark in marks)):
        rest = text
    else:
        return None
    blanks = begin[len(sent(begin)) :]
    if not final and blanks.startswith(rest):
        return None
    while not rest.startswith(blanks):
        blanks = blanks[:-1]
    return rest[len(blanks) :]
