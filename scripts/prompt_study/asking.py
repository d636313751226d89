"""A planner on a model, and what its answers cost."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from mlagent_tui.agent import Planner
from mlagent_tui.llm import Answer, LanguageModel


@dataclass
class Asked:
    """What was written and read so far; `texts` are the answers in their order."""

    answers: int = 0
    tokens: int = 0
    prompt_tokens: int = 0
    texts: list[str] = field(default_factory=list)

    def __call__(self, task: str, answer: Answer) -> None:
        self.answers += 1
        self.tokens += answer.tokens
        self.prompt_tokens += answer.prompt_tokens
        self.texts.append(answer.text)


def asking(model: LanguageModel, asked: Asked) -> Planner:
    """The product's planner on `model`; `asked` hears every answer."""
    return Planner(model, 0, lambda *_: None, asked, threading.Event())
