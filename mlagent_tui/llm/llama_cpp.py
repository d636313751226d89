"""A GGUF model in llama.cpp: loading, tokens, evaluation, logits. The only module that imports llama_cpp.

It calls the C interface through llama-cpp-python's bindings and leaves that package's `Llama` class aside.
"""

from __future__ import annotations

import ctypes
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import llama_cpp.llama_cpp as c
import numpy as np
from llguidance import LLTokenizer
from llguidance.llamacpp import lltokenizer_from_vocab
from numpy.typing import NDArray

from mlagent_tui.errors import ModelError
from mlagent_tui.llm import cores
from mlagent_tui.llm.fingerprint import fingerprint
from mlagent_tui.llm.generation import Progress, Stopped
from mlagent_tui.llm.gguf import Header, read_header
from mlagent_tui.llm.prefixes import CHUNK, Reader
from mlagent_tui.llm.stored import State, StoredStates

FlashAttention = Literal["auto", "on", "off"]
_FLASH_ATTENTION = {
    "auto": c.LLAMA_FLASH_ATTN_TYPE_AUTO,
    "on": c.LLAMA_FLASH_ATTN_TYPE_ENABLED,
    "off": c.LLAMA_FLASH_ATTN_TYPE_DISABLED,
}

_text_is_not_empty = c.ggml_abort_callback(ctypes.cast(ctypes.CDLL(None).strlen, ctypes.c_void_p).value or 0)
"""Asked by llama.cpp between two operations whether to stop: C's own `strlen`, of a text that is empty or one
character long. A function in Python would cost more than the operations of a small model."""

MEASURED_TOKENS, MEASURED_SECONDS = 12, 0.5
"""A number of threads is measured with so many tokens, or for so long."""

_ABORTED = 2
_WARNING, _ERROR = 3, 4
_log: deque[str] = deque(maxlen=20)


@c.llama_log_callback  # type: ignore[untyped-decorator]
def _on_log(level: int, text: bytes, _data: int | None) -> None:
    line = text.decode(errors="replace")
    if level in (_WARNING, _ERROR):
        sys.stderr.write(line)
        sys.stderr.flush()
    if level == _ERROR:
        _log.append(line.strip())


def _has_amx() -> bool:
    """Whether this CPU has Intel's matrix tiles: there, llama.cpp's repacked weights crash (issue #20824)."""
    try:
        return " amx_tile" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


