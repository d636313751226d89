"""A folder of Hugging Face weights in transformers: loading, tokens, evaluation, logits.

The only module outside `training/` that imports torch, and the only one that imports transformers. Weights
are safetensors, code that came with a model is never run, and nothing is looked for beyond the folder.
"""

from __future__ import annotations

import copy
import inspect
import json
import platform
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import llguidance.hf
import numpy as np
import torch
import transformers
from llguidance import LLTokenizer
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor, nn

from mlagent_tui import paths
from mlagent_tui.errors import ModelError
from mlagent_tui.llm import fit
from mlagent_tui.llm.folder import Folder
from mlagent_tui.llm.generation import Progress, Stopped
from mlagent_tui.llm.prefixes import CHUNK, Reader
from mlagent_tui.llm.process import Options

PROBE = "The quick brown fox jumps over the lazy dog, and 12 + 30 = 42. def f(x): return x"
LIKELY = -6.0
"""Log-probability below which a token is not compared."""
TOLERANCE = 0.1
"""Nats that two devices may differ by, on average, in what is likely. Rounding to 16 bits makes some 0.03."""
PREFIX_SHARE = 10
"""The part of the free memory that the beginnings of prompts may take is one in so many."""
_LOADING = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    ImportError,
    RuntimeError,
    SafetensorError,
)


