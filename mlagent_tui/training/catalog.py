"""The data sets by name: sizes, files and where they are, and how each is split. No torch, no decoding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import MappingProxyType

from mlagent_tui import paths
from mlagent_tui.errors import DataError, DataMissing, TrialError
from mlagent_tui.schemas import DataCard, DatasetName, EvalConfig, Preprocessing
from mlagent_tui.training import present


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

    Raises what `locate` raises about its files, and `DataError` when `eval_config` asks for a shape or a
    number of classes that the data set does not have.
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
    """The files to read, all links followed: there, readable and whole as far as `present` can see.

    This decides whether a data set can be used, for everybody who asks. Raises `DataMissing` naming what is
    missing and where it was looked for, `DataError` naming a file that is there and cannot be used.
    """
    folder = data_dir or paths.data_folder()
    info = DATASETS[dataset]
    if not info.alternatives:
        return ()
    best: list[str] = []
    fault: present.Fault | None = None
    for names in info.alternatives:
        found, missing = [], []
        for name in names:
            try:
                found.append(_either(folder / name, wanted(info, name)))
            except FileNotFoundError:
                missing.append(name)
            except present.Fault as error:
                fault = fault or error
        if len(found) == len(names):
            return tuple(found)
        best = missing if not best or 0 < len(missing) < len(names) else best
    if fault:
        raise DataError(f"{dataset}: {fault.what}", fault.remedy)
    others = " or ".join(names[0] for names in info.alternatives if len(names) == 1)
    raise DataMissing(
        f"{dataset} is not in {folder}: missing {', '.join(best)}",
        f"Put these files{f' (or {others})' if others else ''} there, or name the folder that has them with "
        "MLAGENT_DATA or `data_dir` in the settings. Nothing is ever downloaded.",
    )


def wanted(info: DatasetInfo, name: str) -> present.Wanted:
    """What the file of that name must hold."""
    names = next(names for names in info.alternatives if name in names)
    image = prod(info.input_shape)
    if len(names) == 1:
        return present.Wanted("archive", (info.train + info.test, image))
    if name.endswith("-ubyte"):
        count = info.test if Path(name).name.startswith("t10k") else info.train
        return present.Wanted("idx", (count, *info.input_shape[1:]) if "-images-" in name else (count,))
    *batches, test = names
    return present.Wanted("batch", (info.test if name == test else info.train // len(batches), image))


def _either(path: Path, wanted: present.Wanted) -> Path:
    """The file, or that of the same name with `.gz`. Raises `FileNotFoundError` and `present.Fault`."""
    fault: present.Fault | None = None
    for candidate in (path, path.with_name(path.name + ".gz")) if wanted.kind == "idx" else (path,):
        try:
            return present.look(candidate, wanted)
        except FileNotFoundError:
            continue
        except present.Fault as error:
            fault = fault or error
    raise fault or FileNotFoundError(path)
