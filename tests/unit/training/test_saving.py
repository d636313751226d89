"""Weights go into a file and come back the same, however a network's tensors share their memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_model
from torch import Tensor, nn

from mlagent_tui.errors import TrialError
from mlagent_tui.schemas import EvalConfig
from mlagent_tui.training.datasets import load as load_data
from mlagent_tui.training.saving import SHARED, load, save
from mlagent_tui.training.trainer import Training


class Base(nn.Module):
    """An autoencoder before the classes; `encode` and `decode` are what kinds tie."""

    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Linear(64, 16)
        self.decode = nn.Linear(16, 64)
        self.classes = nn.Linear(64, 10)
        self.register_buffer("scale", torch.ones(64))

    scale: Tensor

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(self.encode(x.flatten(1)))
        output: Tensor = self.classes(self.decode(hidden) * self.scale)
        return output


class Transposed(Base):
    def __init__(self) -> None:
        super().__init__()
        self.decode.weight = nn.Parameter(self.encode.weight.t())


class TransposedData(Base):
    def __init__(self) -> None:
        super().__init__()
        self.decode.weight.data = self.encode.weight.data.t()


class Same(Base):
    def __init__(self) -> None:
        super().__init__()
        self.twin = nn.Linear(64, 16)
        self.twin.weight = self.encode.weight


class Cut(Base):
    def __init__(self) -> None:
        super().__init__()
        self.part = nn.Parameter(self.encode.weight[3:7])


class Overlapping(Base):
    def __init__(self) -> None:
        super().__init__()
        whole = torch.randn(20, 64)
        self.first, self.second = nn.Parameter(whole[:12]), nn.Parameter(whole[8:])


class Expanded(Base):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.full((1,), 2.0).expand(64))


class NotContiguous(Base):
    def __init__(self) -> None:
        super().__init__()
        self.encode.weight = nn.Parameter(torch.randn(64, 16).t())


class NotANumber(Base):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mask", torch.tensor([float("nan"), float("-inf"), 1.0]))
        self.register_buffer("nothing", torch.empty(0))


KINDS: list[type[Base]] = [
    Base, Transposed, TransposedData, Same, Cut, Overlapping, Expanded, NotContiguous, NotANumber,
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_weights_of_a_trained_network_come_back_in_another_of_its_class(
    kind: type[Base], tmp_path: Path
) -> None:
    config = EvalConfig(dataset="digits", train_size=64, val_size=32, epochs=2)
    data = load_data(config, torch.device("cpu"))
    torch.manual_seed(0)
    model = kind()
    training = Training(model, data, config, lambda event: None)
    assert training.run().status == "completed"
    training.restore()
    save(model, str(tmp_path / "w"))
    torch.manual_seed(1)
    other = kind()
    load(other, str(tmp_path / "w"))
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor.nan_to_num(9.0), other.state_dict()[name].nan_to_num(9.0)), name
    images = data.normalise(data.validation.images)
    assert torch.equal(model.eval()(images), other.eval()(images))


def metadata(path: Path) -> dict[str, str]:
    with safe_open(str(path), "pt") as file:
        return file.metadata() or {}


def test_names_of_one_tensor_are_stored_once_and_views_are_listed(tmp_path: Path) -> None:
    save(Same(), str(tmp_path / "same"))
    assert metadata(tmp_path / "same") == {"twin.weight": "encode.weight"}
    load_model(Same(), tmp_path / "same")  # as safetensors itself writes and reads it
    save(Transposed(), str(tmp_path / "transposed"))
    assert json.loads(metadata(tmp_path / "transposed")[SHARED]) == [["decode.weight", "encode.weight"]]
    with safe_open(str(tmp_path / "transposed"), "pt") as file:
        assert {"decode.weight", "encode.weight"} <= set(file.keys())


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save(Base(), str(tmp_path / "base"))
    with pytest.raises(TrialError, match=r"of another network: twin.weight"):
        load(Same(), str(tmp_path / "base"))
    save(Cut(), str(tmp_path / "cut"))
    with pytest.raises(TrialError, match="of another network: part"):
        load(Base(), str(tmp_path / "cut"))
    untied = Transposed()
    untied.decode.weight = nn.Parameter(torch.zeros(64, 16))  # as on a device where the tie did not last
    save(untied, str(tmp_path / "untied"))
    with pytest.raises(TrialError, match="has another value after loading"):
        load(Transposed(), str(tmp_path / "untied"))


class Noted(Base):
    def get_extra_state(self) -> Any:
        return {"made": "by hand"}


def test_a_state_that_is_not_made_of_tensors_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(TrialError, match="_extra_state is a dict, and only tensors are stored"):
        save(Noted(), str(tmp_path / "w"))
