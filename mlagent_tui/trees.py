"""Removing folders that a program left which may mean harm: as deep as it likes, with any permissions."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_tree(folder: Path) -> None:
    """Remove `folder` and all in it, without recursion and without following a link.

    What lies deeper is first moved up to the top, so that no path grows long. Nothing may still be writing
    there. What cannot be removed stays.
    """
    try:
        top = os.open(folder, _FOLDER)
    except OSError:
        return
    try:
        while _remove_some(top):
            pass
    finally:
        os.close(top)
    with suppress(OSError):
        os.rmdir(folder)


def _remove_some(top: int) -> bool:
    """Remove each entry, folders after their folders have moved up; whether anything was done."""
    done = False
    for name in os.listdir(top):
        with suppress(OSError):
            if _is_folder(name, top):
                _empty(name, top)
                os.rmdir(name, dir_fd=top)
            else:
                os.unlink(name, dir_fd=top)
            done = True
    return done


def _empty(name: str, top: int) -> None:
    _open_up(name, top)
    folder = os.open(name, _FOLDER, dir_fd=top)
    try:
        for inner in os.listdir(folder):
            with suppress(OSError):
                if _is_folder(inner, folder):
                    _open_up(inner, folder)
                    os.rename(inner, secrets.token_hex(8), src_dir_fd=folder, dst_dir_fd=top)
                else:
                    os.unlink(inner, dir_fd=folder)
    finally:
        os.close(folder)


def _is_folder(name: str, parent: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)


def _open_up(name: str, parent: int) -> None:
    """Allow its owner everything: it is a folder, and nothing runs that could replace it by a link."""
    with suppress(OSError):
        os.chmod(name, 0o700, dir_fd=parent)
