"""What a screen looks like on terminals that show less: without colours, of sixteen, with few characters."""

from __future__ import annotations

import asyncio
from collections import Counter

from rich.cells import cell_len
from textual.color import Color
from textual.filter import NoColor
from textual.widget import Widget
from textual.widgets import DataTable, OptionList

from export_screenshots import seen
from mlagent_tui.tui import glyphs
from mlagent_tui.tui.app import MlagentApp
from mlagent_tui.tui.contrast import Contrast, wanted

BLACK = Color(0, 0, 0)


def unreadable(app: MlagentApp) -> list[str]:
    """What has too little contrast in the app's theme, with its line and colours. Nothing lacks a style."""
    judge = Contrast(app.colour_system, app.current_theme.dark)
    active = app.screen.children[0].region if app.screen.is_modal else app.screen.region
    found = []
    for y, strip in enumerate(seen(app)):
        x = 0
        for text, style, _ in strip:
            assert style is not None, f"{text!r} in line {y} has no style"
            assert app.native_ansi_color or style.bgcolor is not None, f"{text!r} in line {y} has no ground"
            has = judge.contrast(style.color, style.bgcolor)
            if has < wanted(text, inactive=not active.contains(x, y)):
                found.append(f"{text.strip()!r} in line {y}: {has:.1f}, {style}")
            x += cell_len(text)
    return found


def missing(app: MlagentApp) -> set[str]:
    """The characters that a text console does not have. Charts have blocks there in place of dots."""
    drawn = (strip.apply_filter(glyphs.ConsoleFont(), BLACK).text for strip in seen(app))
    return {char for char in "".join(drawn) if char not in glyphs.FONT and not "\u2800" <= char <= "\u28ff"}


def plain(app: MlagentApp) -> str:
    """The screen without colours: its characters, and which are bold, reversed or underlined."""
    strips = (strip.apply_filter(NoColor(), BLACK) for strip in seen(app))
    return str(
        [(t, s.bold, s.reverse, s.underline) for strip in strips for t, s, _ in strip if s is not None]
    )


async def painted(app: MlagentApp) -> None:
    """Wait until the screen has been painted with what was changed last."""
    done = asyncio.Event()
    app.screen.call_after_refresh(done.set)
    await done.wait()


async def hidden(app: MlagentApp) -> list[str]:
    """What cannot be told without colours, of two widgets of each kind: the focus, and the row chosen."""
    screen = app.screen
    looks: dict[str, Widget] = {}
    found: list[str] = []
    kinds: Counter[type[Widget]] = Counter()
    for widget in screen.focus_chain:
        kinds[type(widget)] += 1
        if kinds[type(widget)] > 2:
            continue
        screen.set_focus(widget)
        await painted(app)
        look = plain(app)
        if looks.setdefault(look, widget) is not widget:
            found.append(f"the focus of {widget!r} looks like that of {looks[look]!r}")
        rows = widget.option_count if isinstance(widget, OptionList) else 0
        rows = widget.row_count if isinstance(widget, DataTable) else rows
        if isinstance(widget, OptionList | DataTable) and rows > 1:
            widget.action_cursor_up()
            await painted(app)
            above = plain(app)
            widget.action_cursor_down()
            await painted(app)
            if plain(app) == above:
                found.append(f"the chosen row of {widget!r}")
    return found
