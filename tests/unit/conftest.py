"""Disks that are full or read-only: real ones, where this machine lets a test mount one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


def _mounted(folder: Path, *options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 128 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not _mounted(disk, "size=128k"):
        pytest.skip("needs the right to mount a small disk")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.fixture
def read_only_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that nothing can be written to, not even by root where a read-only disk can be mounted."""
    folder = tmp_path / "read_only"
    folder.mkdir()
    if _mounted(folder, "ro"):
        yield folder
        subprocess.run(["umount", "-l", str(folder)], check=True)
    elif os.geteuid() == 0:
        pytest.skip("root may write everywhere, and cannot mount here")
    else:
        folder.chmod(0o500)
        yield folder
        folder.chmod(0o700)
