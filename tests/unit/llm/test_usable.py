"""Files that are no language model, or not all of one: one sentence and the right way, before any loading."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from safetensors.numpy import save_file

from mlagent_tui.errors import ModelError
from mlagent_tui.llm import catalog, check_spec, open_model, usable
from mlagent_tui.llm.gguf import read_header
from mlagent_tui.llm.machine import Machine
from mlagent_tui.llm.places import Found
from tests.tiny_gguf import make
from tests.unit.llm.test_folder import CONFIG, folder

MACHINE = Machine(memory=16 * 10**9, available=10**10, bandwidth=4e10)
TYPES = gguf.GGUFValueType
Metadata = dict[str, gguf.GGUFValue]
Made = Callable[[Path], Path]
"""Makes a file or folder in an empty folder, and returns it."""


def written(path: Path, architecture: str, *, weights: bool = True, **metadata: Any) -> Path:
    """A GGUF that is whole and has little in it; `a__b` in a name stands for `a.b`."""
    writer = gguf.GGUFWriter(str(path), architecture)
    for name, value in metadata.items():
        writer.add_key_value(name.replace("__", "."), value, TYPES.get_type(value))
    if weights:
        writer.add_tensor("token_embd.weight", np.ones((32, 32), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def with_metadata(**values: Any) -> Made:
    """The tiny model, with other metadata; None removes."""

    def alter(metadata: Metadata) -> None:
        for name, value in values.items():
            key = name.replace("__", ".")
            metadata.pop(key, None)
            if value is not None:
                kind = TYPES.UINT32 if type(value) is int else TYPES.get_type(value)
                metadata[key] = gguf.GGUFValue(value, kind)

    return lambda place: make(place / "model.gguf", alter=alter)


def file(name: str, content: bytes) -> Made:
    def made(place: Path) -> Path:
        (place / name).write_bytes(content)
        return place / name

    return made


def weights(**changes: Any) -> Made:
    return lambda place: folder(place / "weights", **changes)


def without(*names: str) -> Made:
    def made(place: Path) -> Path:
        path = complete(place)
        for name in names:
            (path / name).unlink()
        return path

    return made


def complete(place: Path) -> Path:
    """A folder with an index of its two parts."""
    path = folder(place / "weights")
    names = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))
    (path / "tokenizer.json").write_text("{}")
    return path


def pickles(place: Path) -> Path:
    path = place / "weights"
    path.mkdir()
    (path / "config.json").write_text(json.dumps(CONFIG))
    (path / "pytorch_model-00001-of-00002.bin").write_bytes(b"PK\x03\x04")
    return path


def peft(place: Path) -> Path:
    path = place / "adapter"
    path.mkdir()
    (path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "org/Some-7B"}))
    save_file({"a": np.zeros(3, np.float32)}, path / "adapter_model.safetensors")
    return path


def images(place: Path) -> Path:
    (place / "model_index.json").write_text("{}")
    return place


def embedding_folder(place: Path) -> Path:
    path = complete(place)
    (path / "modules.json").write_text("[]")
    return path


def pointer_folder(place: Path) -> Path:
    path = complete(place)
    (path / "model-00001-of-00002.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    return path


def cache_repository(place: Path) -> Path:
    folder(place / "models--org--m" / "snapshots" / "12ab")
    return place / "models--org--m"


def quantisations(place: Path) -> Path:
    for name in ("m-Q4_K_M.gguf", "m-Q8_0.gguf"):
        make(place / name)
    return place


def cut(place: Path) -> Path:
    whole = make(place / "model.gguf")
    whole.write_bytes(whole.read_bytes()[:-1])
    return whole


def split(place: Path) -> list[Path]:
    """The tiny model in parts, as gguf-split makes them: only the first says what it is."""
    whole = gguf.GGUFReader(make(place / "whole.gguf"))
    count, third = 3, len(whole.tensors) // 3 + 1
    made = []
    for part in range(count):
        path = place / f"big-0000{part + 1}-of-0000{count}.gguf"
        writer = gguf.GGUFWriter(str(path), "llama")
        if part:
            writer.kv_data[0].clear()
        else:
            for field in whole.fields.values():
                if not field.name.startswith(("GGUF.", "general.architecture")):
                    inner = field.types[-1] if len(field.types) > 1 else None
                    writer.add_key_value(field.name, field.contents(), field.types[0], inner)
        writer.add_uint16("split.no", part)
        writer.add_uint16("split.count", count)
        writer.add_int32("split.tensors.count", len(whole.tensors))
        for tensor in whole.tensors[part * third : (part + 1) * third]:
            writer.add_tensor(tensor.name, tensor.data)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        made.append(path)
    (place / "whole.gguf").unlink()
    return made


WRONG: dict[str, tuple[Made, str, str]] = {
    "a projector by its type": (
        lambda place: written(place / "p.gguf", "clip", general__type="mmproj"),
        "is a vision projector (mmproj)",
        "Choose the .gguf file",
    ),
    "a projector of old": (
        lambda place: written(place / "p.gguf", "clip"),
        "is a vision projector",
        "Choose",
    ),
    "an embedding architecture": (
        lambda place: written(place / "e.gguf", "nomic-bert"),
        "is an embedding model",
        "Choose",
    ),
    "an encoder": (
        lambda place: written(place / "e.gguf", "t5encoder"),
        "is an embedding model",
        "Choose",
    ),
    "a decoder that embeds": (with_metadata(llama__pooling_type=3), "is an embedding model", "Choose"),
    "a decoder that ranks": (with_metadata(llama__pooling_type=4), "is a reranking model", "Choose"),
    "a ranking encoder": (
        lambda place: written(place / "e.gguf", "bert", bert__pooling_type=4),
        "is a reranking model",
        "Choose",
    ),
    "not from left to right": (
        with_metadata(llama__attention__causal=False),
        "does not write a text from left to right",
        "Choose",
    ),
    "an encoder-decoder": (
        lambda place: written(place / "t.gguf", "t5"),
        "is an encoder-decoder model",
        "Choose",
    ),
    "a speech model's part": (
        lambda place: written(place / "w.gguf", "wavtokenizer-dec"),
        "is a part of a speech model",
        "Choose",
    ),
    "an adapter": (
        lambda place: written(
            place / "l.gguf", "llama", general__type="adapter", general__base_model__0__name="Llama 3.2"
        ),
        "is a LoRA adapter of Llama 3.2, which only changes another model",
        "Merge it",
    ),
    "an adapter of old": (
        lambda place: written(place / "l.gguf", "llama", adapter__type="lora"),
        "is a LoRA adapter, which",
        "Merge it",
    ),
    "an importance matrix": (
        lambda place: written(place / "i.gguf", "", general__type="imatrix"),
        "is an importance matrix",
        "Choose",
    ),
    "a vocabulary": (
        lambda place: written(place / "v.gguf", "llama", weights=False, tokenizer__ggml__model="gpt2"),
        "contains a vocabulary but no weights",
        "Choose",
    ),
    "nothing": (
        lambda place: written(place / "n.gguf", "", weights=False),
        "does not contain a language model",
        "Choose",
    ),
    "newer than llama.cpp": (
        with_metadata(general__architecture="brandnew9"),
        "has the architecture 'brandnew9', which is not known to the llama.cpp of llama-cpp-python",
        "update llama-cpp-python",
    ),
    "no tokenizer": (with_metadata(tokenizer__ggml__model=None), "has no tokenizer", "Convert"),
    "cut by a byte": (cut, "is truncated: it has", "download the file again"),
    "a pointer": (
        file("m.gguf", b"version https://git-lfs.github.com/spec/v1\noid sha256:12\n"),
        "Git LFS has left a pointer",
        "git lfs pull",
    ),
    "a web page": (file("m.gguf", b"\n<!DOCTYPE html><html>"), "is a web page", "Download"),
    "old ggml": (file("m.bin", b"tjgg\3\0\0\0"), "in an old format of llama.cpp", "convert"),
    "safetensors": (
        file("model.safetensors", (50).to_bytes(8, "little") + b'{"__metadata__": {}}'),
        "is a file of safetensors weights",
        "Name the folder",
    ),
    "a pickle": (file("pytorch_model.bin", b"PK\x03\x04"), "a PyTorch pickle", "Choose"),
    "an archive": (file("m.zip", b"PK\x03\x04"), "an archive", "Choose"),
    "a folder of pickles": (pickles, "only PyTorch pickles: pytorch_model-00001-of-00002.bin", "safetensors"),
    "a part missing by the index": (
        without("model-00002-of-00002.safetensors"),
        "does not contain model-00002-of-00002.safetensors: 1 of 2 parts of the model is missing",
        "all parts in one folder",
    ),
    "a part missing by the names": (
        without("model-00001-of-00002.safetensors", "model.safetensors.index.json"),
        "does not contain model-00001-of-00002.safetensors: 1 of 2 parts",
        "all parts in one folder",
    ),
    "no tokenizer in a folder": (weights(), "has no tokenizer.json", "save_pretrained"),
    "an encoder-decoder's folder": (
        weights(is_encoder_decoder=True, architectures=["BartForConditionalGeneration"]),
        "is an encoder-decoder model",
        "Choose",
    ),
    "an embedding folder": (embedding_folder, "is an embedding model (sentence-transformers)", "Choose"),
    "an adapter's folder": (peft, "is a LoRA adapter of org/Some-7B", "Merge it"),
    "an image model's folder": (images, "is a model that makes images", "Choose"),
    "pointers in a folder": (pointer_folder, "Git LFS has left a pointer", "git lfs pull"),
    "a repository of the cache": (cache_repository, "is a repository of the Hugging Face cache", "12ab"),
    "an empty folder": (lambda place: place, "there is no", "Name a .gguf file"),
    "a folder of several": (
        quantisations,
        "contains 2 models: m-Q4_K_M.gguf, m-Q8_0.gguf",
        "Name one, such as",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_one_sentence_and_the_right_way_wherever_it_is_named(
    name: str, tmp_path: Path
) -> None:
    made, said, remedy = WRONG[name]
    place = tmp_path / "place"
    place.mkdir()
    path = made(place)
    told = []
    for ask in (check_spec, open_model, lambda spec: catalog.describe(Path(spec), MACHINE)):
        with pytest.raises(ModelError) as caught:
            ask(str(path))
        told.append((caught.value.what, caught.value.remedy))
    assert told[0] == told[1] == told[2]
    what, way = told[0]
    assert said in what and remedy in way, told[0]
    assert str(path) in what or str(path.parent) in what
    assert "\n" not in what and not what.endswith(".")


def test_the_listing_says_the_same(tmp_path: Path) -> None:
    path = written(tmp_path / "l.gguf", "llama", general__type="adapter")
    entry = catalog.entries([Found(path, "settings")], MACHINE, tmp_path / "memory.json")[0]
    assert entry.facts.problem == f"{path} is a LoRA adapter, which only changes another model"


def test_a_problem_that_was_mended_is_not_remembered(tmp_path: Path) -> None:
    """A part that was missing changes nothing of the first part, by which facts are remembered."""
    parts, memory = split(tmp_path), tmp_path / "memory.json"
    parts[1].rename(tmp_path / "aside")
    assert "is missing" in catalog.entries([Found(parts[0], "")], MACHINE, memory)[0].facts.problem
    (tmp_path / "aside").rename(parts[1])
    assert catalog.entries([Found(parts[0], "")], MACHINE, memory)[0].facts.problem == ""


def test_the_model_beside_a_projector_is_named(tmp_path: Path) -> None:
    model = make(tmp_path / "gemma-3-4b.gguf")
    with pytest.raises(ModelError) as caught:
        check_spec(str(written(tmp_path / "mmproj-F16.gguf", "clip", general__type="mmproj")))
    assert caught.value.remedy == f"Name the language model instead: {model}."


def test_a_folder_with_one_model_means_that_model(tmp_path: Path) -> None:
    model = make(tmp_path / "model.gguf")
    written(tmp_path / "mmproj-F16.gguf", "clip", general__type="mmproj")
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    check_spec(str(tmp_path))
    assert usable.meant(tmp_path) == model
    assert catalog.describe(tmp_path, MACHINE).spec == str(model)


def test_a_folder_of_weights_means_itself_whatever_lies_beside_them(tmp_path: Path) -> None:
    path = complete(tmp_path)
    make(path / "model.gguf")
    assert usable.meant(path) == path
    check_spec(str(path))


def test_of_a_split_model_any_part_means_the_first_and_a_missing_one_is_named(tmp_path: Path) -> None:
    parts = split(tmp_path)
    assert usable.meant(parts[2]) == usable.meant(tmp_path) == parts[0]
    whole = read_header(parts[0])
    assert whole.parts == tuple(parts)
    assert whole.weights.parameters > max(read_header(parts[0]).weights.parameters // 3, 1)
    for part in parts:
        check_spec(str(part))
        assert catalog.describe(part, MACHINE).facts.parameters == whole.weights.parameters
    for missing in (1, 0):
        aside = parts[missing].rename(tmp_path / "aside")
        with pytest.raises(ModelError) as caught:
            check_spec(str(parts[2]))
        assert f"does not contain {parts[missing].name}: 1 of 3 parts" in caught.value.what
        aside.rename(parts[missing])


def test_a_part_under_another_name_says_what_the_names_should_be(tmp_path: Path) -> None:
    odd = split(tmp_path)[0].rename(tmp_path / "model.gguf")
    with pytest.raises(ModelError) as caught:
        check_spec(str(odd))
    assert "is one of 3 parts, under another name" in caught.value.what
    assert "-00001-of-00003.gguf" in caught.value.remedy


@pytest.mark.parametrize(
    "names",
    [
        ("m.gguf.part1of2", "m.gguf.part2of2"),
        ("m.gguf-split-a", "m.gguf-split-b"),
        ("m.gguf.001", "m.gguf.002"),
        ("m.gguf.part-aa", "m.gguf.part-ab"),
    ],
)
def test_a_file_that_was_cut_up_is_to_be_joined(names: tuple[str, str], tmp_path: Path) -> None:
    whole = make(tmp_path / "m.gguf").read_bytes()
    (tmp_path / "m.gguf").unlink()
    for name, content in zip(names, (whole[:9000], whole[9000:]), strict=True):
        (tmp_path / name).write_bytes(content)
    for name in names:
        with pytest.raises(ModelError) as caught:
            check_spec(str(tmp_path / name))
        assert caught.value.what == f"{tmp_path / name} is one of 2 pieces of m.gguf"
        assert caught.value.remedy.endswith(f"cat {names[0]} {names[1]} > m.gguf")


def test_a_lone_piece_and_a_compressed_file_are_told_apart(tmp_path: Path) -> None:
    lone = tmp_path / "m.gguf.part2of4"
    lone.write_bytes(b"anything")
    with pytest.raises(ModelError, match=r"is a piece of m\.gguf, and no other piece is beside it"):
        check_spec(str(lone))
    packed = tmp_path / "m.gguf.gz"
    packed.write_bytes(b"\x1f\x8b\x08\0")
    with pytest.raises(ModelError, match="is not a GGUF file but an archive"):
        check_spec(str(packed))


def test_a_whole_file_may_have_any_name(tmp_path: Path) -> None:
    path = make(tmp_path / "model.gguf")
    for name in ("model.gguf.1", "sha256-12ab", "model (1).gguf", "mmproj.gguf"):
        shutil.copy(path, tmp_path / name)
        check_spec(str(tmp_path / name))


@pytest.mark.parametrize(
    "architecture", ["llama", "qwen2", "qwen3", "gemma3", "phi3", "mistral3", "gpt-oss", "smollm3", "mamba"]
)
def test_the_architectures_of_well_known_families_are_known(architecture: str) -> None:
    assert usable.is_known(architecture)


def test_a_tensor_of_a_type_newer_than_the_table_is_no_truncated_file(tmp_path: Path) -> None:
    path = written(tmp_path / "n.gguf", "llama", tokenizer__ggml__model="gpt2")
    content = bytearray(path.read_bytes())
    at = content.index(b"token_embd.weight") + 17 + 4 + 2 * 8
    content[at : at + 4] = (99).to_bytes(4, "little")
    path.write_bytes(content)
    assert read_header(path).quantisation == "type 99"
