"""How many threads a model server has use for."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def physical_cores() -> int:
    """Cores this process may use, hyper-threads counted once: with more threads llama.cpp is slower."""
    try:
        usable = os.sched_getaffinity(0)
        siblings = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
        return len({Path(siblings.format(cpu)).read_text() for cpu in usable})
    except (AttributeError, OSError):
        return max(1, (os.cpu_count() or 2) // (1 if sys.platform == "darwin" else 2))
