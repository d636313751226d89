"""`read_file`, `write_file`, `list_directory` and the scaffold."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlagent_tui import paths
from mlagent_tui.errors import MachineError, ToolError
from mlagent_tui.tools import (
    ToolContext,
    create_pytorch_project_scaffold,
    list_directory,
    read_file,
    write_file,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.text(st.characters(exclude_categories=["Cs"])))
def test_text_is_read_back_exactly_as_written(context: ToolContext, content: str) -> None:
    write_file("notes/new.txt", content)
    assert read_file("notes/new.txt") == content


def test_files_go_to_the_root_of_the_context_and_nowhere_else(context: ToolContext) -> None:
    write_file("a.txt", "text")
    assert (context.root / "a.txt").read_text() == "text"
    for path in ("../a.txt", "/tmp/a.txt", "x/../../a.txt"):
        with pytest.raises(ToolError, match="outside"):
            write_file(path, "text")
        with pytest.raises(ToolError, match="outside"):
            read_file(path)


def test_what_cannot_be_read_is_said(context: ToolContext) -> None:
    (context.root / "bytes").write_bytes(b"ab\xff")
    with pytest.raises(ToolError, match=r"not UTF-8 text \(byte 2\)"):
        read_file("bytes")
    with pytest.raises(ToolError, match="no such file") as caught:
        read_file("missing.py")
    assert caught.value.remedy == "Check the name."


def test_text_that_cannot_be_written_is_said(context: ToolContext) -> None:
    with pytest.raises(ToolError):
        write_file("a.txt", "\udcff")
    assert list_directory() == []


def test_a_listing_is_sorted_and_recursive_on_demand(context: ToolContext) -> None:
    for name in ("b/two.txt", "a.txt", "b/c/three.txt"):
        write_file(name, "")
    assert list_directory() == ["a.txt", "b/"]
    assert list_directory(recursive=True) == ["a.txt", "b/", "b/c/", "b/c/three.txt", "b/two.txt"]
    assert list_directory("b") == ["c/", "two.txt"]
    for path in ("missing", "a.txt", ".."):
        with pytest.raises(ToolError):
            list_directory(path)


def test_without_a_context_the_current_folder_is_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_file("here.txt", "text")
    assert (tmp_path / "here.txt").read_text() == "text"
    assert list_directory() == ["here.txt"]


def test_the_scaffold_has_the_parts_of_a_project(context: ToolContext) -> None:
    create_pytorch_project_scaffold("MyProject")
    assert list_directory("MyProject", recursive=True) == [
        "configs/", "configs/models/", "experiments/", "experiments/registry.json", "requirements.txt",
        "src/", "src/models/",
    ]  # fmt: skip
    assert json.loads(read_file("MyProject/experiments/registry.json")) == []
    assert "torch" in read_file("MyProject/requirements.txt")
    assert paths.Layout(context.root / "MyProject").is_project()


def test_the_scaffold_leaves_what_exists(context: ToolContext) -> None:
    write_file("MyProject/experiments/registry.json", '[{"run_id": "x"}]')
    write_file("MyProject/mine.txt", "mine")
    create_pytorch_project_scaffold("MyProject")
    assert read_file("MyProject/experiments/registry.json") == '[{"run_id": "x"}]'
    assert read_file("MyProject/mine.txt") == "mine"
    assert "src/" in list_directory("MyProject")


def test_the_scaffold_goes_to_a_folder_elsewhere_when_asked(context: ToolContext, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    create_pytorch_project_scaffold("P", str(elsewhere))
    assert (elsewhere / "P" / paths.REGISTRY).is_file()
    with pytest.raises(ToolError, match="no folder"):
        create_pytorch_project_scaffold("P", str(tmp_path / "missing"))


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../up", "/abs", "a\nb", "x" * 300])
def test_a_name_that_is_a_path_is_no_project_name(context: ToolContext, name: str) -> None:
    with pytest.raises(ToolError):
        create_pytorch_project_scaffold(name)
    assert list_directory() == []


def test_a_project_folder_that_is_a_link_out_is_refused(context: ToolContext, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    os.symlink(tmp_path / "outside", context.root / "P")
    with pytest.raises(ToolError):
        create_pytorch_project_scaffold("P")
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_full_disk_is_said(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small_disk)
    with pytest.raises(MachineError, match="disk is full"):
        write_file("large.txt", "x" * 1_000_000)
    assert list_directory() == []