class Transformers:
    """One folder of weights, loaded, with one cache of keys and values. Not for two threads at once."""

    _tokenizer: Any
    _tokens: Any
    _cache: Any
    _length: int

    def __init__(
        self, folder: Folder, options: Options, *, threads: Callable[[int], int], available: int
    ) -> None:
        """Raises `ModelError` for a folder that cannot be loaded, or does not fit into `available` bytes.

        `threads(size)` says how many to use for a model of so many bytes.
        """
        self.name = folder.name
        torch.set_num_threads(options.threads or threads(folder.size))
        device = "cpu" if options.gpu_layers == 0 else pick_device(options.device)
        dtype = _dtype(folder, options, device, available)
        try:
            self._config = transformers.AutoConfig.from_pretrained(folder.path, **_OFFLINE)
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(folder.path, **_OFFLINE)
            self._model = _load(folder, dtype, device, options)
        except torch.OutOfMemoryError as error:
            raise ModelError(f"not enough memory for {folder.path}", "Use a smaller model.") from error
        except _LOADING as error:
            raise _load_error(folder.path, error) from error
        self._tokens = getattr(self._tokenizer, "backend_tokenizer", None)
        if self._tokens is None:
            raise ModelError(
                f"{folder.path} has no tokenizer.json",
                "Convert its tokenizer with `AutoTokenizer.from_pretrained(...).save_pretrained(...)`.",
            )
        accepted = inspect.signature(self._model.forward).parameters
        if "past_key_values" not in accepted:
            raise ModelError(
                f"transformers cannot continue from a stored state with {folder.path}",
                "Use a .gguf file of this model instead.",
            )
        self._last_only = {"logits_to_keep": 1} if "logits_to_keep" in accepted else {}
        limits = self._config.get_text_config()
        trained = int(getattr(limits, "max_position_embeddings", 0) or 0)
        self.context_length = min(trained or options.context_limit, options.context_limit)
        self._halted = False
        for layer in _layers(self._model):
            layer.register_forward_pre_hook(self._look_up)
        self._ends = _ends(self._model, self._tokenizer)
        self._begins = self._beginning()
        self.cut(0)
        self._reader: Reader[Any] = Reader(self, available // PREFIX_SHARE)
        self.append([min(self._ends, default=0)])  # whatever fails, fails now
        self.vocab_size = max(self._logits.shape[-1], len(self._tokenizer))
        self.cut(0)
        self._guidance = llguidance.hf.from_tokenizer(
            self._tokenizer, n_vocab=self.vocab_size, eos_token=sorted(self._ends) or None
        )
        self.piece = lru_cache(maxsize=None)(self._piece)
        if device == "mps":
            self._move_checked(folder)

    @property
    def chat_template(self) -> str:
        """Jinja source; empty when there is none."""
        template = self._tokenizer.chat_template or ""
        return str(template.get("default", "") if isinstance(template, dict) else template)

    @property
    def bos(self) -> str:
        """The text of the token that begins a prompt, empty when there is none."""
        return str(self._tokenizer.bos_token or "")

    @property
    def eos(self) -> str:
        """The text of the token that ends an answer, empty when there is none."""
        return str(self._tokenizer.eos_token or "")

    def memory(self) -> fit.Held:
        """What its weights take, in the machine's memory and in that of CUDA's devices."""
        sizes: Counter[bool] = Counter()
        for weight in self._model.parameters():
            sizes[weight.device.type == "cuda"] += weight.nbytes
        return fit.Held(sizes[False], sizes[True])

    def control_texts(self) -> list[str]:
        """How the control tokens are written; text from outside must not contain them."""
        added = self._tokenizer.added_tokens_decoder.values()
        texts = {token.content for token in added if token.special} - {self._tokenizer.unk_token}
        return [text for text in texts if len(text) > 1]

    def guidance_tokenizer(self) -> LLTokenizer:
        """The vocabulary as llguidance wants it."""
        return self._guidance

    def tokenize(self, text: str, fragment: bool = False) -> list[int]:
        """The tokens of a text, control tokens by their names, begun as the model wants a prompt begun.

        A `fragment` stands inside a text.
        """
        data = text.encode(errors="replace").decode()
        ids: list[int] = self._tokens.encode(data, add_special_tokens=False).ids
        begun = fragment or (self.bos and text.startswith(self.bos))
        return ids if begun else self._begins + ids

    def _beginning(self) -> list[int]:
        """What the tokenizer puts before a text by itself."""
        bos = self._tokenizer.bos_token_id
        return [i for i in self._tokens.encode("", add_special_tokens=True).ids if i == bos][:1]

    def _piece(self, token: int) -> bytes:
        data: bytes = self._guidance.decode_bytes([token])
        return data.removeprefix(b"\xff")  # so it marks control tokens

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
        return self._reader.begin(prompt, cancelled, fixed, progress)

    @torch.no_grad()
    def append(self, tokens: Sequence[int], more: bool = False) -> None:
        """Evaluates `tokens` after those already in the context. Raises `Stopped`."""
        for start in range(0, len(tokens), CHUNK):
            chunk = list(tokens[start : start + CHUNK])
            ids = torch.tensor([chunk], device=self._model.device)
            try:
                out = self._model(
                    input_ids=ids, past_key_values=self._cache, use_cache=True, **self._last_only
                )
            except Stopped:
                self.cut(0)
                raise
            except RuntimeError as error:  # out of memory among others
                self.cut(0)
                raise ModelError(
                    f"transformers could not evaluate the text: {error}", "Use a shorter context."
                ) from error
            self._cache = out.past_key_values
            self._length += len(chunk)
            self._logits: Tensor = out.logits[0, -1]

    def cut(self, length: int) -> bool:
        """Forgets all but the first `length` tokens; False where a model, such as a recurrent one, cannot."""
        if length == 0:
            self._cache = transformers.DynamicCache(config=self._config)
        elif length > self._length or not (length == self._length or self._cache.is_croppable):
            return False
        elif length < self._length:
            self._cache.crop(length - self._length)
        self._length = length
        return True

    def state_bytes(self) -> int:
        """The size of what `save` would return."""
        return sum(tensor.nbytes for tensor in _tensors(self._cache))

    def save(self) -> Any:
        """A copy of what is held of the text."""
        return copy.deepcopy(self._cache)

    def restore(self, state: Any, length: int) -> bool:
        """Holds the `length` tokens of a saved state and nothing else."""
        self._cache, self._length = copy.deepcopy(state), length
        return True

    def logits(self) -> NDArray[np.float32]:
        """Of the token to come."""
        values: NDArray[np.float32] = self._logits.float().cpu().numpy()
        missing = self.vocab_size - len(values)
        return np.pad(values, (0, missing), constant_values=-np.inf) if missing else values

    def halt(self, on: bool) -> None:
        """Ends the evaluation under way, from another thread, and refuses any other until it is off again."""
        self._halted = on

    def _look_up(self, *_: object) -> None:
        """Before each layer of the network."""
        if self._halted:
            raise Stopped

    def _move_checked(self, folder: Folder) -> None:
        """From the CPU to MPS; the first time, both have to compute the same.

        Wrong results of MPS are silent (pytorch issue 84169).
        """
        mark = {"torch": torch.__version__, "system": platform.mac_ver()[0], "size": folder.size}
        file = paths.cache_folder() / "mps-checked.json"
        known: dict[str, Any] = {}
        with suppress(OSError, ValueError):
            known = dict(json.loads(file.read_text(encoding="utf-8")))
        if known.get(str(folder.path)) == mark:
            self._model.to("mps")
            return
        self.move(lambda: self._model.to("mps"), folder.name)
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(known | {str(folder.path): mark}), encoding="utf-8")

    @torch.no_grad()
    def move(self, to_device: Callable[[], object], name: str) -> None:
        """Raises `ModelError` when the model computes something else after `to_device` than before."""
        ids = torch.tensor([self.tokenize(PROBE)])
        before = self._model(input_ids=ids).logits[0]
        to_device()
        after = self._model(input_ids=ids.to(self._model.device)).logits[0].cpu()
        if not agree(before, after):
            raise ModelError(
                f"{name} gives different results on this GPU than on the CPU",
                "Set the role's device to `cpu`, or use a .gguf file of this model.",
            )


