"""How much memory a run holds: its own process and all it has started, told when it has changed."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from mlagent_tui import events, sandbox

EVERY = 2.0
"""Seconds between two looks."""

NOTABLE = 0.05
"""Relative change of memory that is worth telling."""


class Meter:
    """Looks now and then, and tells what differs from what it told last."""

    def __init__(
        self, tell: Callable[[events.Event], None], usage: Callable[[int], tuple[int, int]] = sandbox.usage
    ) -> None:
        self._tell = tell
        self._usage = usage
        self._told = 0

    def run(self, over: threading.Event) -> None:
        """Look until `over` is set."""
        while not over.is_set():
            self.look()
            over.wait(EVERY)

    def look(self) -> None:
        """One look."""
        memory, processes = self._usage(os.getpid())
        if abs(memory - self._told) > NOTABLE * self._told:
            self._told = memory
            self._tell(events.Resources(memory_mb=round(memory / 2**20, 1), processes=processes))
