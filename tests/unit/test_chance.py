"""When a validation and a test accuracy differ too much for chance."""

from __future__ import annotations

import pytest

from mlagent_tui import chance


@pytest.mark.parametrize(
    ("validation", "test", "doubtful"),
    [(0.972, 0.111, True), (1.0, 0.9, True), (0.97, 0.95, False), (0.95, 0.97, False), (1.0, 1.0, False),
     (0.0, 0.0, False), (0.5, 0.2, True)],
)  # fmt: skip
def test_a_difference_beyond_chance_is_said_with_its_size(
    validation: float, test: float, doubtful: bool
) -> None:
    said = chance.doubt(validation, 287, test, 359)
    assert bool(said) == doubtful
    assert not said or "standard errors" in said


def test_without_a_validation_accuracy_there_is_nothing_to_compare() -> None:
    assert chance.doubt(None, 287, 0.5, 359) == chance.doubt(0.5, 0, 0.9, 359) == ""
