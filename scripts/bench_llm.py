#!/usr/bin/env python3
"""Measure the model server against llama.cpp's own benchmark loop: same model, same depth, same run.

    scripts/bench_llm.py [--model FILE] [--depth 512] [--tokens 128] [--rounds 5] [--threads N]

The loop is that of llama-bench: random tokens, no sampling, no text. Rounds alternate between the two, and
medians are shown. Models: the bundled one, and one of random weights with a vocabulary of 150,000 (fetched
once; see tests/vocabularies.py), or the one named. Then: the wait for the first token of a role's first and
second call, and what a listing of 50 files costs.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1])]

from mlagent_tui import paths
from mlagent_tui.llm import Message, Options, Request, ServedModel, catalog, places
from mlagent_tui.llm.gguf import read_header
from mlagent_tui.llm.machine import Machine
from mlagent_tui.schemas import ModelConfig
from tests.vocabularies import Unavailable, random_model

FILES = 50
WANTED = {"prompt": 0.9, "decode": 0.9, "constrained": 0.8}


def main() -> int:
    """Print the tables; exit status 1 when a ratio is below what is wanted."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="this model alone")
    parser.add_argument("--depth", type=int, default=512, help="tokens of prompt before decoding")
    parser.add_argument("--tokens", type=int, default=128, help="tokens to decode")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="of both sides")
    parser.add_argument("--reference", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reference:
        return reference(options.reference, options)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        good = [compare(model, options) for model in models(folder, options.model)]
        listing(folder)
    return 0 if all(good) else 1


def models(folder: Path, named: Path | None) -> list[Path]:
    """What to measure."""
    if named:
        return [named]
    chosen = [paths.bundled_model()]
    try:
        chosen.append(random_model(folder / "large.gguf", "qwen2", width=512, layers=8))
    except Unavailable as error:
        print(f"LEFT OUT: the large vocabulary ({error})", file=sys.stderr)
    return chosen


def compare(path: Path, options: argparse.Namespace) -> bool:
    """One model on both sides, in turn; whether every ratio is as wanted."""
    print(
        f"{read_header(path).name}: {path.stat().st_size / 1e6:.0f} MB, {options.threads} thread(s), ", end=""
    )
    print(f"depth {options.depth}, {options.tokens} tokens, medians of {options.rounds}", flush=True)
    model = ServedModel(path, Options(threads=options.threads))
    loop = Reference(path, options)
    speeds: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in WANTED}
    waits: tuple[list[float], list[float]] = ([], [])
    try:
        text = prompt(model, options.depth)
        for number in range(options.rounds + 1):
            ours = served(model, text, number, options.tokens)
            theirs = loop.measure()
            if number:  # the first round warms both up
                for name, (left, right) in speeds.items():
                    left.append(ours[name])
                    right.append(theirs["prompt" if name == "prompt" else "decode"])
                for index, wait in enumerate(first_tokens(model, text, number)):
                    waits[index].append(wait)
    finally:
        loop.close()
        model.close()
    good = True
    for name, (left, right) in speeds.items():
        ratio = statistics.median(left) / statistics.median(right)
        good &= ratio >= WANTED[name]
        verdict = "ok" if ratio >= WANTED[name] else "BELOW"
        row = f"  {name:12}{statistics.median(left):9.0f} tokens/s  llama.cpp {statistics.median(right):9.0f}"
        print(f"{row}  {ratio:6.1%} (>= {WANTED[name]:.0%})  {verdict}")
    first, second = (1000 * statistics.median(each) for each in waits)
    print(
        f"  first token {first:9.0f} ms in a role's first call, {second:.0f} ms in its second\n", flush=True
    )
    return good


