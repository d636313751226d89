"""A model behind an OpenAI-compatible server: Ollama, LM Studio, llama-server, vLLM.

Requests go to the URL that the user named and to nothing else: no proxies, no redirects, and none of the
settings that the environment holds for other services. The only module that imports openai.
"""

from __future__ import annotations

import json
import os
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import openai

from mlagent_tui.errors import ModelError
from mlagent_tui.llm.base import Answer, Finish, Message, OnProgress, OnText, PromptTooLong, Request
from mlagent_tui.llm.client import POLL_SECONDS, Manner, Stream
from mlagent_tui.llm.extract import json_object
from mlagent_tui.llm.thinking import Writer, split

API_KEY = "MLAGENT_API_KEY"
"""The environment variable with the server's key, where it wants one."""
CONNECT_SECONDS, SILENCE_SECONDS = 10.0, 1800.0
REASONING = ("reasoning_content", "reasoning", "thinking")
"""Where servers put what a model thought: vLLM and llama-server, newer vLLM and Ollama, others."""
CHARS_PER_TOKEN = 3.0
"""Before the server has counted a prompt: few, so that a prompt is rather thought too long than too short."""
_TOO_LONG = re.compile(
    r"context.{0,20}(length|window|size)|too long|maximum.{0,40}tokens|exceed", re.I | re.S
)


