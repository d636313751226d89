"""A network of Minnow's kind, tiny and with random weights: its GGUF computes what PyTorch computes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import train_minnow
from minnow import tokenizer
from minnow.export import export, restore, verify
from minnow.network import Minnow, Shape
from minnow.samples import Sample, Sampler
from minnow.tokenizer import FIRST_PIECE, NAMES, Pieces
from mlagent_tui.llm import Message, Request, ServedModel, open_model
from mlagent_tui.llm.chat_format import ChatFormat
from mlagent_tui.llm.gguf import read_header

CONTEXT = 512
TEXTS = [
    "Task: goal\nText: Grüße, a CNN for digits ≥ 95%  accuracy\nNumbers: 95% = 0.95",
    "        self.conv1 = nn.Conv2d(1, 16, kernel_size=3, padding=1)\n        return x",
    "conv12: conv2d 1x8x8 -> 2x8x8\ndrop2d3: dropout2d p=0.5\nOrder: conv12, leaky_relu7, shortcut1, conv128",
]
MESSAGES = (
    Message("system", "You write code."),
    Message("user", "An earlier question."),
    Message("assistant", "An earlier answer."),
    Message("user", "Task: code\nClass: Net"),
)


@pytest.fixture(scope="module")
def pieces() -> Pieces:
    sampler = Sampler(random.Random(1))
    samples = [sampler.draw() for _ in range(150)]
    return tokenizer.train([s.answer for s in samples], [s.prompt for s in samples], 250)


@pytest.fixture(scope="module")
def model(pieces: Pieces) -> Minnow:
    """Weights far from their initial values, so that each of them matters."""
    torch.manual_seed(2)
    model = Minnow(Shape(len(pieces), width=32, layers=2, heads=2, hidden=64, context=CONTEXT))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.normal_(std=0.2)
            else:
                parameter.uniform_(0.5, 1.5)
    return model


@pytest.fixture(scope="module")
def path(model: Minnow, pieces: Pieces, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("minnow") / "tiny.gguf"
    export(model, pieces, path, "test")
    return path


@pytest.fixture(scope="module")
def served(path: Path) -> Iterator[ServedModel]:
    served = open_model(str(path))
    yield served
    served.close()


def test_llama_cpp_computes_what_pytorch_computes(model: Minnow, pieces: Pieces, path: Path) -> None:
    assert verify(model, pieces, path, [("", text) for text in TEXTS]) < 0.3


def test_a_difference_is_noticed(model: Minnow, pieces: Pieces, path: Path) -> None:
    state = {name: weight.clone() for name, weight in model.state_dict().items()}
    other = Minnow(model.shape)
    other.load_state_dict(state | {"blocks.1.q.weight": state["blocks.1.k.weight"]})
    assert verify(other, pieces, path, [("", TEXTS[0])]) > 0.3


def test_it_is_served(served: ServedModel) -> None:
    assert served.name == "Minnow"
    assert served.context_length == CONTEXT
    answer = served.generate(Request(messages=MESSAGES, max_tokens=8))
    assert 1 <= answer.tokens <= 8


def test_the_template_shows_the_last_user_message_alone(
    path: Path, pieces: Pieces, served: ServedModel
) -> None:
    rendered = ChatFormat(read_header(path).chat_template).render(MESSAGES)
    assert rendered == f"<|user|>{MESSAGES[-1].content}<|assistant|>"
    assert served.count_tokens(MESSAGES) == 2 + len(pieces.encode(MESSAGES[-1].content))


def test_goals_are_shown_as_training_shows_them(path: Path) -> None:
    sample = Sample("goal", "Task: goal\nText: FASHION-MNIST, 90%\nNumbers: 90% = 0.9", "{}")
    rendered = ChatFormat(read_header(path).chat_template).render((Message("user", sample.prompt),))
    assert rendered == f"<|user|>{sample.shown}<|assistant|>"
    assert "fashion-mnist" in sample.shown


def test_words_can_be_chosen_anew(model: Minnow, pieces: Pieces, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_minnow, "GOALS_READ", 2000)
    renewed, words = train_minnow.renew_words(model, pieces, seed=1)
    assert renewed.shape.vocabulary == len(words) == len(set(words.pieces)) + FIRST_PIECE
    before, after = model.state_dict(), renewed.state_dict()
    new = next(p for p in words.pieces if p not in pieces.ids)
    parts = before["embedding.weight"][pieces.encode(new)]
    assert torch.allclose(after["embedding.weight"][words.ids[new]], parts.mean(0))
    kept = words.pieces[0]
    assert torch.equal(
        after["embedding.weight"][words.ids[kept]], before["embedding.weight"][pieces.ids[kept]]
    )


def test_names_of_layers_become_pieces_that_differ(
    model: Minnow, pieces: Pieces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_minnow, "GOALS_READ", 500)
    nameless = Pieces([piece for piece in pieces.pieces if piece not in NAMES])
    smaller = Minnow(replace(model.shape, vocabulary=len(nameless)))
    renewed, words = train_minnow.renew_words(smaller, nameless, seed=1)
    rows = renewed.state_dict()["embedding.weight"]
    assert not torch.allclose(rows[words.ids["conv12"]], rows[words.ids["conv21"]])


def test_training_can_go_on_from_what_was_exported(model: Minnow, pieces: Pieces, path: Path) -> None:
    again, words = restore(path)
    assert words.pieces == pieces.pieces
    ids = torch.tensor([pieces.encode(TEXTS[1])])
    assert torch.allclose(again(ids), model(ids), atol=0.05)
