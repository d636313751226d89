"""Temporary folders: what their process leaves behind when it is killed goes, and nothing else does."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import mlagent_tui
from mlagent_tui import temporary
from mlagent_tui.removal import remove_folder

MAKE = """
import sys
from pathlib import Path
from mlagent_tui import temporary
made = temporary.folder("trial")
(made.path / "weights").write_text("x")
print(made.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def start() -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen(
        [sys.executable, "-c", MAKE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    assert process.stdout
    return process, Path(process.stdout.readline().strip())


def stop(process: subprocess.Popen[str], number: int) -> None:
    process.send_signal(number)
    process.communicate()


def test_a_folder_and_the_one_around_it_are_gone_after_closing(place: Path) -> None:
    with temporary.folder("a") as first, temporary.folder("b") as second:
        (first / "file").write_text("x")
        assert first.parent == second.parent != place
        assert first.stat().st_mode & 0o77 == 0
    assert list(place.iterdir()) == []


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_uses_is_not(place: Path) -> None:
    killed, left = start()
    living, used = start()
    stop(killed, signal.SIGKILL)
    assert left.is_dir()
    with temporary.folder("mine"):
        assert not left.parent.exists()
        assert (used / "weights").read_text() == "x"
    assert living.stdin
    living.stdin.close()
    living.wait()
    assert living.stdout
    living.stdout.close()
    assert list(place.iterdir()) == []


def test_nothing_that_is_not_ours_is_removed(place: Path, tmp_path: Path) -> None:
    (place / "mlagent-notes").mkdir()
    (place / "mlagent-notes/thesis.tex").write_text("x")
    (place / "mlagent-other").mkdir()
    (place / "mlagent-other" / temporary.OWNER).write_text("another program's file")
    os.mkdir(place / "mlagent-pipe")
    os.mkfifo(place / "mlagent-pipe" / temporary.OWNER)
    killed, left = start()
    stop(killed, signal.SIGKILL)
    elsewhere = left.parent.rename(tmp_path / "elsewhere")
    (place / "mlagent-link").symlink_to(elsewhere)
    assert temporary.sweep(place) == []
    assert len(list(place.iterdir())) == 4
    assert (elsewhere / left.name / "weights").exists()


def test_removal_follows_no_link_and_is_not_stopped_by_depth_or_rights(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o750)
    (outside / "kept").write_text("x")
    top = tmp_path / "top"
    top.mkdir()
    (top / "link").symlink_to(outside)
    (top / "closed").mkdir(mode=0o000)
    os.mkfifo(top / "pipe")
    here = os.open(top, os.O_RDONLY)
    for _ in range(3000):  # deeper than Python may recurse, and longer than a path may be
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    assert remove_folder(top)
    assert (outside / "kept").read_text() == "x"
    assert outside.stat().st_mode & 0o777 == 0o750


def test_every_temporary_folder_of_the_package_is_one_that_can_be_swept() -> None:
    package = Path(mlagent_tui.__file__).parent
    users = {
        file.relative_to(package).as_posix()
        for file in package.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("TemporaryDirectory", "mkdtemp")
    }
    assert users == {"temporary.py"}
