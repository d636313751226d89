"""Colours of code: the same as Textual's own, asked for where they are seen, and kept up as code grows."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.widgets import TextArea

from mlagent_tui.tui import fold
from mlagent_tui.tui.panels import CodePanel, highlight
from mlagent_tui.tui.panels.highlight import STRETCH, Highlights

SOURCE = Path(fold.__file__).read_text(encoding="utf-8") + '\nname = "größer"  # ≥\n'


def spans(found: Highlights, rows: int) -> list[set[highlight.Span]]:
    return [set(found[row]) for row in range(rows)]


def test_no_line_has_colours_before_they_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    highlight.load.cache_clear()
    found = Highlights(lambda: "x = 1\n")
    assert found[0] == []
    highlight.load()
    assert (0, 1, "variable") in found[0]


@pytest.mark.asyncio
async def test_every_line_has_the_colours_that_textual_gives_it() -> None:
    class Editor(App[int]):
        def compose(self) -> ComposeResult:
            yield TextArea(SOURCE, language="python")

    highlight.load()
    rows = SOURCE.count("\n")
    ours = spans(Highlights(lambda: SOURCE), rows)
    async with Editor().run_test() as pilot:
        theirs = pilot.app.query_one(TextArea)._highlights
        for row in range(rows):
            assert ours[row] == set(theirs[row]), SOURCE.splitlines()[row]


def test_only_the_stretch_that_is_seen_is_coloured() -> None:
    highlight.load()
    found = Highlights(lambda: SOURCE)
    assert found[STRETCH + 1]
    assert set(found) == set(range(STRETCH, 2 * STRETCH))


def test_code_that_grows_has_the_same_colours_as_code_that_is_there_at_once() -> None:
    highlight.load()
    shown = [""]
    growing = Highlights(lambda: shown[0])
    for end in range(0, 3000, 177):
        shown[0] = SOURCE[:end]
        growing.clear()
        rows = shown[0].count("\n") + 1
        assert spans(growing, rows) == spans(Highlights(lambda: shown[0]), rows)


@pytest.mark.asyncio
async def test_code_is_followed_from_the_first_look_until_the_user_scrolls_up() -> None:
    panel = CodePanel()

    class Host(App[int]):
        def compose(self) -> ComposeResult:
            yield panel

    async with Host().run_test(size=(80, 20)) as pilot:
        lines = "".join(f"x{number} = {number}\n" for number in range(100))
        panel.view.show(lines, set(), follow=True)
        await pilot.pause()
        assert panel.view.scroll_offset.y == panel.view.max_scroll_y > 0
        panel.view.show(lines + "y = 1\n" * 30, set(), follow=True)
        await pilot.pause()
        assert panel.view.scroll_offset.y == panel.view.max_scroll_y
        panel.view.scroll_to(y=3, animate=False)
        await pilot.pause()
        panel.view.show(lines + "y = 1\n" * 60, set(), follow=True)
        await pilot.pause()
        assert panel.view.scroll_offset.y == 3
