"""Wishes about the network are read from the goal's own text, in the six languages that numbers are read in."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent_tui.agent.reading import read
from mlagent_tui.agent.wish_reading import MOST_WISHES, settle, wishes_in
from mlagent_tui.research.wishes import phrase, words
from mlagent_tui.schemas import Goal
from tests.scripted import GOAL

sys.path.append(str(Path(__file__).parents[3] / "scripts"))

CNN, MLP, RES, DW = (
    "convolutional network",
    "fully connected network",
    "residual blocks",
    "depthwise convolutions",
)
READ = [
    ("Design a small CNN for digits, at least 95%", [CNN]),
    ("a ConvNet without dropout and with batch norm", [CNN, "no dropout", "batch norm"]),
    ("an MLP with two hidden layers and GELU", [MLP, "2 hidden layers", "gelu activations"]),
    ("a fully connected network, no batch normalization", [MLP, "no batch norm"]),
    ("like a ResNet, leaky ReLU, dropout of 20%", [RES, "leaky_relu activations", "dropout 0.2"]),
    ("depthwise separable convs, kernels 5x5, SGD, learning rate 0.01",
     [DW, "5x5 kernels", "optimizer sgd", "learning rate 0.01"]),
    ("at most six convolutions with 3x3 kernels", ["at most 6 convolution layers", "3x3 kernels"]),
    ("conv layers: 3; width 24 channels; 20 epochs; batch size 64",
     ["3 convolution layers", "24 channels", "20 epochs", "batch size 64"]),
    ("without max pooling or residual blocks, global average pooling",
     ["no max pooling", "no residual blocks", "global average pooling"]),
    ("lstm or rnn not allowed", ["no recurrent layers"]),
    ("at most 10 epochs, no more than 32 channels", ["at most 10 epochs", "at most 32 channels"]),
    ("CNN or MLP, with dropout, SGD or Adam", ["dropout"]),
    ("global pooling (GAP) with GAP at the end, 24 channels for images with 3 channels",
     ["global average pooling", "24 channels"]),
    ("a vision transformer with squeeze-and-excitation", ["attention layers", "squeeze-and-excitation"]),
    ("instead of relu use gelu, no data augmentation, Adam",
     ["gelu activations", "no augmentation", "optimizer adamw"]),
    ("better than a CNN: use an MLP", [MLP]),
    ("a network without any convolutions", ["no convolutional network"]),
    ("a not too big convolutional network", [CNN]),
    ("no more than 3 conv layers, at least 92%", ["at most 3 convolution layers"]),
    ("Ein kleines CNN ohne Dropout, mindestens drei Faltungsschichten",
     ["no dropout", "at least 3 convolution layers"]),
    ("Ein mehrschichtiges Perzeptron mit zwei versteckten Schichten, kein Batchnorm",
     [MLP, "2 hidden layers", "no batch norm"]),
    ("Faltungsnetz mit Residualblöcken, Lernrate 0,01", [CNN, RES, "learning rate 0.01"]),
    ("Una red convolucional sin dropout y con normalización por lotes", [CNN, "no dropout", "batch norm"]),
    ("un perceptrón multicapa con 2 capas ocultas", [MLP, "2 hidden layers"]),
    ("red totalmente conectada, sin aumento de datos, 20 épocas", [MLP, "no augmentation", "20 epochs"]),
    ("Un réseau de neurones convolutif sans dropout, 3 couches de convolution",
     ["no dropout", "3 convolution layers"]),
    ("un réseau entièrement connecté avec connexions résiduelles", [MLP, RES]),
    ("Un perceptron multicouche, taux d'apprentissage 0,003", [MLP, "learning rate 0.003"]),
    ("digitsデータセットでCNNを使い、95%以上の精度を達成する", [CNN]),
    ("畳み込みニューラルネットワークで正解率95%以上、ドロップアウトなし、バッチ正規化", [CNN, "no dropout", "batch norm"]),
    ("全結合ネットワークで隠れ層は2層、バッチサイズは64、学習率は0.001",
     [MLP, "2 hidden layers", "batch size 64", "learning rate 0.001"]),
    ("3層の畳み込みと残差接続、データ拡張を使わない", ["3 convolution layers", RES, "no augmentation"]),
    ("用卷积神经网络,不要dropout,批归一化", [CNN, "no dropout", "batch norm"]),
    ("用残差结构,深度可分离卷积,不用注意力机制", [RES, DW, "no attention layers"]),
    ("多层感知机,隐藏层最多两层,学习率0.01", [MLP, "at most 2 hidden layers", "learning rate 0.01"]),
]  # fmt: skip
SILENT = (
    "images are 32x32 with 3 channels, 70% on cifar10", "95% on mnist with a small generalisation gap",
    "close the gap, 97% on mnist", "input normalization to [0,1], mnist", "digits, either a CNN or an MLP",
    "as accurate as a CNN", "comparable to LeNet", "the signal has recurrent patterns",
    "digits, at least 95%, under 20k parameters", "MNIST, validation loss below 0.1, in 30 seconds",
    "100 classes, images 32x32, 16 GB of memory, 3 people", "We currently train with batch size 16",
    "normalised images of handwritten digits", "mindestens 95 % auf CIFAR-10", "正解率90%以上",
)  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), READ)
def test_the_wishes_of_a_goal_are_read_in_its_own_words(text: str, wanted: list[str]) -> None:
    assert sorted(map(words, wishes_in(text))) == sorted(wanted)


@pytest.mark.parametrize("text", SILENT)
def test_a_goal_without_wishes_has_none(text: str) -> None:
    assert wishes_in(text) == []


@pytest.mark.parametrize(("text", "phrases", "shown"), [
    ("digitsデータセットでCNNを使い、95%以上", "mlp, layer norm", ""),
    ("全結合ネットワークでdigitsの正解率90%以上", "", "mlp"),
    ("残差ネットワーク、GELU", "small, mlp", "small, gelu, residual"),
    ("a small CNN, 5x5 kernels", "small, kernel 5", "small, kernel 5"),
    ("ResNet for digits", "residual", "residual"),
    ("no dropuot please, a tiny one", "tiny, no dropout", "tiny, no dropout"),
    ("3 conv layers and 2 linear layers", "3 conv layers", "3 conv layers, 2 linear layers"),
    ("with normalization after every layer", "layer norm", "layer norm"),
    ("no max pooling", "", "average pooling"),
])  # fmt: skip
def test_planners_are_shown_the_texts_wishes_in_the_words_they_know(
    text: str, phrases: str, shown: str
) -> None:
    assert settle(text, phrases).phrases == shown


def test_what_a_planner_reads_into_a_text_is_left_out_and_named() -> None:
    settled = settle("digitsデータセットでCNNを使い、95%以上の精度を達成する", "mlp, layer norm")
    assert settled.left_out == ["mlp", "layer norm"]
    assert list(map(words, settled.asked)) == [CNN]


def test_a_planners_phrase_that_the_text_bears_out_is_checked_too() -> None:
    settled = settle("a network with skips please", "residual")
    assert list(map(words, settled.asked)) == [RES]


def test_a_planner_that_leaves_out_a_bound_does_not_change_it() -> None:
    settled = settle("at most 10 epochs and at least 3 conv layers", "10 epochs, 3 conv layers")
    assert list(map(words, settled.asked)) == ["at most 10 epochs", "at least 3 convolution layers"]


def test_a_refusal_in_a_planners_wider_words_is_no_second_wish() -> None:
    settled = settle("no batch norm, three conv layers", "3 conv layers, no normalisation")
    assert list(map(words, settled.asked)) == ["no batch norm", "3 convolution layers"]
    assert settled.phrases == "3 conv layers, no normalisation"


def test_every_phrase_for_planners_reads_as_its_wish_again() -> None:
    for text, _ in READ:
        for wish in wishes_in(text):
            if (said := phrase(wish)) and not wish.refused and wish.comparison == "=":
                assert wish.about in {again.about for again in wishes_in(said)} | {"residual blocks"}, said


def test_what_the_bundled_planner_reads_of_english_goals_stays_as_it_is() -> None:
    from minnow.goals import Phrasebook

    book = Phrasebook(random.Random(3), held_out=True)
    drawn = [book.draw() for _ in range(150)]
    changed = [text for text, goal, _ in drawn if settle(text, goal.wishes).phrases != goal.wishes]
    assert len(changed) <= 3, changed


PARTS = ("no ", "without", "CNN", "畳み込み", "卷积", " or ", "than a ", "99999999999 channels", "-3 conv layers",
         "dropout 1e300", "7777777777777x7777777777777 kernels", "- ", ", ", "#", "\n", "層", "0", "lr -1")  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(PARTS), st.text(max_size=6)), max_size=40).map("".join))
def test_any_text_is_read_without_an_error(text: str) -> None:
    goal = Goal.model_validate(GOAL | {"asked": settle(text, text[:100]).asked})
    assert len(goal.asked) <= MOST_WISHES


@pytest.mark.parametrize("part", ["no ", "no a-", "without x or ", "3 ", "#", "CNN ", "not - ", "残差"])
def test_a_goal_of_full_length_is_read_whatever_it_repeats(part: str) -> None:
    text = (part * 4000)[:4000]
    assert len(wishes_in(text)) <= 1


def test_wishes_ask_no_question_and_are_part_of_the_reading() -> None:
    reading = read("digits with a CNN, at least 95%, no dropout")
    assert list(map(words, reading.asked)) == [CNN, "no dropout"]
    assert not reading.questions
