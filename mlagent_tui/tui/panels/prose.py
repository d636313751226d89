"""Texts one below the other, scrolling and following the end; changing them lays nothing else out."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.geometry import Size
from textual.selection import Selection
from textual.strip import Strip
from textual.visual import Visual

from mlagent_tui.tui.panels.following import Following


class Prose(Following):
    """Some blocks of styled text. Selected with the mouse like any text."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._blocks: list[Content] = []
        self._drawn: list[tuple[Content, list[Strip]]] = []
        self._strips: list[Strip] = []
        self._follows = True
        self._drawn_for: tuple[int, str, bool] = (0, "", False)

    @property
    def text(self) -> str:
        """All that is shown."""
        return "\n".join(block.plain for block in self._blocks)

    def show(self, blocks: Sequence[Content], *, follow: bool = True) -> None:
        """Show `blocks`; those that are the same objects as before are not drawn again.

        `follow` their end, unless the user has scrolled up; else their beginning is shown.
        """
        self._blocks, self._follows = list(blocks), follow
        self._draw()
        if not follow:
            self.scroll_to(y=0, animate=False, force=True)
        else:
            self.call_after_refresh(self._to_end)

    def _to_end(self) -> None:
        if self._follows and self.following:
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True, immediate=True)

    def _draw(self) -> None:
        width = self.scrollable_content_region.width
        if width <= 0:
            return
        key = (width, self.app.theme, self.text_selection is not None)
        known = self._drawn if key == self._drawn_for else []
        self._drawn_for = key
        drawn: list[tuple[Content, list[Strip]]] = []
        for i, block in enumerate(self._blocks):
            if i < len(known) and known[i][0] is block:
                drawn.append(known[i])
            else:
                strips = Visual.to_strips(self, block, width, None, self.visual_style, apply_selection=False)
                drawn.append((block, strips))
        self._drawn = drawn
        self._strips = [strip for _, strips in drawn for strip in strips]
        self.virtual_size = Size(0, len(self._strips))
        self.refresh()

    def on_resize(self) -> None:
        """Wrap anew; the end stays in sight where it was."""
        self._draw()
        self.call_after_refresh(self._to_end)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._drawn = []
        if self._blocks:
            self._draw()

    def render_line(self, y: int) -> Strip:
        row = y + self.scroll_offset.y
        width = self.size.width
        if row >= len(self._strips):
            return Strip.blank(width, self.rich_style)
        strip = self._strips[row]
        selection = self.text_selection
        span = selection.get_span(row) if selection is not None else None
        if span is not None:
            start, end = span[0], strip.cell_length if span[1] == -1 else span[1]
            style = self.screen.get_component_rich_style("screen--selection")
            before, chosen, after = strip.crop(0, start), strip.crop(start, end), strip.crop(end)
            strip = Strip.join([before, chosen.apply_style(style), after])
        return strip.adjust_cell_length(width, self.rich_style).apply_offsets(0, row)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected part of the lines as they are wrapped."""
        return selection.extract("\n".join(strip.text.rstrip() for strip in self._strips)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()
