"""Images that are easy to tell apart, written as MNIST's four files."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.data_files import SHAPES

CLASSES, SEED, NOISE = 10, 7, 40


def write(folder: Path) -> None:
    """Write the files into `folder`/MNIST where they are not there yet: about 55 MB, the same every time."""
    place = folder / "MNIST"
    if all((place / name).is_file() for name in SHAPES):
        return
    place.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(SEED)
    shapes = random.normal(128, 70, (CLASSES, 7, 7)).repeat(4, 1).repeat(4, 2)
    for images, labels in (tuple(SHAPES)[:2], tuple(SHAPES)[2:]):
        count = SHAPES[labels][0]
        classes = random.integers(CLASSES, size=count)
        noise = random.normal(0, NOISE, (count, 28, 28))
        pixels = (shapes[classes] * random.uniform(0.6, 1, (count, 1, 1)) + noise).clip(0, 255)
        _write(place / images, pixels.astype(np.uint8))
        _write(place / labels, classes.astype(np.uint8))


def _write(path: Path, values: NDArray[np.uint8]) -> None:
    """One IDX file (the format is described on the MNIST page of Y. LeCun)."""
    header = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
    part = path.with_suffix(".part")
    part.write_bytes(header + values.tobytes())
    os.replace(part, path)
