"""A model's sentences about a network stand only where the measurement bears them out."""

from __future__ import annotations

import random
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent_tui.research.claims import explained, held
from mlagent_tui.research.network_facts import Code, Facts, Layer, describe, facts_of

sys.path.append(str(Path(__file__).parents[3] / "scripts"))

CNN = Facts(
    "CurrentModel", (1, 8, 8), (10,), 5226,
    (
        Layer("conv1", "Conv2d", (16, 8, 8), 160), Layer("bn1", "BatchNorm2d", (16, 8, 8), 32),
        Layer("relu1", "ReLU", (16, 8, 8), 0), Layer("maxpool1", "MaxPool2d", (16, 4, 4), 0),
        Layer("conv2", "Conv2d", (32, 4, 4), 4640), Layer("bn2", "BatchNorm2d", (32, 4, 4), 64),
        Layer("relu2", "ReLU", (32, 4, 4), 0), Layer("gap1", "AdaptiveAvgPool2d", (32, 1, 1), 0),
        Layer("drop1", "Dropout", (32,), 0), Layer("fc1", "Linear", (10,), 330),
    ),
    5226, 83264, 0.0212,
    Code.of("class CurrentModel:\n def __init__(self):\n  self.conv1 = nn.Conv2d(1, 16, kernel_size=3)\n"),
)  # fmt: skip
LONE = Facts("Lone", (1, 8, 8), (10,), 650, (Layer("fc", "Linear", (10,), 650),), 650, 640, 0.0026)
MLP = Facts(
    "Net", (64,), (10,), 2410,
    (Layer("fc1", "Linear", (32,), 2080), Layer("act", "ReLU", (32,), 0), Layer("fc2", "Linear", (10,), 330)),
    2410, 2368,
)  # fmt: skip
LSTM = Facts(
    "Rows", (1, 28, 28), (10,), 16714,
    (Layer("lstm", "LSTM", (28, 32), 16384), Layer("head", "Linear", (10,), 330)), 16714, 445056,
    code=Code.of("class Rows:\n def __init__(self):\n  self.lstm = nn.LSTM(28, 32, num_layers=2)\n"),
)  # fmt: skip
VIT_CODE = """
class Block(nn.Module):
    def __init__(self):
        self.attn = nn.MultiheadAttention(64, 4)
    def forward(self, x):
        return x + self.attn(x, x, x)[0]
class ViT(nn.Module):
    def __init__(self):
        self.patch = nn.Conv2d(1, 64, 7, 7)
        self.block = Block()
    def forward(self, x):
        x = self.block(self.patch(x).flatten(2).transpose(1, 2) + self.pos)
        return self.head(F.gelu(x).mean(1))
"""
VIT = Facts(
    "ViT", (1, 28, 28), (10,), 20000,
    (Layer("patch", "Conv2d", (64, 4, 4), 3200), Layer("block.attn", "MultiheadAttention", (16, 64), 16640),
     Layer("head", "Linear", (10,), 160)),
    20000, 500000, code=Code.of(VIT_CODE),
)  # fmt: skip
DEPTHWISE = Facts(
    "Mobile", (3, 32, 32), (10,), 1000,
    (Layer("dw", "Conv2d", (16, 32, 32), 160), Layer("pw", "Conv2d", (32, 32, 32), 510),
     Layer("fc", "Linear", (10,), 330)),
    1000, 9000, code=Code.of("nn.Conv2d(16, 16, 3, groups=16)"),
)  # fmt: skip

BLOCKS_CODE = """
class Block(nn.Module):
    def __init__(self, channels):
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + x)
class Net(nn.Module):
    def __init__(self):
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.block1, self.block2 = Block(16), Block(16)
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(4096, 10)
    def forward(self, x):
        return self.head(self.pool(self.block2(self.block1(self.stem(x)))).flatten(1))
"""
BLOCKS = Facts(
    "Net", (3, 32, 32), (10,), 50762,
    (
        Layer("stem", "Conv2d", (16, 32, 32), 448),
        *(
            Layer(f"block{n}.{name}", kind, (16, 32, 32), count)
            for n in (1, 2)
            for name, kind, count in (
                ("conv1", "Conv2d", 2304), ("bn1", "BatchNorm2d", 32),
                ("conv2", "Conv2d", 2304), ("bn2", "BatchNorm2d", 32),
            )
        ),
        Layer("pool", "MaxPool2d", (16, 16, 16), 0), Layer("head", "Linear", (10,), 40970),
    ),
    50762, 9970000, 0.2, Code.of(BLOCKS_CODE),
)  # fmt: skip

