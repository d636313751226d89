"""The folder that no path leaves, and writing that is all or nothing."""

from __future__ import annotations

import ctypes
import os
import stat
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent_tui.errors import MachineError, ProjectError, ToolError
from mlagent_tui.files import Folder, atomic_write, open_plain, read_plain
from mlagent_tui.removal import remove_folder


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_text("secret")
    return folder


@pytest.fixture
def root(tmp_path: Path, outside: Path) -> Path:
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "file").write_text("inside")
    os.symlink(outside / "secret", root / "link_out")
    os.symlink(outside, root / "folder_out")
    os.symlink("../outside", root / "relative_out")
    os.symlink("a", root / "folder_in")
    os.symlink("../a/file", root / "a" / "file_in")
    os.symlink(root / "a" / "file", root / "absolute_in")
    os.symlink("loop", root / "loop")
    return root


ESCAPES = [
    "../outside/secret", "a/../../outside/secret", "..", "a/b/../../../outside/secret", "link_out",
    "folder_out/secret", "relative_out/secret", "folder_in/../../outside/secret", "/etc/passwd",
    "~/../../etc", "loop", "", "a\0b", "a" * 300, "nowhere/../../outside/secret",
]  # fmt: skip


@pytest.mark.parametrize("path", ESCAPES)
def test_reading_outside_is_refused(root: Path, path: str) -> None:
    with pytest.raises(ToolError):
        Folder(root).read(path)


@pytest.mark.parametrize("path", [p for p in ESCAPES if p != "~/../../etc"])
def test_writing_outside_is_refused_and_changes_nothing(root: Path, outside: Path, path: str) -> None:
    with pytest.raises(ToolError):
        Folder(root).write(path, "changed")
    assert {p.name: p.read_text() for p in outside.iterdir()} == {"secret": "secret"}
    assert not (root / "nowhere" / "..").is_file()


@pytest.mark.parametrize("path", ["..", "folder_out", "relative_out", "a/../.."])
def test_listing_outside_is_refused(root: Path, path: str) -> None:
    with pytest.raises(ToolError):
        Folder(root).entries(path)


def test_an_absolute_path_outside_is_refused_with_a_remedy(root: Path, outside: Path) -> None:
    with pytest.raises(ToolError, match="outside of") as caught:
        Folder(root).read(str(outside / "secret"))
    assert "inside the project" in caught.value.remedy


@pytest.mark.parametrize(
    "path", ["a/file", "./a//file", "a/b/../file", "folder_in/file", "a/file_in", "absolute_in", "a/./file"]
)
def test_paths_and_links_that_stay_inside_are_followed(root: Path, path: str) -> None:
    assert Folder(root).read(path) == b"inside"
    assert Folder(root).read(str(root / path)) == b"inside"


def test_writing_through_an_inner_link_changes_its_target(root: Path) -> None:
    Folder(root).write("a/file_in", "new")
    assert (root / "a" / "file").read_text() == "new"
    assert (root / "a" / "file_in").is_symlink()


def test_a_root_that_is_itself_a_link_works(root: Path, tmp_path: Path) -> None:
    os.symlink(root, tmp_path / "alias")
    folder = Folder(tmp_path / "alias")
    assert folder.read("a/file") == b"inside"
    assert folder.read(str(root / "a" / "file")) == b"inside"
    with pytest.raises(ToolError):
        folder.read("../outside/secret")


def test_devices_pipes_and_folders_are_not_read(root: Path) -> None:
    os.mkfifo(root / "pipe")
    for path in ("pipe", "a", "."):
        with pytest.raises(ToolError):
            Folder(root).read(path)


def test_a_path_that_ends_in_a_slash_names_a_folder(root: Path) -> None:
    folder = Folder(root)
    for path in ("new/", "new/.", "a/file/", "a/new//"):
        with pytest.raises(ToolError, match="it is a folder, not a file"):
            folder.write(path, "text")
    with pytest.raises(ToolError, match="a part of the path is a file"):
        folder.read("a/file/")
    assert not folder.exists("a/file/")
    assert folder.make("made/")
    assert folder.entries("a/") == ["b/", "file", "file_in"]
    assert not (root / "new").exists()


def test_folders_of_any_depth_are_listed(root: Path) -> None:
    name = "long"
    here = os.open(root / "a", os.O_RDONLY)
    for _ in range(1200):
        os.mkdir(name, dir_fd=here)
        inner = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(os.open("end", os.O_WRONLY | os.O_CREAT, dir_fd=here))
    os.close(here)
    listed = Folder(root).entries("a", recursive=True)
    assert f"{name}/" * 1200 + "end" in listed
    assert len(listed) == 1204
    assert {"b/", "file", "file_in"} < set(listed)
    assert remove_folder(root)