class Llama:
    """One model file, loaded, with one context. Not for use by two threads at once."""

    _logits: NDArray[np.float32]

    def __init__(
        self,
        path: Path,
        *,
        context_limit: int,
        threads: int = 0,
        gpu_layers: int = -1,
        flash_attention: FlashAttention = "auto",
        prefix_bytes: int = 0,
        states: Path | None = None,
    ) -> None:
        """Raises `ModelError` for a file that cannot be loaded. `gpu_layers` -1 means all.

        `threads` 0 chooses by a measurement. Without flash attention fewer are used while the machine is
        busy: with it, the results of a CPU depend on their number.

        `prefix_bytes` is the room for what was computed for the beginnings of prompts. What took long to
        compute is stored in the folder `states` for the next start.
        """
        self.header: Header = read_header(path)
        c.llama_log_set(_on_log, ctypes.c_void_p(0))
        c.llama_backend_init()
        parameters = c.llama_model_default_params()
        parameters.n_gpu_layers = gpu_layers
        parameters.use_extra_bufts = not _has_amx()
        self._model = c.llama_model_load_from_file(str(path).encode(), parameters)
        if not self._model:
            raise _load_error(path)
        self._vocab = c.llama_model_get_vocab(self._model)
        if not c.llama_model_has_decoder(self._model) or c.llama_vocab_n_tokens(self._vocab) == 0:
            raise ModelError(f"{path} is not a model that can write text", "Choose a chat or instruct model.")
        self._stop = ctypes.create_string_buffer(2)
        self._threads: cores.Threads | None = None
        self._context = self._open_context(path, context_limit, threads or 1, flash_attention)
        self._memory = c.llama_get_memory(self._context)
        self.context_length: int = c.llama_n_ctx(self._context)
        self.vocab_size: int = c.llama_vocab_n_tokens(self._vocab)
        self._ends = {t for t in range(self.vocab_size) if c.llama_vocab_is_eog(self._vocab, t)}
        self._length = self._logits_at = 0
        self._tokens = (c.llama_token * CHUNK)()
        self._no_logits = (ctypes.c_int8 * CHUNK)()
        known_as = fingerprint(self.header.parts or [path])
        how = (CHUNK, self.context_length, gpu_layers, flash_attention, parameters.use_extra_bufts)
        store = StoredStates(states, _identity(known_as, how)) if states else None
        self._reader: Reader[State] = Reader(self, prefix_bytes, store)
        self.piece = lru_cache(maxsize=None)(self._piece)
        if not threads:
            most = cores.chosen(known_as, self._token_seconds)
            self._set_threads(most)
            if flash_attention == "off":
                self._threads = cores.Threads(most, self._set_threads)

    def _open_context(
        self, path: Path, context_limit: int, threads: int, flash_attention: FlashAttention
    ) -> int:
        parameters = c.llama_context_default_params()
        trained: int = c.llama_model_n_ctx_train(self._model)
        parameters.n_ctx = min(trained or context_limit, context_limit)
        parameters.n_batch = parameters.n_ubatch = CHUNK
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.swa_full = True
        parameters.flash_attn_type = _FLASH_ATTENTION[flash_attention]
        parameters.abort_callback = _text_is_not_empty
        parameters.abort_callback_data = ctypes.cast(self._stop, ctypes.c_void_p)
        context: int | None = c.llama_init_from_model(self._model, parameters)
        if not context:
            raise ModelError(
                f"not enough memory for a context of {parameters.n_ctx} tokens of {path.name}",
                "Use a smaller model or a shorter context.",
            )
        return context

    @property
    def bos(self) -> str:
        """The text of the token that begins a prompt, empty when there is none."""
        return self._text(c.llama_vocab_bos(self._vocab))

    @property
    def eos(self) -> str:
        """The text of the token that ends an answer, empty when there is none."""
        return self._text(c.llama_vocab_eos(self._vocab))

    def _text(self, token: int) -> str:
        return self._piece(token).decode(errors="replace") if token >= 0 else ""

    def control_texts(self) -> list[str]:
        """How the control tokens are written; text from outside must not contain them."""
        control = (t for t in range(self.vocab_size) if c.llama_vocab_is_control(self._vocab, t))
        return [text for text in map(self._text, control) if len(text) > 1]

    def guidance_tokenizer(self) -> LLTokenizer:
        """The vocabulary as llguidance wants it; takes seconds for a large one."""
        ends = sorted(self._ends) or [self.vocab_size - 1]
        return lltokenizer_from_vocab(self._vocab, eos_token=ends)

    @property
    def name(self) -> str:
        """What the model calls itself."""
        return self.header.name

    @property
    def chat_template(self) -> str:
        """Jinja source; empty when there is none."""
        return self.header.chat_template

    def tokenize(self, text: str, fragment: bool = False) -> list[int]:
        """The tokens of a text, control tokens by their names, begun as the model wants a prompt begun.

        A `fragment` stands inside a text.
        """
        begin = not fragment and not (self.bos and text.startswith(self.bos))
        data = text.encode(errors="replace")
        size = len(data) + 8
        tokens = (c.llama_token * size)()
        count = c.llama_tokenize(self._vocab, data, len(data), tokens, size, begin, True)
        if count < 0:
            raise ModelError("a text could not be tokenized")
        return list(tokens[:count])

    def _piece(self, token: int) -> bytes:
        size = 256
        while True:
            buffer = ctypes.create_string_buffer(size)
            length: int = c.llama_token_to_piece(self._vocab, token, buffer, size, 0, True)
            if length >= 0:
                return buffer.raw[:length]
            size = -length

    def is_end(self, token: int) -> bool:
        return token in self._ends

    def begin(
        self,
        prompt: Sequence[int],
        cancelled: Callable[[], bool],
        fixed: int = 0,
        progress: Progress = lambda done, total: None,
    ) -> int | None:
        """Evaluates `prompt` from the start of the context; None when cancelled.

        Returns how many tokens were there already. The state after the first `fixed` tokens is kept.
        """
        if self._threads:
            self._threads.before_a_prompt()
        return self._reader.begin(prompt, cancelled, fixed, progress)

    def append(self, tokens: Sequence[int], more: bool = False) -> None:
        """Evaluates `tokens` after those already in the context. Raises `Stopped`.

        With `more` to come at once, the last layer is left out: there are no logits.
        """
        wanted = self._no_logits if more else None  # where nothing is said, the last token's are wanted
        for start in range(0, len(tokens), CHUNK):
            chunk = tokens[start : start + CHUNK]
            if self._threads:
                self._threads.between_tokens()
            self._tokens[: len(chunk)] = list(chunk)
            batch = c.llama_batch(n_tokens=len(chunk), token=self._tokens, logits=wanted)
            status: int = c.llama_decode(self._context, batch)
            if status != 0:
                self.cut(self._length) or self.cut(0)  # what was begun is not whole
                if status == _ABORTED:
                    raise Stopped
                raise ModelError(
                    f"llama.cpp could not evaluate the text (status {status})", "Use a shorter context."
                )
            self._length += len(chunk)

    def _set_threads(self, threads: int) -> None:
        c.llama_set_n_threads(self._context, threads, threads)

    def _token_seconds(self, threads: int) -> float:
        """How long a token takes with so many threads, in seconds."""
        self._set_threads(threads)
        taken: list[float] = []
        while len(taken) <= MEASURED_TOKENS and sum(taken) < MEASURED_SECONDS:
            started = time.perf_counter()
            self.append([0])
            self.logits()
            taken.append(time.perf_counter() - started)
        self.cut(0)
        return statistics.median(taken[1:] or taken)  # the first one warms up

    def cut(self, length: int) -> bool:
        """Forgets all but the first `length` tokens; False where a model, such as a recurrent one, cannot."""
        if length > self._length or not c.llama_memory_seq_rm(self._memory, 0, length, -1):
            return False
        self._length = length
        return True

    def state_bytes(self) -> int:
        """The size of what `save` would return."""
        size: int = c.llama_state_seq_get_size(self._context, 0)
        return size

    def save(self) -> State | None:
        """A copy of what is held of the text."""
        size = self.state_bytes()
        state = (ctypes.c_uint8 * size)()
        return state if c.llama_state_seq_get_data(self._context, state, size, 0) == size else None

    def restore(self, state: State, length: int) -> bool:
        """Holds the `length` tokens of a saved state and nothing else; False where that went wrong."""
        self.cut(0)
        if not c.llama_state_seq_set_data(self._context, state, len(state), 0):
            return False
        self._length = length
        return True

    def halt(self, on: bool) -> None:
        """Ends the evaluation under way, from another thread, and refuses any other until it is off again."""
        self._stop[0] = b"1" if on else b"\0"

    def logits(self) -> NDArray[np.float32]:
        """Of the token to come; valid until the next evaluation."""
        pointer = c.llama_get_logits_ith(self._context, -1)
        address = ctypes.addressof(pointer.contents)
        if address != self._logits_at:  # making a view takes longer than reading it
            self._logits = np.ctypeslib.as_array(pointer, shape=(self.vocab_size,))
            self._logits_at = address
        return self._logits

    def close(self) -> None:
        c.llama_free(self._context)
        c.llama_model_free(self._model)


def _identity(model: str, how: tuple[object, ...]) -> str:
    """What the values of a state depend on besides its tokens."""
    system = c.llama_print_system_info().decode(errors="replace")
    return "\n".join((model, version("llama-cpp-python"), system, repr(how)))


def _load_error(path: Path) -> ModelError:
    said = next(
        (line for line in reversed(_log) if "error loading" in line), _log[-1] if _log else "no reason given"
    )
    remedy = "Choose another model, or update llama-cpp-python: this version does not know it."
    if "file bounds" in said or "read" in said:
        remedy = "The file is truncated or damaged: copy or download it again."
    elif "alloc" in said or "memory" in said:
        remedy = "Use a smaller model, or one with fewer bits per weight."
    return ModelError(f"llama.cpp cannot load {path}: {said.rpartition('error loading model: ')[2]}", remedy)
