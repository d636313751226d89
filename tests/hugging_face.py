"""Writes a GGUF of Minnow's kind again as a folder of Hugging Face weights, its tokens split the same way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers

from minnow.export import CHAT_TEMPLATE, restore
from minnow.network import Minnow
from minnow.tokenizer import END, FIRST_PIECE, SPECIALS, Pieces

_NAMES = {
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
    "q": "self_attn.q_proj", "k": "self_attn.k_proj", "v": "self_attn.v_proj", "out": "self_attn.o_proj",
    "gate": "mlp.gate_proj", "up": "mlp.up_proj", "down": "mlp.down_proj",
}  # fmt: skip


def convert(gguf: Path, folder: Path, *, template: str = CHAT_TEMPLATE, **config: Any) -> Path:
    """`folder` with the weights of `gguf`; `config` overrides what the configuration says."""
    model, pieces = restore(gguf)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(_weights(model), folder / "model.safetensors", metadata={"format": "pt"})
    _write(folder / "config.json", _config(model) | config)
    _write(folder / "generation_config.json", {"eos_token_id": END})
    tokenizer(pieces).save(str(folder / "tokenizer.json"))
    _write(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "unk_token": SPECIALS[0],
            "bos_token": SPECIALS[END],
            "eos_token": SPECIALS[END],
            "clean_up_tokenization_spaces": False,
            "chat_template": template,
        },
    )
    return folder


def tokenizer(pieces: Pieces) -> Tokenizer:
    """Byte-pair merges in the order of the pieces' ranks, each piece by every split of it."""
    spelled = [piece.replace(" ", "▁") for piece in pieces.pieces]
    names = [*SPECIALS, *(f"<0x{byte:02X}>" for byte in range(256)), *spelled]
    known = set(spelled)
    merges = [
        (piece[:cut], piece[cut:])
        for piece in spelled
        for cut in range(1, len(piece))
        if piece[:cut] in known and piece[cut:] in known
    ]
    vocabulary = {name: index for index, name in enumerate(names)}
    assert len(vocabulary) == len(names) == FIRST_PIECE + len(spelled)
    made = Tokenizer(models.BPE(vocabulary, merges, unk_token=SPECIALS[0], byte_fallback=True))
    made.normalizer = normalizers.Replace(" ", "▁")
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    made.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in SPECIALS])
    return made


def _weights(model: Minnow) -> dict[str, torch.Tensor]:
    state = model.state_dict()
    weights = {
        "model.embed_tokens.weight": state["embedding.weight"],
        "model.norm.weight": state["norm.weight"],
    }
    for layer in range(model.shape.layers):
        for ours, theirs in _NAMES.items():
            weights[f"model.layers.{layer}.{theirs}.weight"] = state[f"blocks.{layer}.{ours}.weight"]
    return {name: weight.contiguous().clone() for name, weight in weights.items()}


def _config(model: Minnow) -> dict[str, Any]:
    shape = model.shape
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.width,
        "intermediate_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.heads,
        "max_position_embeddings": shape.context,
        "rms_norm_eps": shape.epsilon,
        "rope_parameters": {"rope_type": "default", "rope_theta": shape.rope_base},
        "hidden_act": "silu",
        "tie_word_embeddings": True,
        "bos_token_id": END,
        "eos_token_id": END,
        "dtype": "float32",
    }


def _write(file: Path, fields: dict[str, Any]) -> None:
    file.write_text(json.dumps(fields, indent=1), encoding="utf-8")
