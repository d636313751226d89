"""Puts an answer together from the pieces that a server sends, and hands the text on meanwhile."""

from __future__ import annotations

import time

from mlagent_tui.errors import ModelError
from mlagent_tui.llm.base import Answer, Finish, Request
from mlagent_tui.llm.begun import Begun
from mlagent_tui.llm.chunks import Chunk
from mlagent_tui.llm.extract import holds_class, json_object
from mlagent_tui.llm.repetition import EVERY, repetition
from mlagent_tui.llm.stream import Stream
from mlagent_tui.llm.thinking import Writer, split

MOST_TOKENS = 2
"""An answer ends at so many times its tokens, whatever a server thinks of `max_tokens`."""
MOST_CHARS, FEWEST_CHARS = 64, 8
"""Characters of a token: the longest runs of spaces, and the average of a text that a piece may have at most
to be taken for one token."""
SPARE_TOKENS = 64


class Hearing:
    """One answer as it arrives."""

    def __init__(self, request: Request, stream: Stream, most_tokens: int) -> None:
        """`most_tokens` may be written, thinking included."""
        self._request = request
        self._stream = stream
        self._writer = Writer(stream.text, stops=request.stops)
        self._go_on = Begun(request.begin)
        self._whole = {True: _Whole(), False: _Whole()}
        self._thought: list[str] = []
        self._arguments: list[str] = []
        self._refusal: list[str] = []
        self._pieces = self._chars = self._looked = 0
        self._most = MOST_TOKENS * most_tokens + SPARE_TOKENS
        self._prompt_tokens = self._tokens = 0
        self._started = self._first = time.perf_counter()
        self.finish: Finish | None = None

    @property
    def too_much(self) -> bool:
        """Whether the server writes on and on."""
        return self._pieces > self._most or self._chars > MOST_CHARS * self._most

    @property
    def begun(self) -> bool:
        """Whether anything was written yet."""
        return self._pieces > 0

    def ended(self) -> Finish | None:
        """How the answer has ended, if nothing more of it is wanted, whatever the server still writes."""
        if self._stream.enough:
            return "enough"
        if self._writer.ended:
            return "stop"
        if self._chars - self._looked >= EVERY:
            self._looked = self._chars
            if repetition(self._writer.text) is not None:
                return "repetition"
        return None

    def take(self, chunk: Chunk) -> None:
        """The next piece."""
        if chunk.says:
            if not self._pieces:
                self._first = time.perf_counter()
            self._pieces += 1
            self._chars += len(chunk.text) + len(chunk.thinking) + len(chunk.arguments)
        if thinking := self._whole[True](chunk.thinking):
            self._thought.append(thinking)
            self._stream.text(thinking, True)
        if text := self._whole[False](chunk.text):
            self._writer.write(self._go_on(text).encode())
        self._arguments.append(chunk.arguments)
        self._refusal.append(chunk.refusal)
        self.finish = chunk.finish or self.finish
        self._prompt_tokens = chunk.prompt_tokens or self._prompt_tokens
        self._tokens = chunk.tokens or self._tokens

    def answer(self, finish: Finish, name: str, chars_per_token: float) -> Answer:
        """The answer; what the server did not count is counted here. Raises `ModelError` for a refusal."""
        self._writer.write(self._go_on("", final=True).encode())
        self._writer.finish()
        writer = self._writer
        before, text = (writer.thinking, writer.text) if writer.thinking else split(writer.text)
        thinking = "\n".join(filter(None, ("".join(self._thought).strip(), before)))
        arguments = self._whole[False]("".join(self._arguments))
        if finish != "cancelled":
            text = self._found(text, thinking, arguments, finish)
            if not text.strip() and (refusal := "".join(self._refusal).strip()):
                raise ModelError(
                    f"{name} declined to answer: {refusal[:300]}",
                    "Word the goal differently, or use another model.",
                )
        pieces = self._pieces if self._chars <= FEWEST_CHARS * self._pieces else 0
        return Answer(
            text=text,
            thinking=thinking,
            finish=finish,
            prompt_tokens=self._prompt_tokens,
            tokens=self._tokens or pieces or round(self._chars / chars_per_token),
            prompt_seconds=self._first - self._started,
            seconds=time.perf_counter() - self._first,
        )

    def _found(self, text: str, thinking: str, arguments: str, finish: Finish) -> str:
        """The answer itself, wherever the server has put it."""
        if self._request.schema:
            return json_object(text) or json_object(arguments) or json_object(thinking) or text
        if text.strip() or finish == "length":
            return text
        return arguments or (thinking if holds_class(thinking) else text)


class _Whole:
    """Joins the halves of a character that a server has cut in two, and replaces a half that stays alone."""

    def __init__(self) -> None:
        self._held = ""

    def __call__(self, piece: str) -> str:
        text = self._held + piece
        self._held = ""
        if piece and "\ud800" <= piece[-1] <= "\udbff":
            self._held, text = text[-1], text[:-1]
        if text.isascii():
            return text
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
