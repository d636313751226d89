"""The code of networks, asked for in several ways: whole or line by line, with and without worked examples.

What counts as right is the product's own check, in a trial worker.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mlagent_tui import tools
from mlagent_tui.errors import CodeError
from mlagent_tui.llm import LanguageModel, Message, Request, code_block
from mlagent_tui.schemas import DEFAULT_CLASS, ModelConfig
from mlagent_tui.shapes import infer
from mlagent_tui.tools import ending, line_by_line
from mlagent_tui.tools.file_prompts import file_request
from mlagent_tui.tools.line_prompts import line_request, shown
from mlagent_tui.tools.outline import Line
from mlagent_tui.tools.prompts import code_request
from mlagent_tui.training import WorkerPool
from prompt_study.networks import networks
from prompt_study.rows import Row

MOST = 1024
"""Tokens of a whole file. The longest network of the study needs half as many."""

Write = Callable[[LanguageModel, ModelConfig], tuple[str, bool, int]]
"""Code of a network, whether none of it had to be asked for again, and the tokens written."""


def codes(model: LanguageModel, label: str, count: int, misses: int) -> list[Row]:
    """A row for each way that suits the prompts `model` is asked with, the shipped one first."""
    whole, lines = "whole file, two worked networks", "lines"
    suits = {"minnow": ["whole file, Minnow's prompt"], "chat": [lines, whole], "completion": [lines]}
    rows = study(model, count, suits[model.profile], misses)
    return [replace(row, name=f"{label}, {row.name}"[:34]) for row in rows]


def study(model: LanguageModel, count: int, names: Sequence[str] = (), misses: int = 0) -> Iterator[Row]:
    """A row for each way, or for those of `names`, on the same `count` networks; prints `misses` of each."""
    with tempfile.TemporaryDirectory() as folder:
        pool = WorkerPool(Path(folder))
        context = tools.ToolContext(Path(folder), lambda: model, lambda: pool)
        try:
            with tools.use_context(context):
                for name in names or WAYS:
                    yield _row(name, model, WAYS[name], networks(count), misses)
        finally:
            pool.close()


def _row(name: str, model: LanguageModel, write: Write, configs: Sequence[ModelConfig], misses: int) -> Row:
    first = later = written = 0
    began = time.monotonic()
    for config in configs:
        code, at_once, tokens = write(model, config)
        written += tokens
        try:
            tools.check_code(code, config)
        except CodeError as error:
            if misses > 0:
                print(f"    {error.what}")
            misses -= 1
            continue
        first += at_once
        later += not at_once
    return Row(name, first, later, len(configs), written, time.monotonic() - began)


def _whole_file(model: LanguageModel, config: ModelConfig) -> tuple[str, bool, int]:
    """The whole file, from two worked networks; the answer ends with its class."""
    request = file_request(model.profile, config, infer(config))
    answer = ending.heard(model, request, DEFAULT_CLASS, lambda *_: None, threading.Event())
    return ending.cut(code_block(answer.text), DEFAULT_CLASS), True, answer.tokens


def _as_minnow(model: LanguageModel, config: ModelConfig) -> tuple[str, bool, int]:
    """The whole file, from Minnow's prompt, which other models were asked with before."""
    answer = model.generate(replace(code_request(config, infer(config)), max_tokens=MOST))
    return code_block(answer.text), True, answer.tokens


def _lines(ask: line_by_line.Ask) -> Write:
    def write(model: LanguageModel, config: ModelConfig) -> tuple[str, bool, int]:
        quiet, never = (lambda piece, thinking: None), threading.Event()
        written = line_by_line.write(model, infer(config), 0, quiet, never, ask)
        return written.code, not written.repaired, written.answer.tokens

    return write


def _no_examples(line: Line, refused: Sequence[str], seed: int) -> Request:
    """The comment and the left side alone."""
    asked = line_request(line, refused, seed)
    text = f"# {line.comment}\n{line.left}"
    return replace(asked, messages=(Message("system", "from torch import nn"), Message("user", text)))


def _one_example(line: Line, refused: Sequence[str], seed: int) -> Request:
    """Only the worked line that is most like it, each time."""
    asked = line_request(line, refused, seed)
    text = f"# {line.comment}\n{line.left}"
    return replace(asked, messages=(Message("system", "\n".join(shown(line)[-1])), Message("user", text)))


def _wrong_shown(line: Line, refused: Sequence[str], seed: int) -> Request:
    """Refused answers are shown as comments just above."""
    asked = line_request(line, refused, seed)
    wrong = "".join(f"# wrong: {line.left} {text}\n" for text in refused[-2:])
    *before, last = asked.messages
    head, _, tail = last.content.rpartition(f"# {line.comment}\n")
    return replace(asked, messages=(*before, Message("user", f"{head}{wrong}# {line.comment}\n{tail}")))


def _with_template(line: Line, refused: Sequence[str], seed: int) -> Request:
    """The same lines in the model's chat template, with the answer begun."""
    asked = line_request(line, refused, seed)
    text = asked.messages[-1].content
    head, _, left = text.rpartition("\n")
    system = Message("system", f"Complete the line.\n\n{asked.messages[0].content}")
    return replace(asked, messages=(system, Message("user", head)), begin=left, plain=False)


WAYS: Mapping[str, Write] = {
    "lines": _lines(line_request),
    "lines, no examples": _lines(_no_examples),
    "lines, one example": _lines(_one_example),
    "lines, wrong answers shown": _lines(_wrong_shown),
    "lines, in the chat template": _lines(_with_template),
    "whole file, two worked networks": _whole_file,
    "whole file, Minnow's prompt": _as_minnow,
}
"""Ways to ask, the shipped one first."""
