"""How much memory this machine has, and how much of it is free."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def memory() -> tuple[int, int]:
    """Bytes of memory in all, and those that a program may still take; a container's limit counts."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    available = total
    with suppress(OSError, StopIteration, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        available = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    with suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text())  # "max" is not a number: there is no limit
        if limit < total:
            used = int((group / "memory.current").read_text())
            total, available = limit, min(available, max(0, limit - used))
    return total, available
