"""The status of a project in one line, from its registry and from both ends of its journal."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mlagent_tui import paths, presence
from mlagent_tui.errors import MlagentError
from mlagent_tui.tui.facts import BAD_USAGE

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from mlagent_tui.schemas import RegistryEntry

Standing = Literal[
    "running", "held", "achieved", "stopped", "interrupted", "failed", "ended early", "empty", "gone"
]

_TAIL = 128 * 1024
_HEADLINES: dict[Standing, str] = {
    "running": "A run is in progress",
    "held": "A run waits for you",
    "achieved": "Goal achieved",
    "stopped": "Stopped without achieving the goal",
    "interrupted": "A run was interrupted",
    "failed": "A run failed",
    "ended early": "The engine stopped before the run ended",
    "empty": "No run was started yet",
    "gone": "The project folder no longer exists",
}


@dataclass(frozen=True)
class Glance:
    """The status of a project. `best` is the best trial of its last search, in words: `98.6 %`.

    `trouble` says what is damaged.
    """

    standing: Standing
    goal: str = ""
    runs: int = 0
    best: str = ""
    seconds: float = 0.0
    trouble: str = ""
    again: bool = True
    """Whether a run that has failed may succeed when it is resumed."""

    @property
    def severity(self) -> SeverityLevel:
        """How the end of its run is told."""
        wrong: dict[Standing, SeverityLevel] = {
            "stopped": "warning", "interrupted": "warning", "failed": "error", "ended early": "error",
        }  # fmt: skip
        return wrong.get(self.standing, "information")

    @property
    def headline(self) -> str:
        """The standing in words."""
        return _HEADLINES[self.standing]

    @property
    def resumable(self) -> bool:
        """Whether `mlagent resume` would resume its last run."""
        return self.standing in ("interrupted", "ended early") or (self.standing == "failed" and self.again)


def look(root: Path) -> Glance:
    """How the project at `root` stands. Never raises; takes milliseconds whatever its journal's length."""
    from mlagent_tui.experiments import registry

    layout = paths.Layout(root)
    if not layout.is_project():
        return Glance("gone")
    try:
        listed = registry.read(root)
        entries = listed.entries
    except MlagentError as error:
        return Glance("failed", trouble=error.what)
    standing, goal, seconds, again = _last_run(layout.journal)
    if presence.engine_alive(root):
        standing = "held" if _waits(root) else "running"
    return Glance(standing, goal, len(entries), _best(entries), seconds, listed.notice, again)


def _waits(root: Path) -> bool:
    from mlagent_tui.experiments import history

    try:
        return bool(history.held(root))
    except MlagentError:
        return False


def _best(entries: list[RegistryEntry]) -> str:
    from mlagent_tui.research import ranking
    from mlagent_tui.tui import words

    best = ranking.best_recorded(entries)
    return "" if best is None else words.best_value(ranking.aim(best.goal), best)


def _last_run(journal: Path) -> tuple[Standing, str, float, bool]:
    """How the last run of a journal stands, its goal, its seconds, whether it can go on after a failure."""
    from mlagent_tui import events

    head, tail = _ends(journal)
    told = [events.parse(line) for line in tail if line.strip()]
    first = next((e for e in map(events.parse, head) if isinstance(e, events.RunStarted)), None)
    begun = next((e for e in reversed(told) if isinstance(e, events.RunStarted)), first)
    ending = next((e for e in reversed(told) if isinstance(e, events.RunFinished | events.RunResumed)), None)
    last = next((e for e in reversed(told) if e.time), None)
    if begun is None and last is None:
        return "empty", "", 0.0, False
    goal = begun.goal_text if begun else ""
    seconds = _between(begun.time, last.time) if begun and last else 0.0
    if isinstance(ending, events.RunFinished) and (begun is None or ending.seq > begun.seq):
        return ending.outcome, goal, seconds, ending.exit_status != BAD_USAGE
    return "ended early", goal, seconds, True


def _ends(path: Path) -> tuple[list[bytes], list[bytes]]:
    """The first lines and the last lines of a file, complete ones only; none where it cannot be read."""
    from mlagent_tui import events

    try:
        with events.open_plain(path) as file:
            head = file.read(_TAIL)
            size = os.fstat(file.fileno()).st_size
            if size <= _TAIL:
                return head.split(b"\n")[:8], head[: head.rfind(b"\n") + 1].split(b"\n")
            file.seek(size - _TAIL)
            tail = file.read(_TAIL)
    except OSError:
        return [], []
    return head.split(b"\n")[:8], tail[tail.find(b"\n") + 1 : tail.rfind(b"\n") + 1].split(b"\n")


def _between(earlier: str, later: str) -> float:
    try:
        return max(0.0, (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds())
    except ValueError:
        return 0.0


def ago(time: str, now: datetime | None = None) -> str:
    """`3 h ago`, for an ISO 8601 time; empty for what is none."""
    try:
        seconds = ((now or datetime.now(UTC)) - datetime.fromisoformat(time)).total_seconds()
    except (ValueError, TypeError):
        return ""
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit} ago"
    return "just now"