def test_only_plain_files_are_opened_by_a_name_that_may_be_anything(root: Path) -> None:
    os.mkfifo(root / "pipe")
    os.symlink("pipe", root / "to_a_pipe")
    os.mknod(root / "socket", stat.S_IFSOCK | 0o600)
    for name in ("pipe", "to_a_pipe", "socket", "a", "loop", "missing"):
        with pytest.raises(OSError):
            open_plain(root / name)
    with pytest.raises(OSError):
        open_plain(Path("/dev/zero"))
    assert read_plain(root / "folder_in" / "file") == b"inside"
    with pytest.raises(OSError, match="larger than 5 bytes"):
        read_plain(root / "a" / "file", 5)


def test_a_file_larger_than_the_limit_is_refused(root: Path) -> None:
    with pytest.raises(ToolError, match="larger than 5 bytes"):
        Folder(root).read("a/file", limit=5)


@pytest.mark.skipif(sys.platform != "linux", reason="needs renameat2")
def test_nothing_is_read_or_written_outside_while_a_folder_and_a_link_out_change_places(
    root: Path, outside: Path
) -> None:
    """Someone exchanges `swap/`, a plain folder, with a link to the outside, as fast as they can."""
    (root / "swap").mkdir()
    (root / "swap" / "secret").write_text("decoy")
    os.symlink(outside, root / "other")
    done, rounds = threading.Event(), 0
    rename = ctypes.CDLL(None, use_errno=True).renameat2
    here, exchange = -100, 2

    def keep_exchanging() -> None:
        nonlocal rounds
        while not done.is_set():
            assert rename(here, bytes(root / "swap"), here, bytes(root / "other"), exchange) == 0
            rounds += 1

    thread = threading.Thread(target=keep_exchanging)
    thread.start()
    folder, read, refused = Folder(root), [], 0
    began = time.monotonic()
    while time.monotonic() < began + 1 or not (read and refused):
        assert time.monotonic() < began + 60, "the exchange never got in between"
        try:
            read.append(folder.read("swap/secret"))
            folder.write("swap/new", "mine")
        except ToolError:
            refused += 1
    done.set()
    thread.join()
    assert set(read) == {b"decoy"} and rounds
    assert {p.name: p.read_text() for p in outside.iterdir()} == {"secret": "secret"}


@given(content=st.binary(max_size=2000))
def test_what_is_written_is_read_back(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = Folder(tmp_path_factory.mktemp("root"))
    folder.write("new/folder/file", content)
    assert folder.read("new/folder/file") == content
    assert folder.entries(recursive=True) == ["new/", "new/folder/", "new/folder/file"]


def test_writing_keeps_the_permissions_of_a_file_that_exists(root: Path) -> None:
    (root / "a" / "file").chmod(0o640)
    Folder(root).write("a/file", "new")
    assert (root / "a" / "file").stat().st_mode & 0o777 == 0o640


def test_a_full_disk_is_said_and_the_old_content_stays(small_disk: Path) -> None:
    (small_disk / "file").write_text("old")
    with pytest.raises(ProjectError, match="the disk is full") as caught:
        atomic_write(small_disk / "file", b"x" * 1_000_000)
    assert "Free some space" in caught.value.remedy
    assert [p.name for p in small_disk.iterdir()] == ["file"]
    assert (small_disk / "file").read_text() == "old"


def test_a_read_only_folder_is_said(read_only_folder: Path) -> None:
    with pytest.raises(ProjectError, match=r"read-only|permission denied") as caught:
        atomic_write(read_only_folder / "new", "text")
    assert caught.value.remedy
    with pytest.raises((ToolError, MachineError)):  # permissions are a tool's, a read-only disk the machine's
        Folder(read_only_folder).make("folder")


def test_a_writer_that_is_killed_leaves_the_old_or_the_new_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0" * 100_000)
    child = os.fork()
    if child == 0:
        for digit in range(10_000):
            atomic_write(path, str(digit % 10).encode() * 100_000)
        os._exit(0)
    try:
        seen = {path.read_bytes() for _ in range(30)}
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
    seen.add(path.read_bytes())
    assert all(len(content) == 100_000 and len(set(content)) == 1 for content in seen)


def test_listing_shows_links_and_odd_names_without_entering_or_failing(root: Path) -> None:
    os.close(os.open(os.fsencode(root) + b"/\xff", os.O_CREAT))
    names = Folder(root).entries(recursive=True)
    assert "folder_out" in names and "a/b/" in names and "\\xff" in names
    assert not any(name.startswith("folder_out/") for name in names)


def test_an_appended_file_is_always_a_new_one(root: Path, outside: Path) -> None:
    os.symlink(outside / "secret", root / "log")
    for path in ("log", "a/file"):
        with pytest.raises(ToolError):
            Folder(root).append_to(path)
    os.close(Folder(root).append_to("a/new"))
    assert (root / "a" / "new").read_bytes() == b""
