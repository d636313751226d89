"""One rule for text of others: nothing that cannot be seen, in a terminal, a report or a prompt."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from mlagent_tui import console
from mlagent_tui.experiments import report
from mlagent_tui.text import clean, visible
from mlagent_tui.tui import text as tui

HIDDEN = {
    "escape": "\x1b[31m", "zero width": "\u200b\u200d\ufeff", "tags": "\U000e0041\U000e0042",
    "right to left": "\u202e\u2066", "variation selectors": "\ufe01\U000e0101", "filler": "\u3164\u115f",
    "c1": "\x9b", "lone surrogate": "\ud800", "soft hyphen": "\u00ad",
}  # fmt: skip


@pytest.mark.parametrize("name", HIDDEN)
def test_what_cannot_be_seen_reaches_no_terminal_and_no_report(name: str) -> None:
    text = f"good{HIDDEN[name]}bye"
    for shown in (clean(text), visible(text), console.clean(text), report.plain(text), tui.line(text)):
        assert not set(shown) & set(HIDDEN[name]) - set("[31m")
        assert shown.startswith("good") and shown.endswith("bye")


@pytest.mark.parametrize("text", ["naïve café, 95 % ≥ µ", "数字 0.95", "ok 👍 ❤", "a\nb", "עברית عربي"])
def test_ordinary_text_of_any_language_stays_as_it_is(text: str) -> None:
    assert clean(text) == visible(text) == text


@pytest.mark.parametrize("text", ["![x](http://a/b.png)", "[word](http://a)", "[word][1]", "[1]: http://a"])
def test_a_report_shows_images_and_links_of_others_as_text(text: str) -> None:
    parts = [part for block in MarkdownIt().parse(report.plain(text)) for part in block.children or []]
    assert {part.type for part in parts} == {"text"}
    assert "".join(part.content for part in parts) == text
