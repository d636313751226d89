"""The GGUF header: what is read from a good file, and what is said of a bad one."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent_tui.errors import ModelError
from mlagent_tui.llm.gguf import read_header
from tests.tiny_gguf import TEMPLATE, make


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("model") / "tiny.gguf", context=1234)


def test_the_header_tells_name_context_and_template(tiny: Path) -> None:
    header = read_header(tiny)
    assert (header.name, header.architecture, header.context_length) == ("tiny", "llama", 1234)
    assert header.chat_template == TEMPLATE


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04 something else", "is not a GGUF file"),
        (b"GGUF" + struct.pack("<I", 99), "version 99"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1, 2**40), "damaged"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1, 1), "truncated or damaged"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**60), "truncated or damaged"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 0), "no language model"),
    ],
)
def test_a_file_that_is_no_model_is_named_with_a_remedy(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=said) as caught:
        read_header(path)
    assert str(path) in caught.value.what
    assert caught.value.remedy


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no file"):
        read_header(tmp_path / "none.gguf")
    with pytest.raises(ModelError, match="is a folder"):
        read_header(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_named(tmp_path: Path, tiny: Path) -> None:
    path = tmp_path / "secret.gguf"
    path.write_bytes(tiny.read_bytes())
    path.chmod(0)
    with pytest.raises(ModelError, match="cannot read"):
        read_header(path)


@given(share=st.floats(0, 0.9))
def test_a_file_cut_anywhere_is_refused(
    tiny: Path, tmp_path_factory: pytest.TempPathFactory, share: float
) -> None:
    path = tmp_path_factory.mktemp("cut") / "cut.gguf"
    path.write_bytes(tiny.read_bytes()[: int(share * tiny.stat().st_size)])
    with pytest.raises(ModelError):
        read_header(path)


@given(data=st.data())
def test_a_header_with_any_bytes_changed_is_read_or_refused(
    tiny: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(tiny.read_bytes())
    for at in data.draw(st.lists(st.integers(4, 2000), min_size=1, max_size=8)):
        content[at] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("changed") / "changed.gguf"
    path.write_bytes(content)
    try:
        read_header(path)
    except ModelError as error:
        assert error.remedy


def test_a_split_model_needs_all_its_parts(tmp_path: Path, tiny: Path) -> None:
    content = tiny.read_bytes()
    count = struct.unpack_from("<Q", content, 16)[0]
    entry = struct.pack("<Q", 11) + b"split.count" + struct.pack("<IH", 2, 2)
    split = content[:16] + struct.pack("<Q", count + 1) + entry + content[24:]
    first, second = (tmp_path / f"big-0000{n}-of-00002.gguf" for n in (1, 2))
    first.write_bytes(split)
    with pytest.raises(ModelError, match="lacks big-00002-of-00002"):
        read_header(first)
    second.write_bytes(split)
    assert read_header(first).name == "tiny"
    with pytest.raises(ModelError, match="not the first"):
        read_header(second)
