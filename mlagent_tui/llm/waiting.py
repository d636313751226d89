"""How long a server that is busy, still loads its model or is restarted is waited for, and how it is said."""

from __future__ import annotations

import email.utils
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mlagent_tui.llm.base import Tell
from mlagent_tui.llm.refusals import Refused

UNREACHABLE = -1
"""In place of a status: nothing listens where a server was before."""


@dataclass(frozen=True)
class Limits:
    """Seconds. `busy` is how long to go on asking, by the status that a server answers with.

    A list of models may take `listing`. `silence` is how long a server may write nothing, `quiet` after how
    much of that it is said. An answer may take `silence`, and `per_token` for each token. `pause(event,
    seconds)` waits, or less where it is set.
    """

    busy: Mapping[int, float] = field(
        default_factory=lambda: {429: 300.0, 503: 600.0, 529: 300.0, 502: 60.0, 504: 60.0, UNREACHABLE: 60.0}
    )
    first: float = 1.0
    longest: float = 30.0
    shortest: float = 0.05
    listing: float = 60.0
    quiet: float = 60.0
    silence: float = 1800.0
    per_token: float = 2.0
    pause: Callable[[threading.Event, float], object] = threading.Event.wait


WHY = {
    429: "it limits the number of requests",
    502: "the gateway before it gets no answer from it",
    503: "it is loading its model, or is busy",
    504: "the gateway before it gets no answer from it in time",
    529: "it is overloaded",
    UNREACHABLE: "nothing listens at its address any more",
}
"""What is said of a server that is waited for, beside its own words."""


class Waiting:
    """The waits of one request: each longer than the one before, up to the limit of its reason."""

    def __init__(self, limits: Limits, title: str, tell: Tell) -> None:
        self._limits, self._title, self._tell = limits, title, tell
        self._waited = 0.0
        self._next = limits.first
        self._told = -1

    def again(self, refused: Refused, cancel: threading.Event) -> bool:
        """Waits where it is worth it; False where it is not, or no longer. `cancel` ends the wait."""
        limit = self._limits.busy.get(refused.status, 0.0)
        asked = refused.retry_after
        seconds = max(self._next if asked is None else asked, self._limits.shortest)
        if self._waited + seconds > limit:
            return False
        if self._told != refused.status:
            self._told = refused.status
            said = f" ({refused.sentence})" if refused.sentence else ""
            self._tell(
                f"waiting for {self._title}: {WHY[refused.status]}{said}",
                f"It is asked again for up to {in_words(limit)}. Press Ctrl-C to stop.",
            )
        self._limits.pause(cancel, seconds)
        self._waited += seconds
        self._next = min(2 * self._next, self._limits.longest)
        return True


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a server asks to wait, in either form of the header; None where it asks for none."""
    said = headers.get("retry-after", "").strip()
    try:
        seconds = float(said)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(said).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return max(seconds, 0.0) if seconds < 1e9 else None


def in_words(seconds: float) -> str:
    """`10 minutes`, `45 s`."""
    minutes = round(seconds / 60)
    return f"{minutes} minute{'s' if minutes > 1 else ''}" if seconds >= 60 else f"{seconds:g} s"
