"""A registry that is lost or damaged: the journal and the trials' folders give it back, and it is said."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlagent_tui import events, paths
from mlagent_tui.experiments import Project, listing, registry
from mlagent_tui.schemas import RegistryEntry
from tests import recording
from tests.small_project import make

Finish = Callable[..., RegistryEntry]
RUN_IDS = [f"qe_20260101_00000{number}" for number in range(1, 6)]


@pytest.fixture
def finished(project: Path, finish: Finish) -> list[RegistryEntry]:
    """Five trials, recorded as the loop does it: in the journal, then in the registry, twice each."""
    with Project(project) as opened:
        opened.journal.append(events.RunStarted(goal_text="g"))
        for number, run_id in enumerate(RUN_IDS, 1):
            accuracy = None if number == 3 else 0.5 + number / 10
            entry = finish(project, run_id, accuracy, iteration=number, change=["wider"], seed=number)
            result = opened.load_run(run_id).result
            assert result is not None
            opened.journal.append(events.TrialFinished(result=result.model_dump(mode="json")))
            for decision in ("", f"Iterate: {number}"):
                entry = entry.model_copy(update={"decision": decision, "later": {"kept": [number]}})
                opened.journal.append(events.TrialRecorded(entry=entry.model_dump(mode="json")))
                opened.record(entry)
        opened.journal.append(events.RunFinished(outcome="stopped", reason="enough"))
    return registry.load(project)


def test_the_registry_holds_what_the_journal_recorded(project: Path, finished: list[RegistryEntry]) -> None:
    assert [entry.run_id for entry in finished] == RUN_IDS
    assert [entry.decision for entry in finished] == [f"Iterate: {n}" for n in range(1, 6)]
    with Project(project) as opened:
        assert opened.repairs == []
    assert os.listdir(project / paths.EXPERIMENTS).count("registry.json.damaged-1") == 0


def _a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "x").touch()


def _a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _huge(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(2**40)


def _a_bad_field(path: Path) -> None:
    path.write_text(path.read_text().replace('"iteration": 3', '"iteration": "three"'))


def _a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x80
    path.write_bytes(data)


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "deleted": Path.unlink,
    "emptied": lambda path: path.write_bytes(b""),
    "reset": lambda path: path.write_text("[]"),
    "garbage": lambda path: path.write_bytes(random.Random(1).randbytes(500)),
    "an object": lambda path: path.write_text("{}"),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-700]),
    "a bit": _a_bit,
    "a bad field": _a_bad_field,
    "NaN": lambda path: path.write_text(path.read_text().replace("0.1234", "NaN")),
    "a mark": lambda path: path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes()),
    "UTF-16": lambda path: path.write_bytes(path.read_text().encode("utf-16")),
    "garbage behind": lambda path: path.write_bytes(path.read_bytes() + b"\x00" * 100),
    "huge": _huge,
    "nested": lambda path: path.write_text("[" * 100_000),
    "twice": lambda path: path.write_text(json.dumps(json.loads(path.read_text()) * 2)),
    "one entry less": lambda path: path.write_text(json.dumps(json.loads(path.read_text())[:2])),
    "a folder": _a_folder,
    "a pipe": _a_pipe,
    "a broken link": lambda path: (path.unlink(), path.symlink_to("nowhere")),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_registry_damaged_in_any_way_is_read_and_repaired_from_the_journal(
    project: Path, finished: list[RegistryEntry], damage: str
) -> None:
    DAMAGES[damage](project / paths.REGISTRY)
    before = sorted(os.listdir(project / paths.EXPERIMENTS))
    assert registry.load(project) == finished
    assert sorted(os.listdir(project / paths.EXPERIMENTS)) == before  # reading writes nothing
    with Project(project) as opened:
        assert opened.repairs and "registry.json" in opened.repairs[0]
        assert opened.registry() == finished
    assert listing.parsed((project / paths.REGISTRY).read_bytes()) == listing.Parsed(finished)
    kept_aside = os.path.lexists(project / "experiments/registry.json.damaged-1")
    assert kept_aside == (damage not in ("deleted", "reset", "one entry less"))
    with Project(project) as opened:
        assert opened.repairs == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(data=st.data())
def test_any_bytes_written_over_any_part_of_it_cost_nothing_that_cannot_be_read(
    project: Path, finished: list[RegistryEntry], data: st.DataObject
) -> None:
    text = listing.dumped(finished)
    at = data.draw(st.integers(0, len(text)))
    junk = data.draw(st.binary(min_size=1, max_size=300).filter(lambda junk: b"[" not in junk))
    cut = data.draw(st.booleans())
    (project / paths.REGISTRY).write_bytes(text[:at] + junk + (b"" if cut else text[at + len(junk) :]))
    with Project(project) as opened:
        found = opened.registry()
    assert {entry.run_id for entry in found} >= set(RUN_IDS)
    valid = {entry.run_id: entry for entry in listing.parsed(text[:at]).entries}
    for entry in finished:
        if entry.run_id in valid:
            assert entry in found


def test_one_bad_entry_costs_that_entry_and_what_others_added_stays(
    project: Path, finished: list[RegistryEntry]
) -> None:
    path = project / paths.REGISTRY
    entries = json.loads(path.read_text())
    entries[1]["note"] = "mine"
    entries[2] = "not an entry"
    foreign = {**entries[0], "run_id": "by_hand"}
    path.write_text(json.dumps([*entries[:4], foreign, entries[4]]))
    with Project(project) as opened:
        found = opened.registry()
    assert [entry.run_id for entry in found] == [*RUN_IDS[:4], "by_hand", RUN_IDS[4]]
    assert found[1].model_extra == {"later": {"kept": [2]}, "note": "mine"}
    assert found[2] == finished[2]


def test_without_journal_and_registry_the_folders_tell_what_was_measured(
    project: Path, finished: list[RegistryEntry]
) -> None:
    (project / paths.REGISTRY).write_text("[")
    (project / paths.JOURNAL).unlink()
    found = registry.load(project)
    assert [entry.run_id for entry in found] == RUN_IDS
    assert [e.metrics_summary.get("accuracy") for e in found] == [
        e.metrics_summary.get("accuracy") for e in finished
    ]
    assert found[0].timestamp == "2026-01-01T00:00:01Z"


def test_an_older_journal_that_records_no_entries_gives_them_without_details(tmp_path: Path) -> None:
    root = make(tmp_path)
    before = registry.load(root)
    (root / paths.REGISTRY).unlink()
    found = registry.load(root)
    for name in ("run_id", "iteration", "metrics_summary", "parameters", "status", "decision", "change"):
        assert [getattr(e, name) for e in found] == [getattr(e, name) for e in before], name


def test_the_registry_of_a_recorded_run_is_rebuilt_from_its_older_journal(tmp_path: Path) -> None:
    (tmp_path / "experiments").mkdir()
    (tmp_path / paths.JOURNAL).write_bytes(b"".join(recording.lines()))
    known = json.loads((recording.RECORDED / "registry.json").read_text())
    found = [entry.model_dump(mode="json") for entry in registry.load(tmp_path)]
    assert len(found) == len(known) > 2
    for name in set(known[0]) - {"timestamp"}:
        assert [one[name] for one in found] == [one[name] for one in known], name


def test_a_trial_whose_iteration_is_not_recorded_yet_is_left_to_the_run(
    project: Path, finished: list[RegistryEntry], finish: Finish
) -> None:
    with Project(project) as opened:
        opened.journal.append(events.RunStarted(goal_text="g"))
        opened.journal.append(
            events.TrialFinished(
                result={"run_id": "qe_20260102_000000", "status": "failed", "dataset": "digits"}
            )
        )
    folder = project / "experiments/qe_20260102_000000"
    folder.mkdir()
    (folder / paths.RUN_RESULTS).write_text("{}")
    assert registry.load(project) == finished
    (project / paths.REGISTRY).unlink()
    assert registry.load(project) == finished
