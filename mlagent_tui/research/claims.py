"""What a model's text claims about a network, held against what was measured of it.

A sentence is kept when it is prose and nothing in it contradicts the measurement: kinds of network and of
layers, counts, numbers, shapes, names, the largest layer, the first and the last of their kind. What nobody
measured (accuracy, data sets, reputation) counts as contradicted. Everything here is pure.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from mlagent_tui.research.network_facts import Facts, describe
from mlagent_tui.research.quantities import NUMBER, numbers_of, value
from mlagent_tui.research.sentences import Sentence

__all__ = ["Dropped", "Held", "explained", "held", "knows", "misdescribes", "numbers_of"]

_GAP = re.compile(r"((?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)\s+|(?<=[.!?][*_\"')])\s+|\s*\n\s*)")
_LISTED = re.compile(r"^(\s*\d+[.)]) ", re.MULTILINE)
_MARKS = re.compile(r"^(?:[-*•#>]+|\d+[.)])\s+|\*\*|`")
_ENDED = re.compile(r"[.!?:][*_`\"')]*$")
_CODE = ("{", "[", "```", "<")
_NOT_PROSE = re.compile(
    r"```|[{}]|\"\s*:|<\||</|\bself\.\w+\s*=|^\s*(?:def|class|import|from|return)\b.*[:=(]|\w\s*==\s*\w|;\s*$|\]\s*,\s*$|^\s*@"
)

SMALL = 10
"""Whole numbers up to this need no measurement: two reasons, three steps."""
LOOP = 0.5
"""A sentence repeats itself when more than this share of its groups of four words stood in it before."""


@dataclass(frozen=True)
class Dropped:
    """A sentence that is not kept, and why."""

    sentence: str
    why: str


@dataclass(frozen=True)
class Held:
    """What is left of a text: its sentences, how many of them say something that was measured, the rest."""

    text: str
    confirmed: int
    dropped: tuple[Dropped, ...]
    kept: int = 0

    @property
    def enough(self) -> bool:
        """Whether what is left can stand as an explanation."""
        return self.confirmed > 0 and self.kept >= 2 * len(self.dropped)


def held(facts: Facts, text: str, *, cut_off: bool = False) -> Held:
    """The sentences of `text` that hold. `cut_off`: the model was stopped before its text ended."""
    if text.lstrip().startswith(_CODE):
        return Held("", 0, (Dropped(text.strip(), "it is code or data, not sentences"),))
    pieces = _pieces(text)
    whole = [_ENDED.search(sentence) is not None for sentence, _ in pieces]
    kept: list[str] = []
    dropped: list[Dropped] = []
    confirmed, seen = 0, set[str]()
    for index, (sentence, gap) in enumerate(pieces):
        plain = _MARKS.sub("", sentence).strip()
        truth = Sentence(facts, plain)
        last = index == len(pieces) - 1
        torn = last and not whole[index] and (cut_off or any(whole))
        why = _not_a_sentence(plain, seen) or ("it is cut off" if torn else truth.problem())
        seen.add(_folded(plain))
        if why:
            dropped.append(Dropped(plain, why))
        else:
            kept.append(sentence + gap)
            confirmed += truth.confirmed > 0
    return Held("".join(kept).strip(), confirmed, tuple(dropped), len(kept))


def explained(facts: Facts, text: str, *, cut_off: bool = False) -> tuple[str, bool, tuple[Dropped, ...]]:
    """An explanation of the network, whether it is the model's own words, and what of them was dropped."""
    found = held(facts, text, cut_off=cut_off)
    return (found.text, True, found.dropped) if found.enough else (describe(facts), False, found.dropped)


def misdescribes(facts: Facts, sentence: str) -> bool:
    """Whether a sentence says of the network what is not so: its kind, its layers, their number."""
    return bool(Sentence(facts, sentence).misdescribes())


def knows(shown: Collection[float], sentence: str) -> bool:
    """Whether every number of a sentence is one of `shown`, rounded or not; small whole ones pass."""
    for match in NUMBER.finditer(sentence):
        said, step = value(match)
        small = said == int(said) and said <= SMALL
        if not small and not any(abs(said - n) <= step / 2 + 1e-9 * max(1.0, n) for n in shown):
            return False
    return True


def _pieces(text: str) -> list[tuple[str, str]]:
    """Sentences and lines, each with the white space after it."""
    parts = [*_GAP.split(_LISTED.sub("\\1\ue000", text.strip())), ""]
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return [(sentence.replace("\ue000", " "), gap) for sentence, gap in pairs if sentence]


def _folded(sentence: str) -> str:
    return re.sub(r"\W+", " ", sentence.lower()).strip()


def _not_a_sentence(sentence: str, seen: set[str]) -> str:
    letters = sum(c.isalpha() or c.isspace() for c in sentence)
    if _NOT_PROSE.search(sentence) or letters < len(sentence) / 2 or not sentence.strip(".… "):
        return "it is not prose"
    folded = _folded(sentence)
    if folded in seen:
        return "it repeats a sentence"
    words = folded.split()
    groups = [tuple(words[i : i + 4]) for i in range(len(words) - 3)]
    if groups and len(set(groups)) < LOOP * len(groups):
        return "it repeats itself"
    return ""
