"""Reads data sets in the formats torchvision reads: IDX files and CIFAR's pickled batches, packed or not.

Every image set comes as one uint8 tensor (N, C, H, W) with int64 labels (N,). A pickle is read by an
unpickler that can make arrays and plain containers, and nothing else.
"""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import tarfile
from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mlagent_tui.errors import DataError

Labelled = tuple[Tensor, Tensor]

_DAMAGED = "Replace the file by a fresh copy."


def read_digits() -> Labelled:
    """The UCI digits that come with the package: 1x8x8, intensities 0..16 spread over 0..255."""
    packed = resources.files("mlagent_tui.training").joinpath("data", "digits.csv.gz").read_bytes()
    rows = np.loadtxt(io.BytesIO(gzip.decompress(packed)), delimiter=",", dtype=np.int64)
    images = (rows[:, :64] * 255 // 16).astype(np.uint8).reshape(-1, 1, 8, 8)
    return torch.from_numpy(images), torch.from_numpy(rows[:, 64].copy())


def read_idx(files: Sequence[Path]) -> tuple[Labelled, Labelled]:
    """MNIST's four files, in the order train images, train labels, test images, test labels."""
    arrays = [_idx(path) for path in files]
    for images, labels, path in ((arrays[0], arrays[1], files[0]), (arrays[2], arrays[3], files[2])):
        if images.dim() != 3 or labels.dim() != 1 or len(images) != len(labels):
            raise DataError(f"{path} and its labels do not belong together", _DAMAGED)
    return (arrays[0][:, None], arrays[1].long()), (arrays[2][:, None], arrays[3].long())


def _idx(path: Path) -> Tensor:
    """One IDX file of unsigned bytes (the format is described on the MNIST page of Y. LeCun)."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            magic, dimensions = struct.unpack(">HBB", file.read(4))[1:]
            shape = struct.unpack(f">{dimensions}I", file.read(4 * dimensions))
            data = file.read()
    except (OSError, EOFError, struct.error) as error:
        raise DataError(f"{path} cannot be read: {error}", _DAMAGED) from None
    if magic != 8 or not 1 <= dimensions <= 3 or len(data) != int(np.prod(shape, dtype=np.int64)):
        raise DataError(f"{path} is not a complete IDX file", _DAMAGED)
    return torch.frombuffer(bytearray(data), dtype=torch.uint8).reshape(shape)


def read_cifar(files: Sequence[Path]) -> tuple[Labelled, Labelled]:
    """The python version of CIFAR-10 or CIFAR-100: batch files with the test batch last, or one archive."""
    packed = len(files) == 1
    batches = list(_members(files[0]) if packed else ((path.name, path.read_bytes()) for path in files))
    parts: dict[bool, list[Labelled]] = {True: [], False: []}
    for name, data in batches:
        parts[name.startswith("test")].append(_cifar_batch(name, data))
    if not (parts[True] and parts[False]):
        raise DataError(f"{files[0]} has no training or no test batch", _DAMAGED)
    train, test = (
        (torch.cat([images for images, _ in part]), torch.cat([labels for _, labels in part]))
        for part in (parts[False], parts[True])
    )
    return train, test


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(archive) as tar:
            for member in sorted(tar.getmembers(), key=lambda member: member.name):
                name = Path(member.name).name
                if member.isfile() and name.startswith(("data_batch_", "test", "train")):
                    opened = tar.extractfile(member)
                    assert opened is not None
                    yield name, opened.read()
    except (OSError, EOFError, tarfile.TarError) as error:
        raise DataError(f"{archive} cannot be read: {error}", _DAMAGED) from None


def _cifar_batch(name: str, data: bytes) -> Labelled:
    try:
        batch = _ArrayUnpickler(io.BytesIO(data), encoding="latin1").load()
        labels = batch["fine_labels"] if "fine_labels" in batch else batch["labels"]
        images = np.asarray(batch["data"], dtype=np.uint8).reshape(-1, 3, 32, 32)
        if len(images) != len(labels):
            raise ValueError(f"{len(images)} images, {len(labels)} labels")
        return torch.from_numpy(images.copy()), torch.tensor(labels, dtype=torch.int64)
    except (
        pickle.UnpicklingError,
        ValueError,
        KeyError,
        TypeError,
        EOFError,
        AttributeError,
        IndexError,
    ) as error:
        raise DataError(f"{name} is not a CIFAR batch: {error}", _DAMAGED) from None


def _no_codec(text: str, encoding: str = "latin1") -> bytes:
    return text.encode("latin1")


class _ArrayUnpickler(pickle.Unpickler):
    """Knows the four names that an array's pickle needs."""

    def find_class(self, module: str, name: str) -> Any:
        core: Any = np.zeros(0).__reduce__()[0]  # numpy's own rebuilder, wherever this version keeps it
        known: dict[tuple[str, str], Callable[..., Any]] = {
            ("numpy.core.multiarray", "_reconstruct"): core,
            ("numpy._core.multiarray", "_reconstruct"): core,
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
            ("_codecs", "encode"): _no_codec,
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return known[module, name]
