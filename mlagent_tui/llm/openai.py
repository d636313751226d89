"""HTTP to a server of the OpenAI kind, through the openai package: requests out, JSON values in.

Requests go to the URL that the user named and to nothing else: no proxies, no redirects, and none of the
settings that the environment holds for other services. The package's own reading of answers is left aside: it
fails on what many servers send. The only module that imports openai.
"""

from __future__ import annotations

import json
import os
import queue
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import openai

from mlagent_tui.errors import ModelError
from mlagent_tui.llm import chunks
from mlagent_tui.llm.event_stream import DONE, NotJson, values
from mlagent_tui.llm.refusals import Refused
from mlagent_tui.llm.waiting import retry_after

API_KEY = "MLAGENT_API_KEY"
"""The environment variable with the server's key, where it wants one."""
CONNECT_SECONDS, SILENCE_SECONDS = 10.0, 1800.0
MAX_SENTENCE = 300
NOTHING_YET, ENDED, CUT_OFF = object(), object(), object()
"""What `Arriving.next` gives beside values. An answer that is cut off may have ended, or its connection."""

_TITLE = re.compile(r"<(title|h1)[^>]*>([^<]*)", re.IGNORECASE)

Open = Callable[[], AbstractContextManager[Any]]


class Broken(Exception):
    """The connection ended before the answer did, or is `unreachable` at all; `how` says it in words."""

    def __init__(self, how: str, unreachable: bool = False) -> None:
        super().__init__(how)
        self.how = how
        self.unreachable = unreachable


class Arriving:
    """An answer that a thread of its own reads, so that whoever waits for it can stop at any time."""

    def __init__(self, open_: Open) -> None:
        self._open = open_
        self._items: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._left = threading.Event()
        threading.Thread(target=self._read, name="remote-model", daemon=True).start()

    def next(self, seconds: float) -> Any:
        """The next value, `DONE`, `ENDED` or `CUT_OFF`; `NOTHING_YET` after `seconds`.

        Raises `Refused`, `Broken`, and `NotJson`.
        """
        try:
            item = self._items.get(timeout=seconds)
        except queue.Empty:
            return NOTHING_YET
        if isinstance(item, openai.APIStatusError):
            raise _refused(item)
        if isinstance(item, NotJson):
            raise item
        if isinstance(item, Exception):
            raise _broken(item) from item
        return item

    def leave(self) -> None:
        """Closes the connection as soon as something arrives, and the server stops writing."""
        self._left.set()

    def _read(self) -> None:
        try:
            with self._open() as response:
                for value in values(self._blocks(response)):
                    self._items.put(value)
                    if value is DONE or self._left.is_set():
                        return
                told_its_end = {"content-length", "transfer-encoding"} & {*map(str.lower, response.headers)}
                self._items.put(ENDED if told_its_end else CUT_OFF)
        except Exception as error:  # raised again where it can be acted upon
            self._items.put(error)

    def _blocks(self, response: Any) -> Iterator[bytes]:
        for block in response.iter_bytes():
            if self._left.is_set():
                return
            yield block


class Api:
    """The two requests of the API that are needed, at one URL."""

    def __init__(self, url: str) -> None:
        """Asks nothing yet. Raises `ModelError` for a key that cannot be sent, or an impossible URL."""
        key = os.environ.get(API_KEY, "").strip() or "none"
        if not key.isascii() or not key.isprintable():
            raise ModelError(
                f"the API key in {API_KEY} has a character that cannot be sent", "Copy the key again."
            )
        # Variables such as OPENAI_ORG_ID or OPENAI_CUSTOM_HEADERS are for another service: hidden meanwhile.
        others = {name: os.environ.pop(name) for name in [*os.environ] if name.startswith("OPENAI_")}
        try:
            self._client = openai.OpenAI(
                base_url=url,
                api_key=key,
                max_retries=0,
                timeout=openai.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
                http_client=openai.DefaultHttpxClient(
                    trust_env=False,
                    follow_redirects=False,
                    verify=url.startswith("https:"),  # else certificates are read for nothing
                ),
            )
        except Exception as error:  # the HTTP library has errors of its own for hosts and ports
            raise ModelError(f"{url} is not a valid URL", "Write http://HOST:PORT/v1#MODEL.") from error
        finally:
            os.environ.update(others)

    def answer(self, body: dict[str, Any]) -> Arriving:
        """Asks for an answer. `body` has a model and messages besides what else is to be sent."""
        rest = {name: value for name, value in body.items() if name not in ("model", "messages")}
        create = self._client.chat.completions.with_streaming_response.create
        return Arriving(lambda: create(model=body["model"], messages=body["messages"], extra_body=rest))

    def models(self) -> Arriving:
        """Asks for the list of models."""
        return Arriving(self._client.models.with_streaming_response.list)

    def close(self) -> None:
        """Closes the connections; a second time does nothing."""
        self._client.close()


def refused(error: Any, status: int = 0) -> Refused:
    """The refusal in an error that is JSON, as it is sent with a status of its own or inside an answer."""
    status = status or chunks.status_in(error)
    return Refused(status, chunks.told(error), _short(chunks.sentence(error)))


def _refused(error: openai.APIStatusError) -> Refused:
    response = error.response
    text = response.text.strip()
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = _page_title(text)
    found = refused(chunks.error_in(body) or body, response.status_code)
    found.retry_after = retry_after(response.headers)
    found.to = _short(response.headers.get("location", ""))
    return found


def _page_title(text: str) -> str:
    """What a page for a browser says it is; any other text as it is."""
    if not text.startswith("<"):
        return text
    found = _TITLE.search(text)
    return found[2] if found else ""


def _broken(error: BaseException) -> Broken:
    causes = [error]
    while len(causes) < 10 and (cause := causes[-1].__cause__ or causes[-1].__context__):
        causes.append(cause)
    for cause in reversed(causes):
        match cause:
            case ConnectionRefusedError():
                return Broken("nothing listens at this address", unreachable=True)
            case socket.gaierror():
                return Broken("there is no host of this name", unreachable=True)
            case ssl.SSLCertVerificationError():
                return Broken("this machine does not trust its certificate", unreachable=True)
            case ssl.SSLError():
                return Broken("it does not use HTTPS: write http:// in the URL", unreachable=True)
            case TimeoutError() | openai.APITimeoutError():
                return Broken("it did not answer in time")
            case ConnectionError():
                return Broken("it closed the connection")
            case OSError() if cause.strerror:
                return Broken(cause.strerror[0].lower() + cause.strerror[1:], unreachable=True)
    return Broken("the connection ended in the middle of it")


def _short(text: str) -> str:
    return text if len(text) <= MAX_SENTENCE else text[: MAX_SENTENCE - 1] + "…"
