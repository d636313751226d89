from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minnow import tokenizer
from minnow.export import restore
from minnow.samples import Sample
from minnow.tokenizer import END, FIRST_PIECE, NAMES, USER, Pieces, with_names
from mlagent_tui import paths, shapes

CODE = "        self.conv1 = nn.Conv2d(3, 16, kernel_size=3)\n"
CHARACTERS = sorted(set(CODE) - set("\n"))
PIECES = Pieces([*CHARACTERS, "  ", "nn", "co", "con", "conv", " =", "2d", "    ", "el", "sel", "self"])


@given(st.text())
def test_any_text_comes_back(text: str) -> None:
    assert PIECES.decode(PIECES.encode(text)) == text


@given(st.text(alphabet="conv2d self.n=\n 13", max_size=40))
def test_text_of_known_pieces_comes_back(text: str) -> None:
    ids = PIECES.encode(text)
    assert PIECES.decode(ids) == text
    assert max(ids, default=0) < len(PIECES)


def test_merges_go_by_rank_and_never_across_digits_and_line_breaks() -> None:
    shown = [PIECES.decode([i]) for i in PIECES.encode("conv12 =  2d\n")]
    assert shown == ["conv", "1", "2", " =", "  ", "2d", "\n"]


@given(st.text(), st.floats(0, 1), st.randoms(use_true_random=False))
def test_loose_pieces_say_the_same(text: str, share: float, rng: random.Random) -> None:
    assert PIECES.decode(PIECES.encode_loosely(text, share, rng)) == text


def test_without_merges_every_character_stands_alone() -> None:
    rng = random.Random(1)
    assert PIECES.encode_loosely("conv self", 0.0, rng) == PIECES.encode("conv self")
    assert PIECES.encode_loosely("conv self", 1.0, rng) == [PIECES.ids[c] for c in "conv self"]


def test_the_texts_of_control_tokens_are_mere_text() -> None:
    ids = PIECES.encode("<|user|><|end|>")
    assert USER not in ids
    assert END not in ids


def test_decoding_leaves_control_tokens_out() -> None:
    assert PIECES.decode([USER, *PIECES.encode("self"), END]) == "self"


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "pieces.json"
    PIECES.save(file)
    assert Pieces.load(file).pieces == PIECES.pieces


@pytest.fixture(scope="module")
def learned(drawn: dict[str, list[Sample]]) -> Pieces:
    code = [sample.answer for sample in drawn["code"]]
    return tokenizer.train(code, [sample.prompt for sample in drawn["goal"]], 300)


def test_learnt_pieces_make_code_short(learned: Pieces) -> None:
    assert learned.decode(learned.encode(CODE)) == CODE
    assert len(learned.encode(CODE)) < len(CODE) / 3


def test_learnt_pieces_hold_no_line_break_and_no_digit_but_in_names(learned: Pieces) -> None:
    assert not [piece for piece in learned.pieces if "\n" in piece]
    digits = [p.replace("2d", "") for p in learned.pieces if len(p) > 1 and p not in NAMES]
    assert not [piece for piece in digits if any(c.isdigit() for c in piece)]
    assert len(learned) == FIRST_PIECE + len(learned.pieces)


def test_words_of_goals_become_single_pieces_and_code_stays_as_it_was(learned: Pieces) -> None:
    goals = ["Text: a small network with augmentation", "Text: no augmentation, please"] * 20
    grown = tokenizer.extend(learned, goals, 100, least=20)
    assert grown.pieces[: len(learned.pieces)] == learned.pieces
    assert len(learned.pieces) < len(grown.pieces) <= len(learned.pieces) + 100
    shown = [grown.decode([i]) for i in grown.encode("Text: no augmentation, please")]
    assert "augmentation" in [piece.strip() for piece in shown]
    assert len(grown.encode(CODE)) == len(learned.encode(CODE))
    assert grown.decode(grown.encode(goals[0])) == goals[0]


@pytest.mark.parametrize(
    "line", ["        self.{} = nn.", "{}: conv2d", "        x = self.{}(x)", "Order: {}, fc1", " = {}\n"]
)
def test_a_layers_name_is_one_piece_of_the_bundled_model(line: str) -> None:
    _, bundled = restore(paths.bundled_model())
    for name in NAMES:
        assert name in [bundled.decode([i]) for i in bundled.encode(line.format(name))]


def test_types_and_large_numbers_are_no_names() -> None:
    named = with_names([*CHARACTERS, "co", "con", "conv", "conv2d"])
    assert [named.decode([i]) for i in named.encode("conv2d")] == ["conv2d"]
    assert [named.decode([i]) for i in named.encode("conv128")] == ["conv12", "8"]


def test_every_name_that_a_network_can_have_is_known() -> None:
    prefixes = {shapes._PREFIX.get(kind, kind) for kind in shapes._OUTPUT} | {"res", "shortcut"}
    assert {f"{prefix}1" for prefix in prefixes} <= set(NAMES)


def test_rare_pairs_are_not_learnt(learned: Pieces) -> None:
    assert tokenizer.extend(learned, ["zebra xylophone"], 100, least=2).pieces == learned.pieces
