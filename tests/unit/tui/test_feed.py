"""Reading a journal: the index, what is read first, following, and a journal that is replaced."""

from __future__ import annotations

import json
import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mlagent_tui import events, paths
from mlagent_tui.tui import fold
from mlagent_tui.tui.feed import Feed, coalesce
from mlagent_tui.tui.index import Index
from mlagent_tui.tui.state import RunState
from tests import recording
from tests.waiting import eventually


def all_of(feed: Feed, count: int = 1, seconds: float = 60.0) -> list[events.Event]:
    """At least `count` events of the feed."""
    taken: list[events.Event] = []

    def enough() -> bool:
        taken.extend(feed.take())
        return len(taken) >= count and feed.ready

    eventually(enough, seconds, lambda: f"{len(taken)} events")
    return taken


class Counted(Feed):
    """A feed that counts how often it has looked for more."""

    looks = 0

    def _follow(self) -> None:
        super()._follow()
        self.looks += 1


def test_an_index_finds_every_entry_and_reads_neighbouring_tokens_as_one(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(b"".join(recording.lines()))
    index = Index(journal)
    for line in recording.lines():  # in many pieces, as it grows
        index.add(line)
    whole = [event for entry in range(len(index)) for event in index.read(entry)]
    assert index.lines == len(recording.lines())
    assert [e for e in whole if not isinstance(e, events.BatchDone)] == [
        e for e in recording.told() if not isinstance(e, events.BatchDone)
    ]
    entries = index.entries({"tokens_streamed"})
    answers = [e for e in recording.told() if isinstance(e, events.ModelCalled)]
    assert len(entries) == len(answers)
    assert len(index.iterations) == 4


@given(st.lists(st.binary(max_size=60).filter(lambda data: b"\n" not in data), max_size=30))
def test_any_lines_make_an_index(lines: list[bytes]) -> None:
    index = Index(Path("nowhere"))
    index.add(b"".join(line + b"\n" for line in lines))
    assert index.end == sum(len(line) + 1 for line in lines)
    assert index.lines == sum(1 for line in lines if line)


def test_what_is_read_first_gives_the_same_rows_and_iteration_as_the_whole_journal(tmp_path: Path) -> None:
    root = recording.project(tmp_path)
    whole = RunState()
    fold.apply(whole, recording.told())
    feed = Feed(root / paths.JOURNAL, interval=0.01)
    feed.start()
    try:
        opened = RunState()
        first = all_of(feed)
        fold.apply(opened, first)
    finally:
        feed.stop()
    assert len(first) < len(recording.lines())
    assert opened.rows == whole.rows
    assert (opened.iteration, opened.best_id, opened.finished) == (4, recording.BEST, whole.finished)
    assert opened.code == whole.code and opened.previous_code == whole.previous_code
    assert [(job.name, job.state) for job in opened.jobs] == [(job.name, job.state) for job in whole.jobs]


def test_what_is_appended_arrives_and_a_line_still_being_written_waits(tmp_path: Path) -> None:
    root = recording.project(tmp_path, upto='"type":"run_finished"')
    feed = Counted(root / paths.JOURNAL, interval=0.01)
    feed.start()
    try:
        all_of(feed)
        line = events.RunFinished(outcome="stopped", reason="enough").to_json().encode()
        with (root / paths.JOURNAL).open("ab", buffering=0) as file:
            file.write(line[:20])
            before = feed.looks
            eventually(lambda: feed.looks > before + 1)
            assert feed.take() == []
            file.write(line[20:] + b"\n")
        (last,) = all_of(feed)
        assert isinstance(last, events.RunFinished) and last.reason == "enough"
    finally:
        feed.stop()


def test_a_journal_that_is_replaced_is_read_anew(tmp_path: Path) -> None:
    root = recording.project(tmp_path)
    feed = Feed(root / paths.JOURNAL, interval=0.01)
    feed.start()
    try:
        all_of(feed)
        fresh = tmp_path / "fresh"
        fresh.write_bytes(events.RunStarted(goal_text="another").to_json().encode() + b"\n")
        fresh.replace(root / paths.JOURNAL)
        (begun,) = all_of(feed)
        assert isinstance(begun, events.RunStarted) and begun.goal_text == "another"
        assert feed.generation == 1
    finally:
        feed.stop()


def test_a_project_without_a_journal_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "experiments").mkdir()
    feed = Feed(tmp_path / paths.JOURNAL, interval=0.01)
    feed.start()
    try:
        recording.append(tmp_path, events.RunStarted(goal_text="a goal"))
        assert isinstance(all_of(feed)[0], events.RunStarted)
        assert feed.problem == ""
    finally:
        feed.stop()


def test_a_journal_that_cannot_be_read_is_said_and_holds_nobody_up(tmp_path: Path) -> None:
    for place in (os.mkdir, os.mkfifo):
        journal = tmp_path / place.__name__
        place(journal)
        feed = Feed(journal, interval=0.01)
        feed.start()
        feed.wait(30)
        assert feed.ready and "cannot be read" in feed.problem
        feed.stop()


def test_coalescing_loses_no_text_and_keeps_the_last_batch_of_an_epoch() -> None:
    told = recording.told()
    joined = list(coalesce(told))
    assert len(joined) < len(told)
    for task in ("goal", "code", "decision"):
        texts = ["".join(e.text for e in many if isinstance(e, events.TokensStreamed) and e.task == task)
                 for many in (told, joined)]  # fmt: skip
        assert texts[0] and texts[0] == texts[1]
    assert [e for e in joined if isinstance(e, events.EpochDone)] == [
        e for e in told if isinstance(e, events.EpochDone)
    ]
    batches = [
        events.BatchDone(run_id="a", epoch=epoch, epochs=2, batch=batch, batches=3)
        for epoch in (1, 2)
        for batch in (1, 2, 3)
    ]
    assert list(coalesce(batches)) == [batches[2], batches[5]]


def test_of_neighbouring_progress_the_last_is_enough_and_the_log_has_one_entry(tmp_path: Path) -> None:
    parts = [
        events.PromptProgress(role=role, task="code", done=done, total=400)
        for role in ("planner", "coder")
        for done in (100, 200, 300)
    ]
    assert list(coalesce(parts)) == [parts[2], parts[5]]
    journal = tmp_path / "journal.jsonl"
    journal.write_text("".join(part.to_json() + "\n" for part in parts))
    index = Index(journal)
    index.add(journal.read_bytes())
    assert (len(index), index.read(0)) == (1, [parts[5]])


def test_a_journal_of_a_hundred_thousand_events_is_opened_by_reading_little_of_it(tmp_path: Path) -> None:
    """Not a matter of seconds, which depend on the machine, but of how much is parsed."""
    path = tmp_path / "journal.jsonl"
    told = [json.loads(line) for line in recording.lines()]
    plans = [
        i
        for i, fields in enumerate(told)
        if fields.get("step") == "plan" and fields["type"] == "step_started"
    ]
    body = b"".join(recording.lines()[plans[1] : plans[2]])
    with path.open("wb") as file:
        file.write(b"".join(recording.lines()[: plans[0]]))
        for _ in range(100_000 // (plans[2] - plans[1])):
            file.write(body)
    feed = Feed(path)
    feed._open()
    taken = []
    while bite := feed.take():
        taken += bite
    assert feed.index.lines > 99_000
    assert len(taken) < 10_000
    assert len(feed.index.offsets) * 9 < 1_000_000  # bytes of memory
