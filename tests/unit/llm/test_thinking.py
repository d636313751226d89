"""Thinking is told from answer however the text is cut into tokens."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from mlagent_tui.llm.families import FAMILIES, Family, known_to, ready
from mlagent_tui.llm.thinking import Writer
from mlagent_tui.llm.thinking import split as split_text

MARKED = [f for f in FAMILIES if f.opens and not f.plain and f.name != "command-moe"]
"""The families whose marks are their own."""


def split(
    text: str, cuts: list[int], inside: Family | None = None
) -> tuple[str, str, list[tuple[str, bool]]]:
    heard: list[tuple[str, bool]] = []
    writer = Writer(lambda piece, thinking: heard.append((piece, thinking)), inside)
    data = text.encode()
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for begin, end in itertools.pairwise(edges):
        writer.write(data[begin:end])
    writer.finish()
    return writer.thinking, writer.text, heard


@given(cuts=st.lists(st.integers(0, 10_000), max_size=30))
def test_any_cut_of_the_text_gives_the_same_split(cuts: list[int]) -> None:
    thinking, text, heard = split("<think>\nWide é, < or </thin deep?\n</think>\n\nprint('<think>é')", cuts)
    assert thinking == "Wide é, < or </thin deep?"
    assert text == "print('<think>é')"
    assert "".join(piece for piece, is_thinking in heard if not is_thinking) == text


def test_a_prompt_that_opens_thinking_leaves_only_the_closing_marker() -> None:
    prompt = "<|im_start|>assistant\n<think>\n"
    inside = ready(prompt, known_to(""), True).inside
    assert inside
    assert inside.closes == "</think>"
    assert split("hm</think>ok", [], inside)[:2] == ("hm", "ok")
    assert ready("<think>\n\n</think>\n\n", known_to(""), True).inside is None


def marked(text: str) -> bool:
    return any(f.opens and text.lstrip().startswith(f.opens.strip()) for f in FAMILIES)


@given(text=st.text().filter(lambda text: not marked(text)))
def test_text_without_markers_passes_unchanged(text: str) -> None:
    assert split(text, [3, 5])[:2] == ("", text)


@given(cuts=st.lists(st.integers(0, 10_000), max_size=12), family=st.sampled_from(MARKED))
def test_any_cut_of_any_familys_text_gives_the_same_split(cuts: list[int], family: Family) -> None:
    text = f"{family.opens}Wide?{family.closes}{family.answer}yes é{family.ends}"
    assert split(text, cuts)[:2] == ("Wide?", "yes é")


def test_a_channel_that_answers_at_once_is_no_part_of_the_answer() -> None:
    assert split("<|channel|>final<|message|>yes", [4, 9])[:2] == ("", "yes")


def test_thinking_whose_beginning_was_in_the_prompt_is_told_from_a_complete_text() -> None:
    assert split_text("hm, wide</think>\n\nyes") == ("hm, wide", "yes")
    assert split_text("yes") == ("", "yes")


def test_thinking_that_comes_again_or_never_ends_is_no_part_of_the_answer() -> None:
    assert split_text("<think>a</think>\n<think>b</think>\nyes") == ("a\nb", "yes")
    assert split_text("yes\n<think>or") == ("or", "yes")
    assert split_text("a\n<reasoning>b</reasoning>\nc") == ("b", "a\n\nc")
    assert split_text("print('<think>é')") == ("", "print('<think>é')")
