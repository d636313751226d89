"""Whether a sentence says that something is not there: where a refusal begins, and how far it reaches."""

from __future__ import annotations

import re

_NEGATION = re.compile(
    r"\b(?:no|not(?!\s+(?:only|just|merely))|without|neither|nor|never|lacks?|instead of|rather than|free of|"
    r"unlike)\b|n't\b",
    re.IGNORECASE,
)
_NEW_CLAUSE = re.compile(
    r"[,;.]|\b(?:because|since|before|after|followed|but|while|whereas|which|uses|has|relies|applies|contains|"
    r"includes|ends|keeps|takes)\b",
    re.IGNORECASE,
)
"""What a refusal does not reach beyond: in `no bias because batch norm follows`, the norm is there."""
_LOOSE = re.compile(r"\b(?:and|in|on|between|to|by|for|with|is|are|from|inside|as|that)\b", re.IGNORECASE)
"""Behind these words it is open what a refusal is about: in `no dropout and batch norm`, both or one."""
_NOT_USED = re.compile(
    r"^\s*(?:\w+\s+)?(?:(?:is|are)\s+(?:not\s+(?:used|needed|present|included|applied|part)|absent|omitted|missing|"
    r"left\s+(?:out|to))|(?:is|are)n't\s+(?:used|needed|present|included|applied|part))\b",
    re.IGNORECASE,
)


def denied(text: str, span: tuple[int, int]) -> bool | None:
    """Whether `text` says that what it names at `span` is not there; None where that is open."""
    start, end = span
    if _NOT_USED.match(text[end:]):
        return True
    refusals = [match.end() for match in _NEGATION.finditer(text, 0, start)]
    between = text[refusals[-1] : start] if refusals else ""
    if not refusals or _NEW_CLAUSE.search(between):
        return False
    return None if _LOOSE.search(between) else True
