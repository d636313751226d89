"""A line of facts that is made for the width it has when it is drawn, whatever that was when it was told."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from mlagent_tui.tui.text import fitted

Fact = tuple[int, str, str]
"""Rank, words, style: the highest rank is left out first."""


class Fitted(Widget):
    """As many facts as there is room for."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._facts: list[Fact] = []

    def show(self, facts: Sequence[Fact]) -> None:
        """Show these."""
        if list(facts) != self._facts:
            self._facts = list(facts)
            self.refresh()

    def render(self) -> Content:
        return fitted(self._facts, self.content_size.width)
