#!/usr/bin/env python3
"""Measure the model server against llama.cpp's own benchmark loop: same model, same depth, same run.

    scripts/bench_llm.py [--model FILE] [--depth 512] [--tokens 128] [--rounds 5] [--threads N]

The loop is that of llama-bench with its own defaults: random tokens, no sampling, no text, and as many of
them as the server has just read and written. Rounds alternate between the two; shown are the medians of
both and of the rounds' ratios. Models: the bundled one, and one of random weights with a vocabulary of
150,000 (fetched once; see tests/vocabularies.py), or the one named. Then: the wait for the first token of a
role's first and second call; of a long prompt whose instructions were read before, by this server and by one
that was ended; and what a listing of 50 files costs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1])]

from mlagent_tui import paths
from mlagent_tui.llm import Answer, Message, Options, Request, ServedModel, catalog, places
from mlagent_tui.llm.gguf import read_header
from mlagent_tui.llm.machine import Machine
from mlagent_tui.schemas import ModelConfig
from tests.vocabularies import Unavailable, random_model

FILES = 50
WANTED = {"prompt": 0.9, "decode": 0.9, "constrained": 0.8}
INSTRUCTIONS, QUESTION = (1500, 3000), 150
"""Tokens of long prompts: of their beginnings, which are alike, and of their ends, which differ."""
SHARES = {"again": 0.2, "restarted": 0.3}
"""What the wait for a first token may be at most, as a share of that of a prompt never read before."""


def main() -> int:
    """Print the tables; exit status 1 when a ratio is below what is wanted."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="measure this model only")
    parser.add_argument("--depth", type=int, default=512, help="tokens of prompt before decoding")
    parser.add_argument("--tokens", type=int, default=128, help="tokens to decode")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of both programs")
    parser.add_argument("--reference", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--context", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reference:
        return reference(options.reference, options.threads, options.context)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        good = [compare(model, options) for model in models(folder, options.model)]
        for model in models(folder, options.model):
            good += [prefixes(model, length, options, folder / "cache") for length in INSTRUCTIONS]
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
        print(f"skipped: the large vocabulary ({error})", file=sys.stderr)
    return chosen


def compare(path: Path, options: argparse.Namespace) -> bool:
    """One model on both sides, in turn; whether every ratio is as wanted."""
    print(
        f"{read_header(path).name}: {path.stat().st_size / 1e6:.0f} MB, {options.threads} thread(s), ", end=""
    )
    print(f"depth {options.depth}, {options.tokens} tokens, medians of {options.rounds}", flush=True)
    model = ServedModel(path, Options(threads=options.threads))
    loop = Reference(path, options.threads, model.context_length)
    rounds: list[tuple[Speeds, Speeds]] = []
    waits: list[tuple[float, float]] = []
    try:
        text = words(model, options.depth)
        for number in range(options.rounds + 1):
            pair = one_round(model, loop, f"{number} {text}", options.tokens)
            wait = first_tokens(model, f"{number} {text}")
            if number:  # the first round warms both up
                rounds.append(pair)
                waits.append(wait)
    finally:
        loop.close()
        model.close()
    good = True
    for name, wanted in WANTED.items():
        ours, theirs = ([getattr(pair[side], name) for pair in rounds] for side in (0, 1))
        ratio = statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
        good &= ratio >= wanted
        left, right = statistics.median(ours), statistics.median(theirs)
        verdict = f"{ratio:6.1%} (>= {wanted:.0%})  {'ok' if ratio >= wanted else 'BELOW'}"
        print(f"  {name:12}{left:9.0f} tokens/s  llama.cpp {right:9.0f}  {verdict}")
    first, second = (1000 * statistics.median(wait[call] for wait in waits) for call in (0, 1))
    print(
        f"  first token {first:9.0f} ms in a role's first call, {second:.0f} ms in its second\n", flush=True
    )
    return good


def words(model: ServedModel, depth: int) -> str:
    """Text that makes a prompt of about `depth` tokens."""
    text = ["network"]
    while model.count_tokens([Message("user", " ".join(text))]) < depth:
        text += [f"layer {len(text)} has {len(text) * 37 % 101} channels"] * max(1, depth // 200)
    return " ".join(text)


@dataclass(frozen=True)
class Speeds:
    """Tokens a second: of a prompt, of writing after it, and of writing under a schema."""

    prompt: float
    decode: float
    constrained: float


def one_round(model: ServedModel, loop: Reference, text: str, tokens: int) -> tuple[Speeds, Speeds]:
    """The model server on a new prompt, llama.cpp on as many tokens, and the server held to a schema."""
    message, schema = Message("user", text), ModelConfig.model_json_schema()
    free = model.generate(Request((message,), max_tokens=tokens))
    theirs = loop.measure(free.prompt_tokens, tokens)
    held = model.generate(Request((message,), schema, max_tokens=tokens))
    prompt = (free.prompt_tokens - free.reused_tokens) / free.prompt_seconds
    ours = Speeds(prompt, written(free), written(held))
    return ours, Speeds(theirs["prompt"], theirs["decode"], theirs["decode"])


def written(answer: Answer) -> float:
    """Tokens a second after the first, which comes with the prompt."""
    return (answer.tokens - 1) / answer.seconds


def first_tokens(model: ServedModel, instructions: str) -> tuple[float, float]:
    """Seconds until the first token of a role's first call, and of its next with another question."""
    one, two = (
        model.generate(Request(told(model, instructions, question), max_tokens=1)).prompt_seconds
        for question in ("What now?", "And then?")
    )
    return one, two


def told(model: ServedModel, instructions: str, question: str) -> tuple[Message, ...]:
    """Instructions as a system message where the model's template shows one, else before the question."""
    system, user = Message("system", f"Your role: {instructions}"), Message("user", question)
    if shows_instructions(model):
        return system, user
    return (Message("user", f"{system.content}\n{question}"),)


def prefixes(path: Path, length: int, options: argparse.Namespace, cache: Path) -> bool:
    """The wait for the first token of long prompts that begin alike; whether it is as short as wanted."""
    os.environ["XDG_CACHE_HOME"] = str(cache)
    loading = Options(threads=options.threads)
    model = ServedModel(path, loading)
    if model.context_length < length + 2 * QUESTION or not shows_instructions(model):
        model.close()
        return True
    beginning, waits = words(model, length), dict[str, list[float]](cold=[], again=[], restarted=[])
    question = words(model, QUESTION)
    for number in range(options.rounds):
        for call, kind in enumerate(("cold", "again", "again", "restarted")):
            if kind == "restarted":
                model.close()
                model = ServedModel(path, loading)
            messages = Message("system", f"{number} {beginning}"), Message("user", f"{call} {question}")
            waits[kind].append(model.generate(Request(messages, max_tokens=1)).prompt_seconds)
    model.close()
    cold = statistics.median(waits["cold"])
    print(f"{read_header(path).name}: instructions of {length} tokens, first token {1000 * cold:.0f} ms")
    good = True
    for kind, wanted in SHARES.items():
        share = statistics.median(waits[kind]) / cold
        good &= share <= wanted
        verdict = f"{share:6.1%} (<= {wanted:.0%})  {'ok' if share <= wanted else 'ABOVE'}"
        print(f"  {kind:12}{1000 * cold * share:9.0f} ms       {verdict}", flush=True)
    return good


def shows_instructions(model: ServedModel) -> bool:
    """Whether the model's template shows a system message; Minnow's does not."""
    system, user = Message("system", "Be brief."), Message("user", "What now?")
    return model.count_tokens([system, user]) > model.count_tokens([user])


class Reference:
    """llama.cpp's loop in a process of its own, which measures once for each line it is sent."""

    def __init__(self, path: Path, threads: int, context: int) -> None:
        given = {"--reference": path, "--threads": threads, "--context": context}
        self._process = subprocess.Popen(
            [sys.executable, __file__, *(str(item) for pair in given.items() for item in pair)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def measure(self, depth: int, tokens: int) -> dict[str, float]:
        """Tokens a second of reading `depth` tokens, and of writing `tokens` after them."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{depth} {tokens}\n")
        self._process.stdin.flush()
        measured: dict[str, float] = json.loads(self._process.stdout.readline())
        return measured

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def reference(path: Path, threads: int, context_length: int) -> int:
    """What llama-bench does for `-p DEPTH` and for `-n TOKENS -d DEPTH`, for each line of both numbers."""
    import llama_cpp.llama_cpp as c

    c.llama_backend_init()
    model = c.llama_model_load_from_file(str(path).encode(), _model_parameters(c))
    vocabulary = c.llama_vocab_n_tokens(c.llama_model_get_vocab(model))
    parameters = c.llama_context_default_params()  # also as to chunks, attention, and types of the cache
    parameters.n_ctx = context_length
    parameters.n_threads = parameters.n_threads_batch = threads
    context = c.llama_init_from_model(model, parameters)
    rng = random.Random(0)

    def decode(count: int) -> None:
        batch = (c.llama_token * count)(*(rng.randrange(vocabulary) for _ in range(count)))
        if c.llama_decode(context, c.llama_batch_get_one(batch, count)):
            raise RuntimeError("llama_decode failed")
        c.llama_synchronize(context)

    def read(depth: int) -> None:
        for start in range(0, depth, parameters.n_batch):
            decode(min(parameters.n_batch, depth - start))

    def write(tokens: int) -> None:
        for _ in range(tokens):
            decode(1)

    for line in sys.stdin:
        depth, tokens = map(int, line.split())
        c.llama_memory_clear(c.llama_get_memory(context), False)
        reading, writing = timed(partial(read, depth)), timed(partial(write, tokens))
        measured = {"prompt": depth / reading, "decode": tokens / writing}
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
        print(f"skipped: the listing ({error})", file=sys.stderr)
        return
    many = folder / "many"
    many.mkdir()
    for number in range(FILES):
        shutil.copyfile(one, many / f"{number}.gguf")
    memo = folder / "memo.json"
    machine = Machine(8 << 30, 4 << 30, 10e9)

    def list_all() -> None:
        found = [places.Found(path, "") for path in places.models_below(many)]
        listed = catalog.entries(found, machine, memo)
        assert len(listed) == FILES and not any(entry.facts.problem for entry in listed)

    first, second = timed(list_all), timed(list_all)
    print(f"listing {FILES} files: {1000 * first:.0f} ms, again {1000 * second:.0f} ms", flush=True)
    package = timed(lambda: gguf.GGUFReader(str(one)))
    print(f"one header: {1000 * first / FILES:.0f} ms, by the gguf package {1000 * package:.0f} ms")


if __name__ == "__main__":
    sys.exit(main())
