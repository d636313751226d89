"""The catalogue: whether models fit, how fast they should be, and that nothing is read twice."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mlagent_tui.errors import ModelError
from mlagent_tui.llm import catalog
from mlagent_tui.llm.catalog import Facts, expected_speed, fit, needs
from mlagent_tui.llm.fit import SCRATCH
from mlagent_tui.llm.machine import Gpu, Machine
from mlagent_tui.llm.places import Found
from tests.tiny_gguf import make
from tests.unit.llm.test_folder import folder

GB = 10**9
LAPTOP = Machine(memory=16 * GB, available=10 * GB, bandwidth=40e9)
MAC = Machine(16 * GB, 10 * GB, 100e9, (Gpu("Apple M2 Metal", 16 * GB, True),))
SERVER = Machine(64 * GB, 60 * GB, 100e9, (Gpu("NVIDIA GeForce RTX 4090 CUDA0", 24 * GB, False),))


def model(size: float, **fields: int) -> Facts:
    """A model of 32 layers whose cache takes 128 kB a token: 2.1 GB for 16,384 of them."""
    values = {"context": 32_768, "layers": 32, "kv_bytes_per_token": 131_072} | fields
    return Facts("m", size=int(size * GB), bytes_per_token=int(size * GB), **values)


def test_a_model_needs_its_weights_its_cache_and_room_to_work() -> None:
    room = 4 * GB // 50 + SCRATCH
    assert needs(model(4)) == 4 * GB + 16_384 * 131_072 + room
    assert needs(model(4, context=1000)) == 4 * GB + 1000 * 131_072 + room


@pytest.mark.parametrize(
    ("size", "machine", "expected"),
    [
        (4, LAPTOP, "cpu"),
        (8.5, LAPTOP, "short"),
        (11, LAPTOP, "busy"),
        (20, LAPTOP, "no"),
        (4, MAC, "gpu"),
        (11, MAC, "busy"),
        (20, SERVER, "gpu"),
        (40, SERVER, "split"),
        (200, SERVER, "no"),
    ],
)
def test_where_a_model_fits_follows_from_the_machine(size: float, machine: Machine, expected: str) -> None:
    assert fit(model(size), machine) == expected


def test_the_speed_is_what_the_memory_allows() -> None:
    on_laptop = expected_speed(model(4), LAPTOP, "cpu")
    assert 1 / on_laptop == pytest.approx(4e9 / (0.7 * 40e9) + 32 * catalog.STEP_SECONDS)
    assert expected_speed(model(4), SERVER, "gpu") > 10 * on_laptop
    assert expected_speed(model(8), LAPTOP, "cpu") < 0.6 * on_laptop
    between = expected_speed(model(40), SERVER, "split")
    assert expected_speed(model(40), LAPTOP, "cpu") < between < expected_speed(model(20), SERVER, "gpu")


def test_no_speed_is_claimed_where_nothing_is_known() -> None:
    unknown = Machine(64 * GB, 60 * GB, 100e9, (Gpu("some new GPU", 24 * GB, False),))
    assert expected_speed(model(4), unknown, "gpu") == 0
    assert expected_speed(model(200), LAPTOP, "no") == 0


def test_files_and_folders_are_described_alike(tmp_path: Path) -> None:
    file = catalog.describe(make(tmp_path / "a.gguf"), LAPTOP)
    (folder(tmp_path / "w") / "tokenizer.json").write_text("{}")
    weights = catalog.describe(tmp_path / "w", LAPTOP)
    assert (file.facts.name, file.facts.family, file.facts.quantisation) == ("tiny", "llama", "F32")
    assert (weights.facts.name, weights.facts.family, weights.facts.parameters) == ("w", "llama", 207)
    assert (file.facts.profile, weights.facts.profile) == ("chat", "completion")
    assert file.spec == str(tmp_path / "a.gguf")
    assert file.fits == weights.fits == "cpu"
    with pytest.raises(ModelError, match="there is no file"):
        catalog.describe(tmp_path / "none.gguf", LAPTOP)


def test_a_file_that_cannot_be_used_says_why_and_hides_no_other(tmp_path: Path) -> None:
    make(tmp_path / "good.gguf")
    (tmp_path / "bad.gguf").write_bytes(b"no model")
    listed = catalog.catalogue([tmp_path], LAPTOP)
    by_name = {Path(entry.spec).name: entry for entry in listed}
    assert next(iter(by_name)) == "bundled"
    assert by_name["good.gguf"].facts.problem == ""
    assert "not a GGUF" in by_name["bad.gguf"].facts.problem


def test_what_was_read_is_remembered_until_the_file_changes(tmp_path: Path) -> None:
    path, memory = make(tmp_path / "a.gguf"), tmp_path / "memory.json"
    found = [Found(path, "settings")]
    assert catalog.entries(found, LAPTOP, memory)[0].facts.context == 4096
    remembered = json.loads(memory.read_text())
    remembered[str(path)][1]["context"] = 99
    memory.write_text(json.dumps(remembered))
    assert catalog.entries(found, LAPTOP, memory)[0].facts.context == 99
    os.utime(path, (1, 1))
    assert catalog.entries(found, LAPTOP, memory)[0].facts.context == 4096
    path.unlink()
    catalog.entries([], LAPTOP, memory)
    assert json.loads(memory.read_text()) == {}


@pytest.mark.parametrize("content", ["", "[]", "{", '{"x": 1}', '{"x": [[1], {"nothing": 1}]}', "[[1]]"])
def test_a_damaged_memory_is_no_obstacle(tmp_path: Path, content: str) -> None:
    path, memory = make(tmp_path / "a.gguf"), tmp_path / "memory.json"
    memory.write_text(content)
    assert catalog.entries([Found(path, "")], LAPTOP, memory)[0].facts.name == "tiny"
