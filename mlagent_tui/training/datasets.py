"""Data sets as trainers use them: on the device, split, batched, normalised and augmented there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from mlagent_tui.errors import DataError
from mlagent_tui.schemas import DatasetName, EvalConfig
from mlagent_tui.training import batching
from mlagent_tui.training.catalog import DatasetInfo, locate, resolve, split_sizes
from mlagent_tui.training.files import Labelled, read_cifar, read_digits, read_idx

_SPLIT_SEED = 20_240_229  # fixed: which images are held back must not depend on a trial's seed
_READERS: dict[DatasetName, Callable[[Sequence[Path]], tuple[Labelled, Labelled]]] = {
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


def load(config: EvalConfig, device: torch.device, data_dir: Path | None) -> Data:
    """Read, split and move the data set of `config`. Raises `DataError`."""
    info = resolve(config.dataset, config)
    sizes = split_sizes(info)
    if config.dataset in _READERS:
        known, test = (Part(*part) for part in _READERS[config.dataset](locate(config.dataset, data_dir)))
    else:
        everything = Part(*(read_digits() if config.dataset == "digits" else make_dummy(info)))
        order = _shuffled(len(everything))
        test, known = everything.take(order[: sizes.test]), everything.take(order[sizes.test :])
    for part, size in ((known, sizes.train + sizes.validation), (test, sizes.test)):
        _validate(config.dataset, info, part, size)
    order = _shuffled(len(known))
    validation = known.take(order[: sizes.validation][: config.val_size])
    train = known.take(order[sizes.validation :][: config.train_size])
    mean, std = _statistics(train.images)
    return Data(
        info, train.to(device), validation.to(device), test.to(device), mean.to(device), std.to(device)
    )


def _validate(name: str, info: DatasetInfo, part: Part, size: int) -> None:
    shape, labels = tuple(part.images.shape), part.labels
    if shape != (size, *info.input_shape) or int(labels.min()) < 0 or int(labels.max()) >= info.num_classes:
        raise DataError(
            f"{name}: expected {size} images of {info.input_shape} in {info.num_classes} classes, "
            f"got {shape[0]} of {shape[1:]} with labels up to {int(labels.max())}",
            "Replace its files by fresh copies.",
        )


def _shuffled(count: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(_SPLIT_SEED))


def _statistics(images: Tensor) -> tuple[Tensor, Tensor]:
    """Per-channel mean and deviation from counts of the 256 values: exact, and light on memory."""
    values = torch.arange(256, dtype=torch.float64) / 255
    channels = images.transpose(0, 1).flatten(1)
    counts = torch.stack([torch.bincount(channel.int(), minlength=256) for channel in channels]).double()
    share = counts / counts.sum(1, keepdim=True)
    mean = share @ values
    variance = share @ values.square() - mean.square()
    return mean.float(), variance.clamp(min=1e-4).sqrt().float()


def make_dummy(info: DatasetInfo) -> Labelled:
    """A smooth template per class, seen shifted in brightness under noise: learnable, the same every time."""
    generator = torch.Generator().manual_seed(_SPLIT_SEED)
    channels, height, width = info.input_shape
    coarse = torch.randn(info.num_classes, channels, min(4, height), min(4, width), generator=generator)
    templates = F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
    labels = torch.randint(info.num_classes, (info.train,), generator=generator)
    contrast = 0.6 + 0.8 * torch.rand(info.train, 1, 1, 1, generator=generator)
    noise = torch.randn(info.train, *info.input_shape, generator=generator)
    images = 128 + 40 * (templates[labels] * contrast + noise)
    return images.round().clamp(0, 255).to(torch.uint8), labels


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
