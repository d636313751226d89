"""The list of all runs: in order, a superset of the specification's, never written over when damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlagent_tui import paths
from mlagent_tui.errors import ProjectError
from mlagent_tui.experiments import registry
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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "EOF"),
        ("[{", "EOF"),
        ("{}", "valid array"),
        ('[{"run_id": "qe_1"}]', "0.timestamp"),
        ('[{"run_id": NaN}]', "damaged"),
        ("\x00\x01", "damaged"),
        ("[" * 5000, "damaged"),
    ],
)
def test_a_damaged_registry_is_said_and_never_written_over(project: Path, text: str, words: str) -> None:
    (project / paths.REGISTRY).write_text(text)
    for act in (lambda: registry.load(project), lambda: registry.record(project, entry("qe_1"))):
        with pytest.raises(ProjectError, match="damaged") as caught:
            act()
        assert words in caught.value.what and "move it away" in caught.value.remedy
    assert (project / paths.REGISTRY).read_text() == text


@given(garbage=st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_a_list_of_runs_or_a_clear_error(project: Path, garbage: bytes) -> None:
    (project / paths.REGISTRY).write_bytes(garbage)
    try:
        assert isinstance(registry.load(project), list)
    except ProjectError as error:
        assert "damaged" in error.what


def test_a_missing_registry_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="no such file"):
        registry.load(tmp_path)
