"""The learning curves of a project's runs as one picture; the best run stands out."""

from __future__ import annotations

import functools
import io
import logging
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mlagent_tui import axes, paths, temporary
from mlagent_tui.schemas import EpochMetrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN = 9


def warm_up() -> None:
    """Import what draws, which takes seconds the first time."""
    _settle()
    import matplotlib.backends.backend_agg  # noqa: F401


@functools.cache
def _settle() -> temporary.TemporaryFolder | None:
    """Give matplotlib a folder for its list of fonts, where it has none that it can write to.

    It would make one that stays behind, and warn of it. The returned folder lasts as long as the process.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    named = os.environ.get("MPLCONFIGDIR")
    own = paths.user_path(named) if named else paths.cache_folder() / "matplotlib"
    made = None
    try:
        own.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=own):
            pass
    except OSError:
        made = temporary.folder("matplotlib")
        own = made.path
    os.environ["MPLCONFIGDIR"] = str(own)
    return made


def draw(curves: Mapping[str, Sequence[EpochMetrics]], best: str | None) -> bytes:
    """A PNG of validation accuracy and of both losses by epoch, for the best run and the latest others."""
    picture = io.BytesIO()
    figure(curves, best).savefig(picture, format="png")
    return picture.getvalue()


def figure(curves: Mapping[str, Sequence[EpochMetrics]], best: str | None) -> Figure:
    """What `draw` draws: the accuracy on the left, the losses on the right."""
    _settle()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    others = [run_id for run_id in curves if run_id != best][-SHOWN + 1 :]
    drawn = [*others, *([best] if best in curves and best is not None else [])]
    figure = Figure(figsize=(10, 4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    accuracy, loss = figure.subplots(1, 2)
    for run_id in drawn:
        points = curves[run_id]
        epochs = [point.epoch for point in points]
        style = {"linewidth": 2.2, "zorder": 3} if run_id == best else {"linewidth": 1.0, "alpha": 0.55}
        label = f"{run_id} (best)" if run_id == best else run_id
        (line,) = accuracy.plot(epochs, [p.accuracy for p in points], marker=".", label=label, **style)
        style["color"] = line.get_color()
        loss.plot(epochs, [p.val_loss for p in points], marker=".", **style)
        loss.plot(epochs, [p.train_loss for p in points], linestyle=":", marker="+", markersize=4, **style)
    shown = [point for run_id in drawn for point in curves[run_id]]
    losses = [value for point in shown for value in (point.val_loss, point.train_loss)]
    accuracy.set(title="Validation accuracy", xlabel="epoch")
    loss.set(title="Loss: validation (solid), training (dotted)", xlabel="epoch")
    _limit(accuracy, axes.limits(filter(math.isfinite, (point.accuracy for point in shown)), most=1.0))
    _limit(loss, axes.limits(filter(math.isfinite, losses)))
    for plot in (accuracy, loss):
        plot.xaxis.get_major_locator().set_params(integer=True)
        plot.yaxis.get_major_formatter().set_useOffset(False)
        plot.grid(alpha=0.25)
    accuracy.legend(fontsize="small")
    return figure


def _limit(plot: Axes, limits: axes.Limits) -> None:
    """Show what lies between the limits, and of what lies at one of them the whole mark."""
    room = (limits.high - limits.low) * 0.02
    plot.set_ylim(limits.low - room, limits.high + room)
    plot.set_yticks(axes.ticks(limits.low, limits.high, 8))
