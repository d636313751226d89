"""Dialogs above a screen that goes on living.

Textual draws all of the screen below again, through Rich and one style at a time, whenever a word of it
changes: half of the time there is, while a model streams behind a dialog. Here only the lines that are asked
for are drawn, and a style is dimmed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from rich.segment import Segment
from rich.style import Style
from textual._context import visible_screen_stack
from textual.binding import BindingType
from textual.color import Color
from textual.filter import LineFilter
from textual.geometry import Region
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import ModalScreen, Screen
from textual.strip import Strip

from mlagent_tui.tui import keys
from mlagent_tui.tui.screens.leaving import Leaving

if TYPE_CHECKING:
    from mlagent_tui.tui.app import MlagentApp

Result = TypeVar("Result")
MOST_STYLES = 5_000


class Under(Leaving[Result]):
    """A screen that dialogs may be shown above.

    Textual 8.2 marks such a screen to be painted again whenever it is painted: sixty times a second, for as
    long as the dialog is there. Here it is painted when something in it has changed.
    """

    def _compositor_refresh(self) -> None:
        above = self.app.screen
        if above is self or self not in self.app._background_screens:
            super()._compositor_refresh()
            return
        changed = self._compositor._dirty_regions
        if changed:
            above.refresh(*changed)
            changed.clear()
        self._dirty_widgets.clear()


class Over(ModalScreen[Result], Under[Result]):
    """A modal screen that shows, dimmed, what goes on below it."""

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("list")]

    def __init__(self) -> None:
        super().__init__()
        self._dimmed: dict[Style | None, Style] = {}
        self._dimmed_with: Color | None = None
        self._rows: dict[int, Strip] | None = None
        self._asked = Region()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """The application's, for what cannot be used while a dialog is above it."""
        return cast("MlagentApp", self.app).get_line_filters(inactive=True)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Lines of this screen, which are those of the screen below where no dialog covers them."""
        self._rows, self._asked = None, crop
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """One of them; called for those only that have changed."""
        if self._rows is None:
            self._rows = self._below(self._asked)
            self._dirty_regions.clear()
        strip = self._rows.get(y)
        return super().render_line(y) if strip is None else strip

    def _below(self, crop: Region) -> dict[int, Strip]:
        """The lines of the screen below; none where there is none, or where nothing of it shows through."""
        tint = self.styles.background
        waiting = visible_screen_stack.get([])
        if not waiting or tint.a == 1:
            return {}
        screen: Screen[object] = waiting.pop()
        if tint != self._dimmed_with or len(self._dimmed) > MOST_STYLES:
            self._dimmed, self._dimmed_with = {}, tint
        compositor = screen._compositor
        rows = range(crop.y, min(crop.bottom, compositor.size.height))
        chops = compositor._render_chops(Region(0, crop.y, self.size.width, crop.height), rows.__contains__)
        return {y: self._dim(Strip.join(chops[y].values()), tint) for y in rows}

    def _dim(self, strip: Strip, tint: Color) -> Strip:
        segments = []
        for text, style, control in strip:
            if style not in self._dimmed:
                (dimmed,) = BackgroundScreen.process_segments([Segment(" ", style)], tint)
                self._dimmed[style] = self.rich_style + (dimmed.style or Style())
            segments.append(Segment(text, self._dimmed[style], control))
        return Strip(segments, strip.cell_length)
