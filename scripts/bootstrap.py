"""Makes and checks `.venv`: pinned packages, a llama-cpp-python built for this processor, the project itself.

Standard library only. All it says goes to standard error. What was interrupted is done again, what was
finished is kept, and when nothing is left to do a start costs milliseconds.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import preflight

TOP = Path(__file__).resolve().parent.parent
VENV = TOP / ".venv"
PYTHON = VENV / "bin" / "python"
STATE = VENV / ".mlagent"  # a stamp for each finished step, the log, scratch space
LOCK = TOP / "requirements" / "lock.txt"
BUILD_LOCK = TOP / "requirements" / "build.txt"
HALF_UNPACKED = STATE / "unpacking"  # there while pip unpacks: cut short, half a package looks whole to it
UNPACKING = "Installing collected packages"
NATIVE = "llama-cpp-python"
BUILD_VARIABLES = ("CMAKE_ARGS", "SKBUILD_CMAKE_ARGS", "CC", "CXX", "CFLAGS", "CXXFLAGS", "LDFLAGS")
LINUX = sys.platform.startswith("linux")

_locks: tuple[int, ...] = ()  # inherited by pip, so that they hold even where only pip is left alive


class SetupError(Exception):
    """What stops the set-up, and what to do about it."""


def say(text: str) -> None:
    """Print a line of progress."""
    print(f"Set-up: {text}", file=sys.stderr, flush=True)


def digest(*parts: str | bytes) -> str:
    """A short fingerprint."""
    joined = b"\0".join(part.encode() if isinstance(part, str) else part for part in parts)
    return hashlib.sha256(joined).hexdigest()[:16]


@contextmanager
def locked(path: Path, busy: str) -> Iterator[None]:
    """Hold a lock file; `busy` is what is said when someone else holds it."""
    global _locks
    with path.open("a", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{busy}; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        before = _locks
        _locks = (*before, file.fileno())
        try:
            yield
        finally:
            _locks = before


# --- pip ------------------------------------------------------------------------------------------------


def pip(*arguments: str, show: Callable[[str], str | None] = lambda line: None) -> None:
    """Run `.venv`'s pip, logging all it prints; `show` picks what is said of a line."""
    scratch = STATE / "tmp"  # beside what it becomes: /tmp is often too small for these downloads
    scratch.mkdir(exist_ok=True)
    path = f"{PYTHON.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [str(PYTHON), "-I", "-u", "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    with (STATE / "log").open("a", encoding="utf-8") as log:
        print("$", *command, file=log, flush=True)
        process = subprocess.Popen(
            command, cwd=TOP, env=os.environ | {"PATH": path, "TMPDIR": str(scratch), "PIP_USER": "0"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", pass_fds=_locks,
        )  # fmt: skip
        assert process.stdout is not None
        last: list[str] = []
        try:
            for line in process.stdout:
                log.write(line)
                last = [*last[-19:], line.rstrip()]
                if text := show(line):
                    say(f"  {text}")
        except BaseException:
            process.terminate()
            raise
        finally:
            process.wait()
            shutil.rmtree(scratch, ignore_errors=True)
    if process.returncode:
        shown = "\n".join(f"    {line}" for line in last)
        raise SetupError(f"pip failed (exit status {process.returncode}). The end of {log.name}:\n{shown}")


def downloads(line: str) -> str | None:
    """What is said of pip's output while it installs: large downloads, and the unpacking."""
    found = re.match(r"\s*Downloading (\S+?)-\d\S* \(([\d.]+) ([MG]B)\)", line)
    if found and (found[3] == "GB" or float(found[2]) >= 50):
        return f"downloading {found[1]}, {found[2]} {found[3]}"
    return "unpacking (1 to 4 minutes)" if line.startswith(UNPACKING) else None


def compiled() -> Callable[[str], str | None]:
    """What is said of ninja's output: a line for each tenth of its `[n/m]`."""
    tenths = 0

    def show(line: str) -> str | None:
        nonlocal tenths
        found = re.search(r"\[(\d+)/(\d+)\] ", line)
        now = 10 * int(found[1]) // int(found[2]) if found and int(found[2]) >= 50 else 0
        if now <= tenths:
            return None
        tenths = now
        return f"compiled {10 * tenths} %"

    return show


def entry_of(name: str) -> tuple[str, str]:
    """A package's version and whole entry, hashes included, in lock.txt."""
    pattern = rf"^{re.escape(name)}==(\S+).*\\\n(?:    --hash.*\n)+"
    found = re.search(pattern, LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        raise SetupError(f"{LOCK} has no entry for {name}")
    return found[1], found[0]


def forget(prefix: str) -> None:
    """Remove a package without pip, which cannot remove what an interrupted installation left."""
    for place in VENV.glob(f"lib/python*/site-packages/{prefix}*"):
        shutil.rmtree(place) if place.is_dir() else place.unlink()


# --- steps ----------------------------------------------------------------------------------------------


def make_environment() -> None:
    """An empty `.venv` with the pinned pip and build tools."""
    import venv

    if VENV.exists() and any(VENV.iterdir()) and not STATE.exists():
        raise SetupError(f"{VENV} was made by something else. Move it away, and start again.")
    say("making .venv and its build tools (half a minute)")
    shutil.rmtree(VENV, ignore_errors=True)
    STATE.mkdir(parents=True)
    venv.EnvBuilder(with_pip=True, symlinks=True).create(VENV)
    pip("install", "--require-hashes", "--only-binary=:all:", "--no-deps", "-r", str(BUILD_LOCK))


def install_packages() -> None:
    """All of lock.txt but the one package that has no wheels."""
    size = "a download of about 3 GB, 6 GB unpacked" if LINUX else "a download of about 0.5 GB"
    say(f"installing the pinned packages, PyTorch among them ({size}; 3 to 15 minutes, once)")
    _, native = entry_of(NATIVE)
    rest = STATE / "packages.txt"
    rest.write_text(LOCK.read_text(encoding="utf-8").replace(native, ""), encoding="utf-8")

    def show(line: str) -> str | None:
        if line.startswith(UNPACKING):
            HALF_UNPACKED.touch()
        return downloads(line)

    pip("install", "--require-hashes", "--only-binary=:all:", "--no-deps", "-r", str(rest), show=show)
    HALF_UNPACKED.unlink(missing_ok=True)


def install_native(wheels: Path) -> None:
    """llama-cpp-python from this machine's cache of wheels, built there first if need be."""
    if not any(wheels.glob("*.whl")):
        try:
            wheels.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            remedy = "Set XDG_CACHE_HOME to a folder that can be written to, and start again."
            raise SetupError(f"{wheels} cannot be made: {error.strerror}. {remedy}") from error
        with locked(wheels / "lock", "another checkout is building llama-cpp-python"):
            if not any(wheels.glob("*.whl")):
                build_native(wheels)
    forget("llama_cpp")
    pip("install", "--no-deps", "--no-index", str(next(wheels.glob("*.whl"))))


def build_native(wheels: Path) -> None:
    """Build the wheel in a folder of its own, then move it: what lies in the cache is whole."""
    say("building llama-cpp-python for this processor (5 to 12 minutes on two cores, once per machine)")
    for left in wheels.glob("build-*"):
        shutil.rmtree(left, ignore_errors=True)
    source = STATE / "native.txt"
    source.write_text(entry_of(NATIVE)[1], encoding="utf-8")
    fresh = Path(tempfile.mkdtemp(dir=wheels, prefix="build-"))
    try:
        # pip's own cache of built wheels does not tell processors apart, so it stays out of this.
        pip(
            "wheel", "--verbose", "--no-cache-dir", "--no-deps", "--no-build-isolation", "--require-hashes",
            f"--wheel-dir={fresh}", "-r", str(source), show=compiled(),
        )  # fmt: skip
        wheel = next(fresh.glob("*.whl"))
        wheel.replace(wheels / wheel.name)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def install_project() -> None:
    """The project itself, editable: `.venv/bin/mlagent` runs the files of this checkout."""
    forget("mlagent_tui")
    pip("install", "--no-deps", "--no-index", "--no-build-isolation", "--editable", str(TOP))


# --- all together ---------------------------------------------------------------------------------------


def stamps_for(wheels: Path) -> dict[str, str]:
    """For each step, in order, a fingerprint of what it depends on."""
    environment = digest(str(TOP), f"{sys.version_info[:2]}", BUILD_LOCK.read_bytes())
    return {
        "environment": environment,
        "packages": digest(environment, LOCK.read_bytes()),
        "native": digest(environment, str(wheels)),
        "project": digest(environment, (TOP / "pyproject.toml").read_bytes()),
    }


def left_to_do(stamps: dict[str, str]) -> list[str]:
    """The steps that were never finished, or were finished for something else."""

    def same(step: str) -> bool:
        stamp = STATE / f"{step}.stamp"
        return stamp.exists() and stamp.read_text(encoding="ascii") == stamps[step]

    if not PYTHON.exists() or not same("environment") or HALF_UNPACKED.exists():
        return list(stamps)
    return [step for step in stamps if not same(step)]


def set_up(stamps: dict[str, str], wheels: Path) -> None:
    """Do what is left to do; raises SetupError before it starts when the machine lacks something."""
    todo = left_to_do(stamps)
    if not todo:  # done by another start while this one waited
        return
    started = time.monotonic()
    check_machine(packages="packages" in todo, native="native" in todo and not any(wheels.glob("*.whl")))
    steps: dict[str, Callable[[], None]] = {
        "environment": make_environment,
        "packages": install_packages,
        "native": lambda: install_native(wheels),
        "project": install_project,
    }
    for step in todo:
        steps[step]()
        (STATE / f"{step}.stamp").write_text(stamps[step], encoding="ascii")
    say(f"done in {time.monotonic() - started:.0f} s")


def check_machine(*, packages: bool, native: bool) -> None:
    """Raise SetupError naming everything that the steps ahead will want and this machine lacks."""
    pip_cache = Path(os.environ.get("PIP_CACHE_DIR") or user_cache() / "pip")
    wants: list[tuple[Path, float]] = []
    if packages:
        wants += [(VENV, 9.0 if LINUX else 3.0), (pip_cache, 3.0 if LINUX else 0.5)]
    lacks = [*preflight.lacks_platform(), *preflight.lacks_venv()]
    if native:
        wants += [(VENV, 1.0)]
        lacks += preflight.lacks_compiler()
    lacks += preflight.lacks_disk(wants)
    if lacks:
        raise SetupError(
            "nothing was started, because this is missing:" + "".join(f"\n  - {item}" for item in lacks)
        )


def user_cache() -> Path:
    """The user's folder of caches; one in this checkout for a user without a home."""
    try:
        return Path.home() / ".cache"
    except RuntimeError:
        return TOP / ".cache"


def wheel_folder() -> Path:
    """Where the llama-cpp-python built for this machine, with these settings, is kept for all checkouts."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or user_cache())
    version, _ = entry_of(NATIVE)
    settings = (f"{name}={os.environ.get(name, '')}" for name in BUILD_VARIABLES)
    fits = digest(preflight.processor(), *settings)
    return cache / "mlagent" / "wheels" / f"{NATIVE}-{version}-{preflight.system()}-{fits}"


def main() -> int:
    """Bring `.venv` up to date. Exit status 0, 1 with the reason on standard error, or 130."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as it is under nohup
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    try:
        wheels = wheel_folder()
        stamps = stamps_for(wheels)
        if left_to_do(stamps):
            with locked(TOP / ".setup.lock", "another set-up of this folder is running"):
                set_up(stamps, wheels)
    except SetupError as error:
        say(str(error))
        return 1
    except OSError as error:
        say(f"{error.strerror or error}: {error.filename}")
        return 1
    except KeyboardInterrupt:
        say("interrupted. Start the same command again to continue.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
