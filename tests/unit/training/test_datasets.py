"""Data sets: where they are looked for, how their files are read, and what comes out."""

from __future__ import annotations

import gzip
import os
import pickle
import struct
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mlagent_tui.errors import DataError, DataMissing
from mlagent_tui.schemas import EvalConfig
from mlagent_tui.training import catalog, data_card, datasets
from mlagent_tui.training.catalog import DATASETS, DatasetInfo, locate, split_sizes
from mlagent_tui.training.datasets import AUGMENTATIONS, load, make_dummy
from mlagent_tui.training.files import read_cifar, read_digits, read_idx

CPU = torch.device("cpu")


MNIST = DatasetInfo((1, 28, 28), 10, 30, 20, DATASETS["mnist"].alternatives)
CIFAR = DatasetInfo((3, 32, 32), 10, 20, 4, DATASETS["cifar10"].alternatives)
BATCHES = [Path(name).name for name in CIFAR.alternatives[0]]


def idx(array: np.ndarray) -> bytes:
    return (
        struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()
    )


def write_mnist(folder: Path, *, packed: bool) -> list[Path]:
    folder.mkdir(parents=True)
    files = []
    for part, count in (("train", MNIST.train), ("t10k", MNIST.test)):
        images = np.arange(count * 28 * 28).reshape(count, 28, 28) % 251
        labels = np.arange(count) % 10
        for name, array in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
            path = folder / (name + (".gz" if packed else ""))
            path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
            files.append(path)
    return files


def cifar_batch(
    count: int = 4, label: Any = "labels", protocol: int = 2, data: Any = "data", **made: Any
) -> bytes:
    pixels = (np.arange(count * 3072) % 253).astype(np.uint8).reshape(count, 3072)
    fields = {data: pixels, label: [i % 10 for i in range(count)]} | made
    return pickle.dumps(fields, protocol=protocol)


