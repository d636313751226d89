"""Reads what a folder of Hugging Face weights says of itself: its configuration and its weights' headers.

Formats: https://huggingface.co/docs/safetensors, and the `config.json` of transformers. Nothing is loaded.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlagent_tui.errors import ModelError
from mlagent_tui.files import explain, open_plain, read_plain
from mlagent_tui.llm import parts
from mlagent_tui.llm.formats import POINTER

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
SAFETENSORS = "Use weights in safetensors format, or a .gguf file."
MAX_JSON = 100_000_000
"""Bytes of a header: the limit of the format itself."""

_BITS = {
    "F64": 64,
    "I64": 64,
    "F32": 32,
    "I32": 32,
    "U32": 32,
    "F16": 16,
    "BF16": 16,
    "I16": 16,
    "I8": 8,
    "U8": 8,
}


@dataclass(frozen=True)
class Folder:
    """What a folder of weights says about itself."""

    path: Path
    config: Mapping[str, Any] = field(repr=False)
    files: tuple[Path, ...] = ()
    parameters: int = 0
    dtype: str = ""
    has_chat_template: bool = False

    @property
    def architecture(self) -> str:
        """`qwen3`: transformers' own word."""
        return str(self.config.get("model_type", ""))

    @property
    def name(self) -> str:
        """The folder's, or, in the Hugging Face cache, the repository's."""
        for parent in (self.path, *self.path.parents):
            if parent.name.startswith("models--"):
                return parent.name.removeprefix("models--").replace("--", "/")
        return self.path.name

    @property
    def size(self) -> int:
        """Bytes of the weights."""
        return sum(file.stat().st_size for file in self.files)

    @property
    def quantisation(self) -> str:
        """`BF16`, or the method that quantised the weights."""
        method = self.config.get("quantization_config")
        return str(method.get("quant_method", "quantised")) if isinstance(method, dict) else self.dtype

    @property
    def context_length(self) -> int:
        """Tokens the model was trained for; 0 when not said."""
        return self._number("max_position_embeddings")

    @property
    def bytes_per_token(self) -> int:
        """Bytes of weights that writing one token reads, experts not considered."""
        return self.size

    @property
    def layers(self) -> int:
        """Blocks of the network; 0 when not said."""
        return self._number("num_hidden_layers")

    def kv_bytes(self, context: int, bytes_per_value: float = 2.0) -> int:
        """Memory of `context` tokens in all layers; 0 when the configuration does not tell."""
        heads = self._number("num_attention_heads")
        width = self._number("head_dim") or (self._number("hidden_size") // heads if heads else 0)
        return int(
            2
            * context
            * self.layers
            * (self._number("num_key_value_heads") or heads)
            * width
            * bytes_per_value
        )

    def _number(self, key: str) -> int:
        inner = self.config.get("text_config")
        for part in (self.config, inner if isinstance(inner, dict) else {}):
            value = part.get(key)
            if isinstance(value, int) and 0 <= value < 2**48:
                return value
        return 0


def is_model_folder(path: Path) -> bool:
    """Whether there are a configuration and weights as safetensors."""
    return os.path.isfile(path / "config.json") and bool(_weight_files(path))


def read_folder(path: Path) -> Folder:
    """What the folder says. Raises `ModelError` where something is missing, damaged, or no language model."""
    files = _weight_files(path)
    if not files:
        _refuse_other(path)
    config = _json(path / "config.json")
    if not files:
        raise ModelError(f"{path} has no .safetensors files", SAFETENSORS)
    _check_parts(path, files)
    if os.path.isfile(path / "modules.json") or os.path.isdir(path / "1_Pooling"):
        raise ModelError(
            f"{path} is an embedding model (sentence-transformers), which cannot write text",
            "Choose a chat model.",
        )
    if config.get("is_encoder_decoder") is True:
        raise ModelError(
            f"{path} is an encoder-decoder model, which is not supported", "Choose a chat model."
        )
    names = config.get("architectures")
    said = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    if said and not any(name.endswith(("ForCausalLM", "ForConditionalGeneration")) for name in said):
        raise ModelError(
            f"{path} is not a language model that can write text: {', '.join(said)}", "Choose a chat model."
        )
    types: Counter[str] = Counter()
    for file in files:
        types += _weights(file)
    dtype = max(types, key=lambda name: types[name] * _BITS.get(name, 8), default="")
    return Folder(path, config, files, sum(types.values()), dtype, _has_chat_template(path))


def _weight_files(path: Path) -> tuple[Path, ...]:
    """The files of a model's own weights; those of an adapter are no model."""
    return tuple(sorted(file for file in path.glob("*.safetensors") if not file.name.startswith("adapter_")))


def _refuse_other(path: Path) -> None:
    """Raises `ModelError` for a folder of something else than a model's weights as safetensors, if known."""
    if os.path.isfile(path / "adapter_config.json"):
        base = _json(path / "adapter_config.json").get("base_model_name_or_path")
        of = f" of {base[:100]}" if isinstance(base, str) and base.strip() else ""
        raise ModelError(
            f"{path} is a LoRA adapter{of}, which only changes another model",
            "Merge it into its model (merge_and_unload of PEFT), save that, and name its folder.",
        )
    if os.path.isfile(path / "model_index.json"):
        raise ModelError(f"{path} is a model that makes images", "Choose a chat model.")
    if pickles := sorted(file.name for kind in PICKLES for file in path.glob(f"*{kind}")):
        raise ModelError(
            f"{path} has no .safetensors files, only PyTorch pickles: {parts.listed(pickles)}",
            f"A pickle can run code when it is loaded, so none is read. {SAFETENSORS}",
        )
    if snapshots := sorted((path / "snapshots").glob("*/config.json")):
        raise ModelError(
            f"{path} is a repository of the Hugging Face cache",
            f"Name a folder in it: {snapshots[0].parent}.",
        )


def _check_parts(path: Path, files: Sequence[Path]) -> None:
    """Raises `ModelError` naming the parts that are missing, by the index or by the names of the others."""
    index = path / "model.safetensors.index.json"
    wanted = {name for file in files for name in parts.names(file.name)}
    if os.path.isfile(index):
        said = _json(index).get("weight_map")
        named = {name for name in said.values() if isinstance(name, str)} if isinstance(said, dict) else set()
        wanted = named or wanted
    parts.check(path / index.name, sorted(wanted))


def _has_chat_template(path: Path) -> bool:
    """Whether its tokenizer knows one: in a file of its own, or in the tokenizer's configuration."""
    if os.path.isfile(path / "chat_template.jinja"):
        return True
    try:
        return bool(_json(path / "tokenizer_config.json").get("chat_template"))
    except ModelError:
        return False


def _weights(file: Path) -> Counter[str]:
    """Parameters by type, from the header of one file."""
    types: Counter[str] = Counter()
    try:
        with open_plain(file) as opened:
            begin = opened.read(len(POINTER))
            if begin == POINTER:
                raise ModelError(
                    f"{file} is not weights: Git LFS has left a pointer in their place",
                    "Fetch the files themselves: git lfs pull.",
                )
            opened.seek(0)
            (size,) = struct.unpack("<Q", opened.read(8))
            if size > MAX_JSON:
                raise ValueError("a header too long")
            header = json.loads(opened.read(size))
        for name, tensor in header.items():
            if name != "__metadata__":
                types[str(tensor["dtype"])] += math.prod(int(length) for length in tensor["shape"])
        end = (
            8
            + size
            + max((t["data_offsets"][1] for n, t in header.items() if n != "__metadata__"), default=0)
        )
    except OSError as error:
        what, remedy = explain(error)
        raise ModelError(f"cannot read {file}: {what}", remedy or "Check the disk.") from error
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        LookupError,
        struct.error,
        RecursionError,
    ) as error:
        raise ModelError(f"{file} is damaged: its header cannot be read", "Copy the folder again.") from error
    if end > file.stat().st_size:
        raise ModelError(f"{file} is truncated", "Copy the folder again.")
    return types


def _json(file: Path) -> Mapping[str, Any]:
    try:
        value = json.loads(read_plain(file, MAX_JSON))
    except FileNotFoundError as error:
        raise ModelError(
            f"there is no {file}",
            "Name a .gguf file, or a folder with config.json and weights as safetensors.",
        ) from error
    except OSError as error:
        what, remedy = explain(error)
        raise ModelError(f"cannot read {file}: {what}", remedy or "Check the disk.") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{file} is damaged", "Copy the folder again.") from error
    if not isinstance(value, dict):
        raise ModelError(f"{file} is damaged", "Copy the folder again.")
    return value
