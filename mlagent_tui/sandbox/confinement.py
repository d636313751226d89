"""The levels of confinement: which one this machine offers, and the command that runs something in it.

A weakness of landlock: what lies inside the writable folder (`.git`, a `.venv`) cannot be kept read-only.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlagent_tui import temporary
from mlagent_tui.errors import SandboxError
from mlagent_tui.sandbox import bubblewrap, seatbelt

Level = Literal["bubblewrap", "landlock", "seatbelt", "none"]
Policy = Literal["auto", "required", "none"]

_LAUNCHER = Path(__file__).with_name("launch.py")
_FILTERED_MACHINES = ("x86_64", "aarch64")
_SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/run/opengl-driver",
    "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime",
    "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/sys/devices/system",
)  # fmt: skip
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
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
    seen = _readable(readable)
    linux = sys.platform == "linux"
    confined = level in ("bubblewrap", "landlock")
    spec = {
        "seccomp": confined and platform.machine() in _FILTERED_MACHINES,
        "landlock": level == "landlock",
        "processes": processes,
        "user_tasks": _tasks_of_user() + tasks if processes and linux and os.getuid() else 0,
        "file_mb": file_mb,
        "readable": [*map(str, seen), "/proc", *(["/sys"] if gpu else [])],
        "writable": [str(writable), *_DEVICES, *([*bubblewrap.GPU_DEVICES, "/proc"] if gpu else [])],
    }
    line = [sys.executable, "-I", "-S", str(_LAUNCHER), json.dumps(spec), "--", program, *argv[1:]]
    if level == "bubblewrap":
        bwrap = shutil.which("bwrap") or "bwrap"
        line = bubblewrap.arguments(bwrap, writable=writable, readable=seen, gpu=gpu) + line
    elif level == "seatbelt":
        rules = seatbelt.profile(writable=writable, readable=seen, gpu=gpu, processes=processes)
        line = ["/usr/bin/sandbox-exec", "-p", rules, *line]
    return Confined(line, _environment(writable) | dict(env or {}), writable, level)


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
    }  # fmt: skip
    return {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ} | fixed


_PROBE = """
import socket, sys
def refused(act):
    try:
        act()
    except OSError:
        return True
    return False
open("inside", "w").close()
shut = refused(lambda: open(sys.argv[1], "w")) and refused(lambda: socket.socket())
sys.exit(0 if shut else 1)
"""


def works(level: Level) -> bool:
    """Whether a program really can be confined at `level` here: tries one that wants out."""
    with temporary.folder("inside") as inside, temporary.folder("outside") as outside:
        trial = confine(
            [sys.executable, "-I", "-S", "-c", _PROBE, str(outside / "x")],
            level=level,
            writable=inside,
        )
        try:
            done = subprocess.run(
                trial.argv,
                env=trial.env,
                cwd=trial.cwd,
                capture_output=True,
                timeout=20,
                start_new_session=True,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0 and not list(outside.iterdir())


@functools.cache
def best_level() -> Level:
    """The strongest level that works on this machine, tried once per process."""
    levels: tuple[Level, ...] = ("seatbelt",) if sys.platform == "darwin" else ("bubblewrap", "landlock")
    return next((level for level in levels if works(level)), "none")


def resolve_level(policy: Policy) -> Level:
    """The level to use under a user's `policy`. Raises `SandboxError` when one is required and none works."""
    if policy == "none":
        return "none"
    level = best_level()
    if level == "none" and policy == "required":
        raise SandboxError(
            "the settings require a sandbox, and this machine offers none that works",
            "Install bubblewrap, allow user namespaces, or use a kernel with landlock (5.13 or newer); "
            "or set `sandbox: auto` to run without.",
        )
    return level
