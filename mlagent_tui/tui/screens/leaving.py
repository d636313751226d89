"""What one Esc does, and what `/` filters, on every screen and in every dialog."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, TextArea

from mlagent_tui.tui.filters import Filter, Sifted

Result = TypeVar("Result")


class Leaving(Screen[Result]):
    """A screen that Esc leaves step by step, the innermost first.

    A field that is edited, the help, a panel that fills the screen, a filter, and then the screen itself.
    """

    FIELD_IS_ALL: ClassVar[bool] = False
    """Whether this is a dialog that asks for one text: who leaves its field leaves the dialog."""

    def action_leave(self) -> None:
        """One step back."""
        steps = (self._leave_field, self._close_help, self._show_all, self._stop_filtering)
        if not any(step() for step in steps):
            self.leave()

    def leave(self) -> None:
        """Close this screen. Where nothing is below it, nothing happens."""

    def _leave_field(self) -> bool:
        field = self.focused
        edited = isinstance(field, Input) or (isinstance(field, TextArea) and not field.read_only)
        if isinstance(field, Filter):
            field.leave()
            return True
        if not edited or self.FIELD_IS_ALL:
            return False
        self.set_focus(None)
        return True

    def _close_help(self) -> bool:
        shown = bool(self.query("HelpPanel"))
        if shown:
            self.app.action_hide_help_panel()
        return shown

    def _show_all(self) -> bool:
        if self.maximized is None:
            return False
        self.minimize()
        return True

    def _stop_filtering(self) -> bool:
        mine = self._near(self.focused)
        filters = [one for one in self.query(Filter) if one.words and _in_sight(one)]
        chosen = next((one for one in filters if one.listed is mine), None) or next(iter(filters), None)
        if chosen is not None:
            chosen.clear_words()
        return chosen is not None

    # --- filtering ----------------------------------------------------------------------------------------

    async def action_filter(self) -> None:
        """Let the user type what the focused list is filtered by."""
        listed = self._near(self.focused) or self.usual_list()
        if listed is not None:
            await listed.ask_words()

    def usual_list(self) -> Sifted | None:
        """What is filtered where no list has the focus; it is put in sight."""
        return None

    def _near(self, widget: Widget | None) -> Sifted | None:
        """The list that has the focus, or is in the panel that has it."""
        for node in widget.ancestors_with_self if widget is not None else ():
            if isinstance(node, Sifted):
                return node
            if isinstance(node, Filter):
                return node.listed
            if (inside := getattr(node, "sifted", None)) is not None:
                return inside  # type: ignore[no-any-return]
        return None


def _in_sight(widget: Widget) -> bool:
    return all(node.display for node in widget.ancestors_with_self)
