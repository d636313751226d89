"""A network that is too long for the coder is written in stretches; only what is wrong is asked for again.

The coder stands in for a language model, and the checker for trial workers: what counts here is who is asked
what. `test_minnow_code.py` has the real ones.
"""

from __future__ import annotations

import dataclasses
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from minnow.published import resnet
from mlagent_tui.errors import CodeError, Interrupted
from mlagent_tui.events import CheckFailed, CodeMade, Event
from mlagent_tui.llm.base import Answer, Finish, Message, OnText, PromptTooLong, Request
from mlagent_tui.prompts import Profile
from mlagent_tui.tools import ToolContext, pytorch_model_assembler, use_context

CONFIG = resnet(3).model_copy(update={"model_name": "Twenty"}).model_dump(mode="json")
CONTEXT = 2000
LINE = re.compile(r"^(\w+): (\w+)", re.MULTILINE)


class Writer:
    """Writes a line for each layer that it is asked for.

    `slips` replace text in the first answers, one each; the first `cut` answers are cut off, and prompts of
    more than `longest` characters refused.
    """

    name = "writer"

    def __init__(
        self, *slips: tuple[str, str], context: int = CONTEXT, cut: int = 0, longest: int = 100_000
    ) -> None:
        self.profile: Profile = "minnow"
        self.context_length, self._slips, self._cut, self._longest = context, list(slips), cut, longest
        self.requests: list[Request] = []

    def generate(
        self, request: Request, on_text: OnText, cancel: threading.Event, _: object = None
    ) -> Answer:
        if len(request.messages[-1].content) > self._longest:
            raise PromptTooLong(9999, self.context_length)
        self.requests.append(request)
        named = re.search(r"Order: (.*)", request.messages[-1].content)
        assert named is not None
        layers = [name for name in named[1].split(", ") if not name.startswith(("res", "+", "shortcut"))]
        lines = [f"        self.{name} = nn.Identity()" for name in layers]
        lines.append(f"        self.tried = {len(self.requests)}")
        uses = [f"        x = self.{name}(x)" for name in layers]
        code = "\n".join([
            "from torch import nn", "class CurrentModel(nn.Module):", "    def __init__(self):",
            "        super().__init__()", *lines, "    def forward(self, x):", *uses, "        return x",
        ])  # fmt: skip
        if self._slips:
            code = code.replace(*self._slips.pop(0))
        code = f"```python\n{code}\n```"
        on_text(code, False)
        finish: Finish = "length" if len(self.requests) <= self._cut else "stop"
        return Answer(code, "", "cancelled" if cancel.is_set() else finish, 1, 1, 0.0, 0.0)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content) for message in messages) // 4

    def close(self) -> None:
        return None

    @property
    def asked(self) -> list[str]:
        """What was asked, in short: the last user message of each request."""
        return [request.messages[-1].content for request in self.requests]


class Checker:
    """Refuses code for the given reasons, one after the other."""

    def __init__(self, *problems: str) -> None:
        self._problems = list(problems)
        self.checked: list[str] = []

    @contextmanager
    def worker(self) -> Iterator[Checker]:
        yield self

    def check_code(self, script: Path, class_name: str, config: Any, input_shape: Any) -> None:
        self.checked.append(script.read_text())
        if self._problems:
            raise CodeError(self._problems.pop(0))


Assemble = Callable[..., Checker]


@pytest.fixture
def assemble(context: ToolContext) -> Assemble:
    def run(writer: Writer, *problems: str, config: dict[str, Any] = CONFIG, **changes: Any) -> Checker:
        checker = Checker(*problems)
        changed = dataclasses.replace(
            context, coder=lambda: cast("Any", writer), pool=lambda: cast("Any", checker), **changes
        )
        with use_context(changed):
            pytorch_model_assembler(config, "model.py")
        return checker

    return run


