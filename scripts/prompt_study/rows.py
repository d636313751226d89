"""One line of the table that a study of prompts prints."""

from __future__ import annotations

from dataclasses import dataclass

HEAD = f"{'prompts':34} {'at first':>9} {'repaired':>9} {'not':>5} {'asked':>6} {'tokens':>7} {'s a case':>9}"
"""The columns' names. Tokens are those of all answers to one case, on average."""


@dataclass(frozen=True)
class Row:
    """What one way of asking gave on `asked` cases.

    `right_first` were right at the first answer, `right_later` after repairs; `tokens` were written in all,
    and `seconds` passed, reading of prompts included.
    """

    name: str
    right_first: int
    right_later: int
    asked: int
    tokens: int
    seconds: float

    def text(self) -> str:
        """The row as it is printed below `HEAD`."""
        wrong = self.asked - self.right_first - self.right_later
        cases = max(self.asked, 1)
        return (
            f"{self.name:34} {self.right_first:9} {self.right_later:9} {wrong:5} {self.asked:6} "
            f"{self.tokens / cases:7.0f} {self.seconds / cases:9.1f}"
        )
