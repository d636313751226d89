"""What was found of a model is kept by its content; damaged files count for nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlagent_tui import check_results, paths
from mlagent_tui.check_results import (
    Count,
    Kept,
    Result,
    identity,
    keep,
    too_slow,
)
from mlagent_tui.errors import ModelError, ProjectError
from mlagent_tui.llm.fingerprint import BEGINNING, SAMPLE, SAMPLES
from tests.tiny_gguf import make


def result_of(spec: str, **fields: Any) -> Result:
    told = {
        "identity": identity(spec), "size": check_results.size(spec), "spec": spec, "name": "tiny",
        "profile": "minnow", "prompts": check_results.prompts_version("minnow"),
        "made": "2026-11-27T12:00:00+00:00", "verdict": "tiny suits neither role.",
        "steps": {"code": Count(asked=2, first=1, repaired=0)},
    }  # fmt: skip
    return Result.model_validate(told | fields)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make(tmp_path / "m.gguf")


# --- which model ----------------------------------------------------------------------------------------


def test_a_copy_under_another_name_is_the_same_model(model: Path, tmp_path: Path) -> None:
    keep(result_of(str(model)))
    copy = tmp_path / "elsewhere" / "other.gguf"
    copy.parent.mkdir()
    shutil.copy(model, copy)
    found = Kept().of(str(copy))
    assert found is not None and found.steps["code"].first == 1


@pytest.mark.parametrize("alter", [{"seed": 1}, {"template": None}, {"context": 2048}])
def test_another_content_is_another_model(alter: dict[str, Any], model: Path, tmp_path: Path) -> None:
    keep(result_of(str(model)))
    other = make(tmp_path / "n.gguf", **alter)
    assert identity(str(other)) != identity(str(model))
    assert Kept().of(str(other)) is None


def test_weights_behind_the_beginning_count_too(model: Path, tmp_path: Path) -> None:
    """Zeros at the end of a file are no weights of it, but the samples do not know that."""
    length = BEGINNING + 4 * SAMPLES * SAMPLE
    names = []
    for name, at in (("a", None), ("b", length - 1), ("c", BEGINNING + 1)):
        file = tmp_path / f"{name}.gguf"
        shutil.copy(model, file)
        with file.open("r+b") as stream:
            stream.truncate(length)
            if at is not None:
                stream.seek(at)
                stream.write(b"x")
        names.append(identity(str(file)))
    assert len(set(names)) == 3


def test_a_folder_is_known_by_its_files_and_a_server_by_its_address(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
        (tmp_path / name / "model.safetensors").write_bytes(b"weights")
        (tmp_path / name / "README.md").write_text(name)
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    assert identity(one) == identity(two)
    (tmp_path / "two" / "model.safetensors").write_bytes(b"Weights")
    assert identity(one) != identity(two)
    url = "http://localhost:9/v1"
    assert len({identity(f"{url}#a"), identity(f"{url}#b"), identity(url)}) == 3
    keep(result_of(f"{url}#a"))
    assert Kept().of(f"{url}#a") is not None and Kept().of(f"{url}#b") is None


def test_a_model_that_is_not_there_is_an_error_and_has_no_result(model: Path, tmp_path: Path) -> None:
    keep(result_of(str(model)))
    assert Kept().of(str(tmp_path / "no.gguf")) is None
    with pytest.raises(ModelError):
        identity(str(tmp_path / "no.gguf"))


# --- the store ------------------------------------------------------------------------------------------


def stored(model: Path) -> Path:
    return paths.checks_folder() / f"{identity(str(model))}.json"


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:100])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def nonsense(file: Path) -> None:
    told = json.loads(file.read_text())
    file.write_text(json.dumps(told | {"read_speed": "fast", "steps": {"code": {"asked": -1}}}))


def not_finite(file: Path) -> None:
    file.write_text(file.read_text().replace('"read_speed": 0.0', '"read_speed": NaN'))


def a_list(file: Path) -> None:
    file.write_text("[]")


def folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def of_another(file: Path) -> None:
    told = json.loads(file.read_text())
    file.write_text(json.dumps(told | {"identity": "0" * 64}))


@pytest.mark.parametrize("damage", [cut, empty, nonsense, not_finite, a_list, folder, of_another])
def test_a_damaged_file_is_left_out(damage: Callable[[Path], None], model: Path) -> None:
    keep(result_of(str(model)))
    assert Kept().of(str(model)) is not None
    damage(stored(model))
    assert Kept().of(str(model)) is None


def test_a_new_result_takes_the_place_of_a_damaged_one(model: Path) -> None:
    keep(result_of(str(model)))
    cut(stored(model))
    keep(result_of(str(model), name="again"))
    found = Kept().of(str(model))
    assert found is not None and found.name == "again"
    assert [file.name for file in paths.checks_folder().iterdir()] == [stored(model).name]


def test_a_folder_that_cannot_be_made_is_said(model: Path) -> None:
    paths.checks_folder().parent.mkdir(parents=True, exist_ok=True)
    paths.checks_folder().write_text("in the way")
    with pytest.raises(ProjectError, match="checks"):
        keep(result_of(str(model)))
    assert Kept().of(str(model)) is None


def test_a_result_of_other_prompts_or_of_another_version_is_marked(model: Path) -> None:
    assert result_of(str(model)).outdated == ""
    old = result_of(str(model), prompts="another")
    assert "prompts" in old.outdated and "Out of date" in old.line
    assert "mlagent 0.0.1" in result_of(str(model), version="0.0.1").outdated
    assert check_results.prompts_version("minnow") != check_results.prompts_version("completion")


# --- what a run is told ---------------------------------------------------------------------------------


def test_a_model_too_slow_for_the_time_budget_is_told_with_numbers(model: Path) -> None:
    slow = result_of(str(model), planner_seconds=100.0, coder_seconds=50.0)
    told = too_slow(slow, slow, 200, networks=3)
    for part in ("about 150 s", "100 s as planner", "50 s as coder", "200 s", "time for 1 network"):
        assert part in told
    assert "not enough for one network" in too_slow(slow, slow, 100, networks=3)
    assert "at least 150 s" in too_slow(slow.model_copy(update={"at_least": True}), slow, 200, networks=3)


def test_only_what_the_roles_do_counts(model: Path) -> None:
    slow = result_of(str(model), planner_seconds=100.0, coder_seconds=50.0)
    assert "coder" not in too_slow(slow, None, 200, networks=3)
    assert too_slow(None, slow, 200, networks=3) == ""
    assert too_slow(None, None, 1, networks=3) == ""


def test_nothing_is_told_where_there_is_time_enough(model: Path) -> None:
    slow = result_of(str(model), planner_seconds=100.0, coder_seconds=50.0)
    assert too_slow(slow, slow, None, networks=3) == ""
    assert too_slow(slow, slow, 450, networks=8) == ""
    assert too_slow(slow, slow, 150, networks=1) == ""
    assert too_slow(slow, slow, 449, networks=8)
