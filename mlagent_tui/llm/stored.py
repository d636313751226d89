"""States after the fixed beginnings of prompts, in files: what a model server had read before its restart.

Each file holds one state and its checksum, and its name says of which model and tokens. A file that is
damaged or of another model is not used. Nothing here fails: without the files, prompts are read again.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import secrets
from array import array
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

State = ctypes.Array[ctypes.c_uint8]

ROOM = 1_000_000_000
"""Bytes that all files may have together."""
LARGEST_SHARE = 2
"""One file may have so many parts of it."""
SUFFIX = ".state"
UNFINISHED = ".part"


class StoredStates:
    """The files of one model, among those of others in the same folder."""

    def __init__(self, folder: Path, model: str, room: int = ROOM) -> None:
        """`model` is all that a state depends on besides its tokens; `room` is in bytes, for all models."""
        self._folder = folder
        self._model = model
        self._room = room

    def load(self, tokens: Sequence[int]) -> State | None:
        """The state after `tokens`; None where there is none, or it is damaged."""
        file = self._file(tokens)
        try:
            data = bytearray(file.read_bytes())
            os.utime(file)  # the files least used go first
        except (OSError, MemoryError):
            return None
        size = hashlib.sha256().digest_size
        if hashlib.sha256(memoryview(data)[size:]).digest() != data[:size]:
            with suppress(OSError):
                file.unlink()
            return None
        return (ctypes.c_uint8 * (len(data) - size)).from_buffer(data, size)

    def save(self, tokens: Sequence[int], state: State) -> None:
        """Stores the state after `tokens`; others go where the room is full."""
        size = len(state)
        if size > self._room // LARGEST_SHARE:
            return
        unfinished = self._folder / f"{secrets.token_hex(8)}{UNFINISHED}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._make_room(size)
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.write(hashlib.sha256(state).digest())
                stream.write(state)
            unfinished.replace(self._file(tokens))
        except OSError:
            with suppress(OSError):
                unfinished.unlink()

    def _make_room(self, size: int) -> None:
        """Removes the files least used until `size` bytes more fit, and what was never finished."""
        found = []
        for file in self._folder.iterdir():
            if file.suffix in (SUFFIX, UNFINISHED):
                told = file.stat()
                found.append((file.suffix == SUFFIX, told.st_mtime, told.st_size, file))
        left = sum(size for _, _, size, _ in found) + size
        for finished, _, taken, file in sorted(found):
            if finished and left <= self._room:
                return
            file.unlink(missing_ok=True)
            left -= taken

    def _file(self, tokens: Sequence[int]) -> Path:
        name = hashlib.sha256(f"{self._model}\n".encode() + array("q", tokens).tobytes()).hexdigest()
        return self._folder / (name + SUFFIX)
