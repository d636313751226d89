"""The model server: loads one model, then answers requests, as JSON lines on its standard input and output.

`python -m mlagent_tui.llm.server MODEL OPTIONS-AS-JSON`, where MODEL is a .gguf file or a folder of Hugging
Face weights. One request at a time; `cancel` is heard in the middle of it; the end of the input ends the
process, so that it cannot outlive the engine.
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
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from mlagent_tui import paths
from mlagent_tui.errors import ModelError
from mlagent_tui.llm import fit
from mlagent_tui.llm.base import Message, PromptTooLong, Request
from mlagent_tui.llm.chat_format import ChatFormat
from mlagent_tui.llm.cores import physical_cores
from mlagent_tui.llm.families import Prompt, known_to, ready
from mlagent_tui.llm.folder import read_folder
from mlagent_tui.llm.generation import TokenModel, in_common, write_answer
from mlagent_tui.llm.gguf import read_header
from mlagent_tui.llm.prefixes import CHUNK
from mlagent_tui.llm.process import ALIVE, ALIVE_SECONDS, Options
from mlagent_tui.llm.seam import Blanks, without_blanks

if TYPE_CHECKING:
    from llguidance import LLTokenizer

FLUSH_SECONDS = 0.05
PROGRESS_SECONDS = 0.2
PREFIX_BYTES, PREFIX_SHARE = 2_000_000_000, 8
"""Room for the beginnings of prompts: so many bytes, and at most this part of the memory that is free."""
STATES = "prefixes"
"""The folder inside the cache folder where the same is stored for the next start."""
SMALL_FILE = 64_000_000
"""Bytes. In a model below this a second thread mostly waits for the first: on a busy machine two threads made
one of the bundled model's size three to seven times slower."""
LEAST_CONTEXT = 32
"""Tokens of context. llama.cpp ends the process for a model that was made for a few."""


class Requests:
    """Reads lines in a thread of its own, so that a cancel is heard while an answer is being written."""

    def __init__(self, source: TextIO) -> None:
        self._source = source
        self._waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        self._current: tuple[int, Backend] | None = None
        self._changing = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()

    def next(self) -> dict[str, Any]:
        return self._waiting.get()

    def attend(self, id_: int, model: Backend) -> None:
        """From now on a cancel of this request halts the model."""
        with self._changing:
            self._current = id_, model
            model.halt(id_ in self._cancelled)

    def is_cancelled(self, id_: int) -> bool:
        return id_ in self._cancelled

    def _read(self) -> None:
        for line in self._source:
            message = json.loads(line)
            if message["do"] == "cancel":
                with self._changing:
                    self._cancelled.add(message["id"])
                    if self._current and self._current[0] == message["id"]:
                        self._current[1].halt(True)
            else:
                self._waiting.put(message)
        os._exit(0)


class Replies:
    """Writes lines, each with the id of its request; text is collected and sent every `FLUSH_SECONDS`."""

    def __init__(self, sink: TextIO) -> None:
        self._sink = sink
        self._writing = threading.Lock()
        self._at_work = threading.Event()
        self.id = 0
        self._text: list[str] = []
        self._thinking = False
        self._flushed = 0.0
        self._progressed = 0.0

    def send(self, **fields: Any) -> None:
        self._write({"id": self.id, **fields})

    def at_work(self, on: bool) -> None:
        """Whether something is being done, however long it takes; the engine is told so every second."""
        if on:
            self._at_work.set()
        else:
            self._at_work.clear()

    def start_signs(self) -> None:
        """Send a sign every second while something is being done, from a thread of its own."""
        threading.Thread(target=self._sign, daemon=True).start()

    def _sign(self) -> None:
        while self._at_work.wait():
            self._write(ALIVE)
            time.sleep(ALIVE_SECONDS)

    def _write(self, fields: dict[str, Any]) -> None:
        with self._writing:
            self._sink.write(json.dumps(fields) + "\n")
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

    def progress(self, done: int, total: int) -> None:
        """How much of a prompt has been evaluated, told when it takes long."""
        if time.monotonic() - self._progressed >= PROGRESS_SECONDS:
            self._progressed = time.monotonic()
            self.send(event="progress", done=done, total=total)

    def flush(self) -> None:
        if self._text:
            self.send(event="text", text="".join(self._text), thinking=self._thinking)
            self._text.clear()
        self._flushed = time.monotonic()


