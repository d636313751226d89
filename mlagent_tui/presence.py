"""Whether an engine is working on a project, and which process it is. The engine itself is not asked."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

from mlagent_tui import paths


def engine_alive(root: Path) -> bool:
    """Whether a process holds the project at `root`; one look at its lock, microseconds."""
    return bool(holder(root))


def holder(root: Path) -> str:
    """The process that holds the project at `root`, such as "process 42 on lab3"; empty when none does."""
    try:
        lock = os.open(root / paths.LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return written_by(lock)
    except OSError:
        return ""
    finally:
        os.close(lock)
    return ""


def this_process() -> str:
    """What the holder of a project writes into its lock file."""
    host = socket.gethostname().strip()
    return f"process {os.getpid()}" + (f" on {host}" if host else "")


def written_by(lock: int) -> str:
    """What the holder has written into its open lock file."""
    try:
        return os.pread(lock, 200, 0).decode("utf-8", "replace").strip() or "another process"
    except OSError:
        return "another process"
