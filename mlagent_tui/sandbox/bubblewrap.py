"""Command line of bubblewrap: a root assembled from read-only pieces of this machine, and no network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

GPU_DEVICES = (
    "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset", "/dev/dxg",
    "/dev/kfd", *(f"/dev/nvidia{index}" for index in range(16)),
)  # fmt: skip


def arguments(program: str, *, writable: Path, readable: Sequence[Path], gpu: bool) -> list[str]:
    """What goes before the command to run. `readable` and `writable` keep their places inside.

    There is no /tmp but TMPDIR, so that nothing written escapes the watch on the writable folder's size.
    """
    line = [program, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    line += ["--hostname", "sandbox", "--proc", "/proc", "--dev", "/dev"]
    inside = [path for path in readable if path.is_relative_to(writable)]  # a .venv in the project, say
    for path in readable:
        line += ["--ro-bind-try", str(path), str(path)]
    if gpu:
        line += ["--ro-bind-try", "/sys", "/sys"]
        for device in GPU_DEVICES:
            line += ["--dev-bind-try", device, device]
    line += ["--remount-ro", "/dev", "--bind", str(writable), str(writable)]
    for path in [*inside, writable / ".git"]:  # git's hooks would run later, outside
        line += ["--ro-bind-try", str(path), str(path)]
    return [*line, "--remount-ro", "/", "--chdir", str(writable), "--"]
