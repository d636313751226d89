"""Reads data sets in the formats torchvision reads: IDX files and CIFAR's pickled batches, packed or not.

Every part comes as one uint8 tensor (N, C, H, W) with int64 labels (N,), held against what is known of the
data set. A pickle is read by an unpickler that can make arrays and plain containers, and nothing else.
`DataError` names the file and what is wrong with it.
"""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mlagent_tui.errors import DataError
from mlagent_tui.files import explain
from mlagent_tui.training.catalog import DatasetInfo
from mlagent_tui.training.present import GZIP, SPARE

Labelled = tuple[Tensor, Tensor]

IMAGE = 3 * 32 * 32
"""Bytes of one of CIFAR's images."""

_DAMAGED = "Replace the file by a fresh copy."


def read_digits() -> Labelled:
    """The UCI digits that come with the package: 1x8x8, intensities 0..16 spread over 0..255."""
    packed = resources.files("mlagent_tui.training").joinpath("data", "digits.csv.gz").read_bytes()
    rows = np.loadtxt(io.BytesIO(gzip.decompress(packed)), delimiter=",", dtype=np.int64)
    images = (rows[:, :64] * 255 // 16).astype(np.uint8).reshape(-1, 1, 8, 8)
    return torch.from_numpy(images), torch.from_numpy(rows[:, 64].copy())


def read_idx(files: Sequence[Path], info: DatasetInfo, *, test: bool) -> Labelled:
    """One part of MNIST's four files: train images, train labels, test images, test labels, in this order."""
    count = info.test if test else info.train
    of_images, of_labels = files[2:] if test else files[:2]
    images = _idx(of_images, (count, *info.input_shape[1:]))[:, None]
    return images, _labels(of_labels, _idx(of_labels, (count,)).long(), info)


def _idx(path: Path, shape: tuple[int, ...]) -> Tensor:
    """One IDX file of unsigned bytes (the format is described on the MNIST page of Y. LeCun)."""
    length = int(np.prod(shape, dtype=np.int64))
    header = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
    try:
        with open(path, "rb") as plain:
            packed = plain.read(2) == GZIP
            plain.seek(0)
            file = gzip.GzipFile(fileobj=plain) if packed else plain
            found, data = file.read(len(header)), file.read(length) + file.read(1)
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(path, error) from None
    if found != header or len(data) != length:
        raise DataError(f"{path} is not a complete IDX file of {'x'.join(map(str, shape))} bytes", _DAMAGED)
    return torch.frombuffer(bytearray(data), dtype=torch.uint8).reshape(shape)


def _unreadable(path: Path, error: Exception) -> DataError:
    what, remedy = explain(error) if isinstance(error, OSError) and error.errno else (str(error), "")
    return DataError(f"{path} cannot be read: {what}", remedy or _DAMAGED)


def _labels(where: object, labels: Tensor, info: DatasetInfo) -> Tensor:
    wrong = ((labels < 0) | (labels >= info.num_classes)).nonzero()
    if len(wrong):
        index = int(wrong[0])
        raise DataError(
            f"{where}: image {index} has the label {int(labels[index])}; "
            f"the classes are 0 to {info.num_classes - 1}",
            _DAMAGED,
        )
    return labels


def read_cifar(files: Sequence[Path], info: DatasetInfo, *, test: bool) -> Labelled:
    """One part of the python version of CIFAR-10 or CIFAR-100: its batch files, the test batch last, or the
    archive that holds them.
    """
    *train, last = [Path(name).name for name in info.alternatives[0]]
    names = [last] if test else train
    count = (info.test if test else info.train) // len(names)
    if len(files) == 1:
        batches = ((f"{files[0]}: {name}", data) for name, data in _members(files[0], names, count))
    else:
        chosen = files[-1:] if test else files[:-1]
        batches = ((str(path), _content(path)) for path in chosen)
    parts = [_cifar_batch(where, data, count, info) for where, data in batches]
    return torch.cat([images for images, _ in parts]), torch.cat([labels for _, labels in parts])


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def _members(archive: Path, names: Sequence[str], count: int) -> Iterator[tuple[str, bytes]]:
    """The batches of an archive by these names, as they come."""
    left = set(names)
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                name = Path(member.name).name
                if not member.isfile() or name not in left:
                    continue
                left.remove(name)
                if member.size > SPARE * count * IMAGE + (1 << 20):
                    raise DataError(f"{archive}: {name} is far larger than a CIFAR batch", _DAMAGED)
                opened = tar.extractfile(member)
                assert opened is not None
                yield name, opened.read()
                if not left:
                    return
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise _unreadable(archive, error) from None
    raise DataError(f"{archive} has no {min(left)}", _DAMAGED)


def _cifar_batch(where: str, data: bytes, count: int, info: DatasetInfo) -> Labelled:
    try:
        batch = _ArrayUnpickler(io.BytesIO(data), encoding="latin1").load()
        # Written by Python 3 from what `encoding="bytes"` had read, keys are bytes.
        batch = {key.decode() if isinstance(key, bytes) else key: value for key, value in batch.items()}
        labels = _whole(batch["fine_labels"] if "fine_labels" in batch else batch["labels"])
        images = _whole(batch["data"])
        if images.size != count * IMAGE or labels.shape != (count,):
            raise ValueError(
                f"{images.size // IMAGE:,} images and {labels.size:,} labels, expected {count:,}"
            )
        if images.min() < 0 or images.max() > 255:
            raise ValueError(f"its pixels are {images.min()} to {images.max()}, expected 0 to 255")
    except MemoryError:
        raise
    except Exception as error:  # whatever a damaged or hostile pickle leads to
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(f"{where} is not a CIFAR batch: {reason}", _DAMAGED) from None
    pixels = torch.from_numpy(images.astype(np.uint8).reshape(-1, 3, 32, 32))
    return pixels, _labels(where, torch.from_numpy(labels.astype(np.int64)), info)


def _whole(values: Any) -> np.ndarray[Any, np.dtype[Any]]:
    """An array of whole numbers."""
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        raise ValueError(f"whole numbers are expected, not {array.dtype}")
    return array


def _no_codec(text: str, encoding: str = "latin1") -> bytes:
    return text.encode("latin1")


def _from_buffer(buffer: Any, dtype: Any, shape: Any, order: Any) -> Any:
    """How an array is pickled since protocol 5."""
    return np.frombuffer(buffer, dtype).reshape(shape, order=order)


def _scalar(dtype: Any, data: Any) -> Any:
    """A number of numpy's, as in a list of labels."""
    return np.frombuffer(data if isinstance(data, bytes) else data.encode("latin1"), dtype)[0]


class _ArrayUnpickler(pickle.Unpickler):
    """Knows the few names that pickled arrays need, under the places where numpy's versions keep them."""

    def find_class(self, module: str, name: str) -> Any:
        core: Any = np.zeros(0).__reduce__()[0]  # numpy's own rebuilder, wherever this version keeps it
        known: dict[tuple[str, str], Callable[..., Any]] = {
            ("multiarray", "_reconstruct"): core,
            ("multiarray", "scalar"): _scalar,
            ("numeric", "_frombuffer"): _from_buffer,
        }
        plain: dict[tuple[str, str], Callable[..., Any]] = {
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
            ("_codecs", "encode"): _no_codec,
        }
        package, _, last = module.rpartition(".")
        found = (
            known.get((last, name)) if package in ("numpy.core", "numpy._core") else plain.get((module, name))
        )
        if found is None:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return found