class Backend(TokenModel, Protocol):
    """What the server asks of a loaded model besides writing."""

    @property
    def name(self) -> str:
        """What the model calls itself."""

    @property
    def chat_template(self) -> str:
        """Jinja source; empty when there is none."""

    @property
    def bos(self) -> str:
        """The text of the token that begins a prompt, empty when there is none."""

    @property
    def eos(self) -> str:
        """The text of the token that ends an answer, empty when there is none."""

    def control_texts(self) -> list[str]:
        """How the control tokens are written; text from outside must not contain them."""

    def guidance_tokenizer(self) -> LLTokenizer:
        """The vocabulary as llguidance wants it."""

    def halt(self, on: bool) -> None:
        """Ends the evaluation under way, from another thread, and refuses any other until it is off again."""


class Server:
    """The loaded model and how it is spoken to."""

    def __init__(self, path: Path, options: Options) -> None:
        from mlagent_tui.llm.constrain import Constrainer

        self.options = options
        self.model, self.memory = _load(path, options)
        self._formats: dict[str, ChatFormat] = {}
        self._format("")
        self.constrainer = Constrainer(self.model.guidance_tokenizer(), self.model.vocab_size)
        texts = sorted(self.model.control_texts(), key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, texts)) or r"(?!)")

    @cached_property
    def blanks(self) -> Blanks:
        """The vocabulary's tokens with blanks; takes half a second for a large one."""
        return Blanks(self.model.piece, self.model.vocab_size)

    def render(self, fields: dict[str, Any]) -> tuple[Prompt, str]:
        """The prompt, and as much of it as is the same whatever the user says last: instructions, examples.

        Control tokens that occur inside a message are broken up, to be mere text.
        """
        messages = [
            Message(m["role"], self._control.sub(lambda found: f"{found[0][0]} {found[0][1:]}", m["content"]))
            for m in fields["messages"]
        ]
        format_ = self._format(fields["chat_template"])
        think = self._budget(fields) > 0
        text = format_.render(messages, think)
        asked = max((i for i, message in enumerate(messages) if message.role == "user"), default=0)
        other = [*messages[:asked], Message("user", "\0"), *messages[asked + 1 :]]
        fixed = text[: in_common(text, format_.render(other, think))]
        begin = fields["begin"] if fields.get("schema") else without_blanks(fields["begin"])[0]
        return ready(text, known_to(format_.source), think, begin), fixed

    def answer(self, fields: dict[str, Any], requests: Requests, replies: Replies) -> None:
        """Handles one request."""
        prompt, fixed = self.render(fields)
        if fields["do"] == "count":
            replies.send(event="count", tokens=len(self.model.tokenize(prompt.text)))
            return
        said = ("schema", "max_tokens", "temperature", "seed")
        owed = 0 if fields["schema"] else without_blanks(fields["begin"])[1]
        request = Request((), **{name: fields[name] for name in said}, stops=tuple(fields["stops"]))
        answer = write_answer(
            self.model,
            prompt,
            request,
            self.constrainer.constraint(request.schema, fields["begin"]) if request.schema else None,
            thinking_tokens=self._budget(fields),
            emit=replies.text,
            cancelled=lambda: requests.is_cancelled(fields["id"]),
            fixed=fixed,
            blanks=self.blanks if owed else None,
            owed=owed,
            progress=replies.progress,
        )
        replies.flush()
        replies.send(event="answer", **dataclasses.asdict(answer))

    def _budget(self, fields: dict[str, Any]) -> int:
        asked: int | None = fields["thinking_tokens"]
        return self.options.thinking_tokens if asked is None else asked

    def _format(self, template: str) -> ChatFormat:
        if template not in self._formats:
            source = template or self.model.chat_template
            self._formats[template] = ChatFormat(source, self.model.bos, self.model.eos)
        return self._formats[template]


