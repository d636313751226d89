"""What a server refused, as its error says it: recognised by words, since servers agree on no codes."""

from __future__ import annotations

import re

REFUSING = (400, 415, 422)
"""Statuses that say that something about the request is not wanted."""
FAILING = 500
"""What servers answer as well when their own code fails on a grammar, or on a chat template."""

_ANY_CASE = re.IGNORECASE | re.DOTALL
_TOO_LONG = re.compile(
    r"context.{0,20}(length|window|size|limit)|context the overflows|too long|too many tokens|max_model_len"
    r"|maximum.{0,40}tokens|exceed.{0,60}(token|limit|context|length)"
    r"|(prompt|input).{0,40}(exceed|longer than)|tokens.{0,40}must be <="
    r"|max_(completion_)?tokens.{0,40}(must be at least|too large)",
    _ANY_CASE,
)
_LIMIT = re.compile(
    r"context (?:length|window|size|limit)(?: of| is|:)?(?: only)? \(?(\d{3,8})|n_ctx\D{0,3}(\d{3,8})"
    r"|must be <= (\d{3,8})|\((\d{3,8}) tokens\), try|exceeds? limit of (\d{3,8})"
    r"|max_model_len\D{0,4}(\d{3,8})",
    _ANY_CASE,
)
_PROMPT_TOKENS = re.compile(
    r"n_prompt_tokens (\d+)|\((\d+) in the messages|input \((\d+) tokens\)|request \((\d+) tokens\)"
    r"|requested tokens \((\d+)\)|prompt has (\d+) tokens",
    _ANY_CASE,
)
GRAMMAR = re.compile(r"grammar|gbnf|schema conversion|initiali[sz]e samplers|outlines", _ANY_CASE)
_NO_PATH = re.compile(
    r"unexpected endpoint|no such (route|endpoint|path)|page not found|cannot (get|post) /", _ANY_CASE
)


class Refused(Exception):
    """A server answered with an error: its status, 0 where unknown, and what it said.

    `told` is what it is recognised by, `sentence` what is shown to people. `retry_after` is in seconds.
    """

    def __init__(
        self, status: int, told: str = "", sentence: str = "", retry_after: float | None = None, to: str = ""
    ) -> None:
        super().__init__(status, told)
        self.status = status
        self.told = told
        self.sentence = sentence
        self.retry_after = retry_after
        self.to = to

    @property
    def too_long(self) -> bool:
        """Whether prompt and answer do not fit into the context."""
        return self.status in (0, *REFUSING, 413, FAILING) and bool(_TOO_LONG.search(self.told))

    @property
    def context(self) -> int:
        """The length of the context, where the error names it; else 0."""
        found = _LIMIT.search(self.told)
        return int(next(filter(None, found.groups()))) if found else 0

    @property
    def prompt_tokens(self) -> int:
        """The tokens of the prompt, where the error names them; else 0."""
        found = _PROMPT_TOKENS.search(self.told)
        return int(next(filter(None, found.groups()))) if found else 0

    @property
    def grammar(self) -> bool:
        """Whether it is about a grammar, which is what servers make of a schema."""
        return bool(GRAMMAR.search(self.told))

    @property
    def no_path(self) -> bool:
        """Whether there is nothing at the path that was asked."""
        return self.status in (404, 405, 501) or (self.status == 0 and bool(_NO_PATH.search(self.told)))
