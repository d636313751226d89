"""llama-cpp-python's own OpenAI-compatible server, two defects of it mended: `python openai_server.py ARGS`.

Version 0.3.36 turns tokens into text through a buffer of 32 bytes and leaves longer ones out without a word;
Minnow has such tokens. And of a schema as rich as that of a plan it makes a grammar that llama.cpp cannot
parse, which ends the process: here it leaves schemas out of account. All else is as it is installed.
"""

from __future__ import annotations

import ctypes

import llama_cpp
from llama_cpp import _internals, llama_chat_format
from llama_cpp.server.__main__ import main

LONGEST = 4096


def detokenize(self: _internals.LlamaModel, tokens: list[int], special: bool = False) -> bytes:
    """The bytes of `tokens`."""
    buffer = ctypes.create_string_buffer(LONGEST)
    pieces = []
    for token in tokens:
        size = llama_cpp.llama_token_to_piece(self.vocab, token, buffer, LONGEST, 0, special)
        assert 0 <= size <= LONGEST
        pieces.append(buffer.raw[:size])
    return b"".join(pieces)


if __name__ == "__main__":
    _internals.LlamaModel.detokenize = detokenize
    llama_chat_format._grammar_for_response_format = lambda *_, **__: None
    main()
