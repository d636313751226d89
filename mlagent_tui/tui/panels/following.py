"""A scrolled view that follows its end until the user scrolls up."""

from __future__ import annotations

from textual.scroll_view import ScrollView


class Following(ScrollView, can_focus=True):
    """`following` tells whether the end is in sight, or was when there was no room for it."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.following = True

    def watch_scroll_y(self, old: float, new: float) -> None:
        """Who scrolls up reads on there; who scrolls to the end follows it again."""
        super().watch_scroll_y(old, new)
        self.following = new >= self.max_scroll_y - 1

    def watch_show_vertical_scrollbar(self, shown: bool) -> None:
        """Textual 8.2 does not tell the bar what was scrolled before it was shown."""
        if shown:
            self.vertical_scrollbar.position = self.scroll_y