class RemoteModel:
    """One model of a server. Calls wait for one another."""

    def __init__(self, url: str, model: str, manner: Manner, thinking_tokens: int, context: int) -> None:
        """Asks nothing yet. `context` is the most that is used of the model's."""
        self.url = url
        self.name = model or url
        self._model = model
        self._manner = manner
        self._thinking_tokens = thinking_tokens
        self._context = context
        self._described = False
        self._lock = threading.Lock()
        self._client = _client(url)
        self._chars_per_token = CHARS_PER_TOKEN
        self._thinks = False
        self._formats = _FORMATS
        self._extras = _EXTRAS

    @property
    def context_length(self) -> int:
        """Tokens that prompt and answer may have together; asks the server the first time."""
        with self._lock:
            if not self._described:
                self._describe()
                self._described = True
        return self._context

    def generate(
        self,
        request: Request,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> Answer:
        """Answers `request`; see `LanguageModel`. A connection that breaks is tried once more.

        Servers of this kind do not tell how much of a prompt they have read.
        """
        assert self.context_length
        stream = Stream(on_text, cancel)
        with self._lock:
            try:
                answer = self._answer(request, stream)
            except _Broken:
                stream.rewind()
                try:
                    answer = self._answer(request, stream)
                except _Broken as error:
                    estimate = self.count_tokens(request.messages)
                    if estimate > self._context:  # which some servers do not tell otherwise
                        raise PromptTooLong(estimate, self._context) from error
                    raise self._unreachable(error) from error
            if answer.finish == "length" and answer.thinking and not answer.text and not self._thinks:
                self._thinks = True  # and its thinking has used up the answer's tokens
                stream.rewind()
                answer = self._answer(request, stream)
        self._thinks |= bool(answer.thinking)
        return answer

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """An estimate: no server of this kind counts without answering."""
        return int(sum(len(message.content) + 16 for message in messages) / self._chars_per_token)

    def close(self) -> None:
        """Closes the connections; a second time does nothing."""
        self._client.close()

    def _describe(self) -> None:
        """Which model it is, and how long its context. Raises `ModelError` when the server is not there."""
        try:
            known = {model.id: model for model in self._client.models.list().data}
        except openai.NotFoundError:
            known = {}
        except Exception as error:
            raise self._failed(error, Request(())) from error
        if not self._model:
            if len(known) != 1:
                names = ", ".join(sorted(known)[:10]) or "it lists none"
                raise ModelError(
                    f"the server {self.url} needs the name of a model. Its models: {names}",
                    f"Add the name to the URL: {self.url}#MODEL.",
                )
            self._model = self.name = next(iter(known))
        extra = getattr(known.get(self._model), "model_extra", None) or {}
        limit = extra.get("max_model_len") or extra.get("context_length")
        if isinstance(limit, int) and limit > 0:
            self._context = min(self._context, limit)

    def _answer(self, request: Request, stream: Stream) -> Answer:
        """One exchange, asked for as strictly as the server takes it."""
        wanted = self._formats, self._extras
        while True:
            try:
                return self._exchange(request, stream)
            except openai.APIStatusError as error:
                if not self._ask_for_less(error, request):
                    self._formats, self._extras = wanted
                    raise self._failed(error, request) from error

    def _ask_for_less(self, error: openai.APIStatusError, request: Request) -> bool:
        """Whether something can be left out that the server may have refused."""
        said = str(error)
        refused = error.status_code in (400, 422) or "response_format" in said
        if not refused or _TOO_LONG.search(said):
            return False
        if request.schema and len(self._formats) > 1:
            self._formats = self._formats[1:]
        elif self._extras:
            self._extras = {}
        else:
            return False
        return True

    def _exchange(self, request: Request, stream: Stream) -> Answer:
        started = first = time.perf_counter()
        writer = Writer(stream.text)
        thought: list[str] = []
        finish: Finish | None = None
        usage: Any = None
        pieces = 0
        for chunk in self._chunks(self._fields(request), stream.cancel):
            if chunk is None:
                finish = "cancelled"
                break
            usage = chunk.usage or usage
            for choice in chunk.choices:
                said = choice.delta.model_extra or {}
                thinking = next((said[name] for name in REASONING if isinstance(said.get(name), str)), "")
                if not pieces and (thinking or choice.delta.content):
                    first = time.perf_counter()
                if thinking:
                    pieces += 1
                    thought.append(thinking)
                    stream.text(thinking, True)
                if choice.delta.content:
                    pieces += 1
                    writer.write(choice.delta.content.encode(errors="replace"))
                if choice.finish_reason:
                    finish = "length" if choice.finish_reason == "length" else "stop"
        if finish is None:
            raise _Broken("the connection ended in the middle of the answer")
        writer.finish()
        before, text = (writer.thinking, writer.text) if writer.thinking else split(writer.text)
        thinking = "\n".join(filter(None, ("".join(thought).strip(), before)))
        if request.schema and finish != "cancelled":
            text = json_object(text) or json_object(thinking) or text
        if usage and usage.prompt_tokens:
            chars = sum(len(message.content) + 16 for message in request.messages)
            self._chars_per_token = chars / usage.prompt_tokens
        return Answer(
            text=text,
            thinking=thinking,
            finish=finish,
            prompt_tokens=usage.prompt_tokens if usage else self.count_tokens(request.messages),
            tokens=usage.completion_tokens if usage else pieces,
            prompt_seconds=first - started,
            seconds=time.perf_counter() - first,
        )

    def _fields(self, request: Request) -> dict[str, Any]:
        messages = with_schema(request.messages, request.schema) if request.schema else request.messages
        schema_format = self._formats[0](request.schema) if request.schema else None
        return {
            "model": self._model,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "max_tokens": request.max_tokens + (self._thinking_tokens if self._thinks else 0),
            "temperature": max(request.temperature, self._manner.temperature),
            "seed": request.seed,
            "stream": True,
            "stream_options": {"include_usage": True},
            **({"extra_body": self._extras} if self._extras else {}),
            **({"response_format": schema_format} if schema_format else {}),
        }

    def _chunks(self, fields: dict[str, Any], cancel: threading.Event) -> Iterator[Any]:
        """What the server sends; at once None when cancelled, though the server may say nothing yet."""
        arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()
        over = threading.Event()

        def read() -> None:
            try:
                with self._client.chat.completions.create(**fields) as answer:
                    for chunk in answer:
                        arrived.put(chunk)
                        if over.is_set():  # leaving closes the connection, and the server stops writing
                            return
                arrived.put(_END)
            except Exception as error:  # raised again where it can be acted upon
                arrived.put(error)

        threading.Thread(target=read, name="remote-model", daemon=True).start()
        try:
            while True:
                if cancel.is_set():
                    yield None
                    return
                try:
                    item = arrived.get(timeout=POLL_SECONDS)
                except queue.Empty:
                    continue
                if item is _END:
                    return
                if isinstance(item, openai.APIStatusError):
                    raise item
                if isinstance(item, Exception):
                    raise self._failed(item, None) from item
                yield item
        finally:
            over.set()

    def _failed(self, error: Exception, request: Request | None) -> Exception:
        """The error for people; without a request, `_Broken` where trying again may help."""
        match error:
            case openai.AuthenticationError() | openai.PermissionDeniedError():
                return ModelError(f"{self.url} requires an API key", f"Set {API_KEY} in the environment.")
            case openai.NotFoundError():
                return ModelError(
                    f"{self.url} does not know {self._model or 'this request'}",
                    "Check the model's name, and that the URL ends in /v1.",
                )
            case openai.APIStatusError():
                if request and _TOO_LONG.search(str(error)):
                    return PromptTooLong(self.count_tokens(request.messages), self._context)
                return ModelError(
                    f"{self.url} answered with error status {error.status_code}: {_short(error)}",
                    "Look into the log of the server.",
                )
        return self._unreachable(error) if request else _Broken(_short(error))

    def _unreachable(self, error: Exception) -> ModelError:
        return ModelError(
            f"{self.url} cannot be reached, or closed the connection: {_short(error)}",
            "Start the server, or check the URL.",
        )


class _Broken(Exception):
    """The connection failed or ended before the answer did."""


_END = object()


def with_schema(messages: Sequence[Message], schema: dict[str, Any]) -> tuple[Message, ...]:
    """The messages, the schema told in them: some servers ignore it silently."""
    text = json.dumps(schema, separators=(",", ":"))
    if any(text in message.content for message in messages):
        return tuple(messages)
    told = f"Answer with one JSON object of this schema:\n{text}"
    first, *rest = messages
    if first.role == "system":
        return Message("system", f"{first.content}\n\n{told}"), *rest
    return Message("system", told), first, *rest


def _as_json_schema(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def _as_json_object(schema: dict[str, Any]) -> dict[str, Any]:
    """As llama-cpp-python's server and older llama-servers want it."""
    return {"type": "json_object", "schema": schema}


def _in_prompt_only(schema: dict[str, Any]) -> None:
    return None


_FORMATS: tuple[Callable[[dict[str, Any]], dict[str, Any] | None], ...] = (
    _as_json_schema,
    _as_json_object,
    _in_prompt_only,
)
_EXTRAS: dict[str, Any] = {"repeat_penalty": 1.0}
"""Servers of the llama.cpp kind may punish repetition unasked, which spoils code and JSON."""


def _client(url: str) -> openai.OpenAI:
    """Variables such as OPENAI_ORG_ID or OPENAI_CUSTOM_HEADERS are for another service: hidden meanwhile."""
    others = {name: os.environ.pop(name) for name in [*os.environ] if name.startswith("OPENAI_")}
    try:
        return openai.OpenAI(
            base_url=url,
            api_key=os.environ.get(API_KEY) or "none",
            max_retries=0,
            timeout=openai.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
            http_client=openai.DefaultHttpxClient(trust_env=False, follow_redirects=False),
        )
    finally:
        os.environ.update(others)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
