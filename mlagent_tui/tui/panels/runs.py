"""Is it getting anywhere: all runs as a table that sorts, and the best so far as a sparkline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import DataTable, Sparkline, Static

from mlagent_tui.tui import keys, words
from mlagent_tui.tui.facts import Row
from mlagent_tui.tui.filters import Sifted
from mlagent_tui.tui.panels.base import Panel
from mlagent_tui.tui.state import RunState
from mlagent_tui.tui.text import cut, line

AT_FIRST, AT_ONCE = 40, 120
"""Rows put into the table in one go, the latest first; of thousands, the rest follows in the next ticks."""

Sorter = Callable[[Row], Any]
FAR = float("inf")


def _number(value: float | None, missing: float = FAR) -> float:
    return missing if value is None else value


@dataclass(frozen=True)
class Column:
    """A column of a fixed width: measuring thousands of cells for every change would take too long."""

    key: str
    title: str
    width: int
    sorts_by: Sorter | None
    numbers: bool = False
    largest_first: bool = False


COLUMNS = (
    Column("iteration", "#", 5, None, numbers=True),
    Column(
        "accuracy", "accuracy", 12, lambda row: _number(row.accuracy, -1), numbers=True, largest_first=True
    ),
    Column("loss", "loss", 7, lambda row: _number(row.loss), numbers=True),
    Column("parameters", "params", 9, lambda row: _number(row.parameters), numbers=True),
    Column("change", "change", 20, lambda row: "; ".join(row.change).lower()),
    Column("outcome", "outcome", 18, lambda row: row.outcome or row.reason or row.status),
    Column("decision", "decision", 8, lambda row: row.decision),
    Column("run_id", "run", 20, lambda row: row.run_id),
)
"""The first is in the order in which the runs were made."""


def cells(row: Row, best: bool) -> list[str]:
    """The words of a row, in the order of the columns."""
    number = f"{row.iteration}" if row.iteration else ""
    outcome = row.outcome or row.mark or (line(row.reason or row.status) if row.status != "completed" else "")
    return [
        f"★ {number}" if best else number,
        words.plus_minus(row.accuracy, row.noise),
        "" if row.loss is None else f"{row.loss:.4f}",
        "" if not row.parameters else words.count(row.parameters),
        cut(line("; ".join(row.change)), 20) or ("first" if row.iteration == 1 else ""),
        cut(outcome, 18),
        row.decision.removeprefix("goal "),
        line(row.run_id),
    ]


class RunsTable(DataTable[Text], Sifted):
    """The table; `<` and `>` choose the column it is sorted by, as a click on a title does."""

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("runs")]

    class SortAsked(Message):
        """The user wants another order."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    class WordsAsked(Message):
        """The user wants the rows with these words only."""

        def __init__(self, words: str) -> None:
            super().__init__()
            self.words = words

    def action_sort_by(self, step: int) -> None:
        self.post_message(self.SortAsked(step))

    def sift(self, words: str) -> None:
        self.post_message(self.WordsAsked(words))


