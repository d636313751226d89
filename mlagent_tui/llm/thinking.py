"""Splits streamed text into thinking and answer at the markers of reasoning models."""

from __future__ import annotations

import codecs
from collections.abc import Callable

MARKERS = (("<think>", "</think>"), ("<thinking>", "</thinking>"))
"""Opening and closing marker; a new family of models is a new pair."""

Emit = Callable[[str, bool], None]


def opened_by(prompt: str) -> str:
    """The closing marker that must come, when a prompt ends inside thinking; else empty."""
    return next((close for open_, close in MARKERS if prompt.rstrip().endswith(open_)), "")


class Writer:
    """Takes the bytes of tokens and hands on text, each piece marked as thinking or answer.

    `closing` is the marker awaited while thinking. An opening marker counts only at the very start.
    """

    def __init__(self, emit: Emit, closing: str = "") -> None:
        self.closing = closing
        self._emit = emit
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._started = bool(closing)
        self._strip = False
        self._parts: dict[bool, list[str]] = {True: [], False: []}

    @property
    def text(self) -> str:
        return "".join(self._parts[False])

    @property
    def thinking(self) -> str:
        return "".join(self._parts[True]).strip()

    def write(self, piece: bytes) -> None:
        self._held += self._decoder.decode(piece)
        if not self._started:
            self._start()
        if self.closing:
            self._think()
        elif self._started:
            self._answer()

    def finish(self) -> None:
        """Hands on what was held back because it might have been part of a marker."""
        self._held += self._decoder.decode(b"", final=True)
        self._hand_on(len(self._held))

    def _start(self) -> None:
        head = self._held.lstrip()
        for open_, close in MARKERS:
            if head.startswith(open_):
                self.closing, self._held, self._started = close, head[len(open_) :], True
                return
        self._started = bool(head) and not any(open_.startswith(head) for open_, _ in MARKERS)

    def _think(self) -> None:
        before, found, after = self._held.partition(self.closing)
        if found:
            self._hand_on(len(before))
            self.closing, self._held, self._strip = "", after, True
            self._answer()
            return
        overlap = next(
            (n for n in range(len(self.closing) - 1, 0, -1) if self._held.endswith(self.closing[:n])), 0
        )
        self._hand_on(len(self._held) - overlap)

    def _answer(self) -> None:
        if self._strip:  # the blank lines between thinking and answer belong to neither
            self._held = self._held.lstrip()
            self._strip = not self._held
        self._hand_on(len(self._held))

    def _hand_on(self, size: int) -> None:
        piece, self._held = self._held[:size], self._held[size:]
        if piece:
            self._parts[bool(self.closing)].append(piece)
            self._emit(piece, bool(self.closing))
