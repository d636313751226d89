"""The command that runs a program confined, at one of the levels of `levels`.

A weakness of landlock: what lies inside the writable folder (`.git`, a `.venv`) cannot be kept read-only.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlagent_tui.sandbox import bubblewrap, launch, seatbelt, syscalls

Level = Literal["bubblewrap", "landlock", "seatbelt", "none"]

_LAUNCHER = Path(__file__).with_name("launch.py")
_INSIDE = Path(__file__).with_name("inside")
_SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/run/opengl-driver",
    "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime",
    "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/os-release", "/etc/debian_version",
    "/etc/lsb-release", "/etc/redhat-release", "/etc/mime.types", "/etc/ssl/openssl.cnf", "/etc/ssl/certs",
    "/sys/devices/system",
)  # fmt: skip
# What Python, its libraries and build tools look up of the machine, and "self", the program's own process.
_PROC = tuple(f"/proc/{name}" for name in (
    "self", "cpuinfo", "meminfo", "stat", "loadavg", "uptime", "version", "filesystems", "devices",
    "sys/vm/overcommit_memory", "sys/vm/max_map_count", "sys/kernel/osrelease", "sys/kernel/pid_max",
    "sys/kernel/threads-max", "sys/kernel/cap_last_cap", "sys/kernel/ngroups_max", "sys/kernel/random",
))  # fmt: skip
_KEPT_VARIABLES = ("LD_LIBRARY_PATH", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "TZ")


@dataclass(frozen=True)
class Confined:
    """A command ready for `subprocess.Popen(argv, env=env, cwd=cwd, start_new_session=True)`.

    It dies with the thread that starts it: start it from a thread that lives as long as it should.
    """

    argv: list[str]
    env: dict[str, str]
    cwd: Path
    level: Level


def confine(
    argv: Sequence[str],
    *,
    level: Level,
    writable: Path,
    readable: Sequence[Path] = (),
    gpu: bool = False,
    processes: bool = True,
    tasks: int = 1024,
    file_mb: int = 0,
    env: Mapping[str, str] | None = None,
) -> Confined:
    """Wrap `argv` to see a read-only system, `readable` and one `writable` folder; no network, no secrets.

    The program's environment is a small clean one plus `env`. Without `processes` it cannot start others
    (Linux); with them, `tasks` bounds how many more the user may have (the kernel exempts root, whom only
    the watch of `limits` stops). `file_mb` bounds every file it writes, 0 for no bound. A level that the
    machine does not offer shows when the command is started.
    """
    writable = writable.resolve()
    program = shutil.which(argv[0]) or argv[0]
    helped = processes and level in ("bubblewrap", "landlock")
    seen = _readable([*readable, *([_INSIDE] if helped else [])])
    filtered = level in ("bubblewrap", "landlock") and platform.machine() in syscalls.MACHINES
    spec = {
        "user_tasks": _tasks_of_user() + tasks
        if processes and sys.platform == "linux" and os.getuid()
        else 0,
        "file_mb": file_mb,
        "parent": 0 if level == "bubblewrap" else os.getpid(),
        "confined": level in ("bubblewrap", "landlock"),
        "seccomp": _rules(processes, gpu) if filtered else None,
        "handed_on": None,
        **_files(level, writable, seen, gpu=gpu, processes=processes),
    }
    line = [*_launched(spec), program, *argv[1:]]
    if level == "bubblewrap":
        bwrap = shutil.which("bwrap") or "bwrap"
        inner = bubblewrap.arguments(
            bwrap, writable=writable, readable=seen, gpu=gpu, filtered=filtered, processes=processes
        )
        # Around bubblewrap too: its own process inside must not do what the program may not.
        outer = {"user_tasks": 0, "file_mb": 0, "parent": os.getpid(), "confined": False, "landlock": False,
                 "seccomp": None, "handed_on": _rules(True, gpu) if filtered else None}  # fmt: skip
        line = [*_launched(outer), *inner, *line]
    elif level == "seatbelt":
        rules = seatbelt.profile(writable=writable, readable=seen, gpu=gpu, processes=processes)
        line = ["/usr/bin/sandbox-exec", "-p", rules, *line]
    own = {"PYTHONPATH": str(_INSIDE)} if helped else {}
    return Confined(line, _environment(writable) | own | dict(env or {}), writable, level)


def _launched(spec: dict[str, Any]) -> list[str]:
    return [sys.executable, "-I", "-S", str(_LAUNCHER), json.dumps(spec), "--"]


def _rules(processes: bool, gpu: bool) -> syscalls.Rules:
    hideable = not launch.landlock_version()  # for `launch.hide`
    return syscalls.allowed(platform.machine(), processes=processes, gpu=gpu, hideable=hideable)


def _files(level: Level, writable: Path, seen: list[Path], *, gpu: bool, processes: bool) -> dict[str, Any]:
    """What landlock allows. In bubblewrap it comes on top, where the kernel has it."""
    may_write = [str(writable), *launch.DEVICES, *([*launch.GPU_DEVICES, "/proc"] if gpu else [])]
    if level == "bubblewrap":
        stacked = launch.landlock_version() > 0
        shared = [bubblewrap.SHARED_MEMORY] if processes else []
        return {"landlock": stacked, "readable": ["/"], "writable": [*may_write, *shared]}
    may_read = [*map(str, seen), *_PROC, *(["/sys", "/proc"] if gpu else [])]
    return {"landlock": level == "landlock", "readable": may_read, "writable": may_write}


def _readable(extra: Sequence[Path]) -> list[Path]:
    """Places by name and with links resolved, without those that lie inside another."""
    places = [*map(Path, _SYSTEM), Path(sys.prefix), Path(sys.base_prefix), _LAUNCHER, *extra]
    found = {path for place in places for path in (place.absolute(), place.resolve())}
    return sorted(path for path in found if found.isdisjoint(path.parents))


def _tasks_of_user() -> int:
    """Processes and threads of this user, 0 where that cannot be counted."""
    count = 0
    for status in Path("/proc").glob("[0-9]*/task/"):
        with contextlib.suppress(OSError):
            count += len(os.listdir(status)) if status.stat().st_uid == os.getuid() else 0
    return count


def _environment(writable: Path) -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"])
    fixed = {
        "PATH": path, "HOME": str(writable), "TMPDIR": str(writable), "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "GIT_CONFIG_NOSYSTEM": "1", "PIP_CONFIG_FILE": os.devnull,  # they give up on files they may not read
    }  # fmt: skip
    return {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ} | fixed
