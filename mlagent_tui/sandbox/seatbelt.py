"""Profile of macOS's sandbox-exec: deny by default, then what Python, torch and the GPU need.

Written from documentation and reports; it has not been run on a Mac.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_SYSTEM = (
    "/System",
    "/usr/lib",
    "/usr/share",
    "/bin",
    "/usr/bin",
    "/sbin",
    "/usr/sbin",
    "/private/etc",
    "/Library",
)
_METAL = (
    '(allow iokit-open (iokit-user-client-class "AGXDeviceUserClient"))',
    '(allow mach-lookup (global-name "com.apple.MTLCompilerService"))',
)


def profile(*, writable: Path, readable: Sequence[Path], gpu: bool, processes: bool) -> str:
    """Text for `sandbox-exec -p`. Paths are resolved: the kernel compares real ones."""
    lines = [
        "(version 1)",
        "(deny default)",
        "(allow process-exec)",
        "(allow signal (target self))",
        "(allow sysctl-read)",
        "(allow file-read-metadata)",
        '(allow file-read* file-write-data (literal "/dev/null") (literal "/dev/zero"))',
        '(allow file-read* (literal "/") (literal "/dev/random") (literal "/dev/urandom"))',
        f"(allow file-read* {_subpaths([*map(Path, _SYSTEM), *readable])})",
        f"(allow file-read* file-write* {_subpaths([writable])})",
    ]
    if processes:
        lines.append("(allow process-fork)")
    if gpu:
        lines.extend(_METAL)
    return "\n".join(lines) + "\n"


def _subpaths(paths: Sequence[Path]) -> str:
    return " ".join(f"(subpath {_quoted(str(path.resolve()))})" for path in paths)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