def write_cifar(folder: Path, content: bytes | None = None, name: str = "data_batch_3") -> list[Path]:
    """CIFAR's batches, one of them with another content."""
    for batch in BATCHES:
        (folder / batch).write_bytes(cifar_batch())
    if content is not None:
        (folder / name).write_bytes(content)
    return [folder / batch for batch in BATCHES]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The data sets as they are, with few images."""
    monkeypatch.setattr(catalog, "DATASETS", DATASETS | {"mnist": MNIST, "cifar10": CIFAR})


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.usefixtures("small")
def test_mnist_is_read_packed_and_unpacked(tmp_path: Path, packed: bool) -> None:
    files = write_mnist(tmp_path / "MNIST" / "raw", packed=packed)
    assert locate("mnist", tmp_path) == tuple(files)
    images, labels = read_idx(files, MNIST, test=False)
    assert images.shape == (30, 1, 28, 28) and images.dtype == torch.uint8
    assert labels.tolist() == [i % 10 for i in range(30)]
    assert int(images[1, 0, 0, 0]) == 784 % 251
    assert len(read_idx(files, MNIST, test=True)[0]) == 20


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("cut", [2, 10, 200])
def test_a_truncated_idx_file_is_named(tmp_path: Path, cut: int, packed: bool) -> None:
    files = write_mnist(tmp_path / "raw", packed=packed)
    files[0].write_bytes(files[0].read_bytes()[:cut])
    with pytest.raises(DataError, match="train-images-idx3-ubyte"):
        read_idx(files, MNIST, test=False)


def test_a_label_that_is_no_class_is_named_with_its_file_and_image(tmp_path: Path) -> None:
    files = write_mnist(tmp_path / "raw", packed=False)
    files[3].write_bytes(idx(np.array([*range(10), 11, *range(9)])))
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte: image 10 has the label 11.*are 0 to 9"):
        read_idx(files, MNIST, test=True)


def test_cifar_batches_are_read_from_files_and_from_the_archive(tmp_path: Path) -> None:
    files = write_cifar(tmp_path)
    archive = tmp_path / "cifar.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in BATCHES:
            tar.add(tmp_path / name, f"cifar-10-batches-py/{name}")
    for given in (files, [archive]):
        images, labels = read_cifar(given, CIFAR, test=False)
        assert images.shape == (20, 3, 32, 32) and labels.tolist() == [0, 1, 2, 3] * 5
        images, labels = read_cifar(given, CIFAR, test=True)
        assert images.shape == (4, 3, 32, 32) and labels.tolist() == [0, 1, 2, 3]


def test_an_archive_without_a_batch_is_said_to_lack_it(tmp_path: Path) -> None:
    write_cifar(tmp_path)
    archive = tmp_path / "cifar.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in sorted(set(BATCHES) - {"data_batch_4"}):
            tar.add(tmp_path / name, name)
    with pytest.raises(DataError, match=r"cifar.tar.gz has no data_batch_4"):
        read_cifar([archive], CIFAR, test=False)


NUMBERS = [0, 1, 2, 3]
GOOD = {
    "fine labels": cifar_batch(label="fine_labels"),
    "bytes as keys": cifar_batch(label=b"labels", data=b"data"),
    "bytes as keys, protocol 5": cifar_batch(label=b"labels", data=b"data", protocol=5),
    "protocol 5": cifar_batch(protocol=5),
    "labels as an array": cifar_batch(labels=np.array(NUMBERS)),
    "labels as numpy's numbers": cifar_batch(labels=[np.uint8(number) for number in NUMBERS]),
    "images in four dimensions": pickle.dumps(
        {"data": np.zeros((4, 3, 32, 32), np.uint8), "labels": NUMBERS}
    ),
    "pixels as wide numbers": pickle.dumps({"data": np.full((4, 3072), 255), "labels": NUMBERS}),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_cifar_batch_is_read_whichever_python_and_numpy_wrote_it(tmp_path: Path, name: str) -> None:
    images, labels = read_cifar(write_cifar(tmp_path, GOOD[name]), CIFAR, test=False)
    assert images.shape == (20, 3, 32, 32) and images.dtype == torch.uint8
    assert labels[8:12].tolist() == NUMBERS


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("touch /tmp/pwned",)


BAD = {
    "code": (pickle.dumps(Evil()), "is not a CIFAR batch: it names posix.system"),
    "code inside": (pickle.dumps({b"data": Evil()}), "is not a CIFAR batch: it names posix.system"),
    "junk": (b"junk", "is not a CIFAR batch"),
    "nothing": (b"", "is not a CIFAR batch"),
    "a list": (pickle.dumps([1]), "is not a CIFAR batch"),
    "no labels": (pickle.dumps({"data": np.zeros((4, 3072), np.uint8)}), "it has no 'labels'"),
    "too few images": (cifar_batch(3), "3 images and 3 labels, expected 4"),
    "too few labels": (cifar_batch(labels=[1]), "4 images and 1 labels, expected 4"),
    "a label of 12": (cifar_batch(labels=[0, 12, 0, 0]), "image 1 has the label 12; the classes are 0 to 9"),
    "a label of -1": (cifar_batch(labels=[-1, 0, 0, 0]), "image 0 has the label -1"),
    "broken numbers": (cifar_batch(labels=[0.5, 0, 0, 0]), "whole numbers are expected, not float64"),
    "pixels of 300": (
        pickle.dumps({"data": np.full((4, 3072), 300), "labels": NUMBERS}),
        "its pixels are 300",
    ),
    "huge numbers": (cifar_batch(labels=[1 << 70, 0, 0, 0]), "whole numbers are expected"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_pickle_that_is_no_batch_is_refused_by_name_and_runs_nothing(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "system", lambda command: pytest.fail("it ran"))
    content, reason = BAD[name]
    with pytest.raises(DataError) as caught:
        read_cifar(write_cifar(tmp_path, content), CIFAR, test=False)
    assert "data_batch_3" in caught.value.what and reason in caught.value.what


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "cifar.tar.gz").write_bytes(gzip.compress(b"x" * 100)[:-5])
    with pytest.raises(DataError, match=r"cifar.tar.gz"):
        read_cifar([tmp_path / "cifar.tar.gz"], CIFAR, test=False)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "cifar100"])
def test_a_missing_set_names_its_files_and_the_folder(tmp_path: Path, name: Any) -> None:
    with pytest.raises(DataMissing) as caught:
        data_card(name, None, tmp_path)
    first = DATASETS[name].alternatives[0][0]
    assert str(tmp_path) in caught.value.what
    assert Path(first).name in caught.value.what or "tar.gz" in caught.value.what
    assert "MLAGENT_DATA" in caught.value.remedy


@pytest.mark.usefixtures("small")
def test_the_card_of_a_present_set_needs_no_images(tmp_path: Path) -> None:
    write_mnist(tmp_path / "MNIST", packed=True)
    card = data_card("mnist", EvalConfig(dataset="mnist", train_size=10), tmp_path)
    assert (card.input_shape, card.num_classes) == ((1, 28, 28), 10)
    assert (card.train_size, card.val_size, card.test_size) == (10, 6, 20)


def test_a_shape_the_set_does_not_have_is_refused() -> None:
    with pytest.raises(DataError, match=r"digits has input_shape \(1, 8, 8\), not \(3, 8, 8\)"):
        data_card("digits", EvalConfig(dataset="digits", input_shape=(3, 8, 8)))


def test_digits_are_the_1797_known_images() -> None:
    images, labels = read_digits()
    assert images.shape == (1797, 1, 8, 8) and images.dtype == torch.uint8
    assert torch.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (int(images.min()), int(images.max())) == (0, 255)
    assert images[0, 0, 0].tolist() == [0, 0, 5 * 255 // 16, 13 * 255 // 16, 9 * 255 // 16, 255 // 16, 0, 0]


def test_the_parts_do_not_overlap_and_match_the_card() -> None:
    data = load(EvalConfig(dataset="digits"), CPU)
    card = data_card("digits")
    parts = (data.train, data.validation, data.test)
    assert [len(part) for part in parts] == [card.train_size, card.val_size, card.test_size]
    everything = torch.cat([part.images for part in parts]).flatten(1)
    assert len(torch.unique(everything, dim=0)) == len(torch.unique(read_digits()[0].flatten(1), dim=0))


def test_what_is_held_back_depends_on_no_setting() -> None:
    one = load(EvalConfig(dataset="digits", seed=1, train_size=100, val_size=50), CPU)
    two = load(EvalConfig(dataset="digits", seed=2), CPU)
    assert torch.equal(one.test.images, two.test.images)
    assert torch.equal(one.validation.images, two.validation.images[:50])
    assert (len(one.train), len(one.validation)) == (100, 50)


def test_normalised_images_have_no_mean_and_unit_deviation() -> None:
    data = load(EvalConfig(dataset="dummy", input_shape=(3, 8, 8)), CPU)
    images = data.normalise(data.train.images)
    assert torch.allclose(images.mean((0, 2, 3)), torch.zeros(3), atol=1e-3)
    assert torch.allclose(images.std((0, 2, 3)), torch.ones(3), atol=1e-3)


def all_at_once(info: DatasetInfo) -> tuple[torch.Tensor, torch.Tensor]:
    """The dummy set as it is defined."""
    generator = torch.Generator().manual_seed(20_240_229)
    channels, height, width = info.input_shape
    coarse = torch.randn(info.num_classes, channels, min(4, height), min(4, width), generator=generator)
    templates = F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
    labels = torch.randint(info.num_classes, (info.train,), generator=generator)
    contrast = 0.6 + 0.8 * torch.rand(info.train, 1, 1, 1, generator=generator)
    noise = torch.randn(info.train, *info.input_shape, generator=generator)
    images = 128 + 40 * (templates[labels] * contrast + noise)
    return images.round().clamp(0, 255).to(torch.uint8), labels


@pytest.mark.parametrize("at_once", [1, 1 << 11, 1 << 22])
@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 5), (3, 32, 32)])
@pytest.mark.parametrize("count", [15, 50, 100])
def test_the_dummy_set_has_any_shape_and_is_always_the_same(
    shape: tuple[int, int, int], count: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "_AT_ONCE", at_once)
    info = DatasetInfo(shape, 7, count, 0)
    images, labels = all_at_once(info)
    for rows in (None, torch.tensor([3, 0, 14]), torch.arange(count).flip(0)):
        chosen = torch.arange(count) if rows is None else rows
        made, found = make_dummy(info, rows)
        assert torch.equal(made, images[chosen]) and torch.equal(found, labels[chosen])


def test_only_what_is_asked_for_of_a_large_dummy_set_takes_memory() -> None:
    """3,000 images of this size are 147 MB as bytes, and 590 MB as numbers."""
    script = """
