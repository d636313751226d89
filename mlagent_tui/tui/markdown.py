"""Markdown of a model's as styled text: read by markdown-it, as Textual's own widget does, but in one piece.

That widget makes a widget of every paragraph and list item, which costs some milliseconds each; words that
stream in by the thousand need something lighter. Links, pictures and HTML are shown as what they are.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from textual.content import Content

from mlagent_tui.tui.text import visible

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

Part = str | tuple[str, str]
_HEADING, _CODE, _QUOTE = "bold underline", "$text-accent", "$text-muted"
_SPAN_STYLES = {"strong": "bold", "em": "italic", "s": "strike"}


@lru_cache(maxsize=1)
def load() -> MarkdownIt:
    """The parser, which takes a while the first time."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


@lru_cache(maxsize=64)
def prose(text: str) -> Content:
    """`text` with its emphasis, lists, headings and code; control characters are made visible."""
    return _simple(visible(text)) or _read(visible(text))


_LINE = re.compile(r"(?:\*\*([\w ]+)\*\* )?(\w[^\n]*)")
_MARKS = re.compile(r"[*`~#<>&|\\!\[\]]|(?<!\w)_|_(?!\w)| $|^\d+[.)]|https?:|www\.|@")


def _simple(text: str) -> Content | None:
    """A line, perhaps with a word in bold before it, and a list of lines below: most of what is said.

    Read without the parser, which takes a while to load. None for whatever could mean more.
    """
    head, _, below = text.rstrip("\n").partition("\n\n")
    items = below.split("\n") if below else []
    if not all(item.startswith("- ") for item in items):
        return None
    lines: list[Content] = []
    for mark, line in (("", head), *(("• ", item[2:]) for item in items)):
        found = _LINE.fullmatch(line)
        if found is None or _MARKS.search(found[2]):
            return None
        bold: list[Part] = [(found[1], "bold"), " "] if found[1] else []
        lines.append(Content.assemble(mark, *bold, found[2]))
    return Content("\n").join(lines)


def _read(text: str) -> Content:
    parts: list[Part] = []
    lists: list[int | None] = []
    lead = ""
    heading = quote = False
    for token in load().parse(text):
        kind = token.type
        if kind == "inline":
            style = _HEADING if heading else _QUOTE if quote else ""
            parts += [lead, *_inline(token.children or [], style), "\n"]
            lead = " " * len(lead)
        elif kind in ("bullet_list_open", "ordered_list_open"):
            lists.append(None if kind.startswith("bullet") else int(token.attrGet("start") or 1))
        elif kind in ("bullet_list_close", "ordered_list_close"):
            lists.pop()
            lead = "  " * len(lists)
        elif kind == "list_item_open":
            number = lists[-1]
            lead = "  " * (len(lists) - 1) + ("• " if number is None else f"{number}. ")
            lists[-1] = None if number is None else number + 1
        elif kind in ("heading_open", "heading_close"):
            heading = kind == "heading_open"
        elif kind in ("blockquote_open", "blockquote_close"):
            quote = kind == "blockquote_open"
        elif kind in ("fence", "code_block"):
            parts += [(token.content, _CODE)]
        elif kind == "hr":
            parts.append("───\n")
    return Content.assemble(*parts).rstrip()


def _inline(tokens: list[Token], style: str) -> list[Part]:
    """The pieces of one paragraph, each in its styles."""
    parts: list[Part] = []
    styles = [style] if style else []
    for token in tokens:
        name, _, edge = token.type.rpartition("_")
        if edge == "open" and name in _SPAN_STYLES:
            styles.append(_SPAN_STYLES[name])
        elif edge == "close" and name in _SPAN_STYLES:
            styles.remove(_SPAN_STYLES[name])
        elif token.type in ("softbreak", "hardbreak"):
            parts.append(" " if token.type == "softbreak" else "\n")
        elif token.type == "code_inline":
            parts.append((token.content, _CODE))
        elif token.type == "link_close":
            continue
        elif token.type == "link_open":
            parts.append((f"<{token.attrGet('href')}> ", _QUOTE))
        elif token.content:
            parts.append((token.content, " ".join(styles)) if styles else token.content)
    return parts
