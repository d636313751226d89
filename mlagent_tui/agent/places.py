"""The numbers of a goal's text, each with the words around it and what it is for where they say so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from mlagent_tui.agent import goal_words as words
from mlagent_tui.agent.numbers import Found, find_numbers, masked

_NEAR = 34
"""Characters before a number in which a direction such as "at least" belongs to it."""
_STOP = re.compile(r"[.;!?。；](?=\s|$|[^\x00-\x7f])|\n")

_CLOSING = re.compile(
    r"\w*\s*(?:at\s+(?:most|least)|max(?:imum)?|min(?:imum)?|tops)\s*(?=[,;.]|$|(?:and|but|with)\b)",
    re.IGNORECASE,
)
"""A direction behind the number that it belongs to: the next number has its own."""


@dataclass(frozen=True)
class Place:
    """A number, the text between it and its neighbours, and what it is for where its words say so."""

    found: Found
    before: str
    after: str
    role: Literal["size", "parameters", "seconds", "number"]

    def direction(self) -> str:
        """`>=`, `>`, `<=`, `<`, `up`, `better`, or empty: what the words around the number say."""
        behind = re.sub(rf"^\s*(?:{words.ACCURACY.pattern})", "", self.after, flags=re.IGNORECASE)
        for kind, pattern in words.AFTER:
            if match := pattern.search(behind):
                sign = "<" if words.DOWN_AFTER.search(match.group()) else ">"
                return sign if kind == "better" else f"{sign}="
        return words.direction_of(self.before[-_NEAR:])


def places_in(text: str) -> list[Place]:
    """The numbers of `text` in their order."""
    flat, places = masked(text), []
    found = [f for f in find_numbers(text) if f.text.lower() not in ("one", "a", "an")]
    used = 0
    for i, one in enumerate(found):
        until = found[i + 1].start if i + 1 < len(found) else len(flat)
        before = _STOP.split(flat[used : one.start])[-1] if one.start > used else ""
        after = _STOP.split(flat[one.end : until])[0][:60]
        role = _role(one, before, after)
        own = {"parameters": words.PARAMETERS_AFTER, "size": words.SIZES_AFTER}.get(role)
        attached = own.search(after) if own else None
        places.append(Place(one, before, after, role))
        used = one.end + (attached.end() if attached else 0)
        if closing := _CLOSING.match(flat, used):
            used = closing.end()
    return places


def _role(found: Found, before: str, after: str) -> Literal["size", "parameters", "seconds", "number"]:
    if found.unit == "s":
        return "seconds"
    if not found.unit and abs(found.value) >= 1 and words.PARAMETERS_AFTER.search(after):
        return "parameters"
    if (words.SHARES_OF if found.unit else words.SIZES_AFTER).search(after):
        return "size"
    roles = (
        ("size", words.SIZES), ("parameters", words.PARAMETERS),
        ("number", words.ACCURACY), ("number", words.LOSS), ("number", words.ERROR),
        ("number", words.UNKNOWN),
    )  # fmt: skip
    last = max(((m.end(), role) for role, p in roles for m in p.finditer(before)), default=(0, "number"))[1]
    if found.unit == "%":
        beside = re.search(
            r"(?:dropout|smoothing|sparsity|memory)[^\w,;]*(?:\w+[^\w,;]+)?$", before, re.IGNORECASE
        )
        return "size" if beside else "number"
    if last == "parameters" and found.value < 1:
        return "number"
    if found.scaled and last == "number" and _is_most(before, after):
        return "parameters"
    return last  # type: ignore[return-value]


def _is_most(before: str, after: str) -> bool:
    """Whether an amount such as 20k is a maximum: "under 20k", "20k tops". It can only be of parameters."""
    if words.direction_of(before[-_NEAR:]) in ("<", "<=", "up"):
        return True
    return bool(re.match(r"\s*(?:at\s+most|max(?:imum)?|tops)\b", after, re.IGNORECASE))
