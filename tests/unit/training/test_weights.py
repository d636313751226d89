"""Stored weights are those of the network, or they are not stored."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from mlagent_tui.errors import MachineError, TrialError
from mlagent_tui.schemas import ModelConfig
from mlagent_tui.shapes import count_parameters, infer
from mlagent_tui.training import weights
from mlagent_tui.training.reference import build
from mlagent_tui.training.saving import save


@given(data=st.data())
@settings(max_examples=25)
def test_the_reference_of_any_configuration_leaves_weights_that_fit(
    configs: st.SearchStrategy[ModelConfig], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    steps = infer(data.draw(configs))
    folder = tmp_path_factory.mktemp("weights")
    save(build(steps), str(folder / "model.safetensors"))
    weights.fetch(folder, folder / "kept" / "model.safetensors", count_parameters(steps), steps)
    assert (folder / "kept" / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()


def _left(folder: Path, content: bytes) -> None:
    (folder / "model.safetensors").write_bytes(content)


def _header(**entries: object) -> bytes:
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text


WRONG = {
    "empty": b"", "too short": b"\x05", "a length beyond the file": (1 << 60).to_bytes(8, "little") + b"{}",
    "no json": (2).to_bytes(8, "little") + b"xx", "a list": (2).to_bytes(8, "little") + b"[]",
    "nested": (60_000).to_bytes(8, "little") + b"[" * 60_000,
    "a gap": _header(a={"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}) + bytes(8),
    "a tail": _header(a={"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}) + bytes(3000),
    "an unknown type": _header(a={"dtype": "X", "shape": [1], "data_offsets": [0, 4]}) + bytes(4),
    "a negative size": _header(a={"dtype": "F32", "shape": [-1], "data_offsets": [0, -4]}),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_weights_file_is_not_stored(tmp_path: Path, name: str) -> None:
    _left(tmp_path, WRONG[name])
    with pytest.raises(TrialError, match="not a safetensors file"):
        weights.fetch(tmp_path, tmp_path / "kept", 10, None)
    assert not (tmp_path / "kept").exists()


def test_weights_far_larger_than_the_network_are_not_stored(tmp_path: Path) -> None:
    place = tmp_path / "model.safetensors"
    head = _header(a={"dtype": "F32", "shape": [3 << 28], "data_offsets": [0, 3 << 30]})
    _left(tmp_path, head)
    os.truncate(place, len(head) + (3 << 30))  # takes no room
    with pytest.raises(TrialError, match="too many for 10 parameters"):
        weights.fetch(tmp_path, tmp_path / "kept", 10, None)


def test_half_precision_does_not_stand_in_for_the_networks_numbers(tmp_path: Path) -> None:
    layers = [{"type": "flatten"}, {"type": "linear", "out_features": 2}]
    steps = infer(ModelConfig.model_validate({"input_shape": (1, 2, 2), "num_classes": 2, "layers": layers}))
    tensors = {"w": torch.zeros(2, 4, dtype=torch.float16), "b": torch.zeros(2)}
    save_file(tensors, str(tmp_path / "model.safetensors"))
    with pytest.raises(TrialError, match=r"lack a parameter of shape \[2, 4\]"):
        weights.fetch(tmp_path, tmp_path / "kept", 10, steps)


def test_a_full_disk_under_the_project_is_the_machines_fault(tmp_path: Path, small_disk: Path) -> None:
    save_file({"w": torch.zeros(100_000)}, str(tmp_path / "model.safetensors"))
    with pytest.raises(MachineError, match="disk is full"):
        weights.fetch(tmp_path, small_disk / "qe_1" / "model.safetensors", 100_000, None)
    assert list((small_disk / "qe_1").iterdir()) == []


def test_weights_are_not_lent_through_a_link_that_was_planted(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "worker"
    outside.write_text("keep me")
    folder.mkdir()
    (folder / "model.safetensors").symlink_to(outside)
    (tmp_path / "stored").write_bytes(b"weights")
    with pytest.raises(TrialError):
        weights.lend(tmp_path / "stored", folder)
    assert outside.read_text() == "keep me"
