"""What llama.cpp computes: `python llama_logits.py MODEL.gguf TEXTS.json OUT.npz`.

A process of its own, since torch and llama.cpp each bring an OpenMP runtime.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from mlagent_tui.llm.llama_cpp import Llama


def main(model: str, texts: str, out: str) -> None:
    """Tokens and logits of text I as arrays `tokens_I` and `logits_I`, token by token as when answering."""
    llama = Llama(Path(model), context_limit=2048, threads=1)
    arrays = {}
    for index, text in enumerate(json.loads(Path(texts).read_text())):
        tokens = llama.tokenize(text)
        llama.begin(tokens[:1], lambda: False)
        rows = [llama.logits().copy()]
        for token in tokens[1:]:
            llama.append([token])
            rows.append(llama.logits().copy())
        arrays[f"tokens_{index}"] = np.array(tokens)
        arrays[f"logits_{index}"] = np.array(rows, dtype=np.float32)
    np.savez(out, **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
