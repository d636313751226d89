"""A real run of four iterations, recorded from the engine with the bundled model, as a project to open."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from textual.pilot import Pilot

from mlagent_tui import events, paths

RECORDED = Path(__file__).parent / "unit" / "tui" / "recorded"
BEST = "qe_20261123_041808"
LAST = "qe_20261123_041825"


def lines() -> list[bytes]:
    """The journal's lines, each with its end."""
    return (RECORDED / "journal.jsonl").read_bytes().splitlines(keepends=True)


def told() -> list[events.Event]:
    """The journal's events."""
    return [events.parse(line) for line in lines()]


def project(folder: Path, *, upto: str = "") -> Path:
    """The recorded project in `folder`; with `upto`, it ends before the last line with that in it."""
    for name in paths.FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    shutil.copy(RECORDED / "registry.json", folder / paths.REGISTRY)
    kept = lines()
    if upto:
        kept = kept[: max(i for i, line in enumerate(kept) if upto.encode() in line)]
    (folder / paths.JOURNAL).write_bytes(b"".join(kept))
    return folder


@contextmanager
def engine_at_work(root: Path) -> Iterator[None]:
    """The project's lock is held, as an engine holds it."""
    lock = os.open(root / paths.LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def append(root: Path, *more: events.Event) -> None:
    """Write events to the end of the project's journal, as the engine does."""
    with (root / paths.JOURNAL).open("ab") as file:
        for event in more:
            file.write(event.to_json().encode() + b"\n")


async def until(pilot: Pilot[int], holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Let the app work until something holds; fails when it does not in time."""
    limit = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < limit, "it did not happen in time"
        await pilot.pause(0.02)
    await pilot.pause()