TRUE = (
    (CNN, "CurrentModel is a convolutional network that maps 1x8x8 to 10 values."),
    (CNN, "It is a small convolutional neural network (CNN)."),
    (CNN, "It has 2 convolution layers and 1 linear layer."),
    (CNN, "It contains two convolutional layers with 3x3 kernels, each followed by batch normalization."),
    (CNN, "Between them stand BatchNorm2d, ReLU, MaxPool2d, AdaptiveAvgPool2d, Dropout."),
    (CNN, "The last pooling is global average pooling, the first is max pooling."),
    (CNN, "Of its 5226 parameters most lie in conv2 (4640)."),
    (CNN, "Its 5,226 parameters lie mostly in the convolutional layers."),
    (CNN, "About 89% of the parameters are in `conv2`."),
    (CNN, "It has roughly 5.2k parameters and takes 0.021 MB."),
    (CNN, "One forward pass takes 83264 multiply-adds, or 166,528 FLOPs."),
    (CNN, "It uses neither attention nor recurrent layers."),
    (CNN, "The module has no residual connections."),
    (LONE, "Lone is a single fully connected layer with 650 parameters."),
    (LONE, "It is not a convolutional network."),
    (MLP, "Net is a multi-layer perceptron with two linear layers and a ReLU between them."),
    (LSTM, "Rows is a recurrent network with a two-layer LSTM."),
    (LSTM, "Two LSTM layers read the rows; a linear layer follows."),
    (VIT, "ViT is a network with convolution and attention layers."),
    (VIT, "ViT is a vision transformer."),
    (CNN, "Each of the blocks has one convolution, and a pass costs roughly 0.17 MFLOPs."),
    (VIT, "A residual connection goes around the attention, and GELU follows."),
    (DEPTHWISE, "It uses depthwise separable convolutions."),
)
ORDINARY = (
    (CNN, "It has no flatten and uses ReLU after each convolution."),
    (CNN, "There is no padding before the linear layer."),
    (BLOCKS, "The convolutions in the blocks have no bias because batch normalization follows them."),
    (CNN, "The final layer is a linear classifier."),
    (CNN, "fc1 is the linear classifier."),
    (CNN, "A linear layer serves as the classifier."),
    (VIT, "ViT is a convolutional network with attention."),
    (BLOCKS, "The first block has two convolutions."),
    (BLOCKS, "Each block contains two convolutional layers and an identity shortcut."),
    (BLOCKS, "It stacks two residual blocks after the stem."),
    (BLOCKS, "Two residual blocks follow the first convolution."),
    (BLOCKS, "The stem has 448 parameters."),
    (CNN, "conv1 has 160 parameters."),
    (CNN, "The second convolution has 4,640 parameters, most of the total."),
    (CNN, "Recurrent layers are not used."),
    (CNN, "Attention is not used."),
    (CNN, "The outputs are logits (softmax is left to the loss)."),
    (CNN, "The network outputs raw class scores, without a softmax."),
    (CNN, "It uses common building blocks, e.g. batch normalization and ReLU."),
    (CNN, "Max pooling halves the spatial size, i.e. from 8x8 to 4x4."),
    (CNN, "The first convolution has in_channels 1 and out_channels 16."),
    (CNN, "It takes inputs of shape [1, 8, 8], applies two convolutions and pools."),
    (CNN, "One convolution lifts the input to 16 channels and another one doubles that."),
    (CNN, "The first two layers are a convolution and a batch norm."),
    (CNN, "Instead of a large hidden layer it uses global average pooling."),
    (CNN, "It does not use attention but relies on convolutions."),
    (CNN, "It has two convolutional blocks, each with a convolution, batch norm and ReLU."),
    (BLOCKS, "The network has two residual blocks with two 3x3 convolutions each."),
    (LSTM, "The LSTM has a hidden size of 32 and holds 16,384 of the 16,714 parameters."),
)
"""True sentences as coders write them; some hold nothing that was measured."""
FALSE = (
    (CNN, "CurrentModel is a fully connected network that maps 1x8x8 to 10 values.", "kind"),
    (CNN, "It has 3 convolution layers and 1 linear layer.", "3 convolution"),
    (CNN, "It consists of 12 layers.", "12 layers"),
    (CNN, "Between them stand BatchNorm2d, ReLU, AvgPool2d.", "AvgPool2d"),
    (CNN, "The last pooling layer is max pooling.", "average pooling"),
    (CNN, "It uses GELU activations.", "GELU"),
    (CNN, "There is no dropout.", "dropout"),
    (CNN, "Of its 5226 parameters most lie in fc1 (330).", "fc1"),
    (CNN, "Of its 4640 parameters most lie in conv2.", "4640"),
    (CNN, "Most of the parameters are in the linear layer.", "linear"),
    (CNN, "One forward pass takes 5226 multiply-adds.", "5226"),
    (CNN, "It maps 3x32x32 to 10 values.", "3x32x32"),
    (CNN, "The layer conv7 widens it.", "conv7"),
    (CNN, "Residual connections ease the flow of gradients.", "added back"),
    (CNN, "It uses depthwise convolutions.", "depthwise"),
    (CNN, "It reaches an accuracy of 98%.", "accuracy"),
    (CNN, "It was trained on MNIST.", "trained"),
    (CNN, "It is a ResNet variant.", "ResNet"),
    (LONE, "Lone is a convolutional network that maps 1x8x8 to 10 values.", "kind"),
    (LONE, "It is a multi-layer perceptron.", "perceptron"),
    (LONE, "Of its 650 parameters most lie in fc3 (650).", "fc3"),
    (MLP, "It has one hidden convolution.", "convolution"),
    (LSTM, "Rows is a fully connected network.", "kind"),
    (LSTM, "It uses GRU layers.", "GRU"),
    (VIT, "ViT is a convolutional network.", "kind"),
    (CNN, "The convolutions have no bias because group norm follows.", "group norm"),
    (CNN, "It uses no residual blocks and uses GELU.", "GELU"),
    (CNN, "Dropout is not used.", "has dropout"),
    (CNN, "conv1 has 4,640 parameters.", "4,640"),
    (CNN, "The network has 4,640 parameters.", "4,640"),
    (CNN, "It ends in average pooling, i.e. in pool9.", "pool9"),
    (BLOCKS, "It stacks five residual blocks.", "5 residual"),
    (BLOCKS, "Each block contains nine convolutions.", "9 convolution"),
    (BLOCKS, "It has two convolution layers.", "2 convolution"),
    (BLOCKS, "It consists of four layers.", "4 layers"),
    (BLOCKS, "It is a recurrent network with residual blocks.", "kind"),
)  # fmt: skip