class RunsPanel(Panel):
    """All runs of the project; Enter opens one."""

    part = "runs"
    label = "Trials"
    number = 5
    HELP: ClassVar[str] = """\
### Trials
Every network that was tried: accuracy ± measurement noise, loss, parameters, what was changed, how it
compares with the best one before it, and the decision. `★` marks the best. The sparkline shows the best
value after each trial.

`enter` opens a trial, `b` starts the next iteration from it, `n` trains it again with another seed. `<`, `>`
or a click on a title sort the table.
"""

    class Opened(Message):
        """The user wants to see a run."""

        def __init__(self, run_id: str) -> None:
            super().__init__()
            self.run_id = run_id

    def __init__(self) -> None:
        super().__init__()
        self._table = RunsTable(cursor_type="row", id="runs-table")
        self._caption = Static("", id="best-caption")
        self._spark = Sparkline([], id="best-spark")
        self._progress = Horizontal(self._caption, self._spark, id="best")
        self._shown: dict[str, tuple[list[str], bool]] = {}
        self._state: RunState | None = None
        self._course: tuple[int, str] = (0, "")
        self._sort = 0
        self._reverse = False
        self._words = ""

    def compose(self) -> ComposeResult:
        yield self._progress
        yield self._table

    def on_mount(self) -> None:
        self._progress.display = False
        for column in COLUMNS:
            title = Text(column.title, justify="right" if column.numbers else "left")
            self._table.add_column(title, key=column.key, width=column.width)

    @property
    def highlighted(self) -> str:
        """The id of the run under the cursor; empty while there is none."""
        if not self._table.row_count:
            return ""
        key = self._table.coordinate_to_cell_key(self._table.cursor_coordinate).row_key.value
        return key or ""

    def show(self, state: RunState) -> None:
        if state is not self._state:
            self._begin(state)
        at_end = self._table.cursor_row >= self._table.row_count - 1
        if self._fill(state):
            self._order()
            self._say()
            if at_end and self._sort == 0 and not self._reverse:
                self._table.move_cursor(row=self._table.row_count - 1, animate=False)
        if state.touched:
            state.changed.add(self.part)  # the rest with the next tick
        self._show_best(state)

    def _begin(self, state: RunState) -> None:
        """All rows of `state` are new."""
        self._state = state
        self._table.clear()
        self._shown.clear()
        state.touched.update(state.rows)

    def on_runs_table_words_asked(self, event: RunsTable.WordsAsked) -> None:
        event.stop()
        self._words = event.words
        if self._state is not None:
            self._begin(self._state)
            self.show(self._state)
            self._say()

    def _wanted(self, row: Row, told: list[str]) -> bool:
        """Whether the filter lets a row through: by what it shows, its whole change, and why it failed."""
        whole = (*told, *row.change, row.reason, row.status)
        return not self._words or any(self._words in text.lower() for text in whole)

    def _say(self) -> None:
        """What the table is filtered and sorted by."""
        rows = self._state.rows if self._state is not None else {}
        words = f"“{self._words}” · {self._table.row_count} of {len(rows)}" if self._words else ""
        order = f"by {COLUMNS[self._sort].title}" if self._sort else ""
        self.note(" · ".join(part for part in (words, order) if part))

    def _fill(self, state: RunState) -> bool:
        """Add and change what is new, so many at once; returns whether the order may have changed."""
        added = changed = False
        most = AT_ONCE if self._shown else AT_FIRST
        touched = [run_id for run_id in state.rows if run_id in state.touched][-most:]
        for run_id in touched:
            row = state.rows[run_id]
            wanted = cells(row, run_id == state.best_id)
            known = self._shown.get(run_id)
            if not self._wanted(row, wanted):
                if known is not None:
                    self._table.remove_row(run_id)
                    del self._shown[run_id]
                continue
            if known is None:
                self._table.add_row(*self._styled(row, wanted), key=run_id)
                added = True
            elif known != (wanted, row.current):
                for column, cell in zip(COLUMNS, self._styled(row, wanted), strict=True):
                    self._table.update_cell(run_id, column.key, cell)
                changed = True
            self._shown[run_id] = (wanted, row.current)
        state.touched.difference_update(touched)
        return added or (changed and self._sort != 0)

    @staticmethod
    def _styled(row: Row, told: list[str]) -> list[Text]:
        style = "" if row.current else "dim"
        style = "bold" if told[0].startswith("★") else style
        return [
            Text(text, style, justify="right" if column.numbers else "left", no_wrap=True)
            for text, column in zip(told, COLUMNS, strict=True)
        ]

    def _order(self) -> None:
        """Sort by the chosen column; the first is the order in which the runs were made."""
        if self._state is None or self._table.row_count < 2:
            return
        rows, column = self._state.rows, COLUMNS[self._sort]
        place = {line(run_id): (number, row) for number, (run_id, row) in enumerate(rows.items())}

        def key(cell: Text) -> Any:
            number, row = place[cell.plain]
            return number if column.sorts_by is None else (column.sorts_by(row), number)

        self._table.sort("run_id", key=key, reverse=column.largest_first != self._reverse)

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        """A click on a title sorts by it; another turns the order round."""
        event.stop()
        self._reverse = not self._reverse if self._sort == event.column_index else False
        self._sort = event.column_index
        self._order()
        self._say()

    def on_runs_table_sort_asked(self, event: RunsTable.SortAsked) -> None:
        event.stop()
        self._sort, self._reverse = (self._sort + event.step) % len(COLUMNS), False
        self._order()
        self._say()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.post_message(self.Opened(event.row_key.value or ""))

    def _show_best(self, state: RunState) -> None:
        """The best so far after each run, and what is missing to the goal."""
        course, by_loss = state.course, state.by_loss
        if (len(course), state.best_id) == self._course:
            return
        self._course = (len(course), state.best_id)
        self._progress.display = bool(course)
        if not course:
            return
        self._spark.data = list(course) if len(course) > 1 else course * 2
        self._spark.styles.max_width = max(8, 2 * len(course))
        reached = f"loss {course[-1]:.4f}" if by_loss else words.percent(course[-1])
        goal = words.threshold(state.goal)
        self._caption.update(
            Content.assemble(
                "best so far ",
                (reached, "bold"),
                f"  goal {goal}" if goal else "",
                f"  {len(course)} trial{'s' * (len(course) > 1)} ",
            )
        )

    def focus_target(self) -> Widget:
        return self._table

    @property
    def sifted(self) -> Sifted:
        """What `/` filters."""
        return self._table

    def copy_text(self) -> str:
        titles = "\t".join(column.title for column in COLUMNS)
        ordered = [self._table.get_row_at(i) for i in range(self._table.row_count)]
        return "\n".join([titles, *("\t".join(cell.plain for cell in row) for row in ordered)]) + "\n"
