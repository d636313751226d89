"""A language model that gives prepared answers, for tests of what is made of them and what is asked next."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from mlagent_tui.llm import Answer, Message, OnProgress, OnText, Request
from mlagent_tui.llm.base import Finish
from mlagent_tui.prompts import Profile


class Canned:
    """Gives its answers one after the other, whatever it is asked; `asked` has the requests."""

    name = "canned"
    context_length = 4096
    profile: Profile = "minnow"

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[Request] = []

    @staticmethod
    def said(text: str, finish: Finish = "stop", tokens: int = 10, thinking: str = "") -> Answer:
        """An answer to a prompt of 50 tokens."""
        return Answer(text, thinking, finish, 50, tokens, 0.0, 0.0)

    def generate(
        self,
        request: Request,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> Answer:
        self.asked.append(request)
        return self.answers.pop(0)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return 50

    def close(self) -> None:
        pass
