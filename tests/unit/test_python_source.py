"""Python files as other editors and languages save them."""

from __future__ import annotations

import pytest

from mlagent_tui.errors import CodeError
from mlagent_tui.python_source import decoded, lines, text_of

CODE = "# coding: {}\nname = 'é'\n"


@pytest.mark.parametrize("data", [
    "\ufeffname = 'é'\n".encode(), CODE.format("latin-1").encode("latin-1"),
    CODE.format("cp1252").encode("cp1252"), ("#!/usr/bin/env python\n" + CODE.format("utf-8")).encode(),
    ("\ufeff" + CODE.format("utf-8")).encode(),
    b"name = 'e'\r\n", b"name = 'e'\rmore = 1\r", "name = 'é'\x0c\n".encode(),
])  # fmt: skip
def test_source_is_read_as_python_reads_it(data: bytes) -> None:
    text = decoded(data)
    ours: dict[str, object] = {}
    pythons: dict[str, object] = {}
    exec(text, ours)
    exec(data, pythons)
    assert ours["name"] == pythons["name"]
    assert "\r" not in text and not text.startswith("\ufeff")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a = 1\nb = '\xe9'\n", "line 2: expected utf-8 text, got byte 0xe9"),
        (b"a = 1\n\nc = 3\nb = '\xe9'\n", "line 4: expected utf-8 text, got byte 0xe9"),
        (b"# coding: ascii\n\n\xc3\xa9", "line 3: expected ascii text, got byte 0xc3"),
        (b"# coding: klingon\n", "unknown encoding: klingon"),
        (b"# coding: rot13\n", "line 1: expected Python text"),
        ("name = 1".encode("utf-16"), "line 1: expected Python text"),
    ],
)
def test_what_is_not_what_it_declares_is_refused_with_its_line(data: bytes, said: str) -> None:
    with pytest.raises(CodeError, match=said) as caught:
        decoded(data)
    assert caught.value.remedy == "Save the file as UTF-8."


def test_only_newlines_end_lines() -> None:
    assert lines("a\x0c\u2028b\nc") == ["a\x0c\u2028b\n", "c"]
    assert text_of("\ufeffa\r\nb\rc") == "a\nb\nc"