def prompt(model: ServedModel, depth: int) -> str:
    """Words that make a prompt of about `depth` tokens."""
    words = ["network"]
    while model.count_tokens([Message("user", " ".join(words))]) < depth:
        words += [f"layer {len(words)} has {len(words) * 37 % 101} channels"] * max(1, depth // 200)
    return " ".join(words)


def served(model: ServedModel, text: str, number: int, tokens: int) -> dict[str, float]:
    """Tokens a second through the model server: of a new prompt, of free text, of text under a schema."""
    free = model.generate(Request((Message("user", f"{number} {text}"),), max_tokens=tokens))
    schema = ModelConfig.model_json_schema()
    held = model.generate(Request((Message("user", f"{number} {text}"),), schema, max_tokens=tokens))
    return {
        "prompt": free.prompt_tokens / free.prompt_seconds,
        "decode": free.tokens / free.seconds,
        "constrained": held.tokens / held.seconds,
    }


def first_tokens(model: ServedModel, text: str, number: int) -> tuple[float, float]:
    """Seconds until the first token of a role's first call, and of its next with another question.

    The instructions stand in the user's message, since not every template shows a system message.
    """
    waits = []
    for question in ("one", "two"):
        message = Message("user", f"role {number}: {text}\nQuestion {question}.")
        waits.append(model.generate(Request((message,), max_tokens=1)).prompt_seconds)
    return waits[0], waits[1]


class Reference:
    """llama.cpp's loop in a process of its own, which measures once for each line it is sent."""

    def __init__(self, path: Path, options: argparse.Namespace) -> None:
        given = {"--depth": options.depth, "--tokens": options.tokens, "--threads": options.threads}
        arguments = [str(item) for pair in given.items() for item in pair]
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--reference", str(path), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def measure(self) -> dict[str, float]:
        """Tokens a second of prompt and of decoding."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        measured: dict[str, float] = json.loads(self._process.stdout.readline())
        return measured

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def reference(path: Path, options: argparse.Namespace) -> int:
    """What llama-bench does for `-p DEPTH` and for `-n TOKENS -d DEPTH`, once for each line of input."""
    import llama_cpp.llama_cpp as c

    c.llama_backend_init()
    model = c.llama_model_load_from_file(str(path).encode(), _model_parameters(c))
    vocabulary = c.llama_vocab_n_tokens(c.llama_model_get_vocab(model))
    parameters = c.llama_context_default_params()
    parameters.n_ctx = options.depth + options.tokens + 64
    parameters.n_threads = parameters.n_threads_batch = options.threads
    context = c.llama_init_from_model(model, parameters)
    rng = random.Random(0)

    def decode(count: int) -> None:
        batch = (c.llama_token * count)(*(rng.randrange(vocabulary) for _ in range(count)))
        if c.llama_decode(context, c.llama_batch_get_one(batch, count)):
            raise RuntimeError("llama_decode failed")
        c.llama_synchronize(context)

    def prefill() -> None:
        c.llama_memory_clear(c.llama_get_memory(context), False)
        for start in range(0, options.depth, parameters.n_batch):
            decode(min(parameters.n_batch, options.depth - start))

    def generate() -> None:
        for _ in range(options.tokens):
            decode(1)

    for _ in sys.stdin:
        measured = {"prompt": options.depth / timed(prefill), "decode": options.tokens / timed(generate)}
        print(json.dumps(measured), flush=True)
    return 0


def _model_parameters(c: Any) -> Any:
    """As the server loads it: repacked weights crash on CPUs with AMX, so neither side has them there."""
    from mlagent_tui.llm.llama_cpp import _has_amx

    parameters = c.llama_model_default_params()
    parameters.n_gpu_layers = -1
    parameters.use_extra_bufts = not _has_amx()
    return parameters


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def listing(folder: Path) -> None:
    """`models` on 50 files with a vocabulary of 150,000, once and again; the gguf package on one."""
    import gguf

    try:
        one = random_model(folder / "one.gguf", "qwen2", width=8, layers=1)
    except Unavailable as error:
        print(f"LEFT OUT: the listing ({error})", file=sys.stderr)
        return
    many = folder / "many"
    many.mkdir()
    for number in range(FILES):
        shutil.copyfile(one, many / f"{number}.gguf")
    found = [places.Found(path, "") for path in places.models_below(many)]
    memo = folder / "memo.json"
    machine = Machine(8 << 30, 4 << 30, 10e9)
    first, second = (timed(lambda: catalog.entries(found, machine, memo)) for _ in range(2))
    print(f"listing {len(found)} files: {1000 * first:.0f} ms, again {1000 * second:.0f} ms", flush=True)
    package = timed(lambda: gguf.GGUFReader(str(one)))
    print(f"one header: {1000 * first / FILES:.0f} ms, by the gguf package {1000 * package:.0f} ms")


if __name__ == "__main__":
    sys.exit(main())
