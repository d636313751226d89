"""What counts as a text that repeats itself, and that right answers never do."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minnow import coder, published
from minnow.samples import Sampler
from mlagent_tui.llm.repetition import EVERY, ITEMS, PIECES, SHORTEST, repetition

TESTS = Path(__file__).parents[2]
CONV = '{"type":"conv2d","out_channels":512,"kernel_size":3,"padding":1}'
LOOPS = {
    "a line of code": "        self.fc1 = nn.Linear(in_features=64, out_features=10)\n",
    "two lines": "        x = self.relu1(x)\n        x = self.conv2(x)\n",
    "a number": "10000000000, ",
    "digits": "0",
    "blanks": "\n",
    "prose with commas and brackets": "First, choose a layer (such as Linear), then train it. ",
    "an example": 'Goal: 95 % on the digits\nAnswer: {"dataset": "digits", "limits": [1, 2]}\n\n',
    "fields": '"type":"relu","type":"relu",',
    # what SmolLM2-135M-Instruct and Gemma 3 270M wrote until their limits
    "SmolLM2, layers": "12_",
    "SmolLM2, wishes": "1234567890",
    "Gemma 3, layers": "The layers of a network are the layers of the network.\n",
    "Gemma 3, wishes": 'JSON: {"wishes": "I want to be a doctor", "name": "John", "age": 18}\n',
}


def looked_at(text: str) -> Iterator[str]:
    """The text as the decoding loop sees it while it grows."""
    for end in range(0, len(text) + EVERY, EVERY):
        yield text[:end]


@pytest.mark.parametrize("piece", LOOPS.values(), ids=LOOPS)
@given(before=st.text(st.characters(codec="ascii"), max_size=300), cut=st.integers(0, 60))
def test_the_same_piece_over_and_over_is_a_repetition_wherever_it_is_cut(
    piece: str, before: str, cut: int
) -> None:
    copies = max(PIECES, SHORTEST // len(piece)) + 3 + 60 // len(piece)
    text = f"{before}|{piece * copies}"
    text = text[: len(text) - cut]
    begins = repetition(text)
    assert begins is not None
    assert begins <= len(before) + 1 + 2 * len(piece)
    assert text[begins:].startswith(text[begins : begins + 20])


def test_equal_items_of_a_list_are_one_only_where_there_are_more_than_a_network_has_layers() -> None:
    for item in (f"{CONV},", f"{CONV}, ", "            nn.Linear(64, 64),\n            nn.ReLU(),\n"):
        assert repetition("[" + item * (ITEMS - 1)) is None
        assert repetition("[" + item * ITEMS) is not None


def test_text_that_counts_is_none() -> None:
    lines = "".join(
        f"        self.conv{i} = nn.Conv2d(64, 64, kernel_size=3, padding=1)\n" for i in range(300)
    )
    assert all(repetition(text) is None for text in looked_at(lines))
    assert repetition("1, 2, 3, " + ", ".join(map(str, range(4, 1000)))) is None


def right_answers() -> Iterator[tuple[str, str]]:
    """Code and configurations: of known networks, of Minnow's teacher, and all of these tests."""
    for name, config in published.networks().items():
        yield name, config.to_json()
        yield name, config.model_dump_json(indent=2)
        yield name, coder.code(config)
    vgg = {"layers": [{"type": "conv2d", "out_channels": 512}, {"type": "relu"}] * 32}
    for indent in (None, 2, 4):
        yield "32 equal layers", json.dumps(vgg, indent=indent)
    blocks = "            BasicBlock(16, 16),\n" * 18 + "            BasicBlock(32, 32),\n" * 18
    yield "ResNet-110", f"self.layers = nn.Sequential(\n{blocks * 2})"
    sampler = Sampler(random.Random(7))
    for number in range(300):
        yield f"sample {number}", sampler.draw().answer
    for path in sorted(TESTS.rglob("*.py")):
        yield path.name, path.read_text(encoding="utf-8")
    recorded = TESTS / "functional" / "recorded" / "journal.jsonl"
    for line in recorded.read_text(encoding="utf-8").splitlines():
        for name, value in json.loads(line).items():
            if isinstance(value, str) and len(value) >= SHORTEST:
                yield name, value


def test_right_answers_are_never_taken_for_one() -> None:
    for name, text in right_answers():
        assert all(repetition(seen) is None for seen in looked_at(text)), name
