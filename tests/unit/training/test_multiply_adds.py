"""Multiply-adds against numbers worked out by hand, kernels that hide their parts included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mlagent_tui.research.multiply_adds import EVERYTHING
from mlagent_tui.training.measuring import run
from mlagent_tui.training.multiply_adds import counting

STEPS = torch.zeros(1, 28, 28)
SQUARE = torch.eye(4)


def recurrent(kind: type[nn.RNNBase], **settings: Any) -> Callable[[Tensor], Any]:
    return kind(28, 32, 2, batch_first=True, **settings).eval()


def attention(**settings: Any) -> Callable[[Tensor], Any]:
    layer = nn.MultiheadAttention(32, 4, batch_first=True).eval()
    return lambda x: layer(x, x, x, **settings)


def encoder() -> nn.Module:
    layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
    return nn.TransformerEncoder(layer, 2).eval()


def in_inference(module: nn.Module) -> Callable[[Tensor], Any]:
    def call(x: Tensor) -> Any:
        with torch.inference_mode():
            return module(x)

    return call


WIDE = torch.zeros(1, 28, 32)
MHA = 4 * 28 * 32 * 32 + 2 * 28 * 28 * 32
HEADS = torch.zeros(2, 8, 5, 4)
CASES: dict[str, tuple[Callable[[Tensor], Any], Tensor, int]] = {
    "linear": (nn.Linear(4, 5), torch.zeros(2, 3, 4), 2 * 3 * 4 * 5),
    "linear in inference mode": (in_inference(nn.Linear(4, 5)), torch.zeros(2, 4), 2 * 4 * 5),
    "lstm": (recurrent(nn.LSTM), STEPS, 28 * 4 * 32 * (28 + 32 + 32 + 32)),
    "lstm, both ways": (
        recurrent(nn.LSTM, bidirectional=True), STEPS, 28 * 2 * 4 * 32 * (28 + 32 + 64 + 32),
    ),
    "lstm, projected": (
        recurrent(nn.LSTM, proj_size=8), STEPS, 28 * (4 * 32 * (28 + 8 + 8 + 8) + 2 * 32 * 8),
    ),
    "lstm in inference mode": (
        in_inference(nn.LSTM(28, 32, 2, batch_first=True)), STEPS, 28 * 4 * 32 * (28 + 32 + 32 + 32),
    ),
    "lstm on packed sequences": (
        lambda x: nn.LSTM(28, 32)(nn.utils.rnn.pack_sequence([x[0, :5], x[0, :3]])),
        STEPS, 8 * 4 * 32 * (28 + 32),
    ),
    "gru": (recurrent(nn.GRU), STEPS, 28 * 3 * 32 * (28 + 32 + 32 + 32)),
    "rnn": (recurrent(nn.RNN), STEPS, 28 * 32 * (28 + 32 + 32 + 32)),
    "lstm cell": (nn.LSTMCell(28, 32), STEPS[0], 28 * 4 * 32 * (28 + 32)),
    "attention": (attention(), WIDE, MHA),
    "attention without weights": (attention(need_weights=False), WIDE, MHA),
    "encoder": (encoder(), WIDE, 2 * (MHA + 2 * 28 * 32 * 64)),
    "encoder with padding": (
        lambda x: encoder()(x, src_key_padding_mask=torch.zeros(1, 28, dtype=torch.bool)),
        WIDE, 2 * (MHA + 2 * 28 * 32 * 64),
    ),
    "dot product attention": (
        lambda x: F.scaled_dot_product_attention(x, x, x), HEADS, 2 * 8 * 5 * 5 * (4 + 4),
    ),
    "attention with fewer keys": (
        lambda x: F.scaled_dot_product_attention(x, x[:, :2], x[:, :2], enable_gqa=True),
        HEADS, 2 * 8 * 5 * 5 * (4 + 4),
    ),
    "attention with a mask": (
        lambda x: F.scaled_dot_product_attention(x, x, x, attn_mask=torch.zeros(5, 5)),
        HEADS, 2 * 8 * 5 * 5 * (4 + 4),
    ),
    "bilinear": (lambda x: nn.Bilinear(6, 6, 4)(x, x), torch.zeros(3, 2, 6), 3 * 2 * 4 * 6 * 6),
    "einsum": (lambda x: torch.einsum("bij,bjk->bik", x, x), torch.zeros(3, 4, 4), 3 * 4 * 4 * 4),
    "einsum of three": (lambda x: torch.einsum("ij,jk,kl->il", x, x, x), SQUARE, 2 * 4**3),
    "matrix and vector": (lambda x: x @ x[0], SQUARE, 16),
    "two vectors": (lambda x: x[0] @ x[0], SQUARE, 4),
    "a product added in place": (lambda x: torch.zeros(4, 4).addmm_(x, x), SQUARE, 64),
    "a product into a tensor": (lambda x: torch.mm(x, x, out=torch.zeros(4, 4)), SQUARE, 64),
    "a batch summed": (lambda x: torch.addbmm(x, x.expand(3, 4, 4), x.expand(3, 4, 4)), SQUARE, 3 * 64),
    "distances": (lambda x: torch.cdist(x, x), SQUARE, 64),
    "vmap": (lambda x: torch.vmap(lambda row: x @ row)(x), SQUARE, 64),
    "1d": (nn.Conv1d(3, 4, 3), torch.zeros(2, 3, 9), 2 * 7 * 4 * 3 * 3),
    "1d without a batch": (nn.Conv1d(3, 4, 3), torch.zeros(3, 9), 7 * 4 * 3 * 3),
    "2d in groups": (nn.Conv2d(4, 8, 3, groups=4), torch.zeros(1, 4, 5, 5), 3 * 3 * 8 * 9),
    "3d": (nn.Conv3d(3, 4, 3), torch.zeros(1, 3, 5, 5, 5), 27 * 4 * 3 * 27),
    "transposed": (nn.ConvTranspose2d(4, 6, 3, 2), torch.zeros(1, 4, 5, 5), 25 * 4 * 6 * 9),
    "transposed in groups": (nn.ConvTranspose2d(4, 6, 3, groups=2), torch.zeros(1, 4, 5, 5), 25 * 4 * 3 * 9),
    "time first": (
        lambda x: torch.conv_tbc(x, torch.zeros(3, 3, 4), torch.zeros(4)), torch.zeros(5, 2, 3), 3 * 2 * 36,
    ),
    "embedding": (nn.Embedding(9, 4), torch.zeros(1, 3, dtype=torch.long), 0),
    "activations and norms": (nn.Sequential(nn.ReLU(), nn.BatchNorm1d(4).eval(), nn.LayerNorm(4)), SQUARE, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_multiply_adds_are_those_worked_out_by_hand(name: str) -> None:
    call, given, expected = CASES[name]
    with torch.no_grad(), counting() as counter:
        call(given)
    assert (counter.total, counter.not_counted) == (expected, [])


@pytest.mark.parametrize(("call", "named"), [
    (torch.fft.rfft2, ["fft_r2c"]),
    (torch.linalg.inv, ["linalg_inv_ex"]),
    (lambda x: torch.sparse.mm(x.to_sparse(), x), ["sparse_addmm"]),
    (lambda x: torch.nested.nested_tensor([x, x]) @ torch.nested.nested_tensor([x, x]), ["matmul"]),
    (lambda x: torch.cond(x.sum() > 0, lambda y: y @ y, lambda y: y * 2, (x,)), ["cond"]),
    (lambda x: F.normalize(torch.linalg.cross(x[:, :3], x[:, :3])), []),
])  # fmt: skip
def test_what_multiplies_and_has_no_formula_is_named(call: Callable[[Tensor], Any], named: list[str]) -> None:
    with torch.no_grad(), counting() as counter:
        call(SQUARE)
    assert counter.not_counted == named


def test_a_tensor_of_its_own_kind_is_counted_by_what_it_is_made_of() -> None:
    with torch.no_grad(), counting() as counter:
        F.linear(torch.nested.nested_tensor([SQUARE, SQUARE[:2]], layout=torch.jagged), SQUARE)
    assert counter.total == 6 * 16


def test_the_fused_layers_are_on_again_afterwards() -> None:
    with pytest.raises(ValueError, match="expected"), counting():
        assert not torch.backends.mha.get_fastpath_enabled()
        raise ValueError("as expected")
    assert torch.backends.mha.get_fastpath_enabled()


def test_a_network_that_fails_only_while_it_is_counted_runs_without() -> None:
    def call(x: Tensor) -> Tensor:
        if not torch.backends.mha.get_fastpath_enabled():
            raise RuntimeError("not while I am watched")
        return x

    ran = run(call, [SQUARE])  # type: ignore[arg-type]
    assert (ran.output is SQUARE, ran.multiply_adds, ran.not_counted) == (True, 0, [EVERYTHING])
