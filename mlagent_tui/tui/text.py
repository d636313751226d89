"""Text of models, files and journals made fit for a terminal: what could be obeyed is shown instead.

Whoever shows such text also keeps markup off: `plain` makes the `Content` that has none.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content

from mlagent_tui.text import visible as visible

SEPARATOR = " · "


def line(text: str) -> str:
    """`text` made visible on one line: runs of white space are one space."""
    return " ".join(visible(text).split())


def sentences(*parts: str) -> str:
    """What happened and what to do about it, one after the other, with a full stop between."""
    said = [part.strip() for part in parts if part.strip()]
    ended = [part if part.endswith((".", "!", "?", "…")) else f"{part}." for part in said[:-1]]
    return " ".join([*ended, *said[-1:]])


def plain(text: str, style: str = "") -> Content:
    """`text` made visible, in one style, with markup off."""
    return Content.styled(visible(text), style) if style else Content(visible(text))


def cut(text: str, columns: int) -> str:
    """`text` in at most `columns` columns, with an ellipsis where something was cut."""
    if cell_len(text) <= columns:
        return text
    kept, used = [], 0
    for character in text:
        used += cell_len(character)
        if used >= columns:
            break
        kept.append(character)
    return "".join(kept) + "…" if columns > 0 else ""


def fitted(said: Sequence[tuple[int, str, str]], columns: int) -> Content:
    """Words in one line: (rank, words, style), the highest rank left out first where room is short."""
    kept = [item for item in said if item[1]]
    while len(kept) > 1 and sum(cell_len(text) + len(SEPARATOR) for _, text, _ in kept) - 3 > columns:
        kept.remove(max(reversed(kept), key=lambda item: item[0]))
    parts: list[str | tuple[str, str]] = []
    for _, text, style in kept:
        parts += [SEPARATOR, (text, style)] if parts else [(text, style)]
    return Content.assemble(*parts)
