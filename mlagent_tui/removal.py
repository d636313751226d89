"""Removing a folder and all that is in it, whatever that is: no recursion, and no link is followed."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_folder(path: Path) -> bool:
    """Remove the folder `path`; whether it is gone. A link or file of that name stays. Raises nothing."""
    try:
        parent = os.open(path.parent, _FOLDER & ~os.O_NOFOLLOW)
    except OSError:
        return not os.path.lexists(path)
    try:
        with suppress(OSError):
            _remove(parent, path.name)
        return not os.path.lexists(path)
    finally:
        os.close(parent)


def _remove(parent: int, name: str) -> None:
    """Remove the folder `name` in `parent`.

    What is nested deeper is first moved up to `name` itself, so that two open folders do for any depth.
    """
    with _opened(parent, name) as top:
        while inner := list(_without_files(top)):
            for folder in inner:
                with _opened(top, folder) as opened:
                    for deeper in list(_without_files(opened)):
                        os.rename(deeper, secrets.token_hex(8), src_dir_fd=opened, dst_dir_fd=top)
                os.rmdir(folder, dir_fd=top)
    os.rmdir(name, dir_fd=parent)


def _without_files(folder: int) -> Iterator[str]:
    """Remove all but the folders in `folder`, and name these."""
    with os.scandir(folder) as entries:
        listed = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in listed:
        if is_folder:
            _make_writable(folder, name)
            yield name
        else:
            os.unlink(name, dir_fd=folder)


@contextmanager
def _opened(parent: int, name: str) -> Iterator[int]:
    _make_writable(parent, name)
    folder = os.open(name, _FOLDER, dir_fd=parent)
    try:
        yield folder
    finally:
        os.close(folder)


def _make_writable(parent: int, name: str) -> None:
    """Give the owner all rights to a folder: it cannot be emptied, nor moved, without them."""
    mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
    if not stat.S_ISDIR(mode) or stat.S_IMODE(mode) & stat.S_IRWXU == stat.S_IRWXU:
        return
    if os.chmod in os.supports_follow_symlinks:
        os.chmod(name, stat.S_IRWXU, dir_fd=parent, follow_symlinks=False)
        return
    place = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        os.chmod(f"/proc/self/fd/{place}", stat.S_IRWXU)  # Linux has no chmod that stops at a link
    finally:
        os.close(place)
