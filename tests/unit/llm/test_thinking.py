"""Thinking is told from answer however the text is cut into tokens."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from mlagent_tui.llm.thinking import Writer, opened_by


def split(text: str, cuts: list[int], closing: str = "") -> tuple[str, str, list[tuple[str, bool]]]:
    heard: list[tuple[str, bool]] = []
    writer = Writer(lambda piece, thinking: heard.append((piece, thinking)), closing)
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
    assert opened_by(prompt) == "</think>"
    assert split("hm</think>ok", [], opened_by(prompt))[:2] == ("hm", "ok")
    assert opened_by("<think>\n\n</think>\n\n") == ""


@given(text=st.text())
def test_text_without_markers_passes_unchanged(text: str) -> None:
    if not text.lstrip().startswith("<think"):
        assert split(text, [3, 5])[:2] == ("", text)
