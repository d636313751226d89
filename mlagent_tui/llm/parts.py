"""Models that lie in several files: the names of the parts, those that are missing, and pieces of one file.

Names: gguf-split of llama.cpp and the sharding of Hugging Face, both `NAME-00001-of-00003`.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable
from pathlib import Path

from mlagent_tui.errors import ModelError

SHOWN = 3
"""Names in one sentence."""
_PART = re.compile(r"(.*)-(\d{5})-of-(\d{5})(\.gguf|\.safetensors)")
_PIECE = re.compile(
    r"(.+\.gguf)[-._]?(?:split|part)?[-._]?(?:(?!gz|xz|bz|lz|br)[a-z]{1,2}|\d{1,3})(?:[-_]?of[-_]?\d{1,3})?",
    re.I,
)


def names(name: str) -> list[str]:
    """The names of all parts of the model that `name` is a part of; `name` alone where it is no part's."""
    named = _PART.fullmatch(name)
    if not named or not 1 <= int(named[2]) <= int(named[3]):
        return [name]
    count = int(named[3])
    return [f"{named[1]}-{number:05}-of-{count:05}{named[4]}" for number in range(1, count + 1)]


def first(path: Path) -> Path:
    """The first part of the split model that `path` is a part of; else `path`."""
    return path.with_name(names(path.name)[0])


def is_later(path: Path) -> bool:
    """Whether the name is that of a split model's second or a later part."""
    return first(path).name != path.name


def check(path: Path, wanted: Iterable[str]) -> None:
    """Raises `ModelError` naming those of the files `wanted` that are not in the folder of `path`."""
    wanted = list(wanted)
    missing = [name for name in wanted if not os.path.isfile(path.with_name(name))]
    if missing:
        raise ModelError(
            f"{path.parent} does not contain {listed(missing)}: {len(missing)} of {len(wanted)} parts of the "
            f"model {'is' if len(missing) == 1 else 'are'} missing",
            "Put all parts in one folder.",
        )


def listed(found: Iterable[str]) -> str:
    """A few names and how many more there are."""
    every = list(found)
    more = f" and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return ", ".join(every[:SHOWN]) + more


def piece(path: Path) -> ModelError | None:
    """What to say of a file that is a piece of one that was cut up, as its name says; None for others."""
    named = _PIECE.fullmatch(path.name)
    if not named:
        return None
    whole, pieces = named[1], [path.name]
    if os.path.isdir(path.parent):
        beside = sorted(os.listdir(path.parent))
        pieces = [name for name in beside if (other := _PIECE.fullmatch(name)) and other[1] == whole]
    if len(pieces) == 1:
        return ModelError(
            f"{path} is a piece of {whole}, and no other piece is beside it",
            "Put all pieces into one folder, and join them with `cat`.",
        )
    joined = " ".join(map(shlex.quote, pieces))
    return ModelError(
        f"{path} is one of {len(pieces)} pieces of {whole}",
        f"Join the pieces, and use the whole file: cat {joined} > {shlex.quote(whole)}",
    )