_OFFLINE: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}


def agree(expected: Tensor, got: Tensor) -> bool:
    """Whether two (tokens, vocabulary) arrays of logits mean the same but for rounding."""
    one, other = expected.float().log_softmax(-1), got.float().log_softmax(-1)
    if not torch.isfinite(other).all():
        return False
    return bool((one - other)[one > LIKELY].abs().mean() < TOLERANCE)


def pick_device(wanted: str) -> str:
    """CUDA, else MPS, else the CPU; or what is wanted. Raises `ModelError` when that is not there."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return next(name for name, is_there in there.items() if is_there)
    if not there[wanted]:
        raise ModelError(f"PyTorch finds no {wanted} device on this machine", "Use `auto` or `cpu`.")
    return wanted


def _dtype(folder: Folder, options: Options, device: str, available: int) -> torch.dtype:
    """By device: 16 bits on a GPU, 32 on a CPU where they fit. Raises `ModelError` when nothing fits."""
    if device == "cuda":
        likely = [torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16]
        free = sum(torch.cuda.mem_get_info(index)[0] for index in range(torch.cuda.device_count()))
        available += free
    elif device == "mps":
        likely = [torch.float16 if folder.dtype == "F16" else torch.bfloat16]
    else:
        likely = [torch.float32, torch.bfloat16]
    if options.dtype != "auto":
        likely = [getattr(torch, options.dtype)]
    context = min(folder.context_length or options.context_limit, options.context_limit)
    for dtype in likely:
        quantised = "quantization_config" in folder.config
        weights = folder.size if quantised else folder.parameters * dtype.itemsize
        model = fit.Model(folder.name, weights, folder.layers, _cache_of(folder, dtype))
        if not options.memory_check or model.need(context) <= available:
            return dtype
    fit.check(model, context, available)
    return likely[-1]


def _cache_of(folder: Folder, dtype: torch.dtype) -> Callable[[int], int]:
    return lambda context: folder.kv_bytes(context, dtype.itemsize)


def _load(folder: Folder, dtype: torch.dtype, device: str, options: Options) -> Any:
    """On CUDA, accelerate spreads the layers over all GPUs and the CPU; to MPS it is moved after a check."""
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(
        folder.path,
        dtype=dtype,
        device_map="auto" if device == "cuda" else {"": "cpu"},
        use_safetensors=True,
        **({"attn_implementation": "flash_attention_2"} if options.flash_attention == "on" else {}),
        **_OFFLINE,
    )
    return model.eval()


def _layers(model: nn.Module) -> Sequence[nn.Module]:
    """The blocks of the network: its longest list of modules."""
    lists = [list(module) for module in model.modules() if isinstance(module, nn.ModuleList)]
    return max(lists, key=len, default=[])


def _ends(model: Any, tokenizer: Any) -> set[int]:
    """The tokens that end an answer: those the model's own settings name, and the tokenizer's."""
    said = model.generation_config.eos_token_id if model.generation_config else None
    ends = said if isinstance(said, list) else [said]
    return {int(token) for token in (*ends, tokenizer.eos_token_id) if token is not None}


def _tensors(cache: Any) -> Iterator[Tensor]:
    """Every tensor of a cache, whatever its layers are made of."""
    for layer in cache.layers:
        for value in vars(layer).values():
            held = value.values() if isinstance(value, dict) else [value]
            yield from (tensor for tensor in held if isinstance(tensor, Tensor))


def _load_error(path: Path, error: Exception) -> ModelError:
    said = " ".join(str(error).split())[:300] or type(error).__name__
    remedy = "Choose a model that this version of transformers knows, or a .gguf file of it."
    if "trust_remote_code" in said or "custom code" in said:
        said = "it needs its own program code, which is never run"
    elif "safetensors" in said.lower():
        remedy = "Copy the folder again. The weights must be safetensors files."
    elif isinstance(error, ImportError):
        remedy = "Install the Python package that it names."
    return ModelError(f"transformers cannot load {path}: {said}", remedy)
