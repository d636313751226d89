"""The GGUF header: what is read from a good file, and what is said of a bad one."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent_tui.errors import ModelError
from mlagent_tui.llm.gguf import MANY_ITEMS, Header, Weights, is_gguf, read_header
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


def _with_entries(path: Path, tiny: Path, entries: dict[str, bytes]) -> Path:
    """A copy of `tiny` with more metadata; each value begins with its type."""
    content = tiny.read_bytes()
    count = struct.unpack_from("<Q", content, 16)[0]
    more = b"".join(struct.pack("<Q", len(key)) + key.encode() + value for key, value in entries.items())
    body = content[24:]
    gap = (-len(more)) % 32  # the weights stay aligned
    if gap:
        filler = (
            struct.pack("<Q", 1) + b"x" + struct.pack("<IIQ", 9, 0, (gap - 25) % 32) + bytes((gap - 25) % 32)
        )
        more, count = more + filler, count + 1
    path.write_bytes(content[:16] + struct.pack("<Q", count + len(entries)) + more + body)
    return path


def test_a_split_model_needs_all_its_parts(tmp_path: Path, tiny: Path) -> None:
    split = {"split.count": struct.pack("<IH", 2, 2)}
    first = _with_entries(tmp_path / "big-00001-of-00002.gguf", tiny, split)
    with pytest.raises(ModelError, match="does not contain big-00002-of-00002"):
        read_header(first)
    second = _with_entries(tmp_path / "big-00002-of-00002.gguf", tiny, split)
    assert read_header(first).name == "tiny"
    with pytest.raises(ModelError, match="not the first"):
        read_header(second)


def test_what_a_model_weighs_is_counted_from_its_tensors(tiny: Path) -> None:
    header = read_header(tiny)
    vocabulary = 5 + 256 + 95 + 12
    assert header.weights.parameters == 32 * (vocabulary + 1) + 2 * (2 * 32 + 4 * 32 * 32 + 3 * 64 * 32)
    assert header.weights.bytes == 4 * header.weights.parameters == header.bytes_per_token
    assert header.quantisation == "F32"
    assert header.size == tiny.stat().st_size
    assert header.layers == 2
    assert header.kv_bytes(10) == 10 * 2 * 2 * (16 + 16) * 2  # tokens, layers, heads, widths, bytes


def test_the_file_type_of_the_header_names_the_quantisation(tmp_path: Path, tiny: Path) -> None:
    path = _with_entries(tmp_path / "q.gguf", tiny, {"general.file_type": struct.pack("<II", 4, 15)})
    assert read_header(path).quantisation == "Q4_K_M"


def test_short_arrays_of_numbers_are_kept_and_long_ones_are_not(tmp_path: Path, tiny: Path) -> None:
    entries = {
        "llama.attention.head_count_kv": struct.pack("<IIQ2i", 9, 5, 2, 2, 0),
        "llama.long": struct.pack("<IIQ", 9, 5, 2000) + bytes(8000),
    }
    header = read_header(_with_entries(tmp_path / "a.gguf", tiny, entries))
    assert "llama.long" not in header.metadata
    assert "tokenizer.ggml.tokens" not in header.metadata


@pytest.mark.parametrize("value", [struct.pack("<IQ", 8, 3) + b"abc", struct.pack("<If", 6, float("nan"))])
@pytest.mark.parametrize("key", ["context_length", "block_count", "attention.key_length"])
def test_a_value_of_the_wrong_type_counts_as_not_said(key: str, value: bytes) -> None:
    said = "abc" if value[0] == 8 else float("nan")
    header = Header(Path("x"), {"general.architecture": "llama", f"llama.{key}": said})
    assert (header.context_length, header.layers, header.kv_bytes(100)) == (0, 0, 0)


def _text(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


@given(seed=st.integers(0, 2**32), odd=st.sampled_from([0.0, 0.0001, 0.01, 0.9]))
def test_whatever_texts_a_vocabulary_holds_what_stands_after_it_is_found(
    tmp_path_factory: pytest.TempPathFactory, seed: int, odd: float
) -> None:
    random = Random(seed)

    def some_text() -> bytes:
        if random.random() >= odd:
            return bytes(random.choices(b"abc \xc3\xa9", k=random.randint(1, 30)))
        return random.choice(
            (b"", bytes(random.randint(1, 40)), b"x\0\0\0\0\0\0\0y", bytes(300), b"long" * 99)
        )

    count = random.randint(1, 4 * MANY_ITEMS)
    texts = b"".join(_text(some_text()) for _ in range(count))
    path = tmp_path_factory.mktemp("texts") / "texts.gguf"
    path.write_bytes(
        b"GGUF" + struct.pack("<IQQ", 3, 0, 3)
        + _text(b"general.architecture") + struct.pack("<I", 8) + _text(b"llama")
        + _text(b"tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, count) + texts
        + _text(b"llama.context_length") + struct.pack("<II", 4, 77)
    )  # fmt: skip
    assert read_header(path).context_length == 77


@given(data=st.data())
def test_a_long_vocabulary_with_any_bytes_changed_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    texts = b"".join(_text(b"w%d" % number) for number in range(2 * MANY_ITEMS))
    content = bytearray(
        b"GGUF" + struct.pack("<IQQ", 3, 0, 2)
        + _text(b"general.architecture") + struct.pack("<I", 8) + _text(b"llama")
        + _text(b"tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 2 * MANY_ITEMS) + texts
    )  # fmt: skip
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(24, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("changed") / "changed.gguf"
    path.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    try:
        read_header(path)
    except ModelError as error:
        assert error.remedy


def test_of_experts_only_the_share_in_use_is_read_for_each_token() -> None:
    weights = Weights(parameters=100, bytes=1000, expert_bytes=800, input_bytes=50)
    said = {"general.architecture": "moe", "moe.expert_count": 8, "moe.expert_used_count": 2}
    assert Header(Path("x"), said, weights).bytes_per_token == 1000 - 50 - 600


@pytest.mark.parametrize("name", ["", "C:\\models\\x", "/tmp/x", "0123456789abcdef" * 2])
def test_a_path_or_a_hash_is_no_name(name: str) -> None:
    assert Header(Path("good-7b.gguf"), {"general.name": name}).name == "good-7b"


def test_a_split_model_is_weighed_with_all_its_parts(tmp_path: Path, tiny: Path) -> None:
    split = {"split.count": struct.pack("<IH", 2, 2)}
    first = _with_entries(tmp_path / "big-00001-of-00002.gguf", tiny, split)
    second = _with_entries(tmp_path / "big-00002-of-00002.gguf", tiny, split)
    header, whole = read_header(first), read_header(tiny)
    assert header.parts == (first, second)
    assert header.weights.parameters == 2 * whole.weights.parameters
    assert header.size == first.stat().st_size + second.stat().st_size


def test_a_gguf_is_known_by_its_first_bytes_whatever_its_name(tmp_path: Path, tiny: Path) -> None:
    blob = tmp_path / "sha256-12ab"
    blob.write_bytes(tiny.read_bytes()[:100])
    assert is_gguf(blob)
    assert not is_gguf(tmp_path)
    assert not is_gguf(tmp_path / "none")
