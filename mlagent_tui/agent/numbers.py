"""Numbers as people write them in a goal: `70%`, `0.7`, `seventy percent`, `200k`, `two minutes`.

Used twice: the planner's prompt lists what was found, and a goal's numbers are afterwards looked for in
that list, so that no threshold or limit is ever one the user did not write.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "ten", "eleven", "twelve", "thirteen", "fourteen",
    "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SMALL = {w: i for i, w in enumerate(_UNITS)} | {w: 20 + 10 * i for i, w in enumerate(_TENS)}
_LARGE = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
_WORD = "|".join([*_SMALL, *_LARGE])
_SCALE = {"k": 1e3, "thousand": 1e3, "m": 1e6, "mio": 1e6, "mil": 1e6, "million": 1e6, "billion": 1e9}
_TIME = {"s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1, "m": 60, "min": 60, "mins": 60, "minute": 60,
         "minutes": 60, "h": 3600, "hr": 3600, "hour": 3600, "hours": 3600}  # fmt: skip
_PERCENT = r"%|per\s?cent\b|pct\b"
_NAMES = re.compile(r"\bcifar[\s_-]*100?\b|\b\d+\s?x\s?\d+(\s?x\s?\d+)*\b", re.IGNORECASE)
_NUMBER = re.compile(
    rf"""(?<![\w.]) (?P<value> \d{{1,3}}(?:,\d{{3}})+(?!\d|,\d) | \d+(?:\.\d+)? | \.\d+
           | \b(?:half\ an?|a\ quarter|(?:an?\ )?(?:{_WORD})(?:(?:[\s-]|\ and\ )(?:{_WORD}))*)\b )
        (?: \s?(?P<percent>{_PERCENT})
          | [\s-]?(?P<scale>thousand|million|billion|mio|mil)\b
          | \s?(?P<short>(?-i:[kKM])|m(?=\s+(?:param|weight)))(?!\w)
          | [\s-]?(?P<time>seconds?|secs?|minutes?|mins?|hours?|hrs?)\b | (?P<brief>(?-i:[smh]))(?!\w) )?
    """,
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True)
class Found:
    """A number of the text: as written, and as a value (fractions for percentages, seconds for times)."""

    text: str
    value: float
    unit: Literal["", "%", "s"]


def find_numbers(text: str) -> list[Found]:
    """Every number in `text`, in order. Sizes such as 3x3 and names such as CIFAR-10 are not numbers."""
    masked = _NAMES.sub(lambda m: "#" * len(m.group()), text)
    found = []
    for match in _NUMBER.finditer(masked):
        value = _value(match["value"])
        if value is None:
            continue
        unit: Literal["", "%", "s"] = ""
        time = match["time"] or match["brief"]
        if match["percent"]:
            value, unit = value / 100, "%"
        elif match["short"] or match["scale"]:
            value *= _SCALE[(match["short"] or match["scale"]).lower()]
        elif time:
            value, unit = value * _TIME[time.lower()], "s"
        found.append(Found(" ".join(match.group().split()), round(value, 6), unit))
    return found


def _value(text: str) -> float | None:
    plain = text.lower().replace(",", "")
    if re.fullmatch(r"\d*\.?\d+", plain):
        return float(plain)
    if plain.startswith("half"):
        return 0.5
    if plain == "a quarter":
        return 0.25
    total, current = 0.0, 0.0
    words = [w for w in re.split(r"[\s-]+", plain) if w not in ("and", "a", "an")]
    for word in words:
        if word in _SMALL:
            current += _SMALL[word]
        elif word == "hundred":
            current = max(current, 1) * 100
        else:
            total, current = total + max(current, 1) * _LARGE[word], 0
    return total + current if words else None


def listing(found: list[Found]) -> str:
    """`95% = 0.95; 200k = 200000; 2 minutes = 120 s`, or `none`."""
    parts = [f"{f.text} = {plain(f.value)}{' s' if f.unit == 's' else ''}" for f in found]
    return "; ".join(parts) or "none"


def occurs(value: float, found: list[Found]) -> bool:
    """Whether `value` is one of the numbers; a bare 95 may stand for 0.95 and the other way round."""
    candidates = [c for f in found for c in (f.value, f.value / 100 if f.value > 1 else f.value)]
    return any(abs(value - c) <= 1e-6 * max(1.0, abs(c)) for c in candidates)


def plain(value: float) -> str:
    """Shortest form without an exponent."""
    return f"{value:.6f}".rstrip("0").rstrip(".")
