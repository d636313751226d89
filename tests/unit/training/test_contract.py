"""What a network must take and give: refused in one sentence, by the check and by the evaluation alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlagent_tui.errors import CodeError, TrialError
from mlagent_tui.schemas import EvalConfig
from mlagent_tui.training.checks import check_code
from mlagent_tui.training.contract import WANTED
from mlagent_tui.training.worker import Worker

CODE = """
import torch
from collections import namedtuple
from torch import nn
from torch.nn import functional as F
Outputs = namedtuple("Outputs", "logits aux")

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 10)
        {build}

    def forward(self, {takes}):
        {does}
"""
FC = "return self.fc(x.flatten(1))"
REFUSED = {
    "two inputs": ({"takes": "a, b", "does": FC}, "expected one input, got 2 (a, b)"),
    "no input": ({"takes": "*, x=None", "does": FC}, "expected a tensor as argument, got no argument"),
    "a keyword": ({"takes": "x, *, mask", "does": FC}, "got the keyword argument mask"),
    "integers": (
        {"build": "self.embed = nn.Embedding(9, 10)", "does": "return self.embed(x).mean((1, 2, 3))"},
        "expected a network for float numbers, got one for integers",
    ),
    "integers of another shape": (
        {"build": "self.embed = nn.Embedding(9, 4); self.gru = nn.GRU(4, 10)",
         "does": "return self.gru(self.embed(x))[0]"},
        "expected a network for float numbers, got one for integers",
    ),
    "a tuple": ({"does": f"{FC}, x"}, "expected one float tensor, got tuple (3x10, 3x1x8x8)"),
    "named outputs": ({"does": f"x = {FC[7:]}; return Outputs(x, x)"}, "Outputs (logits: 3x10, aux: 3x10)"),
    "a dictionary": ({"does": f"return {{'logits': {FC[7:]}}}"}, "got dict (logits: 3x10)"),
    "a list": ({"does": f"return [{FC[7:]}]"}, "got list (3x10)"),
    "nothing": ({"does": FC[7:]}, "got nothing"),
    "classes as integers": ({"does": f"{FC}.argmax(1, keepdim=True)"}, "got a tensor of int64"),
    "complex numbers": ({"does": f"return torch.fft.fft({FC[7:]})"}, "got a tensor of complex64"),
}  # fmt: skip
NOTHING_LEARNED = {
    "nothing that depends on a parameter": {"does": f"{FC}.detach()"},
    "only frozen parameters": {"build": "self.requires_grad_(False)", "does": FC},
}


def written(parts: dict[str, str]) -> str:
    return CODE.format_map({"build": "pass", "takes": "x", "does": FC} | parts)


def evaluated(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What a trial of the code reports, in this process."""
    monkeypatch.chdir(tmp_path)
    told: list[Any] = []
    config = EvalConfig(dataset="digits", epochs=1, train_size=64, val_size=32, device="cpu")
    Worker(told.append).evaluate(code, "Net", config.model_dump(mode="json"), "")
    return told


@pytest.mark.parametrize("name", REFUSED)
def test_check_and_evaluation_say_what_a_network_must_take_and_give(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts, words = REFUSED[name]
    with pytest.raises(CodeError) as caught:
        check_code(written(parts), "Net", None, (1, 8, 8))
    assert words in caught.value.what and caught.value.what.endswith(WANTED)
    with pytest.raises(TrialError) as refused:
        evaluated(written(parts), tmp_path, monkeypatch)
    assert words.replace("3x", "2x") in refused.value.what and refused.value.what.endswith(WANTED)


@pytest.mark.parametrize("name", NOTHING_LEARNED)
def test_a_network_that_cannot_learn_is_refused_in_words(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = written(NOTHING_LEARNED[name])
    with pytest.raises(CodeError, match="depends on no trainable parameter"):
        check_code(code, "Net", None, (1, 8, 8))
    with pytest.raises(TrialError, match="depends on no trainable parameter"):
        evaluated(code, tmp_path, monkeypatch)


def test_a_network_without_parameters_is_measured_and_not_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = written({"build": "del self.fc", "does": "return x.flatten(1)[:, :10]"})
    measured: Any = Worker(print).measure(code, "Net", [1, 1, 8, 8])
    assert (measured.total_parameters, measured.output_shape) == (0, (1, 10))
    with pytest.raises(CodeError, match="expected layers with parameters, got none"):
        check_code(code, "Net", None, (1, 8, 8))
    with pytest.raises(CodeError, match="expected layers with parameters, got none"):
        evaluated(code, tmp_path, monkeypatch)


@pytest.mark.parametrize("parts", [
    {"build": "self.prompt = nn.Parameter(torch.zeros(3, 10))",
     "does": "return self.part(x) + self.fc(x.flatten(1))\n    def part(self, x): return self.prompt[:1]"},
    {"build": "self.part = Part()", "does": "return self.part(x) + self.fc(x.flatten(1))\n"
     "class Part(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
     "        self.prompt = nn.Parameter(torch.zeros(3, 10))\n"
     "    def forward(self, x): return self.prompt[:1].expand(len(x), 10)"},
    {"build": "self.lstm = nn.LSTM(8, 10, batch_first=True)", "does": "return self.lstm(x[:, 0])[0][:, -1]"},
    {"build": "self.w = nn.Parameter(torch.ones(64))",
     "does": "return self.fc(x.flatten(1)) + F.linear(x.flatten(1), self.w)[:, None]"},
    {"build": "self.lazy = nn.LazyLinear(10)", "does": "return self.lazy(x.flatten(1))"},
], ids=["slice", "expanded in a part", "recurrent", "a vector as weight", "lazy"])  # fmt: skip
def test_unusual_networks_that_work_are_checked_measured_and_trained(
    parts: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = written(parts)
    check_code(code, "Net", None, (1, 8, 8))
    measured: Any = Worker(print).measure(code, "Net", [1, 1, 8, 8])
    assert sum(row.parameters for row in measured.layers) == measured.total_parameters > 0
    told = evaluated(code, tmp_path, monkeypatch)
    assert told[0].parameters == measured.total_parameters


def test_the_work_of_fused_layers_decides_the_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr("torch.set_num_threads", asked.append)
    monkeypatch.setattr("mlagent_tui.training.worker._CORES", 64)
    code = written({
        "build": "self.lstm = nn.LSTM(8, 128, batch_first=True); self.out = nn.Linear(128, 10)",
        "does": "return self.out(self.lstm(x[:, 0])[0][:, -1])",
    })  # fmt: skip
    evaluated(code, tmp_path, monkeypatch)
    work = 64 * (8 * 4 * 128 * (8 + 128) + 128 * 10)
    assert asked == [work // 20_000_000]
