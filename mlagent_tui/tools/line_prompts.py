"""What the coder is asked for one line of a network: worked lines of the same kind, then the line begun.

The worked lines are in the file `lines` of the completion prompts, under the kinds of `outline.Line`. They
are shown as plain text, to chat models too: nothing is easier than to continue a text in which every line
follows from its comment.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from mlagent_tui import prompts
from mlagent_tui.llm import Message, Request
from mlagent_tui.tools.outline import Line

SHOWN = (6, 6, 6, 3)
"""Worked lines of the same form that are shown: at the first try, the second, the third, and so on round."""
FEWEST = 3
"""With fewer worked lines of the same form, the most like are shown, whatever their form."""
RETRY_TEMPERATURE, WARMER = 0.5, 0.2
"""What a line is drawn at when the likeliest was refused twice, and how much more each time after."""
GREEDY = 2
"""Tries at a temperature of 0, the second with another prompt."""
LEAST_TOKENS = 24
_SIZES = re.compile(
    r"\b(?:(?:in|out)_(?:channels|features)|num_(?:features|groups|channels)|normalized_shape)="
)

Worked = tuple[str, str]
"""A comment, and the line that follows from it."""


def line_request(line: Line, refused: Sequence[str] = (), seed: int = 0) -> Request:
    """The request for the right side of `line`, after the answers to it that were refused.

    No two of them are the same. Every other one has sizes by place, as in `nn.Conv2d(1, 16, kernel_size=3)`:
    a model that takes one number for the other where both are named may get them right then. From the third
    on, answers are drawn at random.
    """
    tried = len(refused)
    written = _by_place if tried % 2 else _as_is
    return Request(
        messages=(
            Message("system", written("\n".join(map(_text, shown(line, tried))))),
            Message("user", written(_text((f"# {line.comment}", line.left)))),
        ),
        task="code",
        max_tokens=LEAST_TOKENS + len(line.comment),
        temperature=0.0 if tried < GREEDY else RETRY_TEMPERATURE + WARMER * (tried - GREEDY),
        seed=seed + tried,
        stops=("\n",),
        plain=True,
    )


def worked(kind: str) -> tuple[Worked, ...]:
    """The worked lines of a kind."""
    return _bank(prompts.text("completion", "lines"))[kind]


def shown(line: Line, tried: int = 0) -> list[Worked]:
    """The worked lines to show, the one most like the line last.

    They have the same names of arguments where there are enough such: small models write any that they see.
    None has the same arguments: it would be the answer.
    """
    made = line.comment.partition(": ")[2]
    alike = [one for one in nearest(line) if "=" not in made or one[0].partition(": ")[2] != made]
    same = [one for one in alike if _arguments(one[0]) == _arguments(line.comment)]
    return (same if len(same) >= FEWEST else alike[-FEWEST:])[-SHOWN[tried % len(SHOWN)] :]


def nearest(line: Line) -> list[Worked]:
    """The worked lines of the kind, last those with the same argument names, or else of the same prefix."""
    wanted = _arguments(line.comment) | _prefixes(line.comment)
    return sorted(worked(line.kind), key=lambda one: -len((_arguments(one[0]) | _prefixes(one[0])) ^ wanted))


def _arguments(comment: str) -> set[str]:
    return set(re.findall(r"\w+(?==)", comment))


def _prefixes(comment: str) -> set[str]:
    """What names in a comment are without their numbers."""
    return set(re.findall(r"\b[a-z_]+(?:2d)?(?=\d*\b)", comment))


def _by_place(text: str) -> str:
    """The text with sizes of layers without their names; they come first wherever they are."""
    return _SIZES.sub("", text)


def _as_is(text: str) -> str:
    return text


def _text(worked: Worked) -> str:
    return "\n".join(worked)


@cache
def _bank(text: str) -> dict[str, tuple[Worked, ...]]:
    found: dict[str, tuple[Worked, ...]] = {}
    for section in text.split("\n## ")[1:]:
        kind, *lines = (line for line in section.splitlines() if line.strip())
        found[kind.strip()] = tuple(zip(lines[::2], lines[1::2], strict=True))
    return found
