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

SHOWN = (3, 6)
"""Worked lines that are shown, those most like the line last: when it is asked for first, and again."""
RETRY_TEMPERATURE, WARMER = 0.4, 0.15
"""What a line is drawn at when the likeliest was refused twice, and how much more each time after."""
GREEDY = 2
"""Tries at a temperature of 0, the second with another prompt."""
LEAST_TOKENS = 24

Worked = tuple[str, str]
"""A comment, and the line that follows from it."""


def line_request(line: Line, refused: Sequence[str] = (), seed: int = 0) -> Request:
    """The request for the right side of `line`, after the answers to it that were refused.

    No two of them are the same: the second has other examples, and those after are drawn at random.
    """
    tried = len(refused)
    shown = nearest(line)[-SHOWN[tried % len(SHOWN)] :]
    return Request(
        messages=(
            Message("system", "\n".join(map(_text, shown))),
            Message("user", _text((f"# {line.comment}", line.left))),
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
    return _bank()[kind]


def nearest(line: Line) -> list[Worked]:
    """The worked lines of the kind, last those with the same argument names, or else of the same prefix."""
    wanted = _features(f"# {line.comment}")
    return sorted(worked(line.kind), key=lambda one: -len(_features(one[0]) ^ wanted))


def _features(comment: str) -> set[str]:
    """The names of arguments in a comment, and what its names are without their numbers."""
    return set(re.findall(r"\w+(?==)", comment)) | set(re.findall(r"\b[a-z_]+(?:2d)?(?=\d*\b)", comment))


def _text(worked: Worked) -> str:
    return "\n".join(worked)


@cache
def _bank() -> dict[str, tuple[Worked, ...]]:
    found: dict[str, tuple[Worked, ...]] = {}
    for section in prompts.text("completion", "lines").split("\n## ")[1:]:
        kind, *lines = (line for line in section.splitlines() if line.strip())
        found[kind.strip()] = tuple(zip(lines[::2], lines[1::2], strict=True))
    return found
