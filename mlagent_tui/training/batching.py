"""How the images of a part are cut into batches: the one rule, for trainer, engine and estimates. No torch.

Batches hold `size` images, in order, and the last one what is left. BatchNorm cannot normalise a single
image, so that a single image left over joins the batch before it: every image is seen, and no batch holds one
image unless `size` is one or there is only one image.
"""

from __future__ import annotations

from collections.abc import Iterator


def bounds(images: int, size: int) -> Iterator[tuple[int, int]]:
    """(start, end) of each batch."""
    last = count(images, size) - 1
    for index in range(last + 1):
        yield index * size, images if index == last else (index + 1) * size


def count(images: int, size: int) -> int:
    """The number of batches."""
    full, left = divmod(images, size)
    return full + (left > 1 or (left == 1 and full == 0))


def seen(images: int, size: int, batches: int) -> int:
    """Images in the first `batches` batches."""
    return images if batches >= count(images, size) else batches * size


def largest(images: int, size: int) -> int:
    """Images in the largest batch, which is the last one if a single image has joined it."""
    return max((end - start for start, end in bounds(images, size)), default=0)
