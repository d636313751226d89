"""Which level of confinement works on this machine, and why another does not."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from mlagent_tui import temporary
from mlagent_tui.errors import SandboxError
from mlagent_tui.sandbox.confinement import Level, confine
from mlagent_tui.sandbox.launch import landlock_version
from mlagent_tui.schemas import SandboxPolicy

Policy = SandboxPolicy

LEVELS: tuple[Level, ...] = ("seatbelt",) if sys.platform == "darwin" else ("bubblewrap", "landlock")
"""Those of this system, the strongest first."""

_INSTALL = (
    "Install bubblewrap (the package `bubblewrap`), or use a kernel with landlock (Linux 5.13 or newer)."
)
_NAMESPACES = (
    "Allow user namespaces: `sysctl kernel.unprivileged_userns_clone=1` on Debian, "
    "`sysctl kernel.apparmor_restrict_unprivileged_userns=0` on Ubuntu; "
    "a container needs them from its host."
)
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
sys.exit(0 if shut else 9)
"""


@dataclass(frozen=True)
class Failure:
    """Why a level does not work here, and what would change that."""

    what: str
    remedy: str


def works(level: Level) -> bool:
    """Whether a program really can be confined at `level` here."""
    return failure(level) is None


@functools.cache
def failure(level: Level) -> Failure | None:
    """None when a program that tries to break out of `level` fails. Tried once per process."""
    if level not in LEVELS:
        return Failure(f"{level} confines nothing on this system", f"Choose {' or '.join(LEVELS)}.")
    if level == "bubblewrap" and shutil.which("bwrap") is None:
        return Failure("it is not installed", _INSTALL)
    if level == "landlock" and not landlock_version():
        return Failure("this kernel has no landlock, or it is switched off", "Use Linux 5.13 or newer.")
    with temporary.folder("inside") as inside, temporary.folder("outside") as outside:
        argv = [sys.executable, "-I", "-S", "-c", _PROBE, str(outside / "x")]
        trial = confine(argv, level=level, writable=inside)
        try:
            done = subprocess.run(
                trial.argv, env=trial.env, cwd=trial.cwd, timeout=20, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return Failure("a test program did not end within 20 seconds", "Try again on an idle machine.")
        except OSError as error:
            return Failure(f"a test program cannot be started: {error}", "Free memory or processes.")
        if list(outside.iterdir()) or done.returncode == 9:
            return Failure("a test program could leave it", "Use another level, and report this as a bug.")
    return _explained(done.stderr.decode("utf-8", "replace")) if done.returncode else None


def _explained(output: str) -> Failure:
    """What a confined program's last line says, and a remedy for what is known."""
    line = next((line for line in reversed(output.splitlines()) if line.strip()), "it gave no reason")
    line = re.sub(r"[^\x20-\x7e]", "", line).strip()[:300]
    closed = _closed_folder(Path(sys.executable))
    if closed:
        what = f"Python is in {sys.prefix}, and this user may not read or enter {closed} ({line})"
        return Failure(what, f"Allow reading {closed}, or install Python where every user can read it.")
    if "namespace" in line or "uid map" in line:
        return Failure(line, _NAMESPACES)
    return Failure(line, "`mlagent doctor` shows this again; the message is the sandbox's own.")


def _closed_folder(program: Path) -> Path | None:
    """The outermost folder on the way to Python that cannot be read or entered."""
    places = {Path(sys.prefix), Path(sys.base_prefix), program.parent, program.resolve().parent}
    ways = sorted({folder for place in places for folder in (place, *place.parents)})
    return next((folder for folder in ways if not os.access(folder, os.R_OK | os.X_OK)), None)


def best_level() -> Level:
    """The strongest level that works on this machine, `none` when none does."""
    return next((level for level in LEVELS if works(level)), "none")


def why_not(levels: tuple[Level, ...] = LEVELS) -> str:
    """One line: each of `levels` that does not work, and the reason. Empty when all work."""
    failures = {level: failure(level) for level in levels}
    return "; ".join(f"{level}: {failed.what}" for level, failed in failures.items() if failed)


def resolve_level(policy: Policy) -> Level:
    """The level to use under a user's `policy`.

    Raises `SandboxError` when the level asked for does not work here, or one is required and none works.
    """
    if policy == "none":
        return "none"
    if policy != "auto" and policy != "required":
        failed = failure(policy)
        if failed:
            raise SandboxError(f"the sandbox {policy} does not work here: {failed.what}", failed.remedy)
        return policy
    level = best_level()
    if level == "none" and policy == "required":
        raise SandboxError(
            f"a sandbox is required, and none works here ({why_not()})",
            f"{remedy()} Or set `sandbox: auto` to run without.",
        )
    return level


def remedy() -> str:
    """What to do where no level works: about the strongest that is there."""
    failures = [failed for level in LEVELS if (failed := failure(level))]
    known = [failed.remedy for failed in failures if failed.remedy != _INSTALL]
    return known[0] if known and len(known) == len(failures) else _INSTALL