def test_a_long_network_is_asked_for_in_stretches_that_fit_with_a_repair(
    assemble: Assemble, context: ToolContext
) -> None:
    pieces: list[str] = []
    writer = Writer()
    checker = assemble(writer, on_text=lambda task, piece, _: pieces.append(piece))
    assert len(writer.requests) == len(pieces) > 2
    for request in writer.requests:
        assert 2 * writer.count_tokens(request.messages) <= CONTEXT
        assert "Class: CurrentModel" in request.messages[-1].content
    assert (context.root / "model.py").read_text() == checker.checked[0]
    assert checker.checked[0].count("class Twenty(nn.Module)") == 1
    assert [f"conv{n}" in checker.checked[0] for n in (1, 19, 20)] == [True, True, False]
    assert "self.gap1(x)" in checker.checked[0] and "self.flatten2" not in checker.checked[0]


def test_a_network_that_fits_is_asked_for_whole_and_kept_to_the_letter(
    assemble: Assemble, context: ToolContext
) -> None:
    writer = Writer(context=100_000)
    assemble(writer)
    assert len(writer.requests) == 1
    assert "x = self.fc1(x)\n        return x" in (context.root / "model.py").read_text()


def test_a_difference_goes_back_for_the_stretch_where_it_lies_in_its_own_names(
    assemble: Assemble, told: list[Event]
) -> None:
    writer = Writer()
    assemble(writer)
    once = len(writer.requests)
    writer = Writer()
    problem = "conv19: expected in_channels 64, got 32"
    assemble(writer, problem)
    *_, repair = writer.asked
    assert len(writer.requests) == once + 1
    local = re.search(r"Problem: (conv\d+): expected in_channels 64, got 32", repair)
    assert local is not None and local[1] != "conv19" and f"\n{local[1]}: conv2d 64x8x8" in repair
    assert [e.problem for e in told if isinstance(e, CheckFailed)] == [problem]
    assert [e.accepted for e in told if isinstance(e, CodeMade)][-2:] == [False, True]
    assert writer.requests[-1].temperature > 0 and writer.requests[-1].seed == 1


def test_a_layer_that_a_stretch_leaves_out_is_looked_for_before_the_named_place(assemble: Assemble) -> None:
    writer = Writer(("        x = self.bn1(x)\n", ""))
    assemble(writer, "conv19: expected conv2d, got batch_norm")
    assert "Problem: bn1: expected batchnorm2d, got nothing" in writer.asked[-1]
    assert writer.asked[-1].startswith(writer.asked[0])


def test_an_answer_that_is_no_python_is_asked_for_again_before_the_next(assemble: Assemble) -> None:
    writer = Writer(("self.conv1 = nn.Identity()", "self.conv1 = nn.Identity("))
    checker = assemble(writer)
    assert "Problem: conv1: expected conv2d, got '(' was never closed" in writer.asked[1]
    assert len(checker.checked) == 1


def test_a_stretch_that_stays_wrong_is_asked_for_in_two(assemble: Assemble) -> None:
    writer = Writer(context=100_000)
    problem = "conv1: expected in_channels 3, got 1"
    assemble(writer, problem, problem)
    whole, repair, *halves = writer.asked
    assert repair.startswith(whole) and len(halves) >= 2
    assert all(len(half) < len(whole) for half in halves)
    assert writer.requests[2].temperature == 0


def test_an_answer_that_is_cut_off_is_asked_for_in_two(assemble: Assemble) -> None:
    writer = Writer(context=100_000, cut=1)
    checker = assemble(writer)
    assert len(writer.requests) >= 3 and len(checker.checked) == 1


def test_a_prompt_that_is_too_long_after_all_is_divided(assemble: Assemble) -> None:
    writer = Writer(context=100_000, longest=1500)
    assemble(writer)
    assert len(writer.requests) >= 3


def test_after_the_last_attempt_at_a_stretch_the_difference_is_raised(assemble: Assemble) -> None:
    problem = "fc1: expected linear, got relu"
    with pytest.raises(CodeError, match=r"fc1: expected linear, got relu \(after \d"):
        assemble(Writer(), *[problem] * 30)


def test_a_cancelled_stretch_is_an_interruption(assemble: Assemble, context: ToolContext) -> None:
    context.cancel.set()
    with pytest.raises(Interrupted):
        assemble(Writer())
    assert not (context.root / "model.py").exists()
