"""A small dialog: pick one of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static

from mlagent_tui.tui import keys
from mlagent_tui.tui.filters import Listed, Row, Sifted
from mlagent_tui.tui.footer import KeyLine
from mlagent_tui.tui.screens.over import Over

FEW = 4
"""Choices that are seen at one glance."""


class Pick(Over[str | None]):
    """Returns the id of what was picked, or None. `options` are ids and what is shown for them.

    With `one_line`, an option that is too wide is cut off at the edge; its whole text can be looked for.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("pick")]

    def __init__(
        self,
        title: str,
        options: Sequence[tuple[str, Content]],
        words: Content | str = "",
        start: int = 0,
        *,
        one_line: bool = False,
    ) -> None:
        super().__init__()
        self.heading = title
        self.words = words
        self.options = options
        self.start = start
        self.set_class(one_line, "-one-line")

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(self.heading)
            dialog.border_subtitle = "enter: choose"
            if self.words:
                yield Static(self.words, classes="dialog-words")
            yield Listed([Row(shown, key) for key, shown in self.options])
        yield KeyLine()

    def on_mount(self) -> None:
        listed = self.query_one(Listed)
        listed.highlighted = min(self.start, len(self.options) - 1) if self.options else None
        listed.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(event.option_id)

    def on_click(self, event: object) -> None:
        if getattr(event, "widget", None) is self:  # beside the dialog
            self.dismiss(None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A few choices need no filter."""
        return len(self.options) > FEW if action == "filter" else super().check_action(action, parameters)

    def usual_list(self) -> Sifted:
        return self.query_one(Listed)

    def leave(self) -> None:
        """Pick nothing."""
        self.dismiss(None)
