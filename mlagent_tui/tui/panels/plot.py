"""The plotting library's widget, with keys of ours, curves that do not erase each other, and round ticks.

Imported where a chart is first shown: it brings numpy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Grid
from textual.geometry import Size
from textual_hires_canvas import Canvas
from textual_plot import HiResMode, NumericAxisFormatter, PlotWidget
from textual_plot.plot_widget import Legend, LinePlot

from mlagent_tui import axes
from mlagent_tui.tui import glyphs, keys
from mlagent_tui.tui.panels.dots import Dots

MARGIN = 6
"""Columns for the labels of the upright axis at least."""

INSIDE = 0.01
"""Cells that a value at a limit is moved inwards: the library would put it on the frame."""


class Ticks(NumericAxisFormatter):
    """At most `most` ticks, at round numbers, with labels that differ."""

    def __init__(self, whole: bool = False) -> None:
        self.most = 8
        self._whole = whole

    def get_ticks(self, min_: float, max_: float, max_ticks: int = 8) -> list[float]:
        found = axes.ticks(min_, max_, max(2, self.most))
        if self._whole and max_ - min_ >= 1:
            return [tick for tick in found if tick == int(tick)]
        return found

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        return axes.labels(ticks)


@dataclass
class Curve(LinePlot):
    """A curve, and of which kind it is."""

    kind: str = ""


class Curves(PlotWidget, inherit_bindings=False):
    """A plot of curves. `dashes` says how each kind is drawn, `mark` is put on the frame beside a goal."""

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("chart")]

    def __init__(self, dashes: Mapping[str, tuple[int, int]], mark: str) -> None:
        super().__init__()
        self._dashes = dashes
        self._mark = mark
        self._values, self._epochs = Ticks(), Ticks(whole=True)
        self._mode = HiResMode.HALFBLOCK if glyphs.console_font() else HiResMode.BRAILLE
        self.set_y_formatter(self._values)
        self.set_x_formatter(self._epochs)

    def compose(self) -> ComposeResult:
        """As the library's, of canvases of ours."""
        with Grid():
            for name in ("margin-top", "margin-left", "plot", "margin-bottom"):
                yield Dots(id=name)
        yield Legend(id="legend")

    def on_mount(self) -> None:
        super().on_mount()
        self.margin_top, self.margin_bottom, self.margin_left = 0, 1, MARGIN

    @on(Canvas.Resize)
    def _canvas_resized(self) -> None:
        """The library draws anew when it is resized itself; the labels' margin may have changed alone."""
        self._needs_canvas_resize = self._needs_rerender = True
        self.refresh()

    def make_room(self, size: Size) -> None:
        """As many ticks as there is room for: each value has a line of its own and one between."""
        self._values.most = max(2, size.height // 2 - 1)
        self._epochs.most = max(2, size.width // 8)

    def show_all(self, width: float, limits: axes.Limits) -> None:
        """Show x from 0 to `width` and y between the limits, now and when the user asks for all."""
        self.set_xlimits(0, width)
        self.set_ylimits(limits.low, limits.high)
        self.fit_labels(limits.low, limits.high)

    def fit_labels(self, low: float, high: float) -> None:
        """Make the margin wide enough for the labels between these values."""
        longest = max(
            map(len, self._values.get_labels_for_ticks(self._values.get_ticks(low, high))), default=0
        )
        self.margin_left = max(MARGIN, longest + 1)

    def curve(self, x: Sequence[float], y: Sequence[float], kind: str, colour: str) -> None:
        """Add a curve, drawn over those before it."""
        self.plot(x, y, colour, self._mode)
        last = self._datasets[-1]
        self._datasets[-1] = Curve(last.x, last.y, self._mode, colour, kind)

    # --- what the library draws, drawn otherwise ------------------------------------------------------------

    def _render_plot(self) -> None:
        super()._render_plot()
        canvas = self.query_one("#plot", Dots)
        for goal in self._datasets:
            if isinstance(goal, Curve) and goal.kind == "goal" and len(goal.y):
                value = float(goal.y[-1])
                if self._y_min <= value <= self._y_max:
                    _, y = self._place(self._x_max, value)
                    canvas.set_pixel(self._scale_rectangle.right, int(y), self._mark, goal.line_style)

    def _render_line_plot(self, dataset: LinePlot) -> None:
        canvas = self.query_one("#plot", Dots)
        kind = dataset.kind if isinstance(dataset, Curve) else ""
        canvas.dashes = self._dashes.get(kind, (1, 1))
        places = [self._place(x, y) for x, y in zip(dataset.x, dataset.y, strict=True)]
        if len(places) == 1:
            canvas.set_point(*places[0], self._mode, dataset.line_style)
            return
        lines = [(*here, *there) for here, there in pairwise(places)]
        canvas.draw_hires_lines(lines, self._mode, dataset.line_style)

    def _place(self, x: float, y: float) -> tuple[float, float]:
        """Where a value is, in cells. What lies at a limit lies just inside of the frame."""
        column, row = self.get_hires_pixel_from_coordinate(x, y)
        frame = self._scale_rectangle
        column = frame.right - INSIDE if column == frame.right else column
        row = frame.bottom - INSIDE if row == frame.bottom else row
        return float(column), float(row)
