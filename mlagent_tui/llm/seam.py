"""Where an answer that was begun goes on: blanks at the end of the beginning are left to the model.

Most vocabularies have a word with the blank before it as one token. After a blank a model has to take
another, which it has hardly ever seen there: of 12 lines of code, two small models had 7 right after
`self.fc1 =` and none after `self.fc1 = `. So the blanks are not shown, and the first tokens must bring them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

BLANK = b" "


def without_blanks(begin: str) -> tuple[str, int]:
    """`begin` without the blanks at its end, and how many they were."""
    shown = begin.rstrip(BLANK.decode())
    return shown, len(begin) - len(shown)


class Blanks:
    """The tokens of a vocabulary by the blanks that they begin with."""

    def __init__(self, piece: Callable[[int], bytes], size: int) -> None:
        """`piece(token)` is the text of each of `size` tokens."""
        pieces = [piece(token) for token in range(size)]
        self._leading = np.array([len(text) - len(text.lstrip(BLANK)) for text in pieces])
        self._whole = self._leading == np.array([len(text) for text in pieces])

    def allowed(self, owed: int) -> NDArray[np.intp]:
        """The tokens that bring `owed` blanks or, being blanks alone, some of them."""
        some = self._whole & (self._leading > 0) & (self._leading < owed)
        return np.flatnonzero(some | (self._leading >= owed))

    def brought(self, token: int) -> int:
        """How many blanks `token` begins with."""
        return int(self._leading[token])
