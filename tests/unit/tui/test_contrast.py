"""Contrast of colours, and characters of a text console. What the screens make of it: test_snapshots."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.color import Color as Background

from mlagent_tui.tui import glyphs
from mlagent_tui.tui.app import MlagentApp
from mlagent_tui.tui.contrast import LINES, TEXT, Contrast, Greys, ratio, wanted

BLACK = Background(0, 0, 0)
colours = st.tuples(*[st.integers(0, 255)] * 3).map(lambda parts: Color.from_rgb(*parts))


def drawn(judge: Contrast, text: str, ink: Color | None, ground: Color | None) -> Style:
    """The style in which `text` comes out."""
    (segment,) = judge.apply([Segment(text, Style(color=ink, bgcolor=ground, bold=True))], BLACK)
    assert segment.text == text and segment.style is not None and segment.style.bold
    assert segment.style.bgcolor == ground
    return segment.style


def test_contrast_is_measured_as_the_guidelines_define_it() -> None:
    assert ratio((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert ratio((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)
    assert ratio((0, 0, 238), (0, 0, 0)) == pytest.approx(2.23, abs=0.01)


@given(
    colours, colours, st.sampled_from(["truecolor", "256"]), st.sampled_from([("word", TEXT), ("│⠂", LINES)])
)
def test_any_two_colours_come_out_with_enough_contrast(
    ink: Color, ground: Color, system: str, what: tuple[str, float]
) -> None:
    judge = Contrast(system)
    style = drawn(judge, what[0], ink, ground)
    assert judge.contrast(style.color, ground) >= what[1]
    if judge.contrast(ink, ground) >= what[1]:
        assert style.color == ink


UNSURE = {3, 8}
"""Brown or yellow, dark or middle grey: whatever is written on them, on one of the palettes it has less."""


@pytest.mark.parametrize("dark", [True, False])
def test_of_sixteen_colours_one_is_taken_that_can_be_read_whatever_the_palette(dark: bool) -> None:
    judge = Contrast("standard", dark)
    for under in (None, *range(16)):
        ground = None if under is None else Color.from_ansi(under)
        for number in range(16):
            style = drawn(judge, "word", Color.from_ansi(number), ground)
            assert judge.contrast(style.color, ground) >= (4 if under in UNSURE else TEXT), (number, under)


def test_blocks_are_left_as_they_are_and_lines_and_text_below_a_dialog_need_less() -> None:
    assert [wanted(text) for text in ("▌█", "  ", "─┼", "⠿", "─x")] == [0, 0, LINES, LINES, TEXT]
    assert [wanted(text, inactive=True) for text in ("▌", "─", "x")] == [0, 0, LINES]


def test_what_has_no_style_is_left_alone() -> None:
    segment = Segment("word")
    assert Contrast("truecolor").apply([segment], BLACK) == [segment]
    assert Greys().apply([Segment("", None)], BLACK)[0].style is not None


def test_the_console_gets_characters_of_its_font_that_are_as_wide() -> None:
    for lacking, instead in glyphs.INSTEAD.items():
        assert instead in glyphs.FONT and cell_len(instead) == cell_len(chr(lacking)) == 1
    (segment,) = glyphs.ConsoleFont().apply([Segment("╭─ ✔ best ★ …", Style(bold=True))], BLACK)
    assert segment == Segment("┌─ √ best * .", Style(bold=True))


@pytest.mark.parametrize(("term", "console"), [("linux", True), ("linux-16color", True), ("xterm", False)])
def test_a_text_console_is_known_by_its_name(
    term: str, console: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    assert glyphs.console_font() is console
    assert MlagentApp().get_key_display(Binding("enter", "open")) == ("enter" if console else "⏎")
