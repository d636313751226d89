"""The wishes that a goal's text states, and which of a planner's phrases may stand beside them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from mlagent_tui.agent.goal_words import direction_of
from mlagent_tui.agent.numbers import Found, find_numbers, levelled
from mlagent_tui.agent.wish_words import (
    BETWEEN,
    CJK_COUNT,
    CLAUSE,
    CONNECTION,
    EAST,
    ELSEWHERE_AFTER,
    ELSEWHERE_BEFORE,
    FORMS,
    INPUT,
    NOT_AFTER,
    NOT_BEFORE,
    OR,
    OR_FEWER,
    OR_MORE,
    STATED,
    Form,
)
from mlagent_tui.research import wishes as rules
from mlagent_tui.schemas import Wish

MOST_CHARACTERS, MOST_WISHES, LARGEST = 400, 40, 1_000_000
"""How long the phrases of a goal may be, how many wishes it may have, and the largest number in one."""
REACH = 90
"""Characters before a wish in which a refusal or a comparison belongs to it."""
ORDER = (
    "fully connected", "convolutional", "convolutions", "linear layers", "hidden layers", "layers",
    "channels", "kernel", "activation", "norm", "residual", "residual blocks", "depthwise", "dropout",
    "pooling", "epochs", "optimizer", "learning rate", "augmentation",
)  # fmt: skip
"""The order in which the bundled planner learnt to write wishes; others follow."""

SHARES = ("dropout", "learning rate", "weight decay", "label smoothing")
"""What is a number below one."""
COUNTED = ("convolutions", "linear layers", "hidden layers", "layers", "residual blocks")
"""What layers are counted as."""
BOUNDED = (*COUNTED, "channels", "epochs")
"""What may be asked for as at least or at most so many."""
MOST_INPUT_CHANNELS = 4
CJK_VALUES = "零一二三四五六七八九十"
SENTENCE = re.compile(r"[.!?。]")


@dataclass(frozen=True)
class Settled:
    """What planners are shown, the wishes that can be checked, and the phrases that were left out."""

    phrases: str
    asked: list[Wish]
    left_out: list[str]


def wishes_in(text: str) -> list[Wish]:
    """Every wish that the words of `text` state, in its order, each once; not one choice of two."""
    rest, numbers = levelled(text), find_numbers(text)
    found: list[tuple[int, int, Wish]] = []
    for form in FORMS:
        for match in list(form.pattern.finditer(rest)):
            wish = _wish(form, match, rest, numbers)
            if wish is not None:
                found.append((match.start(), match.end(), wish))
                rest = rest[: match.start()] + "#" * len(match[0]) + rest[match.end() :]
    found.sort(key=lambda place: place[:2])
    either = {
        wish
        for (_, end, one), (start, _, other) in pairwise(found)
        if OR.fullmatch(text[end:start]) and not (one.refused or other.refused)
        for wish in (one, other)
    }
    ordered = dict.fromkeys(wish for *_, wish in found if wish not in either)
    return _without_repetition(list(ordered))[:MOST_WISHES]


def settle(text: str, phrases: str) -> Settled:
    """The wishes of the text, and beside them the phrases of a planner that the text does not speak against.

    What the words of the text say is not a planner's to change; of two numbers that both stand in the text,
    the planner's choice counts. In Japanese and Chinese, what no word of the text is about is left out.
    """
    asked = wishes_in(text)
    values = {one.value for one in find_numbers(text)}
    kept: list[tuple[int, str]] = []
    left_out: list[str] = []
    told: list[Wish] = []
    for phrase in (part.strip() for part in phrases.split(",")):
        read = [_with_bound(wish, asked) for wish in wishes_in(phrase)]
        for wish in read:
            if wish not in asked and (wish.number in values or any(_narrows(wish, other) for other in asked)):
                asked = [other for other in asked if not _replaces(wish, other)] + [wish]
        if not read:
            kept += [(-1, phrase)] if phrase else []
        elif all(wish in asked or _may_stand(wish, asked, text) for wish in read):
            kept.append((_rank(read[0]), phrase))
            told += read
        else:
            left_out.append(phrase)
    kept += [(_rank(wish), rules.phrase(wish)) for wish in asked if wish not in told]
    shown = list(dict.fromkeys(phrase for _, phrase in sorted(kept, key=lambda pair: pair[0]) if phrase))
    while len(", ".join(shown)) > MOST_CHARACTERS:
        shown.pop()
    refused = {wish.about for wish in asked if wish.refused}
    more = [wish for wish in told if not (wish.refused and wish.about in refused)]
    return Settled(", ".join(shown), list(dict.fromkeys([*asked, *more]))[:MOST_WISHES], left_out)


def _rank(wish: Wish) -> int:
    return ORDER.index(wish.about) if wish.about in ORDER else len(ORDER)


def _with_bound(wish: Wish, asked: Sequence[Wish]) -> Wish:
    """A planner's wish, or the one of the text that has a bound which the planner left out."""
    same = [one for one in asked if (one.about, one.number) == (wish.about, wish.number)]
    return same[0] if same and wish.number is not None and wish.comparison == "=" else wish


def _narrows(wish: Wish, other: Wish) -> bool:
    """Whether one says more exactly what the other says: layer norm for normalisation."""
    if wish.about != other.about or wish.refused or other.refused or other.number is not None:
        return False
    return wish.number is not None or (wish.value != other.value and wish.value.endswith(other.value))


