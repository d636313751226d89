"""Fetches packages that only tests need, with pip and from whatever index pip is set up for."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

FETCH_SECONDS = 900


class Unavailable(Exception):
    """What is to be fetched is not here and cannot be had; the message says why."""


def download(what: Sequence[str], into: Path) -> list[Path]:
    """The files that `pip download` puts into the folder. Raises `Unavailable`."""
    home = pwd.getpwuid(os.getuid()).pw_dir  # where the settings of pip are, which name the package index
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"),
        *("--dest", str(into), *what),
    ]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=FETCH_SECONDS,
            env={**os.environ, "HOME": home},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"pip download failed: {error}") from error
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Unavailable(f"pip download failed: {said}")
    return sorted(into.iterdir())
