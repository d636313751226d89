"""Makes a very small language model with random weights, as a real GGUF file. What it writes is noise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np

TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'user' %}<|user|>{{ m.content }}"
    "{% elif m.role == 'assistant' %}<|assistant|>{{ m.content }}<|end|>{% endif %}{% endfor %}<|assistant|>"
)
WORDS = ['{"', '":', '","', '"type":"', "true", "null", "self.", "nn.", "    ", "accuracy", "conv2d", "},{"]


def make(
    path: Path,
    *,
    template: str | None = TEMPLATE,
    context: int = 4096,
    seed: int = 0,
    words: list[str] = WORDS,
    width: int = 32,
    alter: Callable[[dict[str, gguf.GGUFValue]], object] = lambda metadata: None,
) -> Path:
    """A llama of two layers; its SentencePiece vocabulary: control tokens, all bytes, ASCII, `words`.

    `alter` may change the metadata before it is written.
    """
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("tiny")
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(2 * width)
    writer.add_block_count(2)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width // 2)
    size = _add_vocabulary(writer, words)
    if template is not None:
        writer.add_chat_template(template)
    random = np.random.default_rng(seed)

    def tensor(name: str, *shape: int) -> None:
        writer.add_tensor(name, random.normal(0, shape[-1] ** -0.5, shape).astype(np.float32))

    tensor("token_embd.weight", size, width)
    writer.add_tensor("output_norm.weight", np.full(width, 8, np.float32))
    for layer in range(2):
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{norm}.weight", np.ones(width, np.float32))
        for matrix in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensor(f"blk.{layer}.{matrix}.weight", width, width)
        tensor(f"blk.{layer}.ffn_gate.weight", 2 * width, width)
        tensor(f"blk.{layer}.ffn_up.weight", 2 * width, width)
        tensor(f"blk.{layer}.ffn_down.weight", width, 2 * width)
    alter(writer.kv_data[0])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_vocabulary(writer: gguf.GGUFWriter, words: list[str]) -> int:
    kind = gguf.TokenType
    control = ["<unk>", "<|pad|>", "<|user|>", "<|assistant|>", "<|end|>"]
    chars = [chr(code) for code in range(32, 127)]
    tokens = [
        *((text, kind.UNKNOWN if text == "<unk>" else kind.CONTROL) for text in control),
        *((f"<0x{byte:02X}>", kind.BYTE) for byte in range(256)),
        *((text.replace(" ", "▁"), kind.NORMAL) for text in chars + words),
    ]
    writer.add_tokenizer_model("llama")
    writer.add_token_list([text for text, _ in tokens])
    writer.add_token_scores([-float(rank) for rank in range(len(tokens))])
    writer.add_token_types([int(kind_) for _, kind_ in tokens])
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(1)
    writer.add_eos_token_id(4)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
    return len(tokens)
