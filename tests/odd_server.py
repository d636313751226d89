"""A real HTTP server on the loopback that sends what it is told to, byte for byte.

It stands in for servers that cannot be had in a test, or not with the faults that they show in the wild.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

EVENTS = "text/event-stream"
BREAK_OFF, WAIT = object(), object()
"""In place of a piece: the connection is closed, or nothing is sent until `release` is set."""
FOREVER = 100_000
"""Pieces of an answer that does not end."""


@dataclass(frozen=True)
class Reply:
    """One answer: its pieces are sent one after the other. `framed` says that the body tells its end."""

    pieces: tuple[Any, ...] = ()
    status: int = 200
    type: str = EVENTS
    headers: tuple[tuple[str, str], ...] = ()
    framed: bool = True


def events(*values: Any, sep: str = "\n\n", prefix: str = "data: ", **how: Any) -> Reply:
    """A stream of events: values as JSON, texts as they are; markers stay markers."""
    return Reply(tuple(_event(value, prefix, sep) for value in values), **how)


def _event(value: Any, prefix: str, sep: str) -> Any:
    if value in (BREAK_OFF, WAIT):
        return value
    return f"{prefix}{value if isinstance(value, str) else json.dumps(value)}{sep}".encode()


def delta(content: Any = None, finish: Any = None, **fields: Any) -> dict[str, Any]:
    """One chunk of an answer, with a content or with other fields of a delta."""
    said = fields if content is None else {"content": content, **fields}
    return {
        "id": "1", "object": "chat.completion.chunk", "created": 1, "model": "some",
        "choices": [{"index": 0, "delta": said, "finish_reason": finish}],
    }  # fmt: skip


def answer(*pieces: Any, finish: str = "stop") -> Reply:
    """An answer as it should be: each piece is a text, or a dictionary that is a delta of its own."""
    chunks = [
        piece if piece in (BREAK_OFF, WAIT) else delta(**piece) if isinstance(piece, dict) else delta(piece)
        for piece in pieces
    ]
    return events(*chunks, delta(finish=finish), "[DONE]")


def body(value: Any, status: int = 200, **headers: str) -> Reply:
    """A body that is one JSON value."""
    named = tuple((name.replace("_", "-"), text) for name, text in headers.items())
    return Reply((json.dumps(value).encode(),), status, "application/json", named)


def page(text: str, status: int = 200) -> Reply:
    """A page for a browser."""
    return Reply((text.encode(),), status, "text/html")


def error(status: int, text: str, **fields: Any) -> Reply:
    """An error in the usual form."""
    said = {"message": text, "type": "invalid_request_error", "code": None, "param": None, **fields}
    return body({"error": said}, status)


@dataclass
class OddServer:
    """Answers with the next of `answers`, the last one over and over, and remembers what it was asked."""

    answers: list[Reply] = field(default_factory=list)
    models: Reply = field(default_factory=lambda: listing({"id": "some", "max_model_len": 4096}))
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    root: str = ""

    @property
    def url(self) -> str:
        return f"{self.root}/v1"

    def next(self) -> Reply:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def listing(*models: Any) -> Reply:
    """A list of models."""
    return body({"object": "list", "data": list(models)})


@contextmanager
def serving() -> Iterator[OddServer]:
    """A server that is there for the block."""
    odd = OddServer()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(odd)) as server:
        server.daemon_threads = True
        odd.root = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield odd
        finally:
            odd.release.set()
            server.shutdown()
            thread.join()


def _handler(odd: OddServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            odd.paths.append(self.path)
            self._send(odd.models)

        def do_POST(self) -> None:
            odd.paths.append(self.path)
            odd.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            odd.headers.append(dict(self.headers))
            self._send(odd.next())

        def _send(self, reply: Reply) -> None:
            self.close_connection = True
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.type)
            self.send_header("Connection", "close")
            if reply.framed:
                self.send_header("Transfer-Encoding", "chunked")
            for name, text in reply.headers:
                self.send_header(name, text)
            self.end_headers()
            try:
                for piece in reply.pieces:
                    if piece is BREAK_OFF:
                        return
                    if piece is WAIT:
                        odd.release.wait(60)
                    else:
                        self._write(piece, reply.framed)
                if reply.framed:
                    self.wfile.write(b"0\r\n\r\n")
            except OSError:  # whoever asked has left
                return

        def _write(self, piece: bytes, framed: bool) -> None:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if framed and piece else piece)
            self.wfile.flush()

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
