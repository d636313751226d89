"""The data sets by name: sizes, files wanted, and how each is split. Reads no images and needs no torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from mlagent_tui import paths
from mlagent_tui.errors import DataError, TrialError
from mlagent_tui.schemas import DataCard, DatasetName, EvalConfig, Preprocessing


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a data set. `train` and `test` are its parts as distributed; 0 test: split off here.

    `alternatives` are sets of files (relative to the data folder), any one of which is enough; an idx file
    may also be there with `.gz` added. Empty: the data set needs no files of the user's.
    """

    input_shape: tuple[int, int, int]
    num_classes: int
    train: int
    test: int
    alternatives: tuple[tuple[str, ...], ...] = ()


def _idx_files(folder: str) -> tuple[tuple[str, ...], ...]:
    names = (
        "train-images-idx3-ubyte", "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
    )  # fmt: skip
    return tuple(tuple(f"{place}/{name}" for name in names) for place in (f"{folder}/raw", folder))


_CIFAR10 = tuple(
    f"cifar-10-batches-py/{name}" for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")
)
_CIFAR100 = ("cifar-100-python/train", "cifar-100-python/test")

DATASETS: Mapping[DatasetName, DatasetInfo] = MappingProxyType({
    "digits": DatasetInfo((1, 8, 8), 10, 1797, 0),
    "mnist": DatasetInfo((1, 28, 28), 10, 60_000, 10_000, _idx_files("MNIST")),
    "fashion_mnist": DatasetInfo((1, 28, 28), 10, 60_000, 10_000, _idx_files("FashionMNIST")),
    "cifar10": DatasetInfo((3, 32, 32), 10, 50_000, 10_000, (_CIFAR10, ("cifar-10-python.tar.gz",))),
    "cifar100": DatasetInfo((3, 32, 32), 100, 50_000, 10_000, (_CIFAR100, ("cifar-100-python.tar.gz",))),
    "dummy": DatasetInfo((1, 16, 16), 10, 3000, 0),
})  # fmt: skip

_LABELS: Mapping[DatasetName, tuple[str, ...]] = MappingProxyType({
    "fashion_mnist": (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
        "Ankle boot",
    ),
    "cifar10": (
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    ),
})  # fmt: skip


def preprocessing(config: EvalConfig, mean: list[float], std: list[float]) -> Preprocessing:
    """How images of the data set of `config` are prepared; mean and std are those that a worker measured.

    Raises `TrialError` when these do not fit the data set's channels.
    """
    info = resolve(config.dataset, config)
    if not len(mean) == len(std) == info.input_shape[0]:
        raise TrialError(f"the worker sent {len(mean)} means for {info.input_shape[0]} channels")
    labels = _LABELS.get(config.dataset) or tuple(map(str, range(info.num_classes)))
    return Preprocessing(
        dataset=config.dataset, input_shape=info.input_shape, num_classes=info.num_classes,
        labels=list(labels), mean=mean, std=std,
    )  # fmt: skip


_TEST_SHARE, _VALIDATION_SHARE = 0.2, 0.1
_SMALL = 10_000  # below, validation takes a fifth too: a tenth would be too noisy


@dataclass(frozen=True)
class Split:
    """How many images go where."""

    train: int
    validation: int
    test: int


def split_sizes(info: DatasetInfo) -> Split:
    """Validation always comes out of the training part; the test part is never trained or tuned on."""
    test = info.test or int(info.train * _TEST_SHARE)
    rest = info.train if info.test else info.train - test
    validation = int(rest * (_TEST_SHARE if rest < _SMALL else _VALIDATION_SHARE))
    return Split(rest - validation, validation, test)


def data_card(
    dataset: DatasetName, eval_config: EvalConfig | None = None, data_dir: Path | None = None
) -> DataCard:
    """What training on `dataset` would see.

    Raises `DataError` when its files are missing, naming them and the folder, or when `eval_config` asks for
    a shape or a number of classes that the data set does not have.
    """
    info = resolve(dataset, eval_config)
    locate(dataset, data_dir)
    split = split_sizes(info)
    wanted_train = eval_config.train_size if eval_config else None
    wanted_validation = eval_config.val_size if eval_config else None
    return DataCard(
        dataset=dataset,
        input_shape=info.input_shape,
        num_classes=info.num_classes,
        train_size=min(wanted_train or split.train, split.train),
        val_size=min(wanted_validation or split.validation, split.validation),
        test_size=split.test,
    )


def resolve(dataset: DatasetName, eval_config: EvalConfig | None) -> DatasetInfo:
    """The data set's facts with what `eval_config` sets for the dummy one. Raises `DataError`."""
    info = DATASETS[dataset]
    shape = eval_config.input_shape if eval_config else None
    classes = eval_config.num_classes if eval_config else None
    if dataset == "dummy":
        return DatasetInfo(shape or info.input_shape, classes or info.num_classes, info.train, info.test)
    for what, asked, has in (
        ("input_shape", shape, info.input_shape),
        ("num_classes", classes, info.num_classes),
    ):
        if asked is not None and asked != has:
            raise DataError(
                f"{dataset} has {what} {has}, not {asked}", f"Leave {what} out, or set it to {has}."
            )
    return info


def locate(dataset: DatasetName, data_dir: Path | None = None) -> tuple[Path, ...]:
    """The files to read, existing. Raises `DataError` naming what is missing and where it was looked for."""
    folder = data_dir or paths.data_folder()
    alternatives = DATASETS[dataset].alternatives
    if not alternatives:
        return ()
    best: list[str] = []
    for names in alternatives:
        found = [_either(folder / name) for name in names]
        if all(found):
            return tuple(path for path in found if path)
        missing = [name for name, path in zip(names, found, strict=True) if not path]
        best = missing if not best or len(missing) < len(names) else best
    others = " or ".join(names[0] for names in alternatives if len(names) == 1)
    raise DataError(
        f"{dataset} is not in {folder}: missing {', '.join(best)}",
        f"Put these files{f' (or {others})' if others else ''} there, or name the folder that has them with "
        "MLAGENT_DATA or `data_dir` in the settings. Nothing is ever downloaded.",
    )


def _either(path: Path) -> Path | None:
    packed = [path.with_name(path.name + ".gz")] if path.name.endswith("-ubyte") else []
    for candidate in (path, *packed):
        if candidate.is_file() and os.access(candidate, os.R_OK):
            return candidate
    return None
