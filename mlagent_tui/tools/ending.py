"""Where the code of a class ends: what a model writes after it is no part of the answer, nor waited for."""

from __future__ import annotations

import re
import threading
from dataclasses import replace

from mlagent_tui.llm import Answer, Enough, LanguageModel, OnText, Request

_FENCE = ("```", "~~~")
_CLOSING = (")", "]", "}", "#")
"""What may stand at the left margin within a class."""


def end_of(text: str, class_name: str) -> int | None:
    """Where in `text` the class, with a `forward` that returns, has ended; None while it may still go on.

    The text may have prose and a fence before the class. Its last line counts once it is complete.
    """
    begun = re.search(rf"^class {re.escape(class_name)}\b", text, re.MULTILINE)
    if begun is None:
        return None
    at, runs, returns = begun.start(), False, False
    for line in text[at:].splitlines(keepends=True):
        outside = bool(line.strip()) and not line[0].isspace() and at > begun.start()
        if outside and not line.startswith(_CLOSING):
            return at if line.endswith("\n") and (returns or line.startswith(_FENCE)) else None
        runs = runs or bool(re.match(r"\s+def forward\b", line))
        returns = returns or (runs and bool(re.match(r"\s+return\b", line)))
        at += len(line)
    return None


def cut(code: str, class_name: str) -> str:
    """The code without what follows the class."""
    end = end_of(code.rstrip() + "\n", class_name)
    return code if end is None else code[:end].rstrip() + "\n"


def heard(
    model: LanguageModel, request: Request, class_name: str, on_text: OnText, cancel: threading.Event
) -> Answer:
    """The answer of `model`, which is ended with the class. Raises `ModelError` as `model` does."""
    said = ""

    def hear(piece: str, thinking: bool) -> None:
        nonlocal said
        on_text(piece, thinking)
        if not thinking:
            said += piece
            if "\n" in piece and end_of(said, class_name) is not None:
                raise Enough

    answer = model.generate(request, hear, cancel)
    return replace(answer, finish="stop") if answer.finish == "enough" else answer
