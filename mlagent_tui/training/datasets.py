"""Data sets as trainers use them: on the device, split, batched, normalised and augmented there.

Images stay bytes until they are part of a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from mlagent_tui.schemas import DatasetName, EvalConfig
from mlagent_tui.training import batching
from mlagent_tui.training.catalog import DatasetInfo, resolve, split_sizes
from mlagent_tui.training.files import Labelled, read_cifar, read_digits, read_idx

_SPLIT_SEED = 20_240_229  # fixed: which images are held back must not depend on a trial's seed
_AT_ONCE = 1 << 22  # pixels that are worked on together

PartName = Literal["train", "validation", "test"]


class Format(Protocol):
    """Reads the training or the test files of a data set."""

    def __call__(self, files: Sequence[Path], info: DatasetInfo, *, test: bool) -> Labelled:
        """All images and labels of the one or the other. Raises `DataError`."""


_FORMATS: dict[DatasetName, Format] = {
    "mnist": read_idx,
    "fashion_mnist": read_idx,
    "cifar10": read_cifar,
    "cifar100": read_cifar,
}


@dataclass(frozen=True)
class Part:
    """Images as uint8 (N, C, H, W) and labels (N,), on one device."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: Tensor) -> Part:
        """The images at `index`."""
        index = index.to(self.labels.device)
        return Part(self.images[index], self.labels[index])

    def to(self, device: torch.device) -> Part:
        """The same on `device`."""
        return Part(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Data:
    """One data set, split. `mean` and `std` are per channel, of the training part, on the scale 0..1."""

    info: DatasetInfo
    train: Part
    validation: Part
    test: Part
    mean: Tensor
    std: Tensor

    def normalise(self, images: Tensor) -> Tensor:
        """uint8 (N, C, H, W) to float32 with about zero mean and unit deviation."""
        shape = (1, -1, 1, 1)
        return (images.float() / 255 - self.mean.view(shape)) / self.std.view(shape)

    def batches(self, part: Part, size: int, order: Tensor | None = None) -> Iterator[tuple[Tensor, Tensor]]:
        """Normalised images and labels, in `order` when one is given."""
        for start, end in batching.bounds(len(part), size):
            chosen = part.take(order[start:end]) if order is not None else None
            images = chosen.images if chosen else part.images[start:end]
            labels = chosen.labels if chosen else part.labels[start:end]
            yield self.normalise(images), labels


PARTS: tuple[PartName, ...] = ("train", "validation", "test")


def load(
    config: EvalConfig,
    device: torch.device,
    files: Sequence[Path] = (),
    parts: Sequence[PartName] = PARTS,
) -> Data:
    """Read the data set of `config` from its `files`, split it, and move it to the device.

    Of the validation and test parts, those not named in `parts` stay empty: their images are neither read nor
    generated where that can be spared. The training part is always read. Raises `DataError`.
    """
    info = resolve(config.dataset, config)
    rows = _rows(info, config)
    chosen = {part: rows[part] for part in PARTS if part == "train" or part in parts}
    if config.dataset in _FORMATS:
        found = _read_files(_FORMATS[config.dataset], files, info, chosen)
    elif config.dataset == "digits":
        found = _read_digits(chosen)
    else:
        found = _read_made(info, chosen)
    empty = Part(found["train"].images[:0], found["train"].labels[:0])
    train, validation, test = (found.get(part, empty).to(device) for part in PARTS)
    mean, std = _statistics(found["train"].images)
    return Data(info, train, validation, test, mean.to(device), std.to(device))


def look(dataset: DatasetName, files: Sequence[Path]) -> None:
    """Read all of a data set that has files. Raises `DataError` naming the first that is wrong."""
    if dataset in _FORMATS:
        for test in (False, True):
            _FORMATS[dataset](files, resolve(dataset, None), test=test)


def _rows(info: DatasetInfo, config: EvalConfig) -> dict[PartName, Tensor]:
    """Which images each part has: by their places in the training files or the test files, or in all."""
    sizes = split_sizes(info)
    known = torch.arange(info.train)
    test = torch.arange(info.test)
    if not info.test:  # it is split off here
        order = _shuffled(info.train)
        test, known = order[: sizes.test], order[sizes.test :]
    order = _shuffled(len(known))
    return {
        "train": known[order[sizes.validation :][: config.train_size]],
        "validation": known[order[: sizes.validation][: config.val_size]],
        "test": test,
    }


def _read_files(
    format_: Format, files: Sequence[Path], info: DatasetInfo, rows: Mapping[PartName, Tensor]
) -> dict[PartName, Part]:
    found: dict[PartName, Part] = {}
    for test, names in ((False, ("train", "validation")), (True, ("test",))):
        chosen = [part for part in PARTS if part in names and part in rows]
        if chosen:
            whole = Part(*format_(files, info, test=test))
            found |= {part: whole.take(rows[part]) for part in chosen}
    return found


def _read_digits(rows: Mapping[PartName, Tensor]) -> dict[PartName, Part]:
    whole = Part(*read_digits())
    return {part: whole.take(chosen) for part, chosen in rows.items()}


def _read_made(info: DatasetInfo, rows: Mapping[PartName, Tensor]) -> dict[PartName, Part]:
    images, labels = make_dummy(info, torch.cat(list(rows.values())))
    ends = torch.tensor([len(chosen) for chosen in rows.values()]).cumsum(0).tolist()
    starts = [0, *ends[:-1]]
    return {
        part: Part(images[start:end], labels[start:end])
        for part, start, end in zip(rows, starts, ends, strict=True)
    }


def _shuffled(count: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(_SPLIT_SEED))


def _statistics(images: Tensor) -> tuple[Tensor, Tensor]:
    """Per-channel mean and deviation from counts of the 256 values: exact, and light on memory."""
    values = torch.arange(256, dtype=torch.float64) / 255
    counts = torch.zeros(images.shape[1], 256, dtype=torch.int64)
    for some in torch.split(images, max(1, _AT_ONCE // images[0].numel())):
        for channel, pixels in enumerate(some.transpose(0, 1).flatten(1)):
            counts[channel] += torch.bincount(pixels, minlength=256)
    share = counts.double() / counts.sum(1, keepdim=True)
    mean = share @ values
    variance = share @ values.square() - mean.square()
    return mean.float(), variance.clamp(min=1e-4).sqrt().float()


def make_dummy(info: DatasetInfo, rows: Tensor | None = None) -> Labelled:
    """A smooth template per class, seen shifted in brightness under noise: learnable, the same every time.

    `rows` are the images wanted, of `info.train` in all; each is the same whichever others are. The noise of
    all images before the last one wanted is drawn, some at a time, and no more of it kept than that.
    """
    generator = torch.Generator().manual_seed(_SPLIT_SEED)
    channels, height, width = info.input_shape
    coarse = torch.randn(info.num_classes, channels, min(4, height), min(4, width), generator=generator)
    labels = torch.randint(info.num_classes, (info.train,), generator=generator)
    contrast = 0.6 + 0.8 * torch.rand(info.train, 1, 1, 1, generator=generator)
    rows = torch.arange(info.train) if rows is None else rows
    images = torch.empty(len(rows), *info.input_shape, dtype=torch.uint8)
    for start, end in _drawn(info.train, prod(info.input_shape)):
        if start > rows.max():
            break
        noise = torch.randn(end - start, *info.input_shape, generator=generator)
        places = ((start <= rows) & (rows < end)).nonzero()[:, 0]
        chosen = rows[places]
        templates = F.interpolate(
            coarse[labels[chosen]], size=(height, width), mode="bilinear", align_corners=False
        )
        made = 128 + 40 * (templates * contrast[chosen] + noise[chosen - start])
        images[places] = made.round().clamp(0, 255).to(torch.uint8)
    return images, labels[rows]


def _drawn(count: int, image: int) -> Iterator[tuple[int, int]]:
    """Images whose noise is drawn at once, such that the numbers are those of one draw for all.

    `torch.randn` turns 16 numbers of its generator at a time into 16 normal ones, and draws the last 16 anew
    when they do not come out even: all but the last draw are of a multiple of 16, and the last of 16 or more.
    """
    step = 16 * max(1, _AT_ONCE // (16 * image))
    start = 0
    while start < count:
        end = start + step if count - start - step >= 16 else count
        yield start, end
        start = end


def shift(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image moved by up to an eighth of its size (at least a pixel) each way; what comes in is zero."""
    count, _, height, width = images.shape
    moved = images
    for dim, size in ((2, height), (3, width)):
        most = max(1, size // 8)
        offset = torch.randint(-most, most + 1, (count, 1), generator=generator).to(images.device)
        source = torch.arange(size, device=images.device)[None] - offset
        outside = (source < 0) | (source >= size)
        shape = (count, 1, size, 1) if dim == 2 else (count, 1, 1, size)
        index = source.clamp(0, size - 1).view(shape).expand_as(moved)
        moved = moved.gather(dim, index).masked_fill(outside.view(shape), 0)
    return moved


def flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Shifted, and half of them mirrored left to right."""
    mirrored = (torch.rand(len(images), generator=generator) < 0.5).to(images.device)
    return shift(torch.where(mirrored.view(-1, 1, 1, 1), images.flip(3), images), generator)


AUGMENTATIONS: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "none": lambda images, generator: images,
    "shift": shift,
    "flip": flip,
}
