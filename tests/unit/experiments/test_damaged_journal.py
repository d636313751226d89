"""A journal with damage in it: what was skipped is said with line and reason, everything else is used."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mlagent_tui import events, paths
from mlagent_tui.errors import ProjectError
from mlagent_tui.experiments import Project, concluded, history, registry, report
from tests.small_project import GOAL, make


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make(tmp_path, outcome="")


def journal(root: Path) -> Path:
    return root / paths.JOURNAL


def change_line(root: Path, number: int, change: Callable[[bytes], bytes]) -> None:
    lines = journal(root).read_bytes().splitlines(keepends=True)
    lines[number - 1] = change(lines[number - 1])
    journal(root).write_bytes(b"".join(lines))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"\x00\xff\n", "not valid JSON"),
        (b"[1]\n", "not an event"),
        (b'{"type":"of_another_version"}\n', "'of_another_version' is not known"),
        (b'{"type":"trial_finished","result":7}\n', "expected dict"),
    ],
)
def test_a_damaged_line_in_the_middle_is_counted_with_its_number_and_reason(
    root: Path, line: bytes, reason: str
) -> None:
    change_line(root, 9, lambda _: line)
    conclusion = concluded(root)
    assert "1 line of the journal was skipped (line 9)" in conclusion.problem
    assert reason in conclusion.problem
    assert conclusion.goal_text == GOAL
    text = report.compose(root, conclusion, drawn=False)
    assert "## What could not be read" in text and "(line 9)" in text


def test_several_damaged_lines_are_counted_and_the_first_is_named(root: Path) -> None:
    for number in (8, 11, 20):
        change_line(root, number, lambda _: b"damaged\n")
    assert "3 lines of the journal were skipped, the first is line 8" in concluded(root).problem


def test_lines_are_numbered_in_the_whole_file_also_where_only_the_last_run_is_read(root: Path) -> None:
    with Project(root) as project:
        project.journal.append(events.RunStarted(goal_text="another"))
        project.journal.append(events.Warned(message="x"))
    number = journal(root).read_bytes().count(b"\n")
    change_line(root, number, lambda _: b"damaged\n")
    assert f"(line {number})" in concluded(root).problem
    assert concluded(root).goal_text == "another"


def test_a_byte_order_mark_before_the_first_line_changes_nothing(root: Path) -> None:
    before = concluded(root)
    change_line(root, 1, lambda line: b"\xef\xbb\xbf" + line)
    assert concluded(root) == before
    assert history.started(root)


def test_a_goal_of_another_version_is_left_out_of_the_report_and_said(root: Path) -> None:
    with Project(root) as project:
        project.journal.append(events.RunStarted(goal_text="another"))
        project.journal.append(events.GoalUnderstood(goal={"metric": "f1"}))
    assert "the goal in the journal cannot be read" in concluded(root).problem


def _a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("damage", [_a_folder, _a_pipe])
def test_a_folder_or_a_pipe_in_its_place_is_reported_and_set_aside_when_a_run_starts(
    root: Path, damage: Callable[[Path], None]
) -> None:
    damage(journal(root))
    conclusion = concluded(root)
    assert "cannot read" in conclusion.problem
    assert "97.00 %" in report.compose(root, conclusion, drawn=False)
    with pytest.raises(ProjectError, match="cannot read"):
        history.ending(root)
    with Project(root) as project:
        assert "journal.jsonl.damaged-1" in project.repairs[0]
        project.journal.append(events.RunStarted(goal_text="new"))
    assert concluded(root).goal_text == "new"


def test_a_journal_that_may_not_be_read_is_an_error_with_a_remedy(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("mlagent_tui.events.reading.open_plain", refused)
    with pytest.raises(ProjectError, match="permission denied") as error:
        history.ending(root)
    assert error.value.remedy
    assert registry.load(root)


def test_the_ending_is_found_from_the_end_whatever_the_length(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with journal(root).open("ab") as file:
        line = events.BatchDone(run_id="r", epoch=1, epochs=1, batch=1, batches=1).to_json().encode() + b"\n"
        file.write(line * 60_000)
    with Project(root) as project:
        project.journal.append(events.RunFinished(outcome="stopped", reason="enough"))
    pread, taken = os.pread, []

    def counted(file: int, size: int, offset: int) -> bytes:
        taken.append(size)
        return pread(file, size, offset)

    monkeypatch.setattr(os, "pread", counted)
    found = history.ending(root)
    assert found is not None and found.reason == "enough"
    assert sum(taken) < 2 * events.CHUNK < journal(root).stat().st_size


@pytest.mark.parametrize("size", [10, 119, 121, 5_000_000])
def test_a_start_is_found_across_blocks_and_behind_lines_of_any_length(tmp_path: Path, size: int) -> None:
    path = tmp_path / "journal.jsonl"
    with events.Journal(path) as writer:
        first = writer.append(events.RunStarted(goal_text="g" * size))
        for _ in range(3):
            writer.append(events.Warned(message='{"type":"run_started"} ' + "x" * (events.CHUNK - 150)))
    assert events.last(path, ("run_started",)) == (0, first)
    assert events.last(path, ("failed",)) is None


def test_a_start_that_is_damaged_is_not_passed_over_for_an_older_one(root: Path) -> None:
    with journal(root).open("ab") as file:
        file.write(b'{"type":"run_started","goal_text":7}\n')
    found = events.last(journal(root), ("run_started",))
    assert found is not None and isinstance(found[1], events.Unreadable)
    assert found[1].line == journal(root).read_bytes().count(b"\n")
