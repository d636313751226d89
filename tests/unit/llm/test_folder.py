"""Folders of Hugging Face weights: what is read from good ones, and what is said of bad ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from mlagent_tui.errors import ModelError
from mlagent_tui.llm.folder import is_model_folder, read_folder

CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64, "num_hidden_layers": 3,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 2048,
}  # fmt: skip


def folder(path: Path, **changes: Any) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.json").write_text(json.dumps(CONFIG | changes))
    save_file({"a": np.zeros((10, 20), np.float16)}, path / "model-00001-of-00002.safetensors")
    save_file({"b": np.zeros(7, np.float32)}, path / "model-00002-of-00002.safetensors")
    return path


def test_a_folder_tells_its_family_parameters_and_cache(tmp_path: Path) -> None:
    found = read_folder(folder(tmp_path / "tiny"))
    assert (found.name, found.architecture, found.quantisation) == ("tiny", "llama", "F16")
    assert found.parameters == 207
    assert found.size == sum(file.stat().st_size for file in found.path.glob("*.safetensors"))
    assert (found.context_length, found.layers) == (2048, 3)
    assert found.kv_bytes(5) == 2 * 5 * 3 * 2 * 16 * 2


def test_what_a_model_of_text_and_images_says_of_its_text_is_found(tmp_path: Path) -> None:
    inner = {"max_position_embeddings": 77, "num_hidden_layers": 5}
    path = folder(tmp_path, text_config=inner, max_position_embeddings=None, num_hidden_layers=None)
    assert (read_folder(path).context_length, read_folder(path).layers) == (77, 5)


def test_in_the_hugging_face_cache_the_name_is_the_repository(tmp_path: Path) -> None:
    path = folder(tmp_path / "models--org--some-model" / "snapshots" / "abc")
    assert read_folder(path).name == "org/some-model"


def test_a_quantised_folder_names_its_method(tmp_path: Path) -> None:
    path = folder(tmp_path, quantization_config={"quant_method": "gptq"})
    assert read_folder(path).quantisation == "gptq"


def test_pickled_weights_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    assert not is_model_folder(tmp_path)
    with pytest.raises(ModelError, match="has no") as caught:
        read_folder(tmp_path)
    assert "code" in caught.value.remedy


def test_a_model_that_writes_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="BertModel"):
        read_folder(folder(tmp_path, architectures=["BertModel"]))


@pytest.mark.parametrize("config", ["", "[]", "{", "[" * 100_000, "\0"])
def test_a_damaged_configuration_is_named(tmp_path: Path, config: str) -> None:
    (folder(tmp_path) / "config.json").write_text(config)
    with pytest.raises(ModelError, match="damaged") as caught:
        read_folder(tmp_path)
    assert "config.json" in caught.value.what


def test_a_missing_configuration_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        b"\xff" * 8 + b"{}",
        (2).to_bytes(8, "little") + b"{]",
        (2).to_bytes(8, "little") + b"[]",
        (8).to_bytes(8, "little") + b'{"a": 1}',
    ],
)
def test_damaged_weights_are_named(tmp_path: Path, content: bytes) -> None:
    (folder(tmp_path) / "model-00001-of-00002.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="damaged") as caught:
        read_folder(tmp_path)
    assert "model-00001" in caught.value.what


def test_truncated_weights_are_named(tmp_path: Path) -> None:
    file = folder(tmp_path) / "model-00001-of-00002.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ModelError, match="truncated"):
        read_folder(tmp_path)
