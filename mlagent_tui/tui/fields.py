"""The rows of the start screen's form: a label, a control, and below them what is wrong, with its remedy."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Checkbox, Input, Label, Select, Static

from mlagent_tui.tui.engine import Problem
from mlagent_tui.tui.text import plain

MUTED = "$foreground 60%"
"""The style of what is said in passing. (`$text-muted` is a colour for stylesheets only.)"""

Options = Sequence[tuple[str | Content, str]]


class Field(Vertical):
    """A named control of the form. The control's id is the field's name."""

    def __init__(self, name: str, label: str, *controls: Widget, classes: str = "") -> None:
        super().__init__(id=f"field-{name}", classes=f"field {classes}")
        self.label = label
        self.controls = controls

    def compose(self) -> ComposeResult:
        with Horizontal(classes="field-row"):
            yield Label(self.label, classes="field-label")
            yield from self.controls
        yield Static(classes="field-problem")

    def show(self, problem: Problem | None, *, gently: bool = False) -> None:
        """Show what is wrong with the field, or that nothing is; `gently`: what is only not finished yet."""
        words = self.query_one(".field-problem", Static)
        words.update(problem_text(problem, gently=gently) if problem else "")
        self.set_class(problem is not None and not gently, "-wrong")
        self.set_class(problem is not None, "-told")


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


def problem_text(problem: Problem, *, gently: bool = False) -> Content:
    """A problem and its remedy, as lines."""
    mark, style = ("· ", "$text-warning") if gently else ("✗ ", "$text-error")
    what = Content.assemble((mark, style), plain(problem.message, style))
    return Content("\n").join([what, plain(problem.remedy, MUTED)]) if problem.remedy else what
