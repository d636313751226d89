"""A network divided into stretches, so that a coder can write it piece by piece.

A stretch ends only where no residual block is open. It is asked for as a network of its own: its steps are
counted from 1, and it begins with an image and ends with classes, by steps that are added for the question.
Stretches that do the same on the same shapes are one question, and one answer serves them all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from math import ceil, prod

from mlagent_tui.schemas import Flatten, Linear
from mlagent_tui.shapes import Shape, Step
from mlagent_tui.tools.prompts import describe, order

FEWEST = 6
"""Steps of a stretch that is cut short because it repeats: a single layer is no usual question."""

OTHER_STARTS = (8, 2)
"""What is added to the numbers of layers when a question is put in other ways, one after the other."""

_NUMBERED = re.compile(r"(.+?)(\d+)")

Unit = tuple[Step, ...]
"""A step outside residual blocks, or a whole block."""


@dataclass(frozen=True)
class Stretch:
    """Steps of a network that follow one another, and the question that asks for them.

    `names` gives the name in the network for each name in the question; `lead` and `tail` are steps at its
    beginning and end that the network does not have.
    """

    own: tuple[Step, ...]
    steps: tuple[Step, ...]
    names: Mapping[str, str]
    lead: tuple[str, ...] = ()
    tail: tuple[str, ...] = ()

    @cached_property
    def question(self) -> str:
        """What tells it from other stretches."""
        return describe(list(self.steps))


def whole(steps: Sequence[Step]) -> Stretch:
    """A network in one stretch: its names are as they are."""
    return Stretch(tuple(steps), tuple(steps), {step.name: step.name for step in steps})


def length(steps: Sequence[Step]) -> int:
    """Characters that the description of `steps` has in a prompt."""
    return len(describe(list(steps))) + len(", ".join(order(list(steps))))


def divide(steps: Sequence[Step], room: int, last: Step) -> list[Stretch]:
    """Stretches of at most `room` characters each; longer where a single step or block is.

    Where layers repeat, they are divided so that many stretches are alike. `last` is the network's last step.
    """
    cutter = _Cutter(list(_units(steps)), room)
    return [_stretch([step for unit in units for step in unit], last) for units in cutter.cut()]


def halves(stretch: Stretch, last: Step) -> list[Stretch]:
    """The stretch in two or three of about the same length, or one where it is a single step or block."""
    return divide(stretch.own, ceil(length(stretch.own) / 2), last)


def renumbered(stretch: Stretch, last: Step, way: int) -> Stretch:
    """The same stretch as another question: what a small model gets wrong depends on the names as well."""
    return _stretch(stretch.own, last, OTHER_STARTS[way])


def _stretch(steps: Sequence[Step], last: Step, first: int = 0) -> Stretch:
    """`steps` as a question; `first` is added to the numbers of layers."""
    taken, given, classes = steps[0].input_shape, steps[-1].output_shape, last.output_shape
    lead, tail = [], []
    if len(taken) == 1:
        lead.append(_flatten(f"flatten{first + 1}", (*taken, 1, 1)))
    renamed, names = _counted(steps, first, {"flatten": len(lead)})
    numbers = dict(_parts(step.name) for step in (*lead, *renamed))
    if steps[-1] is not last:
        if len(given) > 1:
            tail.append(_flatten(f"flatten{numbers.get('flatten', first) + 1}", given))
        layer = Linear(type="linear", out_features=classes[0])
        name = f"fc{numbers.get('fc', first) + 1}"
        tail.append(Step(name, "layer", layer, (prod(given),), classes, 0))
    question = (*lead, *renamed, *tail)
    return Stretch(tuple(steps), question, names, _names(lead), _names(tail))


def _flatten(name: str, shape: Shape) -> Step:
    return Step(name, "layer", Flatten(type="flatten"), shape, (prod(shape),), 0)


def _names(steps: Sequence[Step]) -> tuple[str, ...]:
    return tuple(step.name for step in steps)


def _counted(
    steps: Sequence[Step], first: int, before: Mapping[str, int]
) -> tuple[list[Step], dict[str, str]]:
    """The steps counted on from `first`, each kind by itself, and what each was called in the network.

    `before` holds how many of a kind are there already.
    """
    starts: dict[str, int] = {}
    names: dict[str, str] = {}
    renamed = []
    for step in steps:
        kind, number = _parts(step.name)
        counted = "res" if kind == "shortcut" else kind
        count = number - starts.setdefault(counted, number) + 1
        name = f"{kind}{first + before.get(counted, 0) + count}"
        names[name] = step.name
        renamed.append(replace(step, name=name))
    return renamed, names


class _Cutter:
    """Decides how many units each stretch holds."""

    def __init__(self, units: list[Unit], room: int) -> None:
        self._units, self._room = units, room
        self._alike = [describe(_counted(unit, 0, {})[0]) for unit in units]
        """Equal for units that are the same question."""
        self._sizes = [0, *accumulate(length(unit) + 3 for unit in units)]
        self._steps = [0, *accumulate(len(unit) for unit in units)]
        self._known: set[tuple[str, ...]] = set()

    def cut(self) -> Iterator[list[Unit]]:
        start = 0
        while start < len(self._units):
            end = self._end(start)
            self._known.add(tuple(self._alike[start:end]))
            yield self._units[start:end]
            start = end

    def _end(self, start: int) -> int:
        most = start + 1
        while most < len(self._units) and self._size(start, most + 1) <= self._room:
            most += 1
        for end in range(most, start + (most - start) // 2, -1):
            if tuple(self._alike[start:end]) in self._known:
                return end
        for end in range(start + 1, most):
            if self._steps[end] - self._steps[start] >= FEWEST and self._repeated(start, end):
                return end
        left = self._size(start, len(self._units))
        fair = left / ceil(left / self._room)
        return next((end for end in range(start + 1, most) if self._size(start, end) >= fair), most)

    def _size(self, start: int, end: int) -> int:
        return self._sizes[end] - self._sizes[start]

    def _repeated(self, start: int, end: int) -> bool:
        """Whether the units from `start` to `end` follow once more."""
        return self._alike[start:end] == self._alike[end : 2 * end - start]


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
