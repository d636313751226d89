"""Charts: a legend that fits, and curves of as many points as can be seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent_tui.tui.panels.curves import Line, legend, slim

LINES = [
    Line("best", [1.0], [0.5], "muted"),
    Line("goal", [0.0], [0.9], "goal"),
    Line("train", [1.0], [0.91234], "second"),
    Line("val", [1.0], [0.98765], "first"),
]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (0, "accuracy  ━ val 0.988  ─ train 0.912  ┈ goal  ┄ best"),
        (60, "accuracy  ━ val 0.988  ─ train 0.912  ┈ goal  ┄ best"),
        (50, "accuracy ━ val 0.988 ─ train 0.912 ┈ goal ┄ best"),
        (45, "accuracy ━ val 0.988 ─ train ┈ goal ┄ best"),
        (36, "accuracy ━ val ─ train ┈ goal ┄ best"),
    ],
)
def test_a_legend_names_every_line_and_gives_up_values_where_there_is_little_room(
    columns: int, told: str
) -> None:
    assert legend("accuracy", LINES, columns).plain == told


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
