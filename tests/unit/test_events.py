"""Events and their journal: what is appended is read again, whatever the file held before."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter

from mlagent_tui import events
from mlagent_tui.events import BatchDone, Journal, ToolCalled, ToolFinished, Unreadable, Warned

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_every_event_of_the_union_round_trips_through_its_line() -> None:
    samples = {
        "goal_text": "a", "goal": {"dataset": "digits"}, "message": "m", "step": "plan", "tool": "t",
        "role": "coder", "task": "code", "text": "x", "plan": {}, "config": {}, "what": "code",
        "problem": "p", "code": "c", "summary": {}, "prompt": "p", "id": "1", "command": "ls",
        "allowed": True, "kind": "rerun", "memory_mb": 1.5, "run_id": "qe_1", "epoch": 1,
        "epochs": 2, "batch": 3,
        "batches": 4, "done": 1024, "total": 8192, "model": "m", "roles": ["coder"],
        "result": {}, "entry": {}, "decision": {}, "title": "t", "outcome": "achieved",
    }  # fmt: skip
    kinds = events.Event.__subclasses__()
    assert len(kinds) > 20
    for kind in kinds:
        needed = {f.name: samples[f.name] for f in fields(kind) if f.default is f.default_factory is MISSING}
        if kind is events.Edited:
            needed["what"] = "config"
        event = kind(**needed)
        assert events.parse(event.to_json().encode()) == event, kind


@given(arguments=st.dictionaries(st.text(), JSON, max_size=4), result=st.text(st.characters()))
def test_any_payload_becomes_one_readable_line(arguments: dict[str, object], result: str) -> None:
    for event in (ToolCalled(tool="t", arguments=arguments), ToolFinished(tool="t", result=result)):
        line = event.to_json()
        assert "\n" not in line
        assert events.parse(line.encode()) == event


def test_numbers_that_json_cannot_hold_are_null_and_lone_surrogates_are_escaped() -> None:
    assert BatchDone(run_id="r", epoch=1, epochs=1, batch=1, batches=1, loss=math.nan).loss is None
    assert ToolFinished(tool="t", result="\udcff").result == "\\udcff"
    assert ToolCalled(tool="t", arguments={"path": Path("x")}).to_json().count('"x"') == 1


LINE = Warned(message="m", seq=7).to_json().encode()


@given(
    before=st.binary(max_size=400)
    | st.lists(st.sampled_from([LINE, b"\n", b"{", b"\xff", b"[[[[", b"null"])).map(b"".join)
)
def test_any_byte_string_is_a_safe_journal(before: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    path.write_bytes(before)
    known, _ = events.read(path)
    with Journal(path) as journal:
        written = journal.append(Warned(message="hello"))
    after, offset = events.read(path)
    assert after[-1] == written
    assert after[: len(known)] == known
    assert offset == path.stat().st_size
    complete = before[: before.rfind(b"\n") + 1]
    assert path.read_bytes().startswith(complete)


def test_a_torn_journal_line_is_repaired_on_open(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        first = journal.append(Warned(message="one"))
        journal.append(Warned(message="two"))
    path.write_bytes(path.read_bytes()[:-9])
    with Journal(path) as journal:
        third = journal.append(Warned(message="three"))
    assert events.read(path)[0] == [first, third]
    assert (first.seq, third.seq) == (1, 2)


def test_a_whole_last_line_that_only_lacks_its_end_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        first = journal.append(Warned(message="one"))
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    with Journal(path) as journal:
        second = journal.append(Warned(message="two"))
    assert events.read(path)[0] == [first, second]
    assert second.seq == 2


def test_a_damaged_or_unknown_line_is_shown_as_unreadable_and_hides_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        journal.append(Warned(message="one"))
    with path.open("ab") as file:
        file.write(b'{"type":"of_a_later_version","seq":2}\nnonsense\n')
    with Journal(path) as journal:
        journal.append(Warned(message="two"))
    kinds = [type(event) for event in events.read(path)[0]]
    assert kinds == [Warned, Unreadable, Unreadable, Warned]


def test_a_line_still_being_written_is_left_for_the_next_read(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    line = Warned(message="one").to_json().encode() + b"\n"
    path.write_bytes(line + line[:10])
    found, offset = events.read(path)
    assert (len(found), offset) == (1, len(line))
    with path.open("ab") as file:
        file.write(line[10:])
    assert len(events.read(path, offset)[0]) == 1


def test_events_of_several_threads_are_each_one_line_and_numbered_without_gaps(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        threads = [
            threading.Thread(
                target=lambda n=n: [journal.append(Warned(message=f"{n}-{i}")) for i in range(50)]
            )
            for n in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [event.seq for event in events.read(path)[0]] == list(range(1, 201))


def test_following_delivers_what_was_there_what_comes_and_what_came_before_the_stop(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    stop = threading.Event()
    seen = []
    with Journal(path) as journal:
        journal.append(Warned(message="there"))
        for event in events.follow(path, stop=stop, interval=0.01):
            assert isinstance(event, Warned)
            seen.append(event.message)
            if event.message == "there":
                journal.append(Warned(message="comes"))
            elif event.message == "comes":
                journal.append(Warned(message="last"))
                stop.set()
    assert seen == ["there", "comes", "last"]


def test_a_missing_journal_holds_no_events(tmp_path: Path) -> None:
    assert events.read(tmp_path / "none.jsonl") == ([], 0)


def test_a_journal_on_a_full_disk_raises_and_keeps_what_it_held(small_disk: Path) -> None:
    path = small_disk / "journal.jsonl"
    with Journal(path) as journal:
        first = journal.append(Warned(message="fits"))
        with pytest.raises(OSError):
            journal.append(Warned(message="x" * 1_000_000))
        second = journal.append(Warned(message="fits too"))
    assert events.read(path)[0] == [first, second]


def test_what_ends_a_step_is_on_the_disk_before_the_run_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut cannot be had here; whether the file is synchronised after its last byte can."""
    path = tmp_path / "journal.jsonl"
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_size))
    with Journal(path) as journal:
        journal.append(Warned(message="may be lost"))
        assert synced == []
        for event in (events.StepFinished(step="plan"), events.Steered(text="smaller")):
            journal.append(event)
            assert synced[-1] == path.stat().st_size
    assert len(synced) == 2


