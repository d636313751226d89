"""Two texts compared: their lines side by side in order, changed words marked within changed lines."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from textual.content import Content

from mlagent_tui.tui.text import visible

CONTEXT = 3
MOST_LINES = 4000

_GONE, _NEW = "$text-error on $error 15%", "$text-success on $success 15%"
_GONE_WORD, _NEW_WORD = "bold $text-error on $error 35%", "bold $text-success on $success 35%"
_THIN = "$foreground 50%"
_WORD = re.compile(r"\w+|\s+|.")


def compare(before: str, after: str) -> tuple[Content, int, int]:
    """The differences from `before` to `after`, how many lines are new, and how many are gone."""
    old, new = _lines(before), _lines(after)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    rows: list[Content] = []
    added = removed = 0
    for number, group in enumerate(matcher.get_grouped_opcodes(CONTEXT)):
        if number:
            rows.append(Content.styled("      ⋯", _THIN))
        for tag, a, b, c, d in group:
            if tag == "equal":
                rows += [_row(c + i, " ", Content(line), _THIN) for i, line in enumerate(new[c:d])]
                continue
            removed, added = removed + b - a, added + d - c
            rows += _changed(old[a:b], new[c:d], a, c)
    return Content("\n").join(rows), added, removed


def _changed(gone: Sequence[str], come: Sequence[str], first_gone: int, first_new: int) -> Iterator[Content]:
    """A block that was replaced. Where as many lines came as went, what differs within each is marked."""
    pairs = list(zip(gone, come, strict=True)) if len(gone) == len(come) else []
    marked = [_words(one, other) for one, other in pairs]
    for index, line in enumerate(gone):
        shown = marked[index][0] if marked else Content.styled(line, _GONE)
        yield _row(first_gone + index, "-", shown, _GONE)
    for index, line in enumerate(come):
        shown = marked[index][1] if marked else Content.styled(line, _NEW)
        yield _row(first_new + index, "+", shown, _NEW)


def _row(index: int, sign: str, line: Content, style: str) -> Content:
    return Content.assemble((f"{index + 1:>4} ", _THIN), (f"{sign} ", style), line)


def _words(before: str, after: str) -> tuple[Content, Content]:
    """Two versions of a line, with the words that differ standing out."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    gone: list[tuple[str, str]] = []
    come: list[tuple[str, str]] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    alike = matcher.ratio() > 0.4  # lines that share little are easier to read unmarked
    for tag, a, b, c, d in matcher.get_opcodes():
        same = tag == "equal" or not alike
        gone.append(("".join(old[a:b]), _GONE if same else _GONE_WORD))
        come.append(("".join(new[c:d]), _NEW if same else _NEW_WORD))
    return tuple(Content.assemble(*(part for part in side if part[0])) for side in (gone, come))  # type: ignore[return-value]


def _lines(text: str) -> list[str]:
    return visible(text).split("\n")[:MOST_LINES]
