"""Has the coder write a network line after line, each checked at once and asked for again when wrong.

What is the same in every network is given: imports, the class line, `super().__init__()`, and of each line a
comment that says what it does, and its left side. Every right side is the coder's own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from mlagent_tui.llm import Answer, LanguageModel, Request
from mlagent_tui.schemas import DEFAULT_CLASS
from mlagent_tui.shapes import Step
from mlagent_tui.tools.line_prompts import line_request
from mlagent_tui.tools.outline import Line, difference, outline

TRIES = 6
"""How often a line is asked for."""
IMPORTS = "from torch import nn\n\n\n"
CLASS = f"class {DEFAULT_CLASS}(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
FORWARD = "\n    def forward(self, x):\n"
INDENT = " " * 8

Ask = Callable[[Line, Sequence[str], int], Request]
"""The request for a line, after the answers to it that were refused, with a seed."""
OnPiece = Callable[[str, bool], None]


@dataclass(frozen=True)
class Written:
    """What the coder wrote: the module, or as much of it as was right before the line with the `problem`.

    `answer` counts all answers as one. `repaired` lines were right only after they had been refused.
    """

    code: str
    answer: Answer
    problem: str | None = None
    repaired: int = 0


def write(
    coder: LanguageModel,
    steps: Sequence[Step],
    seed: int,
    on_text: OnPiece,
    cancel: threading.Event,
    ask: Ask = line_request,
) -> Written:
    """The module of `steps`, its class called `CurrentModel`. Raises `ModelError` as the coder does.

    `on_text(piece, is_thinking)` hears the text as it grows, refused lines with the reason in a comment.
    """
    return _Writing(coder, seed, on_text, cancel, ask).module(outline(steps))


@dataclass
class _Writing:
    """The text so far."""

    coder: LanguageModel
    seed: int
    on_text: OnPiece
    cancel: threading.Event
    ask: Ask
    code: str = ""
    total: Answer = field(default_factory=lambda: Answer("", "", "stop", 0, 0, 0.0, 0.0))
    repaired: int = 0

    def module(self, lines: Sequence[Line]) -> Written:
        self._put(IMPORTS + CLASS)
        method = "__init__"
        for line in lines:
            if line.method != method:
                method = line.method
                self._put(FORWARD)
            problem = self._line(line)
            if problem is not None or self.total.finish == "cancelled":
                return Written(self.code, self.total, problem, self.repaired)
        return Written(self.code, self.total, None, self.repaired)

    def _put(self, text: str) -> None:
        self.code += text
        self.on_text(text, False)

    def _line(self, line: Line) -> str | None:
        """Have the line written; what is wrong with the last answer when none was right."""
        refused: list[str] = []
        problem: str | None = None
        while len(refused) < TRIES:
            begun = _Begun(f"{INDENT}{line.left}", self.on_text)
            answer = self.coder.generate(self.ask(line, refused, self.seed), begun.text, self.cancel)
            begun.begin()
            self._count(answer)
            if answer.finish == "cancelled":
                return None
            text = right_side(answer.text, line.left)
            problem = difference(line, text)
            if problem is None:
                self.on_text("\n", False)
                self.code += f"{INDENT}{line.left} {text}\n"
                self.repaired += bool(refused)
                return None
            self.on_text(f"  # {problem}\n", False)
            refused.append(text)
        return problem

    def _count(self, answer: Answer) -> None:
        before = self.total
        self.total = replace(
            answer,
            text="",
            thinking="",
            prompt_tokens=before.prompt_tokens + answer.prompt_tokens,
            tokens=before.tokens + answer.tokens,
            prompt_seconds=before.prompt_seconds + answer.prompt_seconds,
            seconds=before.seconds + answer.seconds,
            reused_tokens=before.reused_tokens + answer.reused_tokens,
        )


class _Begun:
    """Puts the left side of a line before the first piece of its answer: only then has it been asked for."""

    def __init__(self, left: str, on_text: OnPiece) -> None:
        self._left, self._on_text = left, on_text

    def begin(self) -> None:
        """The left side, where it has not been told yet."""
        left, self._left = self._left, ""
        if left:
            self._on_text(left, False)

    def text(self, piece: str, thinking: bool) -> None:
        """A piece of the answer."""
        self.begin()
        self._on_text(piece, thinking)


def right_side(answer: str, left: str) -> str:
    """The rest of a line that a model was asked to complete, which may have begun the line again."""
    text = next((line for line in answer.splitlines() if line.strip(" `")), "").strip()
    return text.removeprefix(left).strip() if left.endswith("=") else text.removeprefix(f"{left} ").strip()
