"""Which machine this is, and what it lacks for the set-up. Standard library only; changes nothing."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

GB = 10**9


# --- which machine --------------------------------------------------------------------------------------


def processor() -> str:
    """Everything of the processor that `-march=native` may depend on, as text."""
    if sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    wanted = ("vendor_id", "cpu family", "model", "flags", "Features", "CPU implementer", "CPU part")
    return "\n".join(sorted({line for line in lines if line.partition(":")[0].strip() in wanted}))


def system() -> str:
    """Python's version, the platform and its C library, as a wheel's file name would have them."""
    version = f"cp{sys.version_info.major}{sys.version_info.minor}"
    return f"{version}-{sysconfig.get_platform()}-{''.join(platform.libc_ver())}".rstrip("-")


# --- what it lacks --------------------------------------------------------------------------------------


def lacks_platform() -> Iterator[str]:
    """Wheels of the locked packages exist for these machines only."""
    machine, name = platform.machine(), platform.system()
    if name == "Linux":
        library, version = platform.libc_ver()
        numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
        if machine not in ("x86_64", "aarch64") or library != "glibc" or numbers < (2, 31):
            here = f"{machine}, {library or 'another C library'} {version}".rstrip()
            yield f"Linux on x86_64 or aarch64 with glibc 2.31 or newer (this is {here})"
    elif name == "Darwin":
        version = platform.mac_ver()[0]
        if machine != "arm64" or int(version.split(".")[0]) < 14:
            yield f"macOS 14 or newer on Apple silicon (this is {version} on {machine})"
    else:
        yield f"Linux or macOS; on Windows use WSL 2 (this is {name})"


def lacks_venv() -> Iterator[str]:
    """Debian ships Python without the part that makes an environment."""
    probe = [sys.executable, "-c", "import venv, ensurepip, ctypes, ssl, sqlite3"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        yield (
            f"the standard modules venv, ensurepip, ctypes, ssl and sqlite3 of {sys.executable}\n"
            f"      Debian, Ubuntu: sudo apt install python{version}-venv\n"
            f"      Fedora:         sudo dnf install python{version}\n"
            f"      macOS:          brew install python@{version}"
        )


def lacks_compiler() -> Iterator[str]:
    """Compiles and links a few lines of C and of C++: a name on the PATH proves little."""
    c, cpp = os.environ.get("CC"), os.environ.get("CXX")
    works = _compiles([c] if c else ["cc", "gcc", "clang"], "probe.c", "#include <stdio.h>") and _compiles(
        [cpp] if cpp else ["c++", "g++", "clang++"], "probe.cpp", "#include <thread>"
    )
    if not works:
        yield (
            "a C and C++ compiler that works, to build llama-cpp-python once\n"
            "      Debian, Ubuntu: sudo apt install g++\n"
            "      Fedora:         sudo dnf install gcc-c++\n"
            "      macOS:          xcode-select --install"
        )


def _compiles(names: list[str], file: str, include: str) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / file
        source.write_text(f"{include}\nint main(void) {{ return 0; }}\n", encoding="ascii")
        for name in names:
            command = [*name.split(), str(source), "-o", f"{source}.out"]
            if shutil.which(command[0]) and not subprocess.run(command, capture_output=True).returncode:
                return True
    return False


def lacks_disk(wants: list[tuple[Path, float]]) -> Iterator[str]:
    """Too little free space; `wants` holds folders and gigabytes, added up where they share a file system."""
    shared: dict[int, list[tuple[Path, Path, float]]] = {}
    for folder, size in wants:
        existing = next(place for place in (folder, *folder.parents) if place.exists())
        shared.setdefault(existing.stat().st_dev, []).append((existing, folder, size))
    for entries in shared.values():
        need = sum(size for _, _, size in entries)
        free = shutil.disk_usage(entries[0][0]).free / GB
        if free < need:
            names = " and ".join(dict.fromkeys(str(folder) for _, folder, _ in entries))
            yield (
                f"{need:.0f} GB of free disk for {names}; {free:.1f} GB are free\n"
                "      Make room, or use a larger disk for this folder (for the caches: XDG_CACHE_HOME)."
            )
