"""Whether an engine is at work on a project. Nothing is asked of it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from mlagent_tui import paths


def engine_alive(root: Path) -> bool:
    """Whether a process holds the project at `root`; one look at its lock, microseconds."""
    try:
        lock = os.open(root / paths.LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(lock)
    return False
