"""How the network trains: progress, and live curves against the best earlier run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import ProgressBar

from mlagent_tui.tui import keys, words
from mlagent_tui.tui.facts import Point, Trial
from mlagent_tui.tui.panels.base import Panel
from mlagent_tui.tui.panels.curves import Chart, Line, charts
from mlagent_tui.tui.panels.fitted import Fact, Fitted
from mlagent_tui.tui.state import RunState
from mlagent_tui.tui.text import line

BESIDE, BELOW = 76, 18
"""Columns from which on both charts have room beside each other, and lines to have them above each other."""


def curve(points: Sequence[Point], name: str) -> tuple[list[float], list[float]]:
    """The x and y of a curve, where it has values."""
    both = [(p.x, value) for p in points if (value := getattr(p, name)) is not None]
    return [x for x, _ in both], [y for _, y in both]


def goal_line(state: RunState, metric: str, width: float) -> list[Line]:
    """The goal as a level line, where it is about this metric."""
    threshold = state.goal.get("threshold")
    if threshold is None or state.goal.get("metric") != metric:
        return []
    return [Line("goal", [0.0, float(width)], [float(threshold)] * 2, "goal")]


class EvaluationPanel(Panel):
    """Progress bar, facts, a chart of accuracy and one of loss."""

    part = "evaluation"
    label = "Quick evaluation"
    number = 4
    pace = 0.25
    HELP: ClassVar[str] = """\
### Quick evaluation
A short training, live. Left: accuracy on the validation images, with the goal. Right: the loss. The thin
line is the best earlier trial. Click a chart or press `tab` to focus it. Then `+` and `-` zoom, the arrows
move, `0` shows everything again. The mouse wheel zooms and dragging moves.
If there is room for one chart only, `v` shows the other.
"""

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("evaluation")]
    can_focus = True

    def __init__(self) -> None:
        super().__init__()
        self._facts = Fitted(id="facts")
        self._bar = ProgressBar(total=1.0, show_eta=False, id="progress")
        self._charts = Horizontal(id="charts")
        self._accuracy: Chart | None = None
        self._loss: Chart | None = None
        self._loading = self._other = False
        self._drawn: tuple[object, ...] = ()
        self._state: RunState | None = None

    def compose(self) -> ComposeResult:
        yield self._facts
        yield self._bar
        yield self._charts

    def _load_charts(self) -> None:
        self.run_worker(self._mount_charts(), exclusive=True, exit_on_error=True)

    async def _mount_charts(self) -> None:
        kind = await charts()
        accuracy, loss = kind("accuracy", 1.0), kind("loss")
        await self._charts.mount(accuracy, loss)
        self._accuracy, self._loss = accuracy, loss
        self._arrange()
        if self._state is not None:
            self._drawn = ()
            self.show(self._state)

    def on_resize(self) -> None:
        self._arrange()

    def _arrange(self) -> None:
        """Both charts where there is room; else the one that was asked for."""
        if self._accuracy is None or self._loss is None:
            return
        beside, below = self.size.width >= BESIDE, self.size.height >= BELOW
        both = beside or below
        self._charts.styles.layout = "horizontal" if beside else "vertical"
        self._accuracy.display = both or not self._other
        self._loss.display = both or self._other

    def action_other_chart(self) -> None:
        """Where only one chart has room, the other."""
        self._other = not self._other
        had_focus = self.has_focus_within
        self._arrange()
        if had_focus:
            self.focus_target().focus()

    def show(self, state: RunState) -> None:
        self._state = state
        trial = state.trial
        self._charts.display = trial is not None
        self._bar.display = trial is not None and not trial.status
        if trial is None:
            self._facts.show([(0, "No network has been trained yet.", "$text-muted")])
            return
        if not self._loading:  # it takes a while, and what is shown first must not wait for it
            self._loading = True
            self.call_after_refresh(self._load_charts)
        self._bar.update(progress=trial.fraction)
        self._facts.show(self._told(trial))
        best = state.best
        self.note(line(trial.run_id))
        against = state.best_points if best is not None and best.run_id != trial.run_id else []
        epochs = (trial.run_id, len(trial.epoch_points), len(against), trial.status, trial.epochs)
        batches = (*epochs, len(trial.batch_points))
        if self._accuracy is not None and epochs != self._drawn[:-1]:
            self._draw_accuracy(self._accuracy, state, trial, against)
        if self._loss is not None and batches != self._drawn:
            self._draw_loss(self._loss, state, trial, against)
        self._drawn = batches if self._loss is not None else ()

    @staticmethod
    def _draw_accuracy(chart: Chart, state: RunState, trial: Trial, against: Sequence[Point]) -> None:
        width = max(trial.epochs, trial.epoch, 1)
        best = [Line("best", *curve(against, "accuracy"), "muted"), *goal_line(state, "accuracy", width)]
        own = [
            Line("train", *curve(trial.epoch_points, "train_accuracy"), "second"),
            Line("val", *curve(trial.epoch_points, "accuracy"), "first"),
        ]
        chart.draw([*best, *own], width)

    @staticmethod
    def _draw_loss(chart: Chart, state: RunState, trial: Trial, against: Sequence[Point]) -> None:
        width = max(trial.epochs, trial.epoch, 1)
        best = [Line("best", *curve(against, "val_loss"), "muted"), *goal_line(state, "val_loss", width)]
        own = [
            Line("train", *curve(trial.batch_points or trial.epoch_points, "train_loss"), "second"),
            Line("val", *curve(trial.epoch_points, "val_loss"), "first"),
        ]
        chart.draw([*best, *own], width)

    @staticmethod
    def _told(trial: Trial) -> list[Fact]:
        last = trial.epoch_points[-1] if trial.epoch_points else None
        last = next((point for point in trial.epoch_points if point.x == trial.kept), last)
        facts = [(0, f"epoch {trial.epoch}/{trial.epochs or '?'}", "bold")]
        if not trial.status:
            facts.append((2, f"batch {trial.batch}/{trial.batches}" if trial.batches else "", ""))
            left = trial.seconds_left
            facts.append((0, "" if left is None else f"{words.duration(left)} left", ""))
        elif trial.status == "completed":
            facts.append((2, f"done in {words.duration(trial.latest - trial.began)}", ""))
        else:
            facts.append((0, f"{line(trial.status)} {line(trial.reason)}".strip(), "bold $text-error"))
        if last is not None and last.accuracy is not None:
            of = f" (epoch {trial.kept})" if trial.kept not in (0, trial.epoch) else ""
            facts.append((1, f"accuracy {words.percent(last.accuracy)}{of}", "bold $text-primary"))
        loss = last.val_loss if last is not None and trial.status else trial.loss
        facts.append((3, f"loss {loss:.4f}" if loss is not None else "", ""))
        facts.append((2, f"{words.count(trial.speed)} images/s" if trial.speed else "", "$text-muted"))
        facts.append((4, line(trial.device), "$text-muted"))
        return facts

    def focus_target(self) -> Widget:
        chart = self._accuracy if self._accuracy is not None and self._accuracy.display else self._loss
        return chart.focus_target() if chart is not None else self

    def copy_text(self) -> str:
        trial = self._state.trial if self._state is not None else None
        if trial is None:
            return ""
        names = ("x", "train_loss", "train_accuracy", "val_loss", "accuracy")
        rows = [
            "\t".join("" if (value := getattr(point, name)) is None else f"{value:.6g}" for name in names)
            for point in trial.epoch_points
        ]
        return "\n".join(["\t".join(("epoch", *names[1:])), *rows]) + "\n"
