"""Command line of bubblewrap: a root assembled from read-only pieces of this machine, and no network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mlagent_tui.sandbox.launch import FILTER, GPU_DEVICES

SHARED_MEMORY = "/dev/shm"
_SHARED_MEMORY_BYTES = 64 << 20


def arguments(
    program: str, *, writable: Path, readable: Sequence[Path], gpu: bool, filtered: bool, processes: bool
) -> list[str]:
    """What goes before the command to run. `readable` and `writable` keep their places inside.

    There is no /tmp but TMPDIR, so that nothing written escapes the watch on the writable folder's size.
    `filtered`: `launch` puts a seccomp filter for bubblewrap's own process, and all below it, in the place of
    `FILTER`. With `processes`, they have a little shared memory.
    """
    line = [program, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    line += ["--seccomp", FILTER] if filtered else []
    line += ["--hostname", "sandbox", "--proc", "/proc", "--dev", "/dev"]
    inside = [path for path in readable if path.is_relative_to(writable)]  # a .venv in the project, say
    for path in readable:
        line += ["--ro-bind-try", str(path), str(path)]
    if gpu:
        line += ["--ro-bind-try", "/sys", "/sys", "--ro-bind-try", "/proc/sys", "/proc/sys"]
        for device in GPU_DEVICES:
            line += ["--dev-bind-try", device, device]
    else:  # CUDA writes its threads' names there
        line += ["--remount-ro", "/proc"]
    line += ["--remount-ro", "/dev"]
    if processes:
        line += ["--size", str(_SHARED_MEMORY_BYTES), "--tmpfs", SHARED_MEMORY]
    line += ["--bind", str(writable), str(writable)]
    for path in [*inside, writable / ".git"]:  # git's hooks would run later, outside
        line += ["--ro-bind-try", str(path), str(path)]
    return [*line, "--remount-ro", "/", "--chdir", str(writable), "--"]
