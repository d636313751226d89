"""Waiting for what a test needs: until it has come about, never for a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable

LOOK_AGAIN = 0.01


def eventually(holds: Callable[[], object], seconds: float = 60.0, said: Callable[[], str] = str) -> None:
    """Return when `holds()` is true. After `seconds` the test fails with what `said()` gives."""
    limit = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < limit, f"it did not come about in {seconds:g} s. {said()}"
        time.sleep(LOOK_AGAIN)
