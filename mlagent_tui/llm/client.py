"""The engine's side of a model server: starts it, streams, cancels, and starts it again when it dies."""

from __future__ import annotations

import dataclasses
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from mlagent_tui.errors import ModelError
from mlagent_tui.llm.base import Answer, Message, OnText, PromptTooLong, Request
from mlagent_tui.llm.gguf import read_header

POLL_SECONDS = 0.05
CANCEL_SECONDS = 20.0
LOG_TAIL = 400


@dataclass(frozen=True)
class Options:
    """How a model is served: the context is the file's, at most `context_limit`; `threads` 0 chooses.

    `thinking_tokens` bounds the thinking of a reasoning model; `gpu_layers` -1 uses a GPU as far as it goes.
    """

    context_limit: int = 16384
    threads: int = 0
    gpu_layers: int = -1
    thinking_tokens: int = 2048


class ServerDied(Exception):
    """The process ended, or no longer made sense; `how` tells what is known."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


class ServerProcess:
    """One run of the server process."""

    def __init__(self, path: Path, options: Options) -> None:
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        package_root = str(Path(__file__).parents[2])
        search = os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "mlagent_tui.llm.server"),
                *(str(path), json.dumps(dataclasses.asdict(options))),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, "PYTHONPATH": search},
            start_new_session=True,  # Ctrl-C in a terminal is for the engine
        )
        self.pid = self._process.pid
        self._how = ""
        self._lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, **fields: Any) -> None:
        """Raises `ServerDied`."""
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(fields).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            self._reader.join()
            raise ServerDied(self._how) from error

    def receive(self, timeout: float | None = None) -> dict[str, Any] | None:
        """The next line, or None after `timeout` seconds. Raises `ServerDied`."""
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            return None
        if line is None:
            raise ServerDied(self._how)
        return line

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout, self._log):
            if pipe:
                with suppress(BrokenPipeError):  # what was not yet written is of no use any more
                    pipe.close()

    def _read(self) -> None:
        assert self._process.stdout
        try:
            for line in self._process.stdout:
                self._lines.put(json.loads(line))
        except ValueError:
            self._process.kill()
        self._how = self._describe(self._process.wait())
        self._lines.put(None)

    def _describe(self, status: int) -> str:
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - LOG_TAIL))
        tail = self._log.read().decode(errors="replace").strip()
        return f"{how} (it said: {tail})" if tail else how


class ServedModel:
    """A language model in a process of its own. A call during which the process dies is repeated once."""

    def __init__(self, path: Path, options: Options | None = None) -> None:
        """Starts loading. Raises `ModelError` at once for a file that cannot be a model."""
        self.name = read_header(path).name
        self._path = path
        self._options = options or Options()
        self._lock = threading.Lock()
        self._calls = 0
        self._closed = False
        self._context_length = 0
        self._server: ServerProcess | None = ServerProcess(path, self._options)

    @property
    def context_length(self) -> int:
        """Tokens that prompt and answer may have together; waits for the model to be loaded."""
        with self._lock:
            self._ready()
        return self._context_length

    @property
    def pid(self) -> int | None:
        """The process that serves, if one does."""
        return self._server.pid if self._server else None

    def generate(
        self, request: Request, on_text: OnText | None = None, cancel: threading.Event | None = None
    ) -> Answer:
        """Answers `request`; see `LanguageModel`. A repeated call does not hand on the same text again."""
        stream = _Stream(on_text, cancel or threading.Event())
        reply = self._call("generate", dataclasses.asdict(request), stream)
        return Answer(**reply) if reply else stream.cut_off()

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the prompt that `messages` become."""
        fields = {"messages": [dataclasses.asdict(message) for message in messages]}
        reply = self._call("count", fields, _Stream(None, threading.Event()))
        assert reply
        return int(reply["tokens"])

    def close(self) -> None:
        """Ends the process, and with it a call under way; a second time does nothing."""
        self._closed = True
        self._stop()

    def _stop(self) -> None:
        server, self._server = self._server, None
        if server:
            server.close()

    def _call(self, do: str, fields: dict[str, Any], stream: _Stream) -> dict[str, Any] | None:
        with self._lock:
            try:
                return self._attempt(do, fields, stream)
            except ServerDied:
                self._stop()
                stream.rewind()
            try:
                return self._attempt(do, fields, stream)
            except ServerDied as error:
                self._stop()
                raise self._died("answered, twice", error) from error

    def _attempt(self, do: str, fields: dict[str, Any], stream: _Stream) -> dict[str, Any] | None:
        """The reply to one call; None when it was cancelled and the server did not stop in time."""
        server = self._ready()
        self._calls += 1
        id_ = self._calls
        server.send(do=do, id=id_, **fields)
        give_up = 0.0
        try:
            while True:
                reply = server.receive(POLL_SECONDS)
                if reply and reply["id"] == id_:
                    if reply["event"] != "text":
                        return _result(reply)
                    stream.text(reply["text"], reply["thinking"])
                if stream.cancel.is_set() and not give_up:
                    give_up = time.monotonic() + CANCEL_SECONDS
                    server.send(do="cancel", id=id_)
                if give_up and time.monotonic() > give_up:
                    self._stop()
                    return None
        except KeyboardInterrupt:
            with suppress(ServerDied):
                server.send(do="cancel", id=id_)
            raise

    def _ready(self) -> ServerProcess:
        """The server with its model loaded."""
        if self._closed:
            raise ModelError(f"{self.name} was closed while it was in use")
        if not self._server:
            self._context_length = 0
            self._server = ServerProcess(self._path, self._options)
        if not self._context_length:
            try:
                reply = self._server.receive()
                assert reply
                self._context_length = _result(reply)["context_length"]
            except ServerDied as error:
                self._stop()
                raise self._died("loaded its model", error) from error
            except BaseException:
                self._stop()
                raise
        return self._server

    def _died(self, when: str, error: ServerDied) -> ModelError:
        return ModelError(
            f"the server of {self._path} {error.how} while it {when}",
            "Mostly memory ran out: close other programs, or use a smaller model. Else the file is damaged.",
        )


class _Stream:
    """Hands text on as it comes; after `rewind`, the same text over again is skipped."""

    def __init__(self, on_text: OnText | None, cancel: threading.Event) -> None:
        self.cancel = cancel
        self._on_text = on_text
        self._seen = {True: "", False: ""}
        self._skip = {True: 0, False: 0}

    def rewind(self) -> None:
        self._skip = {thinking: len(text) for thinking, text in self._seen.items()}

    def text(self, piece: str, thinking: bool) -> None:
        skipped = min(self._skip[thinking], len(piece))
        self._skip[thinking] -= skipped
        if fresh := piece[skipped:]:
            self._seen[thinking] += fresh
            if self._on_text:
                self._on_text(fresh, thinking)

    def cut_off(self) -> Answer:
        """What a server that had to be ended had written so far."""
        return Answer(self._seen[False], self._seen[True], "cancelled", 0, 0, 0.0, 0.0)


def _result(reply: dict[str, Any]) -> dict[str, Any]:
    """The fields of a reply. Raises the error that it carries."""
    reply.pop("id")
    match reply.pop("event"):
        case "error":
            raise ModelError(reply["what"], reply["remedy"])
        case "too_long":
            raise PromptTooLong(reply["tokens"], reply["context_length"])
    return reply
