"""Hands the text of an answer on to whoever listens, who may have enough of it."""

from __future__ import annotations

import dataclasses
import threading

from mlagent_tui.llm.base import Answer, Enough, OnProgress, OnText


class Stream:
    """Hands text on as it comes; after `rewind`, the same text over again is skipped."""

    def __init__(
        self,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> None:
        self.cancel = cancel or threading.Event()
        self.enough = False
        """Whether `on_text` wants no more."""
        self._on_progress = on_progress
        self._on_text = on_text
        self._seen = {True: "", False: ""}
        self._skip = {True: 0, False: 0}

    @property
    def over(self) -> bool:
        """Whether nobody waits for the rest of the answer."""
        return self.enough or self.cancel.is_set()

    def rewind(self) -> None:
        self._skip = {thinking: len(text) for thinking, text in self._seen.items()}

    def text(self, piece: str, thinking: bool) -> None:
        if self.enough:
            return
        skipped = min(self._skip[thinking], len(piece))
        self._skip[thinking] -= skipped
        if fresh := piece[skipped:]:
            self._seen[thinking] += fresh
            try:
                if self._on_text:
                    self._on_text(fresh, thinking)
            except Enough:
                self.enough = True

    def progress(self, done: int, total: int) -> None:
        if self._on_progress:
            self._on_progress(done, total)

    def cut_off(self) -> Answer:
        """What a server that had to be ended had written so far."""
        return self.heard(Answer(self._seen[False], self._seen[True], "cancelled", 0, 0, 0.0, 0.0))

    def heard(self, answer: Answer) -> Answer:
        """The answer, which ends where `on_text` had enough of it."""
        if not self.enough or self.cancel.is_set():
            return answer
        return dataclasses.replace(answer, text=self._seen[False], finish="enough")