def test_a_journal_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "target").touch()
    os.symlink(tmp_path / "target", tmp_path / "journal.jsonl")
    with pytest.raises(OSError):
        Journal(tmp_path / "journal.jsonl")


def test_events_imports_nothing_else_of_the_package() -> None:
    code = "import sys, mlagent_tui.events; print(*[m for m in sys.modules if m.startswith('mlagent_tui.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert all(name.startswith("mlagent_tui.events") for name in done.stdout.split())


def test_the_schema_of_the_union_can_be_published() -> None:
    schema = TypeAdapter(Annotated[events.AnyEvent, Field(discriminator="type")]).json_schema()
    assert "run_started" in schema["discriminator"]["mapping"]


def test_opening_a_long_journal_reads_only_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.jsonl"
    line = Warned(message="x" * 900, seq=41).to_json().encode() + b"\n"
    path.write_bytes(line * 20_000 + line[:500])
    pread, taken = os.pread, []

    def counted(file: int, size: int, offset: int) -> bytes:
        taken.append(size)
        return pread(file, size, offset)

    monkeypatch.setattr(os, "pread", counted)
    with Journal(path) as journal:
        assert journal.append(Warned(message="next")).seq == 42
    assert sum(taken) < path.stat().st_size / 100
    assert path.stat().st_size < 20_001 * len(line)


def test_the_number_of_the_last_event_is_found_behind_any_amount_of_damage(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(LINE + b"\n" + b"nonsense\n" * 50_000 + b"x" * 300_000)
    with Journal(path) as journal:
        assert journal.append(Warned(message="next")).seq == 8
    assert path.read_bytes().count(b"x" * 1000) == 0


def test_a_limited_read_goes_on_line_by_line_and_takes_one_that_is_longer(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        written = [journal.append(Warned(message=size * "x")) for size in (1, 5000, 1, 1)]
    found: list[events.Event] = []
    offset = 0
    while offset < path.stat().st_size:
        some, after = events.read(path, offset, 200)
        assert some
        assert after > offset
        found, offset = found + some, after
    assert found == written
    assert events.read(path, offset, 200) == ([], offset)


def test_a_scan_passes_over_the_types_that_are_not_wanted_and_half_a_line(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        first = journal.append(Warned(message='"type":"batch_done"'))
        for number in range(3):
            journal.append(BatchDone(run_id="r", epoch=1, epochs=1, batch=number, batches=3))
        last = journal.append(Warned(message="last"))
    with path.open("ab") as file:
        file.write(LINE)
    assert list(events.scan(path, skip=events.STREAMED)) == [first, last]
    assert len(list(events.scan(path))) == 5
    assert list(events.scan(tmp_path / "none")) == []
