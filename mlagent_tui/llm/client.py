"""The engine's side of a model server: streams, cancels, and restarts it when it dies or hangs."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlagent_tui.errors import ModelError
from mlagent_tui.llm import usable
from mlagent_tui.llm.base import Answer, Message, OnProgress, OnText, PromptTooLong, Request, Tell
from mlagent_tui.llm.fit import Held
from mlagent_tui.llm.gguf import Header
from mlagent_tui.llm.process import Options, ServerDied, ServerHung, ServerProcess
from mlagent_tui.llm.profile import PLAIN, forms_for, profile_of
from mlagent_tui.llm.stream import Stream
from mlagent_tui.prompts import CodeForm, Profile

POLL_SECONDS = 0.05
CANCEL_SECONDS = 1.0
"""How long a server may take to end a cancelled answer before its process is ended."""
QUIET_SECONDS, HUNG_SECONDS = 5.0, 30.0
"""After so long without a sign of a server that is at work it is said, and after so long it is restarted."""
START_SECONDS = 120.0
"""The same while it starts and loads: libraries of gigabytes may come from a slow disk, without any sign."""


@dataclass(frozen=True)
class Manner:
    """How one role uses a model: what two roles may do differently with one that is loaded once.

    `temperature` is the least that is used; `thinking_tokens` None is as the model was opened; an empty
    `chat_template` is the model's own; `profile` and `code` None are what suits the model.
    """

    temperature: float = 0.0
    thinking_tokens: int | None = None
    chat_template: str = ""
    profile: Profile | None = None
    code: CodeForm | None = None


@dataclass(frozen=True)
class Loaded:
    """What a server says of its model once it is loaded."""

    context_length: int
    memory: Held


def _ignore(message: str, remedy: str) -> None:
    return None


class Connection:
    """A server process that is there whenever it is called.

    A call during which it dies or hangs is repeated once. `tell(message, remedy)` hears of it.
    """

    def __init__(self, path: Path, options: Options) -> None:
        """Starts loading. Raises `ModelError` at once for what cannot be a model."""
        said = usable.read(path)
        self.name = said.name
        self.profile = profile_of(said)
        self.parameters = said.weights.parameters if isinstance(said, Header) else said.parameters
        self.path = path
        self.title = f"the model server of {self.name}"
        self.tell: Tell = _ignore
        self._options = options
        self._lock = threading.Lock()
        self._calls = 0
        self._closed = False
        self._loaded: Loaded | None = None
        self._waiting = True
        self._server: ServerProcess | None = ServerProcess(path, self._options)

    @property
    def loaded(self) -> Loaded:
        """What is known of the model since it was first loaded; waits for that."""
        with self._lock:
            if not self._loaded:
                self._ready()
            assert self._loaded
            return self._loaded

    @property
    def pid(self) -> int | None:
        """The process that serves, if one does."""
        return self._server.pid if self._server else None

    def call(self, do: str, fields: dict[str, Any], stream: Stream) -> dict[str, Any] | None:
        """What the server replies; None when it was cancelled and did not stop in time."""
        with self._lock:
            try:
                return self._attempt(do, fields, stream)
            except ServerDied as error:
                self._stop()
                self._tell_restart(error)
                stream.rewind()
            try:
                return self._attempt(do, fields, stream)
            except ServerDied as error:
                self._stop()
                raise self._died("answered, twice", error) from error

    def load(self, cancel: threading.Event) -> bool:
        """Loads the model where it is not; False when cancelled meanwhile."""
        with self._lock:
            return self._ready(cancel) is not None

    def unload(self) -> None:
        """Ends the process once no call is under way, to free its memory; the next call loads again."""
        with self._lock:
            self._stop()

    def close(self) -> None:
        """Ends the process, and with it a call under way; a second time does nothing."""
        self._closed = True
        self._stop()

    def _stop(self) -> None:
        server, self._server = self._server, None
        self._waiting = True
        if server:
            server.close()

    def _attempt(self, do: str, fields: dict[str, Any], stream: Stream) -> dict[str, Any] | None:
        """The reply to one call; None when it was cancelled and the server did not stop in time."""
        if stream.enough:
            return None
        server = self._ready(stream.cancel)
        if not server:
            return None
        self._calls += 1
        id_ = self._calls
        server.send(do=do, id=id_, **fields)
        give_up = 0.0
        patience = Patience(self, server, HUNG_SECONDS)
        try:
            while True:
                reply = patience.receive()
                if reply and reply["id"] == id_:
                    match reply["event"]:
                        case "text":
                            stream.text(reply["text"], reply["thinking"])
                        case "progress":
                            stream.progress(reply["done"], reply["total"])
                        case _:
                            return _result(reply)
                if stream.over and not give_up:
                    give_up = time.monotonic() + CANCEL_SECONDS
                    server.send(do="cancel", id=id_)
                if give_up and time.monotonic() > give_up:
                    self._stop()
                    return None
        except KeyboardInterrupt:
            with suppress(ServerDied):
                server.send(do="cancel", id=id_)
            raise

    def _ready(self, cancel: threading.Event | None = None) -> ServerProcess | None:
        """The server with its model loaded; None when cancelled before it was."""
        try:
            return self._started(cancel)
        except ServerHung as error:
            self._stop()
            self._tell_restart(error)
        except ServerDied as error:
            self._stop()
            raise self._died("loaded its model", error) from error
        try:
            return self._started(cancel)
        except ServerDied as error:
            self._stop()
            raise self._died("loaded its model", error) from error

    def _started(self, cancel: threading.Event | None) -> ServerProcess | None:
        """As `_ready`, once. Raises `ServerDied`."""
        if self._closed:
            raise ModelError(f"{self.name} was closed during a request")
        server = self._server = self._server or ServerProcess(self.path, self._options)
        patience = Patience(self, server, START_SECONDS)
        try:
            while self._waiting:
                if cancel and cancel.is_set():
                    self._stop()
                    return None
                if reply := patience.receive():
                    told = _result(reply)
                    self._loaded = Loaded(told["context_length"], Held(**told["memory"]))
                    self._waiting = False
        except BaseException:
            self._stop()
            raise
        return server

    def _tell_restart(self, error: ServerDied) -> None:
        if not self._closed:
            self.tell(f"{self.title} {error.how}, and is restarted", "What it was asked is asked again.")

    def _died(self, when: str, error: ServerDied) -> ModelError:
        if isinstance(error, ServerHung):
            return ModelError(
                f"{self.title} {error.how} while it {when}",
                "Check whether the machine has run out of memory, or whether the process was stopped.",
            )
        return ModelError(
            f"the server of {self.path} {error.how} while it {when}",
            "The memory may be full: close other programs, or use a smaller model. "
            "Otherwise the file may be damaged.",
        )


class Patience:
    """Receives from a server that is at work, and notices when it gives no more sign of that.

    Only time that this process itself was running counts: a laptop may have been asleep.
    """

    def __init__(self, connection: Connection, server: ServerProcess, limit: float) -> None:
        self._connection, self._server, self._limit = connection, server, limit
        self._heard, self._quiet, self._told = -1, 0.0, False

    def receive(self) -> dict[str, Any] | None:
        """The next reply, None when there is none yet. Raises `ServerDied`, `ServerHung` after too long."""
        began = time.monotonic()
        reply = self._server.receive(POLL_SECONDS)
        if reply or self._server.heard != self._heard:
            self._heard, self._quiet, self._told = self._server.heard, 0.0, False
            return reply
        self._quiet += min(time.monotonic() - began, 2 * POLL_SECONDS)
        limit, noticeable = self._limit, QUIET_SECONDS * self._limit / HUNG_SECONDS
        if self._quiet >= limit:
            raise ServerHung(f"has not responded for {limit:g} s")
        if self._quiet >= noticeable and not self._told:
            self._told = True
            self._connection.tell(
                f"waiting for {self._connection.title}: it has not responded for {noticeable:g} s",
                f"After {limit:g} s it is restarted. Ctrl-C stops the run.",
            )
        return None


class ServedModel:
    """A language model in a process of its own, as one role uses it."""

    def __init__(self, path: Path, options: Options | None = None, manner: Manner | None = None) -> None:
        """Starts loading. Raises `ModelError` at once for what cannot be a model."""
        self._connection = Connection(path, options or Options())
        self._manner = manner or Manner()
        self.name = self._connection.name

    @property
    def path(self) -> Path:
        """The file or folder that is loaded."""
        return self._connection.path

    def shared(self, manner: Manner) -> ServedModel:
        """The same loaded model as another role uses it; closing either closes both."""
        other = object.__new__(ServedModel)
        other._connection, other._manner, other.name = self._connection, manner, self.name
        return other

    def shares_with(self, other: ServedModel) -> bool:
        """Whether both are the same loaded model."""
        return self._connection is other._connection

    def watch(self, title: str, tell: Tell) -> None:
        """Let `tell(message, remedy)` hear when the server, called `title` for people, is waited for."""
        self._connection.title, self._connection.tell = f"{title} ({self.name})", tell

    @property
    def context_length(self) -> int:
        """Tokens that prompt and answer may have together; waits for the model to be loaded."""
        return self._connection.loaded.context_length

    @property
    def profile(self) -> Profile:
        """Which prompts it is asked with."""
        manner, suits = self._manner, self._connection.profile
        given = "chat" if manner.chat_template and suits == "completion" else suits
        return manner.profile or given

    @property
    def code_forms(self) -> tuple[CodeForm, ...]:
        """In which forms it is asked for code, one after the other."""
        said = self._manner.code
        return (said,) if said else forms_for(self.profile, self._connection.parameters)

    @property
    def memory(self) -> Held:
        """What it takes while it is loaded; waits for the model to be loaded the first time."""
        return self._connection.loaded.memory

    @property
    def pid(self) -> int | None:
        """The process that serves, if one does."""
        return self._connection.pid

    def generate(
        self,
        request: Request,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> Answer:
        """Answers `request`; see `LanguageModel`. A repeated call does not hand on the same text again."""
        stream = Stream(on_text, cancel, on_progress)
        fields = dataclasses.asdict(request) | {
            "temperature": max(request.temperature, self._manner.temperature),
            **self._how(),
            **({"chat_template": PLAIN} if request.plain else {}),
        }
        reply = self._connection.call("generate", fields, stream)
        return stream.heard(Answer(**reply)) if reply else stream.cut_off()

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the prompt that `messages` become."""
        fields = {
            "messages": [dataclasses.asdict(message) for message in messages],
            "begin": "",
            **self._how(),
        }
        reply = self._connection.call("count", fields, Stream())
        assert reply
        return int(reply["tokens"])

    def _how(self) -> dict[str, Any]:
        """What a server is told of this role's manner."""
        told = {"thinking_tokens": self._manner.thinking_tokens, "chat_template": self._manner.chat_template}
        if self.profile == "completion" and not self._manner.chat_template:
            told["chat_template"] = PLAIN
        return told

    def load(self, cancel: threading.Event) -> bool:
        """Loads the model where it was unloaded; False when cancelled meanwhile. Raises `ModelError`."""
        return self._connection.load(cancel)

    def unload(self) -> None:
        """Gives the model's memory back until it is called again; waits for a call under way."""
        self._connection.unload()

    def close(self) -> None:
        """Ends the process, and with it a call under way; a second time does nothing."""
        self._connection.close()


def _result(reply: dict[str, Any]) -> dict[str, Any]:
    """The fields of a reply. Raises the error that it carries."""
    reply.pop("id")
    match reply.pop("event"):
        case "error":
            raise ModelError(reply["what"], reply["remedy"])
        case "too_long":
            raise PromptTooLong(reply["tokens"], reply["context_length"])
    return reply
