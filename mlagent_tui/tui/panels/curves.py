"""A chart of curves: `textual-plot` where it can be loaded, sparklines where it cannot.

The library brings numpy, which takes a while to load: `charts` does that in a thread, the first time.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Sparkline, Static

from mlagent_tui import axes

Kind = Literal["first", "second", "muted", "goal"]
COLOURS: dict[Kind, str] = {"first": "primary", "second": "accent", "muted": "secondary", "goal": "success"}
SIGNS: dict[Kind, str] = {"first": "━", "second": "╍", "muted": "┄", "goal": "┈"}
DASHES: dict[str, tuple[int, int]] = {"first": (1, 1), "second": (3, 4), "muted": (2, 4), "goal": (1, 3)}
"""How many dots of how many are drawn along a curve: curves can be told apart without colours."""

GOAL_MARK = "◄"
"""Stands on the frame, where no curve is, at the height of the goal."""


@dataclass(frozen=True)
class Line:
    """One curve of a chart."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    kind: Kind


def legend(title: str, lines: Sequence[Line], columns: int) -> Content:
    """The title, and which line is which with its last value; where that is too long, with fewer values."""
    goal = next((one.y[-1] for one in lines if one.kind == "goal"), None)
    words = Content()
    for gap, valued in (
        ("  ", ("first", "second", "goal")),
        (" ", ("first", "second", "goal")),
        (" ", ("first", "goal")),
        (" ", ("first",)),
        (" ", ()),
    ):
        parts: list[str | tuple[str, str]] = [(title, "bold")]
        for one in reversed(lines):
            last = f" {axes.told(one.y[-1], goal)}" if one.kind in valued else ""
            parts += [gap, (f"{SIGNS[one.kind]} {one.name}{last}", f"${COLOURS[one.kind]}")]
        words = Content.assemble(*parts)
        if words.cell_length <= columns or not columns:
            break
    return words


def slim(line: Line, points: int) -> Line:
    """At most so many points: each the mean of a stretch of the curve, as wide as it can be seen."""
    count = len(line.y)
    if count <= points:
        return line
    cuts = [count * i // points for i in range(points + 1)]
    spans = list(pairwise(cuts))
    x, y = ([sum(values[a:b]) / (b - a) for a, b in spans] for values in (line.x, line.y))
    return Line(line.name, x, y, line.kind)


class Chart(Vertical):
    """A title that is also the legend, and the curves below."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"chart--{kind}" for kind in COLOURS}

    def __init__(self, title: str, most: float | None = None) -> None:
        super().__init__(classes="chart")
        self._title = title
        self._most = most
        """The largest value that there can be."""
        self._shown: list[Line] = []
        self._legend = Static("", classes="legend")

    def draw(self, lines: Sequence[Line], width: float) -> None:
        """Show these curves, later ones over earlier ones, for x from 0 to `width`."""
        lines = [Line(n.name, *_finite(n), n.kind) for n in lines]
        self._shown = [one for one in lines if one.y]
        self._tell()
        self.draw_lines(self._shown, width)

    def on_resize(self) -> None:
        self._tell()

    def _tell(self) -> None:
        columns = self._legend.content_size.width
        self._legend.update(legend(self._title, self._shown, columns), layout=False)

    def draw_lines(self, lines: Sequence[Line], width: float) -> None:
        """Draw what has points."""
        raise NotImplementedError

    def focus_target(self) -> Widget:
        """What takes the keys of this chart."""
        raise NotImplementedError


class Sparks(Chart):
    """The fallback: the last of the curves as a sparkline."""

    def __init__(self, title: str, most: float | None = None) -> None:
        super().__init__(title, most)
        self._spark = Sparkline([])
        self._spark.can_focus = True

    def compose(self) -> ComposeResult:
        yield self._legend
        yield self._spark

    def draw_lines(self, lines: Sequence[Line], width: float) -> None:
        if lines:
            self._spark.data = list(lines[-1].y)

    def focus_target(self) -> Widget:
        return self._spark


def _finite(line: Line) -> tuple[list[float], list[float]]:
    both = [(x, y) for x, y in zip(line.x, line.y, strict=True) if math.isfinite(y) and abs(y) < 1e30]
    return [x for x, _ in both], [y for _, y in both]


def _plotted() -> type[Chart]:
    """The class of charts drawn by the library. Raises `ImportError`."""
    from mlagent_tui.tui.panels.plot import Curves

    class Plot(Chart):
        """Curves in dots, zoomed and moved by keys and mouse."""

        def __init__(self, title: str, most: float | None = None) -> None:
            super().__init__(title, most)
            self._plot = Curves(DASHES, GOAL_MARK)
            self._last: tuple[Sequence[Line], float] = ([], 1.0)
            self._limits = axes.Limits(0.0, 1.0)
            self._zoomed = False

        def compose(self) -> ComposeResult:
            yield self._legend
            yield self._plot

        def on_mount(self) -> None:
            self.app.theme_changed_signal.subscribe(self, lambda _: self.draw_lines(*self._last))

        def on_resize(self) -> None:
            """Draw again: the plot may have been drawn at its new size already, with the ticks of the old."""
            self._tell()
            self._plot.make_room(self.size)
            self.draw_lines(*self._last)

        def on_plot_widget_scale_changed(self, event: Curves.ScaleChanged) -> None:
            """The user zoomed or moved, or asked for all again: then the limits follow the training."""
            all_of_it = (0, self._last[1], self._limits.low, self._limits.high)
            zoomed = (event.x_min, event.x_max, event.y_min, event.y_max) != all_of_it
            if zoomed:
                self._plot.fit_labels(event.y_min, event.y_max)
            if zoomed != self._zoomed:
                self._zoomed = zoomed
                self.draw_lines(*self._last)

        def draw_lines(self, lines: Sequence[Line], width: float) -> None:
            self._last = (lines, width)
            if not self._zoomed and self.size.width:  # two points of a curve to a column are all that is seen
                lines = [slim(line, 2 * self.size.width) for line in lines]
            with self.app.batch_update():
                self._plot.clear()
                if not self._zoomed:
                    self._limits = axes.limits((y for line in lines for y in line.y), self._most)
                    self._plot.show_all(width, self._limits)
                for line in lines:
                    colour = str(self.get_component_rich_style(f"chart--{line.kind}", partial=True))
                    self._plot.curve(line.x, line.y, line.kind, colour)

        def focus_target(self) -> Widget:
            return self._plot

    return Plot


_CLASSES: list[type[Chart]] = []


async def charts() -> type[Chart]:
    """The class of charts to use, loaded in a thread the first time."""
    if not _CLASSES:
        try:
            _CLASSES.append(await asyncio.to_thread(_plotted))
        except ImportError:
            _CLASSES.append(Sparks)
    return _CLASSES[0]
