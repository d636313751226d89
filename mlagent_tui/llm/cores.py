"""How many threads a model server uses: measured when a model is loaded, fewer while others compute."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlagent_tui import paths
from mlagent_tui.errors import ProjectError
from mlagent_tui.files import atomic_write

FILE = "threads.json"
"""In the cache folder: the number of threads by model and machine."""
QUIET = 0.3
"""Cores. While others use more than this, a measurement is not remembered, and a thread is left to them."""
LOOK_SECONDS, SHORT_SECONDS, STALE_SECONDS = 0.5, 0.04, 2.0
"""How often others are looked at while tokens are written; how long before, where the last look is stale."""
SLOWER = 0.8
"""Fewer threads are not tried any further once they bring less than this share of the best speed."""


def physical_cores() -> int:
    """Cores this process may use, hyper-threads counted once: with more threads llama.cpp is slower."""
    try:
        usable = os.sched_getaffinity(0)
        siblings = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
        return len({Path(siblings.format(cpu)).read_text() for cpu in usable})
    except (AttributeError, OSError):
        return max(1, (os.cpu_count() or 2) // (1 if sys.platform == "darwin" else 2))


class Load:
    """How many cores other processes use, between two looks; always 0 where the system does not tell."""

    def __init__(self, stat: Path = Path("/proc/stat")) -> None:
        self._stat = stat
        self._before = self._now()

    @property
    def age(self) -> float:
        """Seconds since the last look."""
        return time.monotonic() - self._before[0]

    def others(self) -> float:
        """Cores in use by others since the last look."""
        before, self._before = self._before, self._now()
        seconds, busy, own = (now - was for now, was in zip(self._before, before, strict=True))
        return max(busy - own, 0.0) / seconds if seconds > 0 else 0.0

    def _now(self) -> tuple[float, float, float]:
        """The time, and what all processes and this one have computed until then, in seconds."""
        busy = 0.0
        with suppress(OSError, ValueError, IndexError):
            user, nice, system, _idle, _wait, irq, soft = map(int, self._stat.read_text().split()[1:8])
            busy = (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")
        return time.monotonic(), busy, time.process_time() if busy else 0.0


class Threads:
    """Sets the number of threads of a model, by what others leave of the machine."""

    def __init__(self, most: int, apply: Callable[[int], object], load: Load | None = None) -> None:
        """`most` are used while nothing else computes; `apply` is called with each new number."""
        self._most = self._now = most
        self._apply = apply
        self._load = load or Load()
        self._cores = os.cpu_count() or most

    def before_a_prompt(self) -> None:
        """Looks at the machine, for a moment where the last look is long ago."""
        if self._most > 1 and self._load.age > STALE_SECONDS:
            self._load.others()
            time.sleep(SHORT_SECONDS)
            self._adapt()

    def between_tokens(self) -> None:
        """Looks again from time to time."""
        if self._most > 1 and self._load.age >= LOOK_SECONDS:
            self._adapt()

    def _adapt(self) -> None:
        free = self._cores - self._load.others()
        wanted = max(1, min(self._most, int(free + QUIET)))
        if wanted != self._now:
            self._now = wanted
            self._apply(wanted)


def fastest(seconds: Callable[[int], float], most: int) -> int:
    """The number of threads with which a token takes least: `most`, or half of that, and so on.

    `seconds(threads)` measures a token.
    """
    best, least = most, seconds(most)
    for threads in _fewer(most):
        taken = seconds(threads)
        if taken < least:
            best, least = threads, taken
        elif least < SLOWER * taken:
            break
    return best


def chosen(model: str, seconds: Callable[[int], float]) -> int:
    """The number of threads for a model known as `model`: as remembered for this machine, else measured.

    While others compute, a measurement says nothing: then it is the number of cores, of which `Threads` uses
    fewer.
    """
    most = physical_cores()
    file = paths.cache_folder() / FILE
    known: dict[str, Any] = {}
    with suppress(OSError, ValueError, TypeError):
        known = dict(json.loads(file.read_text(encoding="utf-8")))
    key = f"{model} {_processor()} {most}"
    remembered = known.get(key)
    if isinstance(remembered, int) and 1 <= remembered <= most:
        return remembered
    load = Load()
    found = fastest(seconds, most)
    if load.others() > QUIET:
        return most
    with suppress(OSError, ProjectError):
        file.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(file, json.dumps(known | {key: found}))
    return found


def _fewer(threads: int) -> Iterator[int]:
    while threads > 1:
        threads //= 2
        yield threads


def _processor() -> str:
    """What the processor calls itself."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return ""
