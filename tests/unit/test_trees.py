"""Folders that a program left are removed, however they were made."""

from __future__ import annotations

import os
from pathlib import Path

from mlagent_tui.trees import remove_tree


def test_a_folder_of_any_depth_is_removed(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d" * 200, dir_fd=here)
        inner = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    remove_tree(top)
    assert list(tmp_path.iterdir()) == []


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    top, outside = tmp_path / "top", tmp_path / "outside"
    (top / "a").mkdir(parents=True)
    outside.mkdir()
    (outside / "kept").touch()
    (top / "link").symlink_to(outside)
    (top / "a" / "link").symlink_to(outside)
    os.mkfifo(top / "a" / "pipe")
    (top / "a").chmod(0)
    top.chmod(0o700)
    remove_tree(top)
    assert not top.exists() and (outside / "kept").exists()


def test_a_folder_that_is_a_link_or_gone_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    remove_tree(tmp_path / "link")
    remove_tree(tmp_path / "none")
    assert (tmp_path / "real").exists()
