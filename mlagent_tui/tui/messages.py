"""Messages between the application and its screens."""

from __future__ import annotations

from pathlib import Path

from textual.message import Message


class RunEnded(Message):
    """A run that had been left in the background has ended."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root