@pytest.mark.parametrize(("facts", "sentence"), TRUE)
def test_a_sentence_that_the_measurement_bears_out_is_kept(facts: Facts, sentence: str) -> None:
    found = held(facts, sentence)
    assert (found.text, found.dropped) == (sentence, ())
    assert found.confirmed == 1


@pytest.mark.parametrize(("facts", "sentence"), ORDINARY)
def test_a_true_sentence_in_ordinary_words_is_not_dropped(facts: Facts, sentence: str) -> None:
    assert held(facts, sentence).dropped == ()


@pytest.mark.parametrize(("facts", "sentence", "why"), FALSE)
def test_a_sentence_that_contradicts_the_measurement_is_dropped(
    facts: Facts, sentence: str, why: str
) -> None:
    found = held(facts, sentence)
    assert found.text == ""
    assert why.lower() in found.dropped[0].why.lower()


@pytest.mark.parametrize("text", [
    "", "   \n", '{"decision":"iterate","assessment":"accuracy 1.2569 multiply-adds.',
    '{"dataset":"mnist","wishes":"mlp"}', "```python\nfrom torch import nn\n```",
    "self.conv1 = nn.Conv2d(1, 16, kernel_size=3)", "x = self.relu1(x);", "<|im_start|>assistant",
    "0 0 0 0 0 0 0 0", "A network is a network is a network is a network is a network is a network.",
    "This is a module for many interesting purposes.",
])  # fmt: skip
def test_what_says_nothing_of_the_network_is_replaced_by_the_measurement(text: str) -> None:
    words, own, _ = explained(CNN, text)
    assert not own
    assert words == describe(CNN)


def test_what_was_cut_off_and_what_is_said_twice_is_dropped() -> None:
    good = "It has 2 convolution layers. It has 1 linear layer. It uses dropout."
    found = held(CNN, f"{good} It has 2 convolution layers. Between them", cut_off=True)
    assert found.text == good
    assert [one.why for one in found.dropped] == ["it repeats a sentence", "it is cut off"]


def test_paragraphs_and_lists_keep_their_form() -> None:
    text = "It is a CNN:\n\n- It has **two** convolution layers.\n- It has 5 linear layers.\n1. It uses ReLU."
    assert held(CNN, text).text == text.replace("- It has 5 linear layers.\n", "")


def test_a_text_with_more_errors_than_half_its_truths_is_composed_anew() -> None:
    true, false = "It has 2 convolution layers. It uses ReLU.", "It uses GELU."
    assert explained(CNN, f"{true} {false}")[1]
    assert not explained(CNN, f"{true} {false} It uses SiLU.")[1]


@pytest.mark.parametrize("facts", [CNN, LONE, MLP, LSTM, VIT, DEPTHWISE])
def test_a_composed_description_holds_by_the_same_rule(facts: Facts) -> None:
    assert held(facts, describe(facts)).dropped == ()


@given(st.text(max_size=200))
def test_any_text_is_held_against_the_facts_without_an_error(text: str) -> None:
    words, _, _ = explained(CNN, text)
    assert words.strip()


def test_a_cost_that_leaves_something_out_is_said_so_or_not_at_all() -> None:
    partly = replace(CNN, not_counted=("fft_r2c",))
    assert not held(partly, "One forward pass takes 83264 multiply-adds.").text
    assert "83,264 multiply-adds (not counted: fft_r2c)" in describe(partly)
    assert "multiply-adds" not in describe(replace(CNN, not_counted=("all operations",)))


def test_what_the_bundled_coder_learnt_to_write_of_a_network_is_never_dropped() -> None:
    from minnow import coder
    from minnow.samples import Sampler

    sampler = Sampler(random.Random(11))
    for _ in range(15):
        config = sampler.network()
        summary = coder.facts(config, 12345)
        if all(row.type not in ("Conv2d", "Linear") for row in summary.layers if "shortcut" in row.name):
            facts = facts_of(summary, coder.code(config))
            assert held(facts, coder.explanation(config, summary)).dropped == ()
