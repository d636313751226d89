"""The rows of the start screen's form: a label, a control, and below them what is wrong, with its remedy."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Checkbox, Input, Label, Select, Static, TextArea

from mlagent_tui.tui.engine import Check, Problem
from mlagent_tui.tui.text import line, plain

MUTED = "$foreground 70%"
"""The style of what is said in passing. (`$text-muted` is a colour for stylesheets only.)"""

ENTRIES = {
    "threshold": ("Threshold", "The value to reach: 0.95 or 95%. It counts before what the goal says."),
    "max_parameters": ("Parameters", "At most this many, such as 50k. It counts before what the goal says."),
    "max_seconds": ("Seconds", "Training time of one network at most. It counts before what the goal says."),
    "iterations": ("Iterations", "At most this many networks are tried."),
    "patience": ("Patience", "Stop after this many networks in a row that were no better."),
    "time_budget": ("Time", "Nothing new is begun after this time: 90s, 30m, 1h30m."),
    "seed": ("Seed", "Everything random follows from it."),
}
"""The fields that take one word, with their label and what is said of them."""

OF_THE_GOAL = ("goal", "dataset", "metric", "threshold", "max_parameters", "max_seconds")
"""The goal in words, and the fields that say parts of it; while it is typed, what is missing is not wrong."""

Options = Sequence[tuple[str | Content, str]]


class Field(Vertical):
    """A named control of the form, and below it what is wrong with it. The control's id is its name."""

    def __init__(self, name: str, label: str, *controls: Widget, classes: str = "") -> None:
        super().__init__(id=f"field-{name}", classes=f"field {classes}")
        self.label = label
        self.controls = controls
        self.words = Static(id=f"problem-{name}", classes="field-problem")
        self.beside = False

    def compose(self) -> ComposeResult:
        with Horizontal(classes="field-row"):
            yield Label(self.label, classes="field-label")
            yield from self.controls
        if not self.beside:
            yield self.words

    def show(self, problem: Problem | None, *, gently: bool = False, note: str = "") -> None:
        """Show what is wrong with the field, or that nothing is; `gently`: what is only not finished yet.

        The `note` is said where nothing is wrong.
        """
        said = f"{self.label}: " if self.beside else ""
        told = problem_text(problem, gently=gently, before=said) if problem else plain(note, MUTED)
        self.words.update(told)
        self.words.display = bool(problem or note)
        self.set_class(problem is not None and not gently, "-wrong")


class Pair(Vertical):
    """Two fields beside each other. What is wrong with either is said below both, in all of the width."""

    def __init__(self, *pair: Field) -> None:
        super().__init__(classes="pair")
        self.pair = pair
        for field in pair:
            field.beside = True

    def compose(self) -> ComposeResult:
        yield Horizontal(*self.pair, classes="pair-row")
        for field in self.pair:
            yield field.words


class Text(TextArea):
    """Text of several lines, in which Ctrl-Z undoes; where nothing is to undo, it is a key like any other."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing is undone where nothing was done."""
        return bool(self.history.undo_stack) if action == "undo" else super().check_action(action, parameters)


class Choice(Select[str]):
    """A choice among a few values, one of which always holds."""

    def __init__(self, options: Options, value: str, id: str) -> None:
        super().__init__(options, value=value, allow_blank=False, compact=True, id=id)

    def relabel(self, options: Options) -> None:
        """Other words for the same values; the choice stays."""
        value = self.value
        with self.prevent(Select.Changed):
            self.set_options(options)
            self.value = value


class Tick(Checkbox):
    """A box whose state can be told without colours."""

    BUTTON_INNER = " "

    def __init__(self, label: str, value: bool, id: str) -> None:
        super().__init__(label, value, compact=True, id=id)
        self._mark()

    def watch_value(self) -> None:
        self._mark()
        super().watch_value()

    def _mark(self) -> None:
        self.BUTTON_INNER = "✓" if self.value else " "


def entry(id: str, value: str, placeholder: str, tooltip: str = "") -> Input:
    """A line of text."""
    field = Input(value, placeholder=placeholder, compact=True, id=id, select_on_focus=False)
    field.tooltip = tooltip or None
    return field


def tick(id: str, label: str, value: bool, tooltip: str = "") -> Tick:
    """A box to tick."""
    box = Tick(label, value, id)
    box.tooltip = tooltip or None
    return box


def problem_text(problem: Problem, *, gently: bool = False, before: str = "") -> Content:
    """A problem and its remedy, as lines; `before` comes before them."""
    mark, style = ("· ", "$text-warning") if gently else ("✗ ", "$text-error")
    what = Content.assemble((mark, style), (before, style), plain(problem.message, style))
    return Content("\n").join([what, plain(problem.remedy, MUTED)]) if problem.remedy else what


def ready(check: Check) -> Content:
    """That a run can start, how generated code would be confined, and what is understood of the goal."""
    confined = check.sandbox not in ("", "none")
    where = f"sandbox {check.sandbox}" if confined else "no sandbox: generated code runs unconfined"
    understood = _understood(check)
    return Content.assemble(
        ("✔ can start", "$text-success"),
        (" · ", MUTED),
        (where, "$text-success" if confined else "$text-warning"),
        (f" · {understood}" if understood else "", MUTED),
    )


def _understood(check: Check) -> str:
    limits = (("max_parameters", "parameters"), ("max_seconds", "s"))
    parts = [str(check.goal[name]) for name in ("dataset", "metric", "threshold") if check.goal.get(name)]
    parts += [f"at most {check.goal[name]:,} {unit}" for name, unit in limits if check.goal.get(name)]
    wished = [f"asked for: {', '.join(check.wishes)}"] if check.wishes else []
    return line(" ".join(parts[:3]) + "".join(f", {part}" for part in [*parts[3:], *wished]))
