"""What a model file is known by, whatever it is called and wherever it lies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

BEGINNING = 1 << 20
"""Bytes read from the start of a file: its metadata and the names of its tensors."""
SAMPLES, SAMPLE = 64, 1 << 14
"""Pieces read from the rest, and bytes of each: gigabytes would take too long, and weights that differ do so
everywhere."""


def fingerprint(files: Iterable[Path]) -> str:
    """The SHA-256, in hexadecimal, of sizes, beginnings and samples. Raises `OSError`."""
    found = hashlib.sha256()
    for file in files:
        size = file.stat().st_size
        found.update(f"{size}\n".encode())
        with file.open("rb") as stream:
            found.update(stream.read(BEGINNING))
            for number in range(SAMPLES):
                stream.seek(max(size - SAMPLE, 0) * number // (SAMPLES - 1))
                found.update(stream.read(SAMPLE))
    return found.hexdigest()
