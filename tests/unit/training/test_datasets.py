"""Data sets: where they are looked for, how their files are read, and what comes out."""

from __future__ import annotations

import gzip
import os
import pickle
import struct
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mlagent_tui.errors import DataError
from mlagent_tui.schemas import EvalConfig
from mlagent_tui.training import data_card
from mlagent_tui.training.catalog import DATASETS, DatasetInfo, locate, split_sizes
from mlagent_tui.training.datasets import AUGMENTATIONS, load, make_dummy
from mlagent_tui.training.files import read_cifar, read_digits, read_idx

CPU = torch.device("cpu")


def idx(array: np.ndarray) -> bytes:
    return (
        struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()
    )


def write_mnist(folder: Path, *, packed: bool, count: int = 30) -> list[Path]:
    images = np.arange(count * 28 * 28).reshape(count, 28, 28) % 251
    labels = np.arange(count) % 10
    folder.mkdir(parents=True)
    files = []
    for part in ("train", "t10k"):
        for name, array in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
            path = folder / (name + (".gz" if packed else ""))
            path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
            files.append(path)
    return files


def cifar_batch(count: int, label: str) -> bytes:
    data = (np.arange(count * 3072) % 253).astype(np.uint8).reshape(count, 3072)
    return pickle.dumps({"data": data, label: [i % 10 for i in range(count)]}, protocol=2)


@pytest.mark.parametrize("packed", [True, False])
def test_mnist_is_read_packed_and_unpacked(tmp_path: Path, packed: bool) -> None:
    files = write_mnist(tmp_path / "MNIST" / "raw", packed=packed)
    assert locate("mnist", tmp_path) == tuple(files)
    (images, labels), (test_images, _) = read_idx(files)
    assert images.shape == (30, 1, 28, 28) and images.dtype == torch.uint8
    assert labels.tolist() == [i % 10 for i in range(30)]
    assert int(images[1, 0, 0, 0]) == 784 % 251
    assert len(test_images) == 30


@pytest.mark.parametrize("cut", [2, 10, 500])
def test_a_truncated_idx_file_is_named(tmp_path: Path, cut: int) -> None:
    files = write_mnist(tmp_path / "raw", packed=False)
    files[0].write_bytes(files[0].read_bytes()[:cut])
    with pytest.raises(DataError, match="train-images-idx3-ubyte"):
        read_idx(files)


@pytest.mark.parametrize("label", ["labels", "fine_labels"])
def test_cifar_batches_are_read_from_files_and_from_the_archive(tmp_path: Path, label: str) -> None:
    names = ["data_batch_1", "data_batch_2", "test_batch"]
    for name in names:
        (tmp_path / name).write_bytes(cifar_batch(4, label))
    archive = tmp_path / "cifar.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in names:
            tar.add(tmp_path / name, f"cifar-10-batches-py/{name}")
    for files in ([tmp_path / name for name in names], [archive]):
        (images, labels), (test_images, test_labels) = read_cifar(files)
        assert images.shape == (8, 3, 32, 32) and test_images.shape == (4, 3, 32, 32)
        assert labels.tolist() == [0, 1, 2, 3] * 2 and test_labels.tolist() == [0, 1, 2, 3]


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("touch /tmp/pwned",)


@pytest.mark.parametrize(
    "content", [pickle.dumps(Evil()), pickle.dumps({"data": Evil()}), b"junk", b"", pickle.dumps([1])]
)
def test_a_pickle_that_is_no_batch_is_refused_and_runs_nothing(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "system", lambda command: pytest.fail("it ran"))
    for name in ("data_batch_1", "test_batch"):
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match="data_batch_1 is not a CIFAR batch"):
        read_cifar([tmp_path / "data_batch_1", tmp_path / "test_batch"])


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "cifar.tar.gz").write_bytes(gzip.compress(b"x" * 100)[:-5])
    with pytest.raises(DataError, match=r"cifar.tar.gz"):
        read_cifar([tmp_path / "cifar.tar.gz"])


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "cifar100"])
def test_a_missing_set_names_its_files_and_the_folder(tmp_path: Path, name: Any) -> None:
    with pytest.raises(DataError) as caught:
        data_card(name, None, tmp_path)
    first = DATASETS[name].alternatives[0][0]
    assert str(tmp_path) in caught.value.what
    assert Path(first).name in caught.value.what or "tar.gz" in caught.value.what
    assert "MLAGENT_DATA" in caught.value.remedy


def test_the_card_of_a_present_set_needs_no_images(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-python.tar.gz").touch()
    card = data_card("cifar10", EvalConfig(dataset="cifar10", train_size=1000), tmp_path)
    assert (card.input_shape, card.num_classes) == ((3, 32, 32), 10)
    assert (card.train_size, card.val_size, card.test_size) == (1000, 5000, 10_000)


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
    data = load(EvalConfig(dataset="digits"), CPU, None)
    card = data_card("digits")
    parts = (data.train, data.validation, data.test)
    assert [len(part) for part in parts] == [card.train_size, card.val_size, card.test_size]
    everything = torch.cat([part.images for part in parts]).flatten(1)
    assert len(torch.unique(everything, dim=0)) == len(torch.unique(read_digits()[0].flatten(1), dim=0))


def test_what_is_held_back_depends_on_no_setting() -> None:
    one = load(EvalConfig(dataset="digits", seed=1, train_size=100, val_size=50), CPU, None)
    two = load(EvalConfig(dataset="digits", seed=2), CPU, None)
    assert torch.equal(one.test.images, two.test.images)
    assert torch.equal(one.validation.images, two.validation.images[:50])
    assert (len(one.train), len(one.validation)) == (100, 50)


def test_normalised_images_have_no_mean_and_unit_deviation() -> None:
    data = load(EvalConfig(dataset="dummy", input_shape=(3, 8, 8)), CPU, None)
    images = data.normalise(data.train.images)
    assert torch.allclose(images.mean((0, 2, 3)), torch.zeros(3), atol=1e-3)
    assert torch.allclose(images.std((0, 2, 3)), torch.ones(3), atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 5), (3, 32, 32)])
def test_the_dummy_set_has_any_shape_and_is_always_the_same(shape: tuple[int, int, int]) -> None:
    info = DatasetInfo(shape, 7, 50, 0)
    images, labels = make_dummy(info)
    assert images.shape == (50, *shape) and int(labels.max()) < 7
    again = make_dummy(info)
    assert torch.equal(images, again[0]) and torch.equal(labels, again[1])


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