def _replaces(wish: Wish, other: Wish) -> bool:
    """Whether a planner's wish, one that the text bears out, takes the place of one read by rules."""
    if other.about == "layers" and wish.about in COUNTED:
        return wish.number == other.number
    return other.about == wish.about and (wish.number is not None or _narrows(wish, other))


def _may_stand(wish: Wish, asked: Sequence[Wish], text: str) -> bool:
    """Whether a planner's wish agrees with those of the text, and something in the text may be about it."""
    same = [other for other in asked if other.about == wish.about]
    if any(not other.refused or other.value in ("", wish.value) for other in same):
        return False
    return not any(rules.clash(wish, other) for other in asked) and not EAST.search(text)


def _wish(form: Form, match: re.Match[str], text: str, numbers: Sequence[Found]) -> Wish | None:
    before, after = text[max(0, match.start() - REACH) : match.start()], text[match.end() :]
    elsewhere = ELSEWHERE_BEFORE.search(before) or ELSEWHERE_AFTER.match(after)
    refused = NOT_BEFORE.search(CLAUSE.split(before)[-1]) is not None or NOT_AFTER.match(after) is not None
    inside = [int(n) for n in match.groupdict().values() if n and int(n) <= LARGEST]
    said = _number(form, match, text, numbers) if form.number and not (inside or refused) else None
    if said is not None:
        stated = STATED.search(SENTENCE.split(before)[-1] + SENTENCE.split(after)[0])
        given = form.about == "channels" and said[0] <= MOST_INPUT_CHANNELS
        if stated or (given and INPUT.search(re.split(r"[,;.]", before)[-1] + match[0])):
            return None
        return _numbered(form, *said)
    if elsewhere or (form.number and not (inside or form.optional)):
        return None
    return Wish(
        about=form.plain or form.about, value=form.value, number=next(iter(inside), None), refused=refused
    )


def _numbered(form: Form, number: float, comparison: str) -> Wish | None:
    if form.about in SHARES:
        if not 0 <= number < 1:
            return None
        return Wish(about=form.about, number=number or None, refused=form.about == "dropout" and number == 0)
    if number != int(number) or not 0 <= number < LARGEST:
        return None
    if form.about not in BOUNDED:
        return Wish(about=form.about, number=number)
    value, sign = _bounded(number, comparison)
    return Wish(about=form.about, number=value, comparison=sign)


def _number(
    form: Form, match: re.Match[str], text: str, numbers: Sequence[Found]
) -> tuple[float, str] | None:
    """The number of a noun, before or after it, and the direction that goes with it."""
    ways = [_behind, _ahead] if form.about in SHARES or form.number == "after" else [_ahead, _behind]
    if form.number == "after":
        ways = [_behind]
    units = ("", "%") if form.about in SHARES else ("",)
    plain = [one for one in [*numbers, *_small(text, numbers)] if one.unit in units and _alone(one, text)]
    return next((said for way in ways if (said := way(match, text, plain))), None)


def _ahead(match: re.Match[str], text: str, numbers: Sequence[Found]) -> tuple[float, str] | None:
    one = max((n for n in numbers if n.end <= match.start()), key=lambda n: n.end, default=None)
    if one is None or not BETWEEN.fullmatch(text[one.end : match.start()]):
        return None
    behind = text[match.end() : match.end() + 12]
    if OR_MORE.match(behind) or OR_FEWER.match(behind):
        return one.value, ">=" if OR_MORE.match(behind) else "<="
    last = max((n.end for n in numbers if n.end <= one.start), default=0)
    return one.value, direction_of(CLAUSE.split(text[last : one.start])[-1][-30:])


def _behind(match: re.Match[str], text: str, numbers: Sequence[Found]) -> tuple[float, str] | None:
    one = min((n for n in numbers if n.start >= match.end()), key=lambda n: n.start, default=None)
    if one is None or not CONNECTION.fullmatch(text[match.end() : one.start]):
        return None
    return one.value, direction_of(text[match.end() : one.start])


def _alone(number: Found, text: str) -> bool:
    """Whether a number is not one side of a size, as in `3 by 3`."""
    size_after = re.match(r"\s?-?(?:x|×|by)[\s-]?\d", text[number.end :])
    return not size_after and not re.search(r"\d\s?-?(?:x|×|by)[\s-]?$", text[: number.start])


def _small(text: str, numbers: Sequence[Found]) -> list[Found]:
    """The small numbers of Chinese and Japanese that are numbers only before a word for layers."""
    taken = {position for one in numbers for position in range(one.start, one.end)}
    return [
        Found(
            found[0],
            float(CJK_VALUES.index("二" if found[0] in "两兩" else found[0])),
            "",
            found.start(),
            found.end(),
        )
        for found in CJK_COUNT.finditer(text)
        if found.start() not in taken
    ]


def _bounded(value: float, sign: str) -> tuple[float, Literal["=", ">=", "<="]]:
    match sign:
        case ">=":
            return value, ">="
        case "<=" | "up":
            return value, "<="
        case ">":
            return value + 1, ">="
        case "<":
            return max(0.0, value - 1), "<="
        case _:
            return value, "="


def _without_repetition(found: list[Wish]) -> list[Wish]:
    """Without what another wish says more exactly: convolutions beside a number of them."""
    abouts = {wish.about for wish in found if not wish.refused}
    implied = {
        "convolutional": {"convolutions", "depthwise", "kernel"}, "residual": {"residual blocks"},
        "layers": {"hidden layers", "convolutions", "linear layers"},
    }  # fmt: skip
    return [wish for wish in found if wish.refused or not implied.get(wish.about, set()) & abouts]
