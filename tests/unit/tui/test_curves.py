"""Charts: legends, axes, and what is drawn, in the real widgets."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.color import Color
from textual.filter import Monochrome
from textual.geometry import Region

from mlagent_tui import axes
from mlagent_tui.tui import app, themes
from mlagent_tui.tui.panels.curves import GOAL_MARK, Chart, Line, charts, legend, slim
from mlagent_tui.tui.panels.dots import Dots
from mlagent_tui.tui.panels.evaluation import goal_line
from mlagent_tui.tui.state import RunState

LINES = [
    Line("best", [1.0], [0.5], "muted"),
    Line("goal", [0.0], [0.9], "goal"),
    Line("train", [1.0], [0.91234], "second"),
    Line("val", [1.0], [0.98765], "first"),
]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (0, "accuracy  ━ val 0.988  ╍ train 0.912  ┈ goal 0.900  ┄ best"),
        (60, "accuracy  ━ val 0.988  ╍ train 0.912  ┈ goal 0.900  ┄ best"),
        (54, "accuracy ━ val 0.988 ╍ train 0.912 ┈ goal 0.900 ┄ best"),
        (50, "accuracy ━ val 0.988 ╍ train ┈ goal 0.900 ┄ best"),
        (45, "accuracy ━ val 0.988 ╍ train ┈ goal ┄ best"),
        (36, "accuracy ━ val ╍ train ┈ goal ┄ best"),
    ],
)
def test_a_legend_names_every_line_and_gives_up_values_where_there_is_little_room(
    columns: int, told: str
) -> None:
    assert legend("accuracy", LINES, columns).plain == told


@pytest.mark.parametrize(
    ("value", "beside", "shown"),
    [
        (0.98961, 0.99, "0.9896"), (0.99, 0.99, "0.990"), (0.5, 0.99, "0.500"), (0.0, 0.0, "0.000"),
        (0.001234, None, "0.00123"), (123456.0, None, "1.235e+05"), (0.9899999, 0.99, "0.9899999"),
    ],
)  # fmt: skip
def test_a_value_is_told_in_as_many_digits_as_show_that_it_is_not_the_goal(
    value: float, beside: float | None, shown: str
) -> None:
    assert axes.told(value, beside) == shown


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.integers(2, 40))
def test_a_slim_curve_has_few_points_in_the_same_order_within_the_same_bounds(
    y: list[float], points: int
) -> None:
    line = Line("val", [float(i) for i in range(len(y))], y, "first")
    shown = slim(line, points)
    assert len(shown.x) == len(shown.y) == min(points, len(y))
    assert list(shown.x) == sorted(shown.x)
    assert min(y) - 1e-6 <= min(shown.y) and max(shown.y) <= max(y) + 1e-6
    if len(y) <= points:
        assert shown is line


# --- the upright axis -----------------------------------------------------------------------------------

LOSSES = st.lists(st.just(0.0) | st.floats(1e-9, 1e9), min_size=1)
ACCURACIES = st.lists(st.integers(0, 10_000).map(lambda n: n / 10_000), min_size=1)


@example([0.0, 1.0000000000000003e-09], 2)
@given(LOSSES, st.integers(2, 12))
def test_ticks_of_losses_are_equally_spaced_with_distinct_labels_and_not_below_zero(
    values: list[float], most: int
) -> None:
    limits = axes.limits(values)
    assert 0 <= limits.low <= min(values) and max(values) <= limits.high and limits.low < limits.high
    at = axes.ticks(limits.low, limits.high, most)
    assert 2 <= len(at) <= most
    labels = axes.labels(at)
    assert len(set(labels)) == len(labels)
    steps = [b - a for a, b in pairwise(at)]
    assert all(math.isclose(step, steps[0], rel_tol=1e-6, abs_tol=1e-11) for step in steps)


@given(ACCURACIES)
def test_an_axis_of_accuracies_stays_between_zero_and_one_and_is_no_narrower_than_can_be_told(
    values: list[float],
) -> None:
    limits = axes.limits(values, most=1.0)
    assert 0 <= limits.low <= min(values) and max(values) <= limits.high <= 1
    assert limits.high - limits.low >= axes.NARROWEST * max(values) * 0.999


@pytest.mark.parametrize(
    ("values", "low", "high", "labels"),
    [
        ([0.6498, 0.6501], 0.64, 0.66, ["0.640", "0.645", "0.650", "0.655", "0.660"]),
        ([0.1, 2.4], 0.0, 2.5, ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5"]),
        ([0.0], 0.0, 0.1, ["0.00", "0.02", "0.04", "0.06", "0.08", "0.10"]),
        ([-1.0, 3.0], -1.0, 3.0, ["-1", "0", "1", "2", "3"]),
    ],
)
def test_limits_and_ticks_are_round(values: list[float], low: float, high: float, labels: list[str]) -> None:
    limits = axes.limits(values)
    assert (limits.low, limits.high) == pytest.approx((low, high))
    assert axes.labels(axes.ticks(limits.low, limits.high, 6)) == labels


def test_bounds_that_cannot_be_told_apart_have_no_ticks() -> None:
    assert axes.labels(axes.ticks(0.65, 0.65, 5)) == axes.labels(axes.ticks(0.65, 0.65 + 1e-12, 5)) == []


def test_the_goal_is_a_line_in_the_chart_of_its_metric() -> None:
    state = RunState()
    state.goal = {"metric": "val_loss", "threshold": 0.3}
    (line,) = goal_line(state, "val_loss", 5)
    assert (line.x, line.y) == ([0.0, 5.0], [0.3, 0.3])
    assert goal_line(state, "accuracy", 5) == []


# --- what is drawn --------------------------------------------------------------------------------------


class Bench(App[None]):
    """A chart, alone."""

    CSS_PATH = app.STYLES

    def __init__(self, chart: Chart) -> None:
        super().__init__()
        self.chart = chart
        for theme in themes.OURS:
            self.register_theme(theme)
        self.theme = "mlagent-dark"

    def compose(self) -> ComposeResult:
        yield self.chart


async def drawn(lines: Sequence[Line], width: float = 20, most: float | None = 1.0) -> list[str]:
    """A chart of these lines in 60 columns and 14 lines, as text."""
    chart = (await charts())("accuracy", most)
    async with Bench(chart).run_test(size=(60, 14)) as pilot:
        chart.draw(lines, width)
        await pilot.pause()
        plot = chart.query_one("#plot", Dots)
        left = chart.query_one("#margin-left", Dots)
        rows = range(plot.size.height)
        return [left.render_line(y).text + plot.render_line(y).text for y in rows]


def dots(row: str) -> int:
    """How many dots of Braille a row has."""
    return sum(bin(ord(char) - 0x2800).count("1") for char in row if 0x2800 <= ord(char) < 0x2900)


@pytest.mark.asyncio
async def test_the_first_epoch_is_a_point_that_can_be_seen_between_labels_that_differ() -> None:
    rows = await drawn([Line("train", [1], [0.6503], "second"), Line("val", [1], [0.6498], "first")])
    assert sum(map(dots, rows)) >= 9
    labels = [label for row in rows if (label := re.split("[┃┫╋┣]", row)[0].strip())]
    assert len(labels) >= 3 and len(set(labels)) == len(labels)


@pytest.mark.asyncio
async def test_a_value_at_a_limit_lies_inside_of_the_frame() -> None:
    assert dots("".join(await drawn([Line("val", [1], [0.0], "first")], 1))) >= 4
    assert dots("".join(await drawn([Line("val", [1, 2], [1.0, 1.0], "first")], 2))) > 30


@pytest.mark.asyncio
async def test_curves_do_not_erase_each_other_nor_the_goal() -> None:
    flat = list(range(21))
    goal = Line("goal", [0, 20], [0.99, 0.99], "goal")
    near = Line("val", flat, [0.97] * 21, "first")
    alone, other, both = [await drawn(lines) for lines in ([goal, near], [near], [goal, near, near])]
    assert dots("".join(alone)) > dots("".join(other))
    assert alone == both
    (marked,) = [row for row in alone if GOAL_MARK in row]
    assert marked.endswith(GOAL_MARK)
    assert not any(GOAL_MARK in row for row in other)


@pytest.mark.asyncio
async def test_every_segment_of_a_chart_has_a_style_whatever_its_size() -> None:
    chart = (await charts())("loss")
    async with Bench(chart).run_test(size=(60, 14)) as pilot:
        chart.draw([Line("val", [1, 2], [0.4, 0.2], "first")], 2)
        await pilot.pause()
        for canvas in chart.query(Dots):
            for y in range(canvas.size.height + 2):
                strip = canvas.render_line(y)
                assert all(style is not None for _, style, _ in strip)
                strip.apply_filter(Monochrome(), Color(0, 0, 0))
            assert canvas.render_lines(Region(0, 0, 60, 14))
