"""States of prompts in files: what is found again, what is not, and what goes when the room is full."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mlagent_tui.llm.stored import State, StoredStates

TOKENS = [5, 6, 7]


def state(text: bytes) -> State:
    return (ctypes.c_uint8 * len(text)).from_buffer_copy(text)


def found(store: StoredStates, tokens: Sequence[int] = TOKENS) -> bytes | None:
    loaded = store.load(tokens)
    return None if loaded is None else bytes(loaded)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "states"


def test_a_state_is_found_again_for_the_same_model_and_tokens_only(folder: Path) -> None:
    StoredStates(folder, "one").save(TOKENS, state(b"values"))
    assert found(StoredStates(folder, "one")) == b"values"
    assert found(StoredStates(folder, "other")) is None
    assert found(StoredStates(folder, "one"), TOKENS[:2]) is None
    assert found(StoredStates(folder, "one"), [5, 67]) is None
    assert [file.suffix for file in folder.iterdir()] == [".state"]
    assert (folder.stat().st_mode | next(folder.iterdir()).stat().st_mode) & 0o077 == 0


DAMAGES: list[Callable[[bytes], bytes]] = [
    lambda data: data[:-1],
    lambda data: b"x" + data[1:],
    lambda data: data[:9],
    lambda data: b"",
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_removed_and_not_used(folder: Path, damage: Callable[[bytes], bytes]) -> None:
    store = StoredStates(folder, "one")
    store.save(TOKENS, state(b"values"))
    (file,) = folder.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert found(store) is None
    assert not file.exists()
    store.save(TOKENS, state(b"values"))
    assert found(store) == b"values"


def test_the_file_that_was_used_longest_ago_goes_when_the_room_is_full(folder: Path) -> None:
    store = StoredStates(folder, "one", room=250)
    for number in range(2):
        store.save([number], state(bytes(90)))
    for file in folder.iterdir():
        os.utime(file, (1, 1))
    assert found(store, [0])
    store.save([2], state(bytes(90)))
    assert [found(store, [number]) is not None for number in range(3)] == [True, False, True]
    store.save([3], state(bytes(126)))
    assert found(store, [3]) is None


def test_what_was_never_finished_is_cleared_away_and_a_strangers_file_is_left(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "0123.part").write_bytes(b"half")
    (folder / "notes.txt").write_text("mine")
    StoredStates(folder, "one").save(TOKENS, state(b"values"))
    assert sorted(file.suffix for file in folder.iterdir()) == [".state", ".txt"]


def test_a_folder_that_cannot_be_written_to_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = StoredStates(tmp_path / "file" / "states", "one")
    store.save(TOKENS, state(b"values"))
    assert found(store) is None


def test_a_full_disk_is_no_error_and_leaves_nothing_half_written(small_disk: Path) -> None:
    store = StoredStates(small_disk / "states", "one")
    store.save(TOKENS, state(bytes(1 << 20)))
    assert found(store) is None
    assert list((small_disk / "states").iterdir()) == []
