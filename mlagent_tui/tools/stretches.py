"""A network divided into stretches, so that a coder can write it piece by piece.

A stretch ends only where no residual block is open. Its steps are named as if it were a network of its own:
stretches that do the same on the same shapes are one question, and one answer serves them all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from math import ceil

from mlagent_tui.shapes import Step
from mlagent_tui.tools.prompts import describe, order

_NUMBERED = re.compile(r"(.+?)(\d+)")

Unit = tuple[Step, ...]
"""A step outside residual blocks, or a whole block."""


@dataclass(frozen=True)
class Stretch:
    """Steps that follow one another. `names` gives the name in the network for each name in the stretch."""

    steps: tuple[Step, ...]
    names: Mapping[str, str]

    @property
    def question(self) -> str:
        """What tells it from other stretches."""
        return describe(list(self.steps))


def length(steps: Sequence[Step]) -> int:
    """Characters that the description of `steps` has in a prompt."""
    return len(describe(list(steps))) + len(", ".join(order(list(steps))))


def whole(steps: Sequence[Step]) -> Stretch:
    """The steps as one stretch, counted from 1."""
    first: dict[str, int] = {}
    names: dict[str, str] = {}
    renamed = []
    for step in steps:
        kind, number = _parts(step.name)
        counted = "res" if kind == "shortcut" else kind
        name = f"{kind}{number - first.setdefault(counted, number) + 1}"
        names[name] = step.name
        renamed.append(replace(step, name=name))
    return Stretch(tuple(renamed), names)


def divide(steps: Sequence[Step], room: int) -> list[Stretch]:
    """Stretches of at most `room` characters each; longer where a single step or block is.

    Where layers repeat, they are divided so that as many stretches as possible are alike.
    """
    units = list(_units(steps))
    alike = [whole(unit).question for unit in units]
    ends = [0, *accumulate(length(unit) + 2 for unit in units)]
    known: set[tuple[str, ...]] = set()
    stretches: list[Stretch] = []
    start = 0
    while start < len(units):
        end = _end(alike, ends, start, room, known)
        known.add(tuple(alike[start:end]))
        stretches.append(whole([step for unit in units[start:end] for step in unit]))
        start = end
    return stretches


def halves(stretch: Stretch) -> list[Stretch]:
    """The stretch in two of about the same length; as it is where it is a single step or block."""
    parts = divide(stretch.steps, ceil(length(stretch.steps) / 2))
    return [replace(part, names={k: stretch.names[v] for k, v in part.names.items()}) for part in parts]


def _end(alike: list[str], ends: list[int], start: int, room: int, known: set[tuple[str, ...]]) -> int:
    """Where the stretch from `start` on ends."""
    count = len(alike)
    most = start + 1
    while most < count and ends[most + 1] - ends[start] <= room:
        most += 1
    for end in range(most, start + (most - start) // 2, -1):
        if tuple(alike[start:end]) in known:
            return end
    for period in range(1, most - start + 1):
        if alike[start : start + period] == alike[start + period : start + 2 * period]:
            return start + period
    left = ends[-1] - ends[start]
    fair = left / ceil(left / room)
    even = next((end for end in range(start + 1, most) if ends[end] - ends[start] >= fair), most)
    return even


def _units(steps: Sequence[Step]) -> Iterator[Unit]:
    block: list[Step] = []
    for step in steps:
        block.append(step)
        if block[0].role != "open" or step.role == "close":
            yield tuple(block)
            block = []


def _parts(name: str) -> tuple[str, int]:
    """`drop2d12` as `drop2d` and 12."""
    found = _NUMBERED.fullmatch(name)
    assert found, name
    return found[1], int(found[2])
