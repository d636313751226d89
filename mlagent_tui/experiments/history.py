"""What the journal of a project tells, with errors meant for people. What cannot be read is counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlagent_tui import events, paths
from mlagent_tui.errors import ProjectError
from mlagent_tui.files import explain

_MOVES = ("paused", "continued", "step_started", "run_started", "run_resumed", "run_finished")
_ENDS = ("run_started", "run_resumed", "run_finished")


@dataclass(frozen=True)
class Skipped:
    """Lines of a journal that could not be used: how many, the number of the first, and why that one."""

    count: int = 0
    first_line: int = 0
    reason: str = ""

    def __str__(self) -> str:
        if not self.count:
            return ""
        where = f", the first is line {self.first_line}" if self.first_line else ""
        if self.count == 1:
            where = f" (line {self.first_line})" if self.first_line else ""
            return f"1 line of the journal was skipped{where}: {self.reason}"
        return f"{self.count:,} lines of the journal were skipped{where}: {self.reason}"

    def add(self, line: int, reason: str) -> Skipped:
        """With one more line."""
        return Skipped(self.count + 1, self.first_line or line, self.reason or reason)


def whole(root: Path) -> Iterator[events.Event]:
    """The events of all runs, without those that stream. Raises `ProjectError`."""
    with _explained(root):
        yield from events.scan(_journal(root), skip=events.STREAMED)


def last_run(root: Path) -> Iterator[events.Event]:
    """The events from the start of the last run on, without those that stream; all where none has started.

    The start is found from the end of the file. Raises `ProjectError`.
    """
    with _explained(root):
        found = events.last(_journal(root), ("run_started",))
        yield from events.scan(_journal(root), skip=events.STREAMED, start=found[0] if found else 0)


def ending(root: Path) -> events.RunFinished | None:
    """How the last run ended; None while it has not, or when there is none. Reads the end of the journal.

    Raises `ProjectError`.
    """
    with _explained(root):
        found = events.last(_journal(root), _ENDS)
    return found[1] if found and isinstance(found[1], events.RunFinished) else None


def started(root: Path) -> bool:
    """Whether the journal tells of a run. Raises `ProjectError`."""
    with _explained(root):
        return events.last(_journal(root), _ENDS) is not None


def held(root: Path) -> str:
    """The step before which the last run is paused; empty when it is not. Raises `ProjectError`."""
    with _explained(root):
        found = events.last(_journal(root), _MOVES)
    return found[1].before if found and isinstance(found[1], events.Paused) else ""


def _journal(root: Path) -> Path:
    return paths.Layout(root).journal


@contextmanager
def _explained(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what, remedy = explain(error)
        raise ProjectError(f"cannot read {_journal(root)}: {what}", remedy) from error
