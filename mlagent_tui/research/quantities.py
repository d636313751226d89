"""Numbers as sentences have them: digits with a scale or a percent sign, and small numbers in words."""

from __future__ import annotations

import re

NUMBER_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
NUMBER = re.compile(
    r"(?<![\w.])(?P<digits>\d{1,3}(?:[,\u202f ]\d{3})+(?!\d)|\d+)(?P<part>\.\d+)?(?:e(?P<power>\d+))?"
    r"\s?(?P<scale>thousand\b|million\b|billion\b|[kKMGB](?:\b(?!B)|(?=FLOP|MAC)))?"
    r"(?P<percent>\s?%|\s?percent\b)?(?:(?!\w)|(?<=[kKMG])(?=FLOP|MAC))"
)
SHAPE = re.compile(r"(?<![\w.])\d+(?:\s?[x×]\s?\d+)+(?![\w])")
"""Sizes such as `16x8x8`."""

_SCALES = {"thousand": 1e3, "k": 1e3, "million": 1e6, "m": 1e6, "billion": 1e9, "b": 1e9, "g": 1e9, "": 1.0}
_ABOUT = re.compile(
    r"(?:about|around|approximately|approx\.?|roughly|nearly|almost|some|over|~|≈|more than|less than|under)"
    r"\s*$",
    re.IGNORECASE,
)


def value(match: re.Match[str]) -> tuple[float, float]:
    """The value of a match of `NUMBER`, and the size of one step of its last digit."""
    digits, part = re.sub(r"\D", "", match["digits"]), match["part"] or ""
    factor = _SCALES[(match["scale"] or "").lower()] * 10.0 ** min(30, int(match["power"] or 0))
    return float(digits + part) * factor, 10.0 ** -(max(0, len(part) - 1)) * factor


def numbers_of(text: str) -> list[float]:
    """The numbers that stand by themselves in a text; those inside names and shapes are left out."""
    return [value(match)[0] for match in NUMBER.finditer(SHAPE.sub(" ", text))]


def is_rough(before: str) -> bool:
    """Whether the words before a number say that it is rounded."""
    return _ABOUT.search(before) is not None


def small(word: str) -> int | None:
    """`two`, `2` and `single` as a number; None for other words."""
    word = word.lower()
    if word.isdigit():
        return int(word)
    if word == "single":
        return 1
    return NUMBER_WORDS.index(word) if word in NUMBER_WORDS else None