import resource, torch
from mlagent_tui.schemas import EvalConfig
from mlagent_tui.training.datasets import load
torch.set_num_threads(1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
config = EvalConfig(dataset="dummy", input_shape=(3, 128, 128), num_classes=1000, train_size=4, val_size=2)
data = load(config, torch.device("cpu"), parts=["validation"])
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(len(data.train), len(data.validation), len(data.test), grown)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    train, validation, test, grown = map(int, done.stdout.split())
    assert (train, validation, test) == (4, 2, 0)
    assert grown < 100_000  # KiB


@pytest.mark.parametrize("name", sorted(AUGMENTATIONS))
def test_an_augmentation_moves_pixels_and_invents_none(name: str) -> None:
    images = torch.arange(1.0, 1 + 6 * 2 * 16 * 16).reshape(6, 2, 16, 16)
    moved = AUGMENTATIONS[name](images, torch.Generator().manual_seed(0))
    assert moved.shape == images.shape
    assert torch.equal(moved, images) == (name == "none")
    for before, after in zip(images, moved, strict=True):
        assert set(after.flatten().tolist()) <= {0.0, *before.flatten().tolist()}
        assert (after != 0).float().mean() > 0.7  # at most two of sixteen rows and columns are lost


def test_validation_comes_out_of_the_training_part() -> None:
    assert split_sizes(DATASETS["mnist"]).train == 54_000
    assert split_sizes(DATASETS["mnist"]).test == 10_000
