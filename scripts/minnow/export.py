"""Minnow's weights as GGUF, and the proof that llama.cpp computes the same from it.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np
import torch
from torch import Tensor

from minnow.network import Minnow, Shape
from minnow.tokenizer import END, FIRST_PIECE, SPECIALS, UNKNOWN, Pieces

CHAT_TEMPLATE = (
    "{%- for message in messages if message['role'] == 'user' -%}"
    "{%- if loop.last -%}"
    "{%- set content = message['content'] -%}"
    "{{ '<|user|>' + (content | lower if content.startswith('Task: goal') else content) }}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|assistant|>' }}{%- endif -%}"
)
"""Minnow was trained on what the instructions say, so it is shown the last user message alone.

Goals are shown in small letters: it need not learn that FASHION-MNIST and Fashion-MNIST are one.
"""

LIKELY = -6.0
"""Log-probability below which a token has no part in an answer, and is not compared."""

_NAMES = {
    "attn_norm": "attn_norm", "q": "attn_q", "k": "attn_k", "v": "attn_v", "out": "attn_output",
    "ffn_norm": "ffn_norm", "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down",
}  # fmt: skip


def export(model: Minnow, pieces: Pieces, path: Path, version: str) -> None:
    """Write `model` to `path`, matrices in half precision."""
    shape = model.shape
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("Minnow")
    writer.add_version(version)
    writer.add_license("MIT")
    writer.add_description("The bundled model of mlagent-tui: goals, configs, PyTorch code and decisions.")
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    _vocabulary(writer, pieces)
    weights = model.state_dict()
    _tensor(writer, "token_embd.weight", weights["embedding.weight"])
    _tensor(writer, "output_norm.weight", weights["norm.weight"])
    for layer in range(shape.layers):
        for ours, theirs in _NAMES.items():
            weight = weights[f"blocks.{layer}.{ours}.weight"]
            if ours in ("q", "k"):
                weight = interleave(weight, shape.heads)
            _tensor(writer, f"blk.{layer}.{theirs}.weight", weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def interleave(weight: Tensor, heads: int) -> Tensor:
    """Rows from half-split rotary order to llama.cpp's interleaved pairs."""
    rows, columns = weight.shape
    return weight.view(heads, 2, rows // heads // 2, columns).transpose(1, 2).reshape(rows, columns)


def _vocabulary(writer: gguf.GGUFWriter, pieces: Pieces) -> None:
    tokens = [
        *SPECIALS,
        *(f"<0x{byte:02X}>" for byte in range(256)),
        *(p.replace(" ", "▁") for p in pieces.pieces),
    ]
    types = [
        gguf.TokenType.UNKNOWN if i == UNKNOWN
        else gguf.TokenType.CONTROL if i < len(SPECIALS)
        else gguf.TokenType.BYTE if i < FIRST_PIECE
        else gguf.TokenType.NORMAL
        for i in range(len(tokens))
    ]  # fmt: skip
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * FIRST_PIECE + [-float(rank) for rank in range(len(pieces.pieces))])
    writer.add_token_types(types)
    writer.add_unk_token_id(UNKNOWN)
    writer.add_eos_token_id(END)
    writer.add_bos_token_id(END)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def _tensor(writer: gguf.GGUFWriter, name: str, weight: Tensor) -> None:
    values = weight.detach().float().cpu().numpy()
    writer.add_tensor(name, values.astype(np.float16 if values.ndim == 2 else np.float32))


def restore(path: Path) -> tuple[Minnow, Pieces]:
    """What `export` wrote, to go on training from a model that was shipped."""
    reader = gguf.GGUFReader(path)
    weights = {tensor.name: torch.from_numpy(tensor.data.astype(np.float32)) for tensor in reader.tensors}
    facts = {name: field.contents() for name, field in reader.fields.items()}
    shape = Shape(
        vocabulary=facts["llama.vocab_size"],
        width=facts["llama.embedding_length"],
        layers=facts["llama.block_count"],
        heads=facts["llama.attention.head_count"],
        hidden=facts["llama.feed_forward_length"],
        context=facts["llama.context_length"],
    )
    state = {"embedding.weight": weights["token_embd.weight"], "norm.weight": weights["output_norm.weight"]}
    for layer in range(shape.layers):
        for ours, theirs in _NAMES.items():
            weight = weights[f"blk.{layer}.{theirs}.weight"]
            halves = deinterleave(weight, shape.heads) if ours in ("q", "k") else weight
            state[f"blocks.{layer}.{ours}.weight"] = halves
    model = Minnow(shape)
    model.load_state_dict(state)
    pieces = [token.replace("▁", " ") for token in facts["tokenizer.ggml.tokens"][FIRST_PIECE:]]
    return model, Pieces(pieces)


def deinterleave(weight: Tensor, heads: int) -> Tensor:
    """The inverse of `interleave`."""
    rows, columns = weight.shape
    return weight.view(heads, rows // heads // 2, 2, columns).transpose(1, 2).reshape(rows, columns)


def verify(model: Minnow, pieces: Pieces, path: Path, dialogues: list[tuple[str, str]]) -> float:
    """Largest difference of log-probabilities between PyTorch and llama.cpp over answers, in nats.

    A dialogue is a prompt, which Minnow never learnt to write, and its answer. Raises `AssertionError` where
    the two split a text into different tokens.
    """
    texts = [prompt + answer for prompt, answer in dialogues]
    with tempfile.TemporaryDirectory() as folder:
        asked, told = Path(folder, "texts.json"), Path(folder, "out.npz")
        asked.write_text(json.dumps(texts))
        program = Path(__file__).with_name("llama_logits.py")
        subprocess.run([sys.executable, program, path, asked, told], check=True)
        theirs = dict(np.load(told))
    model.eval()
    worst = 0.0
    for index, (text, (prompt, _)) in enumerate(zip(texts, dialogues, strict=True)):
        ids, start = pieces.encode(text), len(pieces.encode(prompt))
        assert theirs[f"tokens_{index}"].tolist() == ids, f"llama.cpp splits differently: {text[:80]!r}"
        got = torch.from_numpy(theirs[f"logits_{index}"]).log_softmax(-1)
        with torch.no_grad():
            expected = model(torch.tensor([ids]))[0].log_softmax(-1)
        likely = expected[start:] > LIKELY
        worst = max(worst, float((got - expected)[start:][likely].abs().max()))
    return worst
