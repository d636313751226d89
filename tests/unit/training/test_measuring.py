"""The summary: a layer table with every parameter once, and inputs and outputs of every kind."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from mlagent_tui.errors import CodeError
from mlagent_tui.schemas import LayerRow, Summary
from mlagent_tui.training import layers
from mlagent_tui.training.measuring import summarise
from mlagent_tui.training.replies import MOST_ROWS, Measured

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    OLD_WEIGHT_NORM = nn.utils.weight_norm(nn.Linear(8, 8))


class Both(NamedTuple):
    logits: Tensor
    hidden: Tensor


class Forward(nn.Module):
    """Parts by name, and what is done with them."""

    def __init__(self, does: Any, **parts: Any) -> None:
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)
        self.does = does

    def forward(self, x: Any) -> Any:
        return self.does(self, x)


def table(model: nn.Module, *size: int) -> tuple[Summary, dict[str, LayerRow]]:
    summary = summarise(model, "Net", size)
    assert sum(row.parameters for row in summary.layers) == summary.total_parameters
    assert Measured.model_validate(summary.model_dump()).layers
    return summary, {row.name: row for row in summary.layers}


def test_the_numbers_of_the_issue() -> None:
    lstm = Forward(
        lambda s, x: s.fc(s.lstm(x)[0][:, -1]),
        lstm=nn.LSTM(28, 32, 2, batch_first=True), fc=nn.Linear(32, 10),
    )  # fmt: skip
    assert summarise(lstm, "Net", (1, 28, 28)).multiply_adds == 444_736
    attention = Forward(
        lambda s, x: s.fc(s.mha(*[s.up(x)] * 3)[0].mean(1)),
        up=nn.Linear(28, 32), mha=nn.MultiheadAttention(32, 4, batch_first=True), fc=nn.Linear(32, 10),
    )  # fmt: skip
    assert summarise(attention, "Net", (1, 28, 28)).multiply_adds == 190_272
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), 2)
    layered = Forward(
        lambda s, x: s.fc(s.encoder(s.up(x)).mean(1)),
        up=nn.Linear(28, 32), encoder=encoder, fc=nn.Linear(32, 10),
    )  # fmt: skip
    assert summarise(layered, "Net", (1, 28, 28)).multiply_adds == 584_512


def test_a_layer_called_twice_is_one_row() -> None:
    shared = nn.Linear(8, 8)
    summary, _ = table(nn.Sequential(shared, nn.ReLU(), shared), 1, 8)
    assert [(row.name, row.parameters, row.calls) for row in summary.layers] == [("0", 72, 2), ("1", 0, 1)]


def test_tied_weights_are_counted_once_and_say_with_what() -> None:
    tied = Forward(lambda s, x: s.out(s.embed(x)), out=nn.Linear(8, 20), embed=nn.Embedding(20, 8))
    tied.out.weight = tied.embed.weight
    summary, rows = table(tied, 1, 5)
    assert (summary.total_parameters, summary.input_type) == (180, "int64")
    assert (rows["embed"].parameters, rows["out"].parameters) == (160, 20)
    assert (rows["embed"].note, rows["out"].note) == ("", "weight shared with embed")

    back = Forward(
        lambda s, x: s.up(s.down(x)), down=nn.Linear(8, 4, bias=False), up=nn.Linear(4, 8, bias=False)
    )
    back.up.weight = nn.Parameter(back.down.weight.t())
    summary, rows = table(back, 1, 8)
    assert (summary.total_parameters, rows["up"].note) == (32, "weight shared with down")
    assert summary.size_mb == pytest.approx(32 * 4 / 1e6)


def test_parameters_outside_layers_are_rows() -> None:
    model = Forward(
        lambda s, x: s.inner(x + s.shift) * s.scales[1] + F.linear(x, s.hidden.weight),
        shift=nn.Parameter(torch.zeros(1, 8)), unused=nn.Parameter(torch.zeros(3)),
        inner=Forward(lambda s, x: s.act(x) * s.gain, act=nn.ReLU(), gain=nn.Parameter(torch.ones(8))),
        scales=nn.ParameterList([torch.ones(8), torch.ones(8)]), hidden=nn.Linear(8, 8), idle=nn.Linear(2, 2),
    )  # fmt: skip
    summary, rows = table(model, 2, 8)
    assert [(row.name, row.type, row.parameters, row.ran) for row in summary.layers] == [
        ("shift", "Parameter", 8, True),
        ("inner.act", "ReLU", 0, True),
        ("inner.gain", "Parameter", 8, True),
        ("scales.1", "Parameter", 8, True),
        ("hidden", "Linear", 72, True),
        ("unused", "Parameter", 3, False),
        ("scales.0", "Parameter", 8, False),
        ("idle", "Linear", 6, False),
    ]
    assert (rows["shift"].output_shape, rows["idle"].calls) == ((1, 8), 0)


@pytest.mark.parametrize(("layer", "parameters", "note"), [
    (parametrizations.spectral_norm(nn.Linear(8, 8)), 72, "SpectralNorm"),
    (parametrizations.weight_norm(nn.Linear(8, 8)), 80, "WeightNorm"),
    (parametrizations.orthogonal(nn.Linear(8, 8)), 72, "Orthogonal"),
    (nn.utils.spectral_norm(nn.Linear(8, 8)), 72, "SpectralNorm"),
    (OLD_WEIGHT_NORM, 80, "WeightNorm"),
])  # fmt: skip
def test_a_normed_layer_is_one_row(layer: nn.Module, parameters: int, note: str) -> None:
    _, rows = table(nn.Sequential(layer), 1, 8)
    row = rows.pop("0")
    assert (row.type, row.output_shape, row.parameters, row.note) == ("Linear", (8,), parameters, note)
    assert not rows


def test_attention_has_all_its_parameters_and_a_recurrent_layer_its_shapes() -> None:
    model = Forward(
        lambda s, x: s.mha(*[s.lstm(x)[0]] * 3)[0],
        lstm=nn.LSTM(8, 8, batch_first=True), mha=nn.MultiheadAttention(8, 2, batch_first=True),
    )  # fmt: skip
    _, rows = table(model, 2, 5, 8)
    assert (rows["lstm"].output_shape, rows["lstm"].output) == ((5, 8), "(5x8, (1x2x8, 1x2x8))")
    assert (rows["mha"].output_shape, rows["mha"].parameters) == ((5, 8), 4 * 8 * 8 + 4 * 8)
    assert list(rows) == ["lstm", "mha"]


def test_layers_made_while_the_network_runs_are_in_the_table() -> None:
    def grow(s: Any, x: Tensor) -> Tensor:
        if not hasattr(s, "made"):
            s.made = nn.Linear(8, 3)
        return s.made(x) + s.lazy(x)

    summary, rows = table(Forward(grow, lazy=nn.LazyLinear(3), idle=nn.LazyLinear(3)), 1, 8)
    assert (summary.total_parameters, rows["lazy"].type, rows["made"].calls) == (54, "Linear", 1)
    assert (rows["idle"].parameters, rows["idle"].ran) == (0, False)


@pytest.mark.parametrize("does", [
    lambda s, x: s.prompt[:1],
    lambda s, x: s.prompt[:1].expand(len(x), 4),
    lambda s, x: s.inner(x),
])  # fmt: skip
def test_a_module_that_gives_a_view_of_its_parameter_is_measured(does: Any) -> None:
    inner = Forward(lambda s, x: s.prompt.expand(3, 4)[:1], prompt=nn.Parameter(torch.zeros(1, 4)))
    summary, _ = table(Forward(does, prompt=nn.Parameter(torch.zeros(3, 4)), inner=inner), 1, 8)
    assert summary.output_shape == (1, 4)


@pytest.mark.parametrize(("does", "shape", "output"), [
    (lambda x: (x, {"a": x, "b": [x[0], None]}), (2, 3), "(2x3, (a: 2x3, b: (3, nothing)))"),
    (lambda x: {"logits": x}, (2, 3), "(logits: 2x3)"),
    (lambda x: [x] * 20, (2, 3), "(" + "2x3, " * 8 + "…)"),
    (lambda x: Both(x[:, 0], x[0]), (2,), "(logits: 2, hidden: 3)"),
    (lambda x: x, (2, 3), ""),
    (lambda x: x.sum(), (), ""),
])  # fmt: skip
def test_outputs_of_every_kind_are_measured(does: Any, shape: tuple[int, ...], output: str) -> None:
    summary = summarise(Forward(lambda s, x: does(x), fc=nn.Linear(3, 3)), "Net", (2, 3))
    assert (summary.output_shape, summary.output) == (shape, output)


def test_several_inputs_and_no_parameters_are_measured() -> None:
    both = summarise(nn.Bilinear(6, 6, 4), "Net", (1, 6))
    assert (both.inputs, both.multiply_adds, both.total_parameters) == (2, 144, 148)
    none = summarise(nn.Sequential(nn.Flatten(), nn.ReLU()), "Net", (1, 2, 2))
    assert (none.total_parameters, none.size_mb, none.output_shape) == (0, 0.0, (1, 4))


@pytest.mark.parametrize("does", [
    lambda s, x: s.embed(x),
    lambda s, x: s.embed.weight[x],
    lambda s, x: F.one_hot(x, 5).float() @ s.embed.weight,
    lambda s, x: s.embed.weight.gather(0, x),
    lambda s, x: (x & 1).float() @ s.embed.weight[:3],
])  # fmt: skip
def test_a_network_for_integers_is_measured_on_integers(does: Any) -> None:
    summary = summarise(Forward(does, embed=nn.Embedding(5, 3)), "Net", (1, 3))
    assert (summary.input_type, summary.total_parameters) == ("int64", 15)


class NeedsWord(nn.Module):
    def forward(self, x: Tensor, *, mask: Tensor) -> Tensor:
        return x * mask


class NeedsNothing(nn.Module):
    def forward(self) -> int:
        return 3


@pytest.mark.parametrize(("model", "words"), [
    (NeedsWord(), "expected tensors as arguments, got the keyword argument mask"),
    (NeedsNothing(), "expected a tensor as argument, got no argument"),
    (Forward(lambda s, x: None), "output: expected tensors, got nothing"),
    (Forward(lambda s, x: []), "output: expected tensors, got empty list"),
    (Forward(lambda s, x: x.keys()), "expected an output for one tensor of size (1, 3), got"),
    (nn.Embedding(5, 2), "IndexError: index out of range"),
])  # fmt: skip
def test_what_cannot_be_measured_is_refused_in_a_sentence(model: nn.Module, words: str) -> None:
    if isinstance(model, nn.Embedding):
        model = Forward(lambda s, x: s.embed(x + 7), embed=model)
    with pytest.raises(CodeError) as caught:
        summarise(model, "Net", (1, 3))
    assert words in caught.value.what and "\n" not in caught.value.what


def test_very_many_rows_are_taken_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlagent_tui.training.measuring.MOST_ROWS", 3)
    summary, _ = table(nn.Sequential(*[nn.Linear(2, 2) for _ in range(9)]), 1, 2)
    assert [row.type for row in summary.layers] == ["Linear", "Linear", "7 more"]
    assert MOST_ROWS > 3


def test_hooks_are_gone_afterwards_and_the_model_is_as_it_was() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    summarise(model, "Net", (1, 2))
    assert not nn.modules.module._global_forward_hooks and not nn.modules.module._global_forward_pre_hooks
    assert layers.count_parameters(model) == 6 and not parametrize.is_parametrized(model)
