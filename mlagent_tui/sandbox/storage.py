"""What a process tree stores: files under its folder, files that no folder lists any more, shared memory."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_DEEPEST = 3800  # bytes of a path; the kernel takes 4096, and what lies deeper cannot be counted


@dataclass(frozen=True)
class Stored:
    """Bytes on disk and number of files; `too_deep` when there are folders that cannot be read."""

    size: int = 0
    files: int = 0
    too_deep: bool = False


def folder(root: Path) -> Stored:
    """All under `root`, however deep; links are not followed."""
    size, files, too_deep = 0, 0, False
    waiting = [os.fspath(root)]
    while waiting:
        place = waiting.pop()
        if len(os.fsencode(place)) > _DEEPEST:
            too_deep = True
            continue
        with contextlib.suppress(OSError), os.scandir(place) as entries:
            for entry in entries:
                files += 1
                with contextlib.suppress(OSError):
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
    return Stored(size, files, too_deep)


def removed(pids: Iterable[int]) -> int:
    """Bytes of files on disk that these processes hold though no folder lists them (Linux; 0 elsewhere).

    Those that are open are measured. Of those that are only mapped, what is mapped counts.
    """
    sizes: dict[tuple[int, int], int] = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    found = os.stat(f"/proc/{pid}/fd/{name}")
                    if found.st_nlink == 0 and stat.S_ISREG(found.st_mode):
                        sizes[(found.st_dev, found.st_ino)] = found.st_blocks * 512
    for key, size in _mapped(pids).items():
        sizes.setdefault(key, size)
    return sum(sizes.values())


def _mapped(pids: Iterable[int]) -> dict[tuple[int, int], int]:
    """Removed files that are mapped: (device, inode) to the end of what is mapped (proc_pid_maps(5))."""
    ends: dict[tuple[int, int], int] = {}
    for pid in pids:
        with contextlib.suppress(OSError, ValueError):
            for line in Path(f"/proc/{pid}/maps").read_bytes().splitlines():
                if not line.endswith(b" (deleted)"):
                    continue
                area, _, offset, device, inode = line.split(None, 5)[:5]
                first, last = (int(part, 16) for part in area.split(b"-"))
                major, minor = (int(part, 16) for part in device.split(b":"))
                key = (os.makedev(major, minor), int(inode))
                ends[key] = max(ends.get(key, 0), int(offset, 16) + last - first)
    return ends


def shared_memory() -> int:
    """Bytes of shared memory on this machine, of all processes and in-memory file systems; 0 if unknown."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Shmem:"))
    return 0
