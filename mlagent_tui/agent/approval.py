"""The user's approval of what a plan wants to execute: requested, waited for, and written to the journal."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable

from mlagent_tui import events

LOOK_EVERY = 0.1
"""Seconds between two looks at whether the run was interrupted meanwhile."""

Look = Callable[[events.ApprovalAsked], bool | None]
"""Asks somewhere else as well: called again and again while a question is open, None while undecided."""


class Approvals:
    """The open questions of a run. `ask` waits on a tool's thread, `answer` comes from any other."""

    def __init__(
        self, tell: Callable[[events.Event], None], cancel: threading.Event, look: Look | None = None
    ) -> None:
        self._tell = tell
        self._cancel = cancel
        self._look = look
        self._changed = threading.Condition()
        self._open: dict[str, bool | None] = {}

    @property
    def can_ask(self) -> bool:
        """Whether there is a place to ask besides the project's socket."""
        return self._look is not None

    def ask(self, tool: str, command: str, folder: str) -> bool:
        """Whether the user allows `command`; False when the run is interrupted first."""
        question = events.ApprovalAsked(id=secrets.token_hex(4), tool=tool, command=command, folder=folder)
        with self._changed:
            self._open[question.id] = None
        self._tell(question)
        allowed = self._wait(question)
        with self._changed:
            del self._open[question.id]
        self._tell(events.ApprovalGiven(id=question.id, allowed=allowed))
        return allowed

    def answer(self, id_: str, allowed: bool) -> bool:
        """Settle the question `id_`; False when it is not, or no longer, open."""
        with self._changed:
            if self._open.get(id_, False) is not None:
                return False
            self._open[id_] = allowed
            self._changed.notify_all()
            return True

    def _wait(self, question: events.ApprovalAsked) -> bool:
        while not self._cancel.is_set():
            with self._changed:
                if not self._look and self._open[question.id] is None:
                    self._changed.wait(LOOK_EVERY)
                answered = self._open[question.id]
            if answered is None and self._look:
                answered = self._look(question)
            if answered is not None:
                return answered
        return False
