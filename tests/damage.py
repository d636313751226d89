"""Damaged model files: 300 ways in which a GGUF can be broken, and a quick way to try each in the server.

The server's own `main` runs, in a child of a process that has its libraries loaded already: starting an
interpreter for each file would take minutes.
"""

from __future__ import annotations

import json
import random
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.tiny_gguf import make

BOMBS = (
    "{% for i in range(99999) %}{% for j in range(99999) %}{{ i }}{% endfor %}{% endfor %}",
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{{ 'x' * 10**9 }}",
    "{{ 10 ** 10 ** 10 }}",
    "{{ 'x' | center(3000000000) }}",
    "{{ '%3000000000d' % 1 }}",
    "{{ '{:3000000000}'.format(1) }}",
    "{{ messages | tojson(indent=3000000000) }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% set n = namespace(s='x') %}{% for i in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor %}{{ n.s }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ raise_exception.__globals__ }}",
    "{{ messages[99].content.nothing.at.all }}",
    "{{ messages.append(1) }}{{ messages.clear() }}",
    "{% include '/etc/passwd' %}",
    "{% for m in messages %}{{ m.content",
    "{{ " + "(" * 5000 + ")" * 5000 + " }}",
    "{% if x %}" * 2000 + "{% endif %}" * 2000,
    "{{ range(10**12) | list }}",
    "{{ 'a' | replace('', 'b' * 9999) | replace('b', 'c' * 9999) | replace('c', 'd' * 9999) }}",
)
NUMBERS = (
    "llama.context_length", "llama.embedding_length", "llama.feed_forward_length", "llama.block_count",
    "llama.attention.head_count", "llama.attention.head_count_kv", "llama.rope.dimension_count",
    "tokenizer.ggml.unknown_token_id", "tokenizer.ggml.eos_token_id", "tokenizer.ggml.padding_token_id",
)  # fmt: skip
ABSURD = (0, 1, 3, 2**31 - 1, 2**31, 2**32 - 1)
UNCAUGHT = "status 99"
"""How what is said of a server ends in which an exception was not caught."""
HUGE = (2**31, 2**40, 2**62, 2**63, 2**64 - 1)


def damaged(folder: Path) -> Iterator[Path]:
    """300 files, each broken in its own way, always the same."""
    good = make(folder / "good.gguf").read_bytes()
    for number, (kind, content) in enumerate(_broken(good, random.Random(7))):
        path = folder / f"{number:03}-{kind}.gguf"
        path.write_bytes(content)
        yield path
    for number, bomb in enumerate(BOMBS):
        yield make(folder / f"bomb-{number:02}.gguf", template=bomb)


def _broken(good: bytes, rng: random.Random) -> Iterator[tuple[str, bytes]]:
    header = good.index(b"token_embd.weight")
    tensors = good.rindex(b"blk.1.ffn_down.weight") + 60
    for _ in range(50):
        yield "cut", good[: rng.randrange(len(good))]
    for name, begin, end, files in (("kv", 24, header, 70), ("info", header, tensors, 50)):
        for _ in range(files):
            yield f"flip-{name}", _flipped(good, rng, begin, end, rng.choice((1, 1, 2, 8)))
    for _ in range(20):
        yield "flip-weights", _flipped(good, rng, tensors, len(good), 64)
    for magic in (b"GGML", b"FUGG", b"\0\0\0\0", b"PK\3\4", b"\x7fELF"):
        yield "magic", magic + good[4:]
    for version in (0, 1, 4, 2**31, 2**32 - 1):
        yield "version", good[:4] + struct.pack("<I", version) + good[8:]
    for at in (8, 16):  # of tensors, and of entries of metadata
        for count in (0, 1, *HUGE):
            yield "count", good[:at] + struct.pack("<Q", count) + good[at + 8 :]
    for key in ("tokenizer.ggml.tokens", "tokenizer.ggml.scores", "tokenizer.ggml.token_type"):
        at = good.index(key.encode()) + len(key) + 8
        for count in (0, 1, *HUGE):
            yield "items", good[:at] + struct.pack("<Q", count) + good[at + 8 :]
    for key in NUMBERS[:9]:
        at = good.index(key.encode()) + len(key) + 4
        for number in ABSURD[: 6 if key != NUMBERS[8] else 3]:
            yield "number", good[:at] + struct.pack("<I", number) + good[at + 4 :]


def _flipped(good: bytes, rng: random.Random, begin: int, end: int, bits: int) -> bytes:
    content = bytearray(good)
    for _ in range(bits):
        content[rng.randrange(begin, end)] ^= 1 << rng.randrange(8)
    return bytes(content)


@dataclass(frozen=True)
class Outcome:
    """What became of one file: `refused` with a reason, `answered`, `died` by a signal, or `hung`."""

    path: Path
    what: str
    said: str
    seconds: float


class Trials:
    """Runs the model server on one file after the other, each for at most `seconds`."""

    def __init__(self, seconds: float, memory: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _DRIVER, str(seconds), str(memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, path: Path) -> Outcome:
        """Load it and ask for three tokens."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        return Outcome(path, *json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


_DRIVER = """
import json, os, resource, select, signal, sys, time
from mlagent_tui.llm import chat_format, constrain, generation, llama_cpp, server

SECONDS, MEMORY = float(sys.argv[1]), int(sys.argv[2])
ASK = {"do": "generate", "id": 1, "messages": [{"role": "user", "content": "hello"}], "schema": None,
       "max_tokens": 3, "temperature": 0.0, "seed": 0, "begin": "", "stops": [],
       "chat_template": "", "thinking_tokens": None}

def serve(path, asks, answers):
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(asks, 0)
    os.dup2(answers, 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    os.closerange(3, 64)
    try:
        os._exit(server.main([path, "{}"]))
    except BaseException:
        os._exit(99)

def attempt(path):
    began = time.monotonic()
    asks, ask = os.pipe()
    answer, answers = os.pipe()
    pid = os.fork()
    if pid == 0:
        serve(path, asks, answers)
    os.close(asks)
    os.close(answers)
    os.write(ask, json.dumps(ASK).encode() + b"\\n")
    heard, what, said = b"", "", ""
    while not what:
        left = began + SECONDS - time.monotonic()
        if left <= 0 or not select.select([answer], [], [], left)[0]:
            what = "hung"
            break
        piece = os.read(answer, 65536)
        heard += piece
        for line in heard.splitlines() if heard.endswith(b"\\n") else ():
            event = json.loads(line)
            if event["event"] in ("error", "answer", "too_long"):
                what = "answered" if event["event"] == "answer" else "refused"
                said = event.get("what", "")
        if not piece:
            break
    if what:
        os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    os.close(ask)
    os.close(answer)
    if not what:
        what = "died"
        said = heard.decode(errors="replace")[-200:] + f" status {os.waitstatus_to_exitcode(status)}"
    return what, said, round(time.monotonic() - began, 2)

for line in sys.stdin:
    print(json.dumps(attempt(line.rstrip("\\n"))), flush=True)
"""
