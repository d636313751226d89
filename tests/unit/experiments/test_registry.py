"""The list of all trials: in order, a superset of the specification's, written at its end only."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlagent_tui import paths
from mlagent_tui.errors import ProjectError
from mlagent_tui.experiments import listing, registry
from mlagent_tui.schemas import RegistryEntry

SPECIFIED = {
    "run_id": "qe_20231027_153001",
    "timestamp": "2023-10-27T15:30:01Z",
    "model_name": "CurrentModel",
    "dataset": "cifar10",
    "metrics_summary": {"accuracy": 0.65, "val_loss": 0.35},
    "experiment_dir": "experiments/qe_20231027_153001/",
    "decision": "Iterate: suggested increasing layers",
}


def entry(run_id: str, **fields: Any) -> RegistryEntry:
    return RegistryEntry.model_validate(SPECIFIED | {"run_id": run_id} | fields)


def stored(root: Path) -> Any:
    return json.loads((root / paths.REGISTRY).read_text())


def test_a_registry_as_the_specification_shows_it_is_read_and_its_fields_are_kept(project: Path) -> None:
    (project / paths.REGISTRY).write_text(json.dumps([SPECIFIED]))
    registry.record(project, entry("qe_2", iteration=2))
    first, second = stored(project)
    assert first.items() >= SPECIFIED.items()
    assert list(first)[:7] == list(SPECIFIED)
    assert second["run_id"] == "qe_2" and second["iteration"] == 2
    assert [e.run_id for e in registry.load(project)] == [SPECIFIED["run_id"], "qe_2"]


def test_recording_a_run_again_changes_it_in_its_place(project: Path) -> None:
    for run_id in ("qe_1", "qe_2"):
        registry.record(project, entry(run_id, decision=""))
    registry.record(project, entry("qe_1", decision="Goal Achieved: 0.97 >= 0.95"))
    assert [(e.run_id, e.decision[:4]) for e in registry.load(project)] == [("qe_1", "Goal"), ("qe_2", "")]


NAMES = st.text(min_size=1).filter(lambda name: name not in RegistryEntry.model_fields)
VALUES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.lists(st.text())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(extra=st.dictionaries(NAMES, VALUES, max_size=4))
def test_fields_of_a_later_version_survive(project: Path, extra: dict[str, Any]) -> None:
    (project / paths.REGISTRY).write_text(json.dumps([extra | SPECIFIED]))
    registry.record(project, entry(str(SPECIFIED["run_id"]), decision="changed"))
    registry.record(project, entry("qe_2"))
    first = stored(project)[0]
    assert first["decision"] == "changed"
    assert extra.items() <= first.items()


def test_adding_and_changing_the_newest_write_only_the_end_of_a_long_list(project: Path) -> None:
    (project / paths.REGISTRY).write_bytes(listing.dumped([entry(f"qe_{i}") for i in range(2000)]))
    book = registry.Registry(project)
    book.record(entry("qe_new"))
    size = (project / paths.REGISTRY).stat().st_size
    inode = (project / paths.REGISTRY).stat().st_ino
    with counted_writes() as written:
        book.record(entry("qe_next", decision=""))
        book.record(entry("qe_next", decision="Iterate: more of this"))
        book.record(entry("qe_next", decision="Stop"))
    assert sum(written) < 3000 < size
    assert (project / paths.REGISTRY).stat().st_ino == inode
    found = stored(project)
    assert (len(found), found[-1]["run_id"], found[-1]["decision"]) == (2002, "qe_next", "Stop")
    assert found[:2000] == [e.model_dump() for e in (entry(f"qe_{i}") for i in range(2000))]


@contextmanager
def counted_writes() -> Iterator[list[int]]:
    """The bytes of every write in place."""
    taken: list[int] = []
    pwrite = os.pwrite

    def count(file: int, data: bytes, at: int) -> int:
        taken.append(len(data))
        return pwrite(file, data, at)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "pwrite", count)
        yield taken


LAYOUTS = (
    "[]", "[]\n\n", " [ ] ", "\ufeff[]", "[\n]", json.dumps([SPECIFIED]), json.dumps([SPECIFIED], indent=4),
    json.dumps([SPECIFIED], indent=2), json.dumps([SPECIFIED], indent=2).replace("\n", "\r\n"),
)  # fmt: skip


@pytest.mark.parametrize("text", LAYOUTS)
def test_a_list_in_any_layout_is_added_to_and_changed(project: Path, text: str) -> None:
    (project / paths.REGISTRY).write_text(text, newline="")
    before = [e.run_id for e in registry.load(project)]
    book = registry.Registry(project)
    book.record(entry("qe_2"))
    book.record(entry("qe_2", decision="Stop"))
    if before:
        book.record(entry(before[0], decision="changed"))
    found = stored(project)
    assert [one["run_id"] for one in found] == [*before, "qe_2"]
    assert [one["decision"] for one in found] == ["changed"] * len(before) + ["Stop"]


def test_what_someone_else_writes_meanwhile_is_kept(project: Path) -> None:
    book = registry.Registry(project)
    book.record(entry("qe_1"))
    (project / paths.REGISTRY).write_text(json.dumps([*stored(project), SPECIFIED | {"run_id": "by_hand"}]))
    book.record(entry("qe_1", decision="changed"))
    book.record(entry("qe_2"))
    assert [one["run_id"] for one in stored(project)] == ["qe_1", "by_hand", "qe_2"]
    assert stored(project)[0]["decision"] == "changed"


@given(garbage=st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
def test_any_bytes_are_read_as_a_list_and_can_be_added_to(project: Path, garbage: bytes) -> None:
    (project / paths.REGISTRY).write_bytes(garbage)
    assert isinstance(registry.load(project), list)
    registry.record(project, entry("qe_new"))
    assert stored(project)[-1]["run_id"] == "qe_new"


def test_a_folder_without_a_project_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="is not a project"):
        registry.load(tmp_path)
