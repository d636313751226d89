"""YAML of people's: what it stands for, and one sentence with its line for what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlagent_tui import yaml_text
from mlagent_tui.yaml_text import YamlError

LAUGHS = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{new}: &{new} [{','.join(['*' + old] * 10)}]\n" for old, new in zip("abcdef", "bcdefg", strict=True)
)

REFUSED: dict[str, tuple[str | bytes, int, str]] = {
    "a leading zero": ("a: 1\nseed: 010", 2, "010 begins with a zero, which some programs read as octal"),
    "a leading zero below zero": ("- -08", 1, "write -8"),
    "a name twice": ("seed: 1\npatience: 2\nseed: 3", 3, "'seed' is given twice, first in line 1"),
    "a name twice inside": ("a:\n  b: 1\n  b: 2", 3, "'b' is given twice"),
    "a tag": ("a: !!int x", 1, "a tag (!!int)"),
    "a tag of a list": ("a: !!set {b}", 1, "a tag (!!set)"),
    "a tag of Python": ("!!python/object/apply:os.system [ls]", 1, "a tag (!!python/object/apply:os.system)"),
    "a value inside itself": ("a: &x\n  b: *x", 2, "*x repeats a value inside itself"),
    "an unknown alias": ("a: *x", 1, "no anchor &x"),
    "billions of values": (LAUGHS, 5, "more than 100,000 values"),
    "a merge key": ("a: &x {b: 1}\nc:\n  <<: *x", 3, "a merge key (<<)"),
    "deep nesting": ("[" * 5000, 1, "more than 100 levels"),
    "a huge number": ("a: " + "9" * 5000, 1, "a number of 5,000 digits"),
    "a NUL": ("a: 1\nb: \0", 2, "does not allow (U+0000)"),
    "a lone surrogate": ("a: \ud800", 1, "does not allow (U+D800)"),
    "a tab": ("a:\n\tb: 1", 2, "indent with spaces, not with tabs"),
    "a second colon": ("goal: a: b", 1, "put text that holds a colon in quotes"),
    "an open quotation mark": ("a: 'b", 1, "a quotation mark is not closed"),
    "an open bracket": ("{unclosed", 1, "a comma or a closing bracket is missing"),
    "a list as a name": ("? [a]\n: 1", 1, "the name of a value must be text"),
    "two documents": ("a: 1\n---\nb: 2", 2, "a second document begins"),
    "Latin-1": ("a: 1\nb: \xe9".encode("latin-1"), 2, "it is not UTF-8 text"),
    "half of UTF-16": (b"\xff\xfea", 1, "it is not UTF-8 text"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_with_its_line(case: str) -> None:
    text, line, words = REFUSED[case]
    with pytest.raises(YamlError) as caught:
        yaml_text.load(text)
    assert (caught.value.line, words in caught.value.problem) == (line, True), caught.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"), ("on", "on"), ("1:30", "1:30"), ("2024-02-30", "2024-02-30"),
        ("0000-00-00", "0000-00-00"),
        ("0b_", "0b_"), ("1_000", "1_000"), ("true", True), ("False", False), ("null", None), ("~", None),
        ("", None), ("1e-3", 0.001), ("0x1F", 31), ("0o17", 15), ("-3", -3), ("0", 0), (".5", 0.5),
        ("0.50", 0.5),
        ("'010'", "010"), ("!!str 5", "5"), (".inf", float("inf")),
    ],
)  # fmt: skip
def test_words_stand_for_what_yaml_1_2_says(text: str, value: Any) -> None:
    assert yaml_text.load(f"a: {text}") == {"a": value}


@pytest.mark.parametrize("data", ["\ufeffa: é", "a: é".encode("utf-8-sig"), "a: é".encode("utf-16")])
def test_a_byte_order_mark_says_how_it_is_written(data: str | bytes) -> None:
    assert yaml_text.load(data) == {"a": "é"}


def test_aliases_repeat_values_and_every_value_has_its_line() -> None:
    document = yaml_text.read("a: &x\n  - 1\n  - b: 2\nc: *x\n")
    assert document.value == {"a": [1, {"b": 2}], "c": [1, {"b": 2}]}
    places: dict[yaml_text.Path, int] = {("a", 1, "b"): 3, ("c",): 4, ("c", 0): 4, ("nowhere",): 1}
    assert {path: document.line(path) for path in places} == places


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs", "Cc"])) | st.from_regex(r"\A[-+.0-9_ebox:]{1,8}\Z"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc<=1y ", max_size=3), inner),
    max_leaves=8,
)  # fmt: skip


@given(JSON)
def test_what_is_written_is_read_back_here(value: Any) -> None:
    assert yaml_text.load(yaml_text.dump(value)) == value


@given(st.dictionaries(st.text("ab", min_size=1), st.text("019e-:.xyn ", max_size=5)))
def test_what_is_written_is_text_to_other_programs_too(value: dict[str, str]) -> None:
    assert yaml.safe_load(yaml_text.dump(value)) == value


@given(st.text(st.sampled_from("ab:,[]{}&*!|>'\"%@#-? \n\t\0\ud800019.")) | st.binary(max_size=40))
def test_nothing_but_a_sentence_comes_of_any_text(text: str | bytes) -> None:
    try:
        yaml_text.load(text)
    except YamlError as error:
        assert 1 <= error.line <= len(text) + 1