def _load(path: Path, options: Options) -> tuple[Backend, fit.Held]:
    """The model of `path`, and what memory it takes.

    Raises `ModelError` for one that cannot be served, or does not fit.
    """
    from mlagent_tui.memory import memory

    available = memory()[1]
    if path.is_dir():
        from mlagent_tui.llm.transformers import Transformers

        loaded = Transformers(read_folder(path), options, threads=_threads, available=available)
        return loaded, loaded.memory()
    from mlagent_tui.llm.build import facts
    from mlagent_tui.llm.llama_cpp import Llama

    header = read_header(path)
    if 0 < header.context_length < LEAST_CONTEXT:
        raise ModelError(
            f"{path} was made for a context of {header.context_length} tokens", "Choose another model."
        )
    context = min(header.context_length or options.context_limit, options.context_limit)
    gpus = [device for device in facts()["devices"] if device["kind"] == "gpu"]
    small = header.size < SMALL_FILE
    on_cpu = not gpus or options.gpu_layers == 0
    flash_attention = options.flash_attention
    scores = 0
    if flash_attention == "auto" and on_cpu and not small:
        flash_attention, scores = "off", CHUNK  # with it, results depend on the number of threads
    model = fit.Model(
        header.name,
        header.size,
        header.layers,
        lambda tokens: header.kv_bytes(tokens) + header.score_bytes(tokens, scores),
    )
    layers = options.gpu_layers
    if options.memory_check:
        layers = _layers(model, context, options, available, gpus)
    apart = gpus and not any(gpu["unified"] for gpu in gpus)
    llama = Llama(
        path,
        context_limit=options.context_limit,
        threads=options.threads or (0 if on_cpu and not small else _threads(header.size)),
        gpu_layers=layers,
        flash_attention=flash_attention,
        prefix_bytes=min(PREFIX_BYTES, available // PREFIX_SHARE),
        states=paths.cache_folder() / STATES,
    )
    return llama, fit.held(model, context, layers if apart else 0)


def _layers(
    model: fit.Model, context: int, options: Options, available: int, gpus: list[dict[str, Any]]
) -> int:
    """How many layers to put on GPUs, -1 for all. Raises `ModelError` when the model does not fit."""
    if not gpus or options.gpu_layers == 0:
        fit.check(model, context, available)
        return options.gpu_layers
    free = sum(gpu["free"] for gpu in gpus)
    layers = fit.gpu_layers(model, context, options.gpu_layers, free)
    if any(gpu["unified"] for gpu in gpus):
        fit.check(model, context, available)
    elif 0 <= layers <= model.layers:
        share = layers / (model.layers + fit.LAYERS_AND_OUTPUT)
        fit.check(model, context, available + int(share * model.need(context)))
    return layers


def _threads(size: int) -> int:
    return 1 if size < SMALL_FILE else physical_cores()


def main(arguments: list[str]) -> int:
    """Serves until the input ends. File descriptors 1 and 2 go to the log: libraries write to them."""
    replies = Replies(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)
    requests = Requests(os.fdopen(os.dup(0), encoding="utf-8"))
    _first_to_go()
    replies.at_work(True)
    replies.start_signs()
    try:
        server = Server(Path(arguments[0]), Options(**json.loads(arguments[1])))
    except ModelError as error:
        replies.fail(error)
        return 1
    replies.send(
        event="ready",
        name=server.model.name,
        context_length=server.model.context_length,
        memory=dataclasses.asdict(server.memory),
    )
    while True:
        replies.at_work(False)
        fields = requests.next()
        replies.at_work(True)
        replies.id = fields["id"]
        requests.attend(fields["id"], server.model)
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
