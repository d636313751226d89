"""What the files of a model are known by, whatever they are called and wherever they lie."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from mlagent_tui.files import open_plain

BEGINNING = 16 << 20
"""Bytes read from the start of a file: its metadata, with the vocabulary and the chat template."""
SAMPLES, SAMPLE = 256, 16 << 10
"""Pieces read from the rest, and bytes of each: gigabytes would take too long, and weights that differ do so
everywhere."""


def fingerprint(files: Iterable[Path]) -> str:
    """The SHA-256, in hexadecimal, of sizes, beginnings and samples. Raises `OSError`."""
    found = hashlib.sha256()
    for file in files:
        size = file.stat().st_size
        found.update(f"{size} {file.suffix}\0".encode())
        with open_plain(file) as stream:
            found.update(stream.read(BEGINNING))
            room = size - BEGINNING - SAMPLE
            if room < SAMPLES * SAMPLE:
                found.update(stream.read())
                continue
            for sample in range(SAMPLES):
                stream.seek(BEGINNING + room * sample // (SAMPLES - 1))
                found.update(stream.read(SAMPLE))
    return found.hexdigest()
