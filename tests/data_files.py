"""Files of data sets in their real sizes, all zeros: they take hardly any room on disk."""

from __future__ import annotations

import os
import struct
from pathlib import Path

SHAPES = {
    "train-images-idx3-ubyte": (60_000, 28, 28), "train-labels-idx1-ubyte": (60_000,),
    "t10k-images-idx3-ubyte": (10_000, 28, 28), "t10k-labels-idx1-ubyte": (10_000,),
}  # fmt: skip


def write_mnist(folder: Path) -> list[Path]:
    """The four files of MNIST, or of Fashion-MNIST, in a new folder."""
    folder.mkdir(parents=True)
    return [write_idx(folder / name, shape) for name, shape in SHAPES.items()]


def write_idx(path: Path, shape: tuple[int, ...]) -> Path:
    """An IDX file of zeros in this shape."""
    header = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
    path.write_bytes(header)
    size = len(header)
    numbers = 1
    for length in shape:
        numbers *= length
    os.truncate(path, size + numbers)
    return path


def write_cifar(folder: Path) -> list[Path]:
    """What looks like CIFAR-10's batches from outside: the right sizes, and the end of a pickle."""
    folder.mkdir(parents=True)
    files = [folder / name for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")]
    for path in files:
        with open(path, "wb") as file:
            file.seek(10_000 * 3072)
            file.write(b".")
    return files
