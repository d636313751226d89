"""The picture of a project's curves."""

from __future__ import annotations

import math

from mlagent_tui.experiments import curves
from mlagent_tui.schemas import EpochMetrics


def epochs(*losses: float, accuracy: float = 0.65) -> list[EpochMetrics]:
    return [
        EpochMetrics(
            epoch=number,
            train_loss=loss,
            train_accuracy=accuracy,
            val_loss=loss,
            accuracy=accuracy,
            seconds=1.0,
        )
        for number, loss in enumerate(losses, 1)
    ]


def test_one_epoch_is_seen_and_axes_show_possible_values_at_labels_that_differ() -> None:
    cases = (
        ({"qe_1": epochs(2.3)}, (2.2, 2.4)),
        ({"qe_1": epochs(0.9, 0.002), "qe_2": epochs(2.2, 0.5)}, (0.0, 2.5)),
        ({"qe_1": epochs(0.0012, 0.0013)}, (0.0012, 0.0013)),
    )
    for shown, (low, high) in cases:
        figure = curves.figure(shown, "qe_1")
        figure.canvas.draw()
        for plot in figure.axes:
            assert all(line.get_marker() != "None" for line in plot.get_lines())
            labels = [label.get_text() for label in plot.get_yticklabels()]
            assert len(labels) >= 2 and len(set(labels)) == len(labels)
            assert plot.yaxis.get_offset_text().get_text() == ""
        accuracy, loss = (plot.get_yticks() for plot in figure.axes)
        assert accuracy[0] >= 0 and accuracy[-1] <= 1
        assert math.isclose(loss[0], low, abs_tol=0.1) and math.isclose(loss[-1], high, abs_tol=0.1)
        assert loss[0] >= 0
