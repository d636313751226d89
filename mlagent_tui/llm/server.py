"""The model server: loads one model, then answers requests, as JSON lines on its standard input and output.

`python -m mlagent_tui.llm.server MODEL.gguf OPTIONS-AS-JSON`. One request at a time; `cancel` is heard
between tokens; the end of its input ends the process, so that it cannot outlive the engine.
"""

from __future__ import annotations

import dataclasses
import json
import os
import queue
import re
import sys
import threading
import time
from pathlib import Path
from typing import Any, TextIO

from mlagent_tui.errors import ModelError
from mlagent_tui.llm.base import Message, PromptTooLong, Request
from mlagent_tui.llm.client import Options

FLUSH_SECONDS = 0.05
SMALL_FILE = 64_000_000
"""Bytes. In a model below this a second thread mostly waits for the first: on a busy machine two threads made
one of the bundled model's size three to seven times slower."""


class Requests:
    """Reads lines in a thread of its own, so that a cancel is heard while an answer is being written."""

    def __init__(self, source: TextIO) -> None:
        self._source = source
        self._waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        threading.Thread(target=self._read, daemon=True).start()

    def next(self) -> dict[str, Any]:
        return self._waiting.get()

    def is_cancelled(self, id_: int) -> bool:
        return id_ in self._cancelled

    def _read(self) -> None:
        for line in self._source:
            message = json.loads(line)
            if message["do"] == "cancel":
                self._cancelled.add(message["id"])
            else:
                self._waiting.put(message)
        os._exit(0)


class Replies:
    """Writes lines, each with the id of its request; text is collected and sent every `FLUSH_SECONDS`."""

    def __init__(self, sink: TextIO) -> None:
        self._sink = sink
        self.id = 0
        self._text: list[str] = []
        self._thinking = False
        self._flushed = 0.0

    def send(self, **fields: Any) -> None:
        self._sink.write(json.dumps({"id": self.id, **fields}) + "\n")
        self._sink.flush()

    def fail(self, error: ModelError) -> None:
        if isinstance(error, PromptTooLong):
            self.send(event="too_long", tokens=error.prompt_tokens, context_length=error.context_length)
        else:
            self.send(event="error", what=error.what, remedy=error.remedy)

    def text(self, piece: str, thinking: bool) -> None:
        if thinking != self._thinking:
            self.flush()
            self._thinking = thinking
        self._text.append(piece)
        if time.monotonic() - self._flushed >= FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        if self._text:
            self.send(event="text", text="".join(self._text), thinking=self._thinking)
            self._text.clear()
        self._flushed = time.monotonic()


class Server:
    """The loaded model and how it is spoken to."""

    def __init__(self, path: Path, options: Options) -> None:
        from mlagent_tui.llm.chat_format import ChatFormat
        from mlagent_tui.llm.constrain import Constrainer
        from mlagent_tui.llm.llama_cpp import Llama

        self.options = options
        self.model = Llama(
            path,
            context_limit=options.context_limit,
            threads=options.threads or (1 if path.stat().st_size < SMALL_FILE else physical_cores()),
            gpu_layers=options.gpu_layers,
        )
        self.format = ChatFormat(self.model.header.chat_template, self.model.bos, self.model.eos)
        self.constrainer = Constrainer(self.model.guidance_tokenizer(), self.model.vocab_size)
        texts = sorted(self.model.control_texts(), key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, texts)) or r"(?!)")

    def render(self, fields: dict[str, Any]) -> str:
        """The prompt; control tokens that occur inside a message are broken up, to be mere text."""
        return self.format.render(
            [
                Message(
                    m["role"], self._control.sub(lambda found: f"{found[0][0]} {found[0][1:]}", m["content"])
                )
                for m in fields["messages"]
            ]
        )

    def answer(self, fields: dict[str, Any], requests: Requests, replies: Replies) -> None:
        """Handles one request."""
        from mlagent_tui.llm.generation import write_answer

        prompt = self.render(fields)
        if fields["do"] == "count":
            replies.send(event="count", tokens=len(self.model.tokenize(prompt)))
            return
        request = Request((), fields["schema"], fields["max_tokens"], fields["temperature"], fields["seed"])
        answer = write_answer(
            self.model,
            prompt,
            request,
            self.constrainer.constraint(request.schema) if request.schema else None,
            thinking_tokens=self.options.thinking_tokens,
            emit=replies.text,
            cancelled=lambda: requests.is_cancelled(fields["id"]),
        )
        replies.flush()
        replies.send(event="answer", **dataclasses.asdict(answer))


def physical_cores() -> int:
    """Cores this process may use, hyper-threads counted once: with more threads llama.cpp is slower."""
    try:
        usable = os.sched_getaffinity(0)
        siblings = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
        return len({Path(siblings.format(cpu)).read_text() for cpu in usable})
    except (AttributeError, OSError):
        return max(1, (os.cpu_count() or 2) // (1 if sys.platform == "darwin" else 2))


def main(arguments: list[str]) -> int:
    """Serves until the input ends. File descriptors 1 and 2 go to the log: libraries write to them."""
    replies = Replies(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)
    requests = Requests(os.fdopen(os.dup(0), encoding="utf-8"))
    _first_to_go()
    try:
        server = Server(Path(arguments[0]), Options(**json.loads(arguments[1])))
    except ModelError as error:
        replies.fail(error)
        return 1
    replies.send(event="ready", name=server.model.header.name, context_length=server.model.context_length)
    while True:
        fields = requests.next()
        replies.id = fields["id"]
        try:
            server.answer(fields, requests, replies)
        except ModelError as error:
            replies.flush()
            replies.fail(error)


def _first_to_go() -> None:
    """When memory runs out Linux shall end this process, which can be restarted, and not the engine."""
    try:
        Path("/proc/self/oom_score_adj").write_text("500")
    except OSError:
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
