"""The canvas that curves are drawn on: dots of several curves in one cell are merged, none erases another."""

from __future__ import annotations

from collections.abc import Iterable
from math import floor

from textual.geometry import Size
from textual.strip import Strip
from textual_hires_canvas import Canvas, HiResMode
from textual_hires_canvas.canvas import FloatScalar
from textual_hires_canvas.hires import hires_sizes, pixels

Cell = tuple[int, int]
Dot = tuple[FloatScalar, FloatScalar]


class Dots(Canvas):
    """The library's canvas, whose cells keep the dots that they have, and whose segments all have a style."""

    def __init__(self, width: int = 1, height: int = 1, id: str | None = None) -> None:
        self._set: dict[Cell, set[Cell]] = {}
        self.dashes = (1, 1)
        """So many dots of so many are drawn, along a line."""
        super().__init__(width, height, id=id)

    def reset(self, size: Size | None = None, refresh: bool = True) -> None:
        """Empty all cells."""
        self._set.clear()
        super().reset(size, refresh)

    def render_line(self, y: int) -> Strip:
        """A line of cells; where the canvas has none, as wide and in the same style."""
        strip = super().render_line(y)
        return strip if strip.cell_length else Strip.blank(self.size.width, self.rich_style)

    def set_hires_pixels(
        self, coordinates: Iterable[Dot], hires_mode: HiResMode | None = None, style: str = "white"
    ) -> None:
        """Add dots at these places (x and y in cells); a cell has the colour of the latest."""
        mode = hires_mode or self.default_hires_mode
        width, height = hires_sizes[mode]
        drawn, period = self.dashes
        touched: set[Cell] = set()
        for number, (x, y) in enumerate(coordinates):
            if number % period >= drawn or not self._canvas_region.contains(floor(x), floor(y)):
                continue
            column, row = floor(x * width), floor(y * height)
            cell = column // width, row // height
            self._set.setdefault(cell, set()).add((column % width, row % height))
            touched.add(cell)
        with self.batch_refresh():
            for column, row in touched:
                dots = self._set[column, row]
                key = tuple(int((x, y) in dots) for y in range(height) for x in range(width))
                if char := pixels[mode][key]:
                    self.set_pixel(column, row, char, style)

    def set_point(self, x: float, y: float, hires_mode: HiResMode, style: str) -> None:
        """Add a point that is large enough to be seen alone, around this place (x and y in cells)."""
        width, height = hires_sizes[hires_mode]
        self.dashes = (1, 1)
        around = [(x + i / width, y + j / height) for i in range(1 - width, width) for j in (-1, 0, 1)]
        self.set_hires_pixels(around, hires_mode, style)
