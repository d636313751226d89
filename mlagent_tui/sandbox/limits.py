"""Watches a process and all it started: memory, number of tasks, disk; kills all of them together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mlagent_tui.memory import memory
from mlagent_tui.sandbox import storage

OUT_OF_MEMORY = "out of memory"
"""How the reason begins when the memory limit was exceeded."""

_PAGE = os.sysconf("SC_PAGE_SIZE")
# Seconds; walking a folder costs more than reading the process table.
_TREE_EVERY, _DISK_EVERY = 0.1, 1.0


@dataclass(frozen=True)
class Limits:
    """What a process tree may use in all.

    Resident memory; threads; disk, removed files that are still open included; new files in its folder.
    Shared memory that nobody has mapped belongs to no process: it counts as growth of the machine's.
    """

    memory_mb: int
    tasks: int = 1024
    disk_mb: int = 8192
    files: int = 100_000


@dataclass(frozen=True)
class _Task:
    pid: int
    parent: int
    group: int
    threads: int
    resident: int


def default_memory_mb() -> int:
    """Four fifths of what the machine, or the container, has free now, at least 512 MB."""
    return max(512, memory()[1] * 4 // 5 >> 20)


def usage(pid: int) -> tuple[int, int]:
    """Resident bytes and number of `pid` and all it has started; what two of them share counts twice."""
    tree = Guard(pid, Limits(memory_mb=0))._tree()
    return sum(task.resident for task in tree), len(tree)


@dataclass
class Guard:
    """Guards the tree under `pid` (started in a session of its own) and the growth of `folder`.

    Without `leads`, the process shares its group with others, which are left alone.
    """

    pid: int
    limits: Limits
    folder: Path | None = None
    leads: bool = True
    _groups: set[int] = field(default_factory=set, init=False)
    _tree_next: float = field(default=0.0, init=False)
    _disk_next: float = field(default=0.0, init=False)
    _disk_before: storage.Stored = field(default_factory=storage.Stored, init=False)
    _shared_before: int = field(default=0, init=False)
    _tasks_before: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.leads:
            self._groups.add(self.pid)
        self._tasks_before = _tasks_of_the_machine()
        self._shared_before = storage.shared_memory()
        self._disk_before = storage.folder(self.folder) if self.folder else storage.Stored()

    def breach(self) -> str | None:
        """The first limit exceeded, in words; or None. Cheap enough to ask every 20 ms."""
        crowded = _tasks_of_the_machine() - self._tasks_before > self.limits.tasks
        if crowded:  # perhaps a fork bomb: while it grows, nobody else gets a turn to count it
            self._signal(signal.SIGSTOP)
        if crowded or time.monotonic() >= self._tree_next:
            self._tree_next = time.monotonic() + _TREE_EVERY
            problem = self._exceeded()
            if problem:
                return problem
        if crowded:
            self._tasks_before = _tasks_of_the_machine()
            self._signal(signal.SIGCONT)
        if self.folder is not None and time.monotonic() >= self._disk_next:
            began = time.monotonic()
            problem = self._stores_too_much(self.folder)
            ended = time.monotonic()
            self._disk_next = ended + max(_DISK_EVERY, 10 * (ended - began))  # a large folder takes its time
            return problem
        return None

    def kill(self) -> None:
        """Kill the whole tree, at once; repeats until nobody is left who could fork."""
        for _ in range(500):
            self._signal(signal.SIGKILL)
            others = [task.pid for task in self._tree() if task.pid != self.pid]
            for pid in others:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            if not others:
                return
            time.sleep(0.01)

    def _exceeded(self) -> str | None:
        tree = self._tree()
        tasks = sum(task.threads for task in tree)
        if tasks > self.limits.tasks:
            return f"too many processes: {tasks} tasks, the limit is {self.limits.tasks}"
        memory = sum(task.resident for task in tree) >> 20
        if memory > self.limits.memory_mb:
            return f"{OUT_OF_MEMORY}: it used {memory} MB, the limit is {self.limits.memory_mb} MB"
        shared = storage.shared_memory() - self._shared_before >> 20
        if shared > self.limits.memory_mb:
            return (
                f"{OUT_OF_MEMORY}: the machine's shared memory grew by {shared} MB while it ran, "
                f"the limit is {self.limits.memory_mb} MB"
            )
        return None

    def _stores_too_much(self, folder: Path) -> str | None:
        now, before = storage.folder(folder), self._disk_before
        if now.too_deep and not before.too_deep:
            return "too many folders inside one another: a path has 4096 bytes at most"
        files = now.files - before.files
        if files > self.limits.files:
            return f"too many files: {files} new ones, the limit is {self.limits.files}"
        removed = storage.removed([task.pid for task in self._tree()])
        disk = now.size - before.size + removed >> 20
        if disk > self.limits.disk_mb:
            hidden = f", {removed >> 20} MB of it in removed files that are still open" if removed else ""
            return f"too much disk: {disk} MB written, the limit is {self.limits.disk_mb} MB{hidden}"
        return None

    def _signal(self, number: int) -> None:
        """To all process groups of the tree. One call reaches all of a group before any can fork again."""
        for group in self._groups:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)

    def _tree(self) -> list[_Task]:
        tasks = list(_tasks())
        children: dict[int, list[_Task]] = {}
        for task in tasks:
            children.setdefault(task.parent, []).append(task)
        found = {task.pid: task for task in tasks if task.pid == self.pid or task.group in self._groups}
        waiting = list(found)
        while waiting:
            for task in children.get(waiting.pop(), ()):
                if task.pid not in found:
                    found[task.pid] = task
                    waiting.append(task.pid)
        if self.leads:
            self._groups.update({task.group for task in found.values()} - {0, 1, os.getpgrp()})
        return list(found.values())


def _tasks_of_the_machine() -> int:
    """How many there are in all, 0 where that is not known: one small read (proc_loadavg(5))."""
    with contextlib.suppress(OSError):
        return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])
    return 0


def _tasks() -> Iterator[_Task]:
    """Every process of the machine that is not a zombie."""
    if sys.platform != "linux":
        yield from _tasks_of_ps()
        return
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            with open(f"/proc/{entry.name}/stat", "rb") as stat:
                # proc_pid_stat(5); the name before the last bracket may hold anything
                fields = stat.read().rpartition(b")")[2].split()
            if fields[0] not in (b"Z", b"X"):
                yield _Task(
                    int(entry.name), int(fields[1]), int(fields[2]), int(fields[17]), int(fields[21]) * _PAGE
                )


def _tasks_of_ps() -> Iterator[_Task]:
    listing = subprocess.run(
        ["/bin/ps", "-axo", "pid=,ppid=,pgid=,rss=,stat="], capture_output=True, text=True, check=False
    ).stdout
    for line in listing.splitlines():
        pid, parent, group, resident, state = line.split(None, 4)
        if not state.startswith("Z"):
            yield _Task(int(pid), int(parent), int(group), 1, int(resident) * 1024)
