"""What the interface remembers, and how a project stands at a glance."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent_tui import events, paths
from mlagent_tui.experiments import Project
from mlagent_tui.tui.memory import RECENT, Memory
from mlagent_tui.tui.projects import ago, look
from tests import small_project


def test_what_was_put_is_there_the_next_time(home: Path) -> None:
    Memory().put("form", {"goal": "digits \ud800"})
    assert Memory().mapping("form")["goal"].startswith("digits")
    assert (home / ".local/state/mlagent/tui.json").is_file()
    assert [path.name for path in (home / ".local/state/mlagent").iterdir()] == ["tui.json"]


def test_two_interfaces_do_not_undo_each_others_memories() -> None:
    one, other = Memory(), Memory()
    one.put("theme", "nord")
    other.put("form", {"goal": "x"})
    assert (Memory().text("theme"), Memory().mapping("form")) == ("nord", {"goal": "x"})


@given(st.binary(max_size=60) | st.sampled_from([b"[1]", b'{"recent": 3}', b'{"recent": [4, {"root": []}]}']))
def test_a_file_with_anything_in_it_can_be_read(content: bytes) -> None:
    path = paths.state_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    memory = Memory()
    assert (memory.recent(), memory.mapping("form")) == ([], {})


def test_recent_projects_are_in_order_once_each_and_bounded(tmp_path: Path) -> None:
    memory = Memory()
    for number in range(RECENT + 5):
        memory.opened(tmp_path / str(number), f"goal {number}")
    memory.opened(tmp_path / "20")
    recent = Memory().recent()
    assert len(recent) == RECENT
    assert (recent[0].root, recent[0].goal) == (tmp_path / "20", "goal 20")
    assert len({entry.root for entry in recent}) == RECENT
    memory.forget(tmp_path / "20")
    assert Memory().recent()[0].root == tmp_path / f"{RECENT + 4}"


def test_a_disk_that_cannot_be_written_to_is_no_error(read_only_folder: Path) -> None:
    memory = Memory(read_only_folder / "state" / "tui.json")
    memory.put("theme", "nord")
    assert memory.text("theme") == "nord"
    assert list(read_only_folder.iterdir()) == []


@pytest.mark.parametrize(
    ("outcome", "standing", "resumable"),
    [("stopped", "stopped", False), ("interrupted", "interrupted", True), ("", "ended early", True)],
)
def test_a_project_stands_as_its_last_run_ended(
    tmp_path: Path, outcome: str, standing: str, resumable: bool
) -> None:
    glance = look(small_project.make(tmp_path, outcome))
    assert (glance.standing, glance.resumable) == (standing, resumable)
    assert (glance.goal, glance.runs, glance.best) == (small_project.GOAL, 3, "97.0 %")


def test_a_project_is_running_while_an_engine_holds_it(tmp_path: Path) -> None:
    root = small_project.make(tmp_path)
    with Project(root):
        assert look(root).standing == "running"
    assert look(root).standing == "stopped"


def test_a_folder_that_is_gone_and_a_damaged_registry_are_told(tmp_path: Path) -> None:
    assert look(tmp_path / "nothing").standing == "gone"
    root = small_project.make(tmp_path)
    paths.Layout(root).registry.write_text("{")
    assert "damaged" in look(root).trouble


def test_of_a_long_journal_only_the_ends_are_read(tmp_path: Path) -> None:
    root = small_project.make(tmp_path, outcome="")
    line = events.TokensStreamed(role="coder", task="code", text="x" * 200).to_json().encode() + b"\n"
    with paths.Layout(root).journal.open("ab") as file:
        for _ in range(100):
            file.write(line * 100)
        file.write(events.RunFinished(outcome="achieved", seq=99).to_json().encode() + b"\n")
    began = datetime.now(UTC)
    glance = look(root)
    assert (glance.standing, glance.goal) == ("achieved", small_project.GOAL)
    assert (datetime.now(UTC) - began).total_seconds() < 1


def test_times_are_told_as_people_tell_them() -> None:
    now = datetime(2026, 1, 3, 12, tzinfo=UTC)
    assert ago("2026-01-03T11:59:30+00:00", now) == "just now"
    assert ago("2026-01-03T09:30:00Z", now) == "2 h ago"
    assert ago("2026-01-01T12:00:00Z", now) == "2 d ago"
    assert ago("yesterday", now) == ""


def test_the_state_is_plain_json(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "tui.json")
    memory.opened(tmp_path, "goal")
    assert json.loads((tmp_path / "tui.json").read_text())["recent"][0]["goal"] == "goal"
