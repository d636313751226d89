"""A model behind an OpenAI-compatible server: Ollama, LM Studio, llama-server, vLLM and others.

What such servers send is read leniently, what they refuse is left out and remembered, and a server that is
busy or loads its model is waited for.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from mlagent_tui.errors import ModelError
from mlagent_tui.llm import address, chunks, faults
from mlagent_tui.llm.base import Answer, Finish, Message, OnProgress, OnText, PromptTooLong, Request, Tell
from mlagent_tui.llm.client import POLL_SECONDS, Manner
from mlagent_tui.llm.event_stream import DONE, SAMPLE, NotJson
from mlagent_tui.llm.hearing import Hearing
from mlagent_tui.llm.openai import CUT_OFF, ENDED, NOTHING_YET, Api, Arriving, Broken, refused
from mlagent_tui.llm.refusals import Refused
from mlagent_tui.llm.stream import Stream
from mlagent_tui.llm.terms import Terms, Wanted
from mlagent_tui.llm.waiting import UNREACHABLE, Limits, Waiting, in_words
from mlagent_tui.prompts import CodeForm, Profile

CHARS_PER_TOKEN, MOST_CHARS_PER_TOKEN = 3.0, 100.0
"""Before the server has counted a prompt: few, so that a prompt is rather thought too long than too short."""
LEAST_ROOM = 128
"""Tokens below which an answer is not worth asking for."""
LEAST_CONTEXT = 512
"""Tokens of context that every server is taken to have, whatever it refuses."""
FITTINGS = 2
"""How often an answer is made shorter for a server that refuses it together with its prompt."""

T = TypeVar("T")


class _Cancelled(Exception):
    """The user asked to stop while a server was waited for."""


@dataclass
class Known:
    """What is known of one server until this process ends, whichever role has learnt it."""

    terms: dict[str, Terms] = field(default_factory=dict)
    """What each of its models takes."""
    fitted: set[str] = field(default_factory=set)
    """Models that refuse a request whose answer might not fit behind its prompt."""


class RemoteModel:
    """One model of a server. Calls wait for one another."""

    def __init__(
        self,
        url: str,
        model: str,
        manner: Manner,
        thinking_tokens: int,
        context: int,
        *,
        limits: Limits | None = None,
        known: Known | None = None,
    ) -> None:
        """Asks nothing yet. `context` is the most that is used of the model's. Raises `ModelError`."""
        self.url = url
        self.name = model or url
        self.known = known or Known()
        self._model = model
        self._manner = manner
        self._thinking_tokens = thinking_tokens
        self._context = context
        self._limits = limits or Limits()
        self._title = url
        self._tell: Tell = lambda message, remedy: None
        self._listed: dict[str, int] | None = None
        self._described = self._reached = False
        self._lock = threading.Lock()
        self._api = Api(url)
        self._chars_per_token = CHARS_PER_TOKEN
        self._thinks = False

    def watch(self, title: str, tell: Tell) -> None:
        """Let `tell(message, remedy)` hear when the server, called `title` for people, is waited for."""
        self._title, self._tell = f"{title} ({self.url})", tell

    @property
    def profile(self) -> Profile:
        """Which prompts it is asked with: a server's chat interface is for models with a chat template."""
        return self._manner.profile or "chat"

    @property
    def code_forms(self) -> tuple[CodeForm, ...]:
        """In which forms it is asked for code: servers continue no answer that was begun for the model."""
        return (self._manner.code or "whole",)

    @property
    def context_length(self) -> int:
        """Tokens that prompt and answer may have together; asks the server the first time."""
        self.load(threading.Event())
        return self._context

    def load(self, cancel: threading.Event) -> bool:
        """Asks the server the first time which model it has; False when cancelled meanwhile."""
        with self._lock:
            try:
                if not self._described:
                    self._describe(cancel)
                    self._described = True
            except _Cancelled:
                return False
        return True

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
        if request.schema and request.begin:
            raise ModelError(
                f"{self.url} cannot be asked for the rest of a begun answer under a schema",
                "Leave the beginning of the answer to the server.",
            )
        stream = Stream(on_text, cancel)
        if not self.load(stream.cancel):
            return stream.cut_off()
        with self._lock:
            try:
                answer = self._answer(request, stream)
                cut = answer.finish == "length" or (answer.finish == "stop" and request.stops)
                if cut and answer.thinking and not answer.text and not self._thinks:
                    self._thinks = True  # its thinking has used up the answer's tokens, or met with a stop
                    answer = self._answer(request, stream)
            except _Cancelled:
                return stream.cut_off()
        self._thinks |= bool(answer.thinking)
        return answer

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """An estimate: no server of this kind counts without answering."""
        return int(_chars(messages) / self._chars_per_token)

    def close(self) -> None:
        """Closes the connections; a second time does nothing."""
        self._api.close()

    # --- which model it is ------------------------------------------------------------------------------

    def _describe(self, cancel: threading.Event) -> None:
        """Which model it is, and how long its context. Raises `ModelError` when the server is not there."""
        try:
            listed = self._patiently(lambda: self._list(cancel), cancel)
        except Refused as error:
            if not error.no_path:
                raise self._for_good(error) from error
        except Broken as error:
            raise faults.broken(self.url, error) from error
        except NotJson as error:
            raise faults.not_json(self.url, error) from error
        else:
            self._listed = {model.name: model.context for model in listed}
        known = self._listed or {}
        if not self._model:
            if self._listed is None:
                raise address.no_api(self.url, f"it has no list of models at {self.url}/models")
            if len(known) != 1:
                raise faults.nameless(self.url, known)
            self._model = self.name = next(iter(known))
        if limit := known.get(self._model, 0):
            self._context = min(self._context, limit)

    def _list(self, cancel: threading.Event) -> list[chunks.Listed]:
        values = list(self._values(self._api.models(), cancel, self._limits.listing))
        return chunks.models(values[0] if len(values) == 1 else values)

    def _values(self, arriving: Arriving, cancel: threading.Event, seconds: float) -> Iterator[Any]:
        """All that arrives within `seconds`."""
        limit = time.monotonic() + seconds
        try:
            while (value := arriving.next(POLL_SECONDS)) not in (ENDED, CUT_OFF, DONE):
                if cancel.is_set():
                    raise _Cancelled
                if value is not NOTHING_YET:
                    yield self._checked(value)
                elif time.monotonic() > limit:
                    raise Broken(f"it did not answer within {in_words(seconds)}")
        finally:
            arriving.leave()
        self._reached = True

    # --- an answer --------------------------------------------------------------------------------------

    def _answer(self, request: Request, stream: Stream) -> Answer:
        """The answer, asked for as strictly as the server takes it."""
        model = self._model
        terms = self.known.terms.get(model, Terms())
        thinking = self._thinking_tokens if self._thinks else 0
        temperature = max(request.temperature, self._manner.temperature)
        wanted = Wanted(model, request, request.max_tokens + thinking, temperature, thinks=self._thinks)
        if model in self.known.fitted:
            wanted = self._fitted(wanted) or wanted
        fittings, broke = FITTINGS, False
        while True:
            try:
                answer = self._patiently(partial(self._exchange, terms, wanted, stream), stream.cancel)
            except Refused as error:
                if error.too_long:
                    wanted = self._shorter(error, wanted, fittings)
                    fittings -= 1
                elif less := None if error.no_path else terms.giving_way(error, wanted):
                    terms = less
                else:
                    raise self._for_good(error) from error
            except Broken as error:
                if broke or error.unreachable:
                    self._refuse_too_long(request, error)
                    raise faults.broken(self.url, error) from error
                broke = True
            except NotJson as error:
                if not error.sample:
                    self._refuse_too_long(request, error)  # some servers break off before their first byte
                raise faults.not_json(self.url, error) from error
            else:
                self.known.terms[model] = terms
                if answer.finish == "stop" and not answer.text and not answer.thinking:
                    self._refuse_too_long(request, None)  # which some servers tell in no other way
                return stream.heard(answer)

    def _exchange(self, terms: Terms, wanted: Wanted, stream: Stream) -> Answer:
        """One request and what comes back."""
        request = wanted.request
        stream.rewind()
        most = request.max_tokens + self._thinking_tokens
        hearing = Hearing(request, stream, most)
        arriving = self._api.answer(terms.body(wanted))
        try:
            finish = self._hear(hearing, arriving, stream.cancel, most)
        finally:
            arriving.leave()
        answer = hearing.answer(finish, self.name, self._chars_per_token)
        if answer.prompt_tokens:
            self._learn(request.messages, answer.prompt_tokens)
            return answer
        return replace(answer, prompt_tokens=self.count_tokens(request.messages))

    def _hear(self, hearing: Hearing, arriving: Arriving, cancel: threading.Event, most: int) -> Finish:
        """Takes what arrives until the answer ends; returns how it has ended."""
        limits = self._limits
        began = wrote = time.monotonic()
        told = False
        while True:
            if cancel.is_set():
                return "cancelled"
            try:
                value = self._next(hearing, arriving)
            except Broken:
                if hearing.finish is None:
                    raise
                return hearing.finish  # it was complete already
            now = time.monotonic()
            if value in (DONE, ENDED, CUT_OFF):
                self._reached = True
                if hearing.finish is None and value is CUT_OFF:
                    raise Broken("the connection ended in the middle of it")
                return hearing.finish or "stop"
            if value is not NOTHING_YET:
                chunk = self._chunk(value)
                if chunk.failed:
                    raise Broken("it gave up in the middle of it")
                hearing.take(chunk)
                wrote = now if chunk.says else wrote
                if ended := hearing.ended():
                    return ended
            if hearing.too_much or now - began > limits.silence + limits.per_token * most:
                return hearing.finish or "length"
            if now - wrote > limits.silence:
                raise Broken(f"it wrote nothing for {in_words(limits.silence)}")
            if not told and not hearing.begun and now - wrote > limits.quiet:
                told = True
                self._tell(
                    f"waiting for {self._title}: it has written nothing for {in_words(limits.quiet)}",
                    f"After {in_words(limits.silence)} the request is given up. Press Ctrl-C to stop.",
                )

    def _next(self, hearing: Hearing, arriving: Arriving) -> Any:
        """What arrives next. Raises `Broken` also when something in an answer is not JSON."""
        try:
            return arriving.next(POLL_SECONDS)
        except NotJson as error:
            if not hearing.begun:
                raise
            raise Broken("it sent something that is not JSON") from error

    def _chunk(self, value: Any) -> chunks.Chunk:
        """The value as a piece of an answer. Raises `Refused`, and `NotJson` for JSON of another kind."""
        if value is not None and not chunks.is_answer(self._checked(value)):
            raise NotJson(json.dumps(value)[:SAMPLE])
        return chunks.chunk(value)

    def _checked(self, value: Any) -> Any:
        """The value, unless it is an error. Raises `Refused`."""
        error = chunks.error_in(value)
        if error is not None:
            raise refused(error)
        return value

    # --- what may go wrong ------------------------------------------------------------------------------

    def _patiently(self, ask: Callable[[], T], cancel: threading.Event) -> T:
        """What `ask` returns, asked again as long as the server is busy. Raises `_Cancelled` besides."""
        waiting = Waiting(self._limits, self._title, self._tell)
        while True:
            try:
                return ask()
            except Refused as error:
                if not waiting.again(error, cancel):
                    raise
            except Broken as error:
                gone = self._reached and error.unreachable
                if not gone or not waiting.again(Refused(UNREACHABLE), cancel):
                    raise
            if cancel.is_set():
                raise _Cancelled

    def _shorter(self, error: Refused, wanted: Wanted, fittings: int) -> Wanted:
        """The request with a shorter answer. Raises `PromptTooLong` where that cannot help."""
        request = wanted.request
        if error.prompt_tokens:
            self._learn(request.messages, error.prompt_tokens)
        if error.context:
            self._context = min(self._context, error.context)
        fitted = self._fitted(wanted)
        if fitted and fitted.max_tokens == wanted.max_tokens:  # it fits, as far as can be told from here
            fitted = replace(wanted, max_tokens=wanted.max_tokens // 2)
        if not fittings or not fitted or fitted.max_tokens < LEAST_ROOM:
            tokens = self.count_tokens(request.messages)
            self._context = max(min(self._context, tokens), LEAST_CONTEXT)  # it is no longer than that
            raise PromptTooLong(tokens, self._context) from error
        self.known.fitted.add(self._model)
        return fitted

    def _fitted(self, wanted: Wanted) -> Wanted | None:
        """With no longer an answer than fits behind the prompt; None where hardly any does."""
        room = self._context - self.count_tokens(wanted.request.messages)
        return replace(wanted, max_tokens=min(wanted.max_tokens, room)) if room >= LEAST_ROOM else None

    def _refuse_too_long(self, request: Request, error: Exception | None) -> None:
        """Raises `PromptTooLong` when that is what may have gone wrong."""
        estimate = self.count_tokens(request.messages)
        if estimate > self._context:
            raise PromptTooLong(estimate, self._context) from error

    def _learn(self, messages: Sequence[Message], tokens: int) -> None:
        self._chars_per_token = min(_chars(messages) / tokens, MOST_CHARS_PER_TOKEN)

    def _for_good(self, error: Refused) -> ModelError:
        return faults.refusal(self.url, self._model, self._listed, error)


def _chars(messages: Sequence[Message]) -> int:
    return sum(len(message.content) + 16 for message in messages)
