"""The coder's answers: what counts as code, how differences go back, when it ends.

The functional tests use the real checks; here a stand-in refuses what it is told to.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mlagent_tui.errors import (
    CodeError,
    ConfigError,
    Interrupted,
    MachineError,
    ModelError,
    OutOfMemory,
    TookTooLong,
    ToolError,
    TrialError,
)
from mlagent_tui.events import CheckFailed, CodeMade, Event
from mlagent_tui.llm.base import PromptTooLong
from mlagent_tui.tools import ToolContext, pytorch_model_assembler, use_context
from mlagent_tui.tools.drafting import ATTEMPTS
from mlagent_tui.tools.scripts import staged

CONFIG: dict[str, Any] = {
    "model_name": "Net",
    "input_shape": [1, 8, 8],
    "num_classes": 10,
    "layers": [{"type": "flatten"}, {"type": "linear", "out_features": 10}],
}
OUTPUT = "src/models/current_model.py"


class Checker:
    """Stands in for the trial workers: refuses code for the reason written in its first line."""

    level = "none"

    def __init__(self) -> None:
        self.checked: list[str] = []

    @contextmanager
    def worker(self) -> Iterator[Checker]:
        yield self

    def check_code(self, script: Path, class_name: str, config: Any, input_shape: Any) -> None:
        code = script.read_text()
        self.checked.append(code)
        assert (class_name, config.num_classes, tuple(input_shape)) == ("Net", 10, (1, 8, 8))
        first = code.splitlines()[0]
        if first.startswith("# wrong"):
            raise CodeError(first.removeprefix("# wrong "))
        if first.startswith("# crash"):
            raise TrialError("the worker was killed")
        if first.startswith("# large"):
            raise OutOfMemory("out of memory: it used 9 GB")
        if first.startswith("# slow"):
            raise TookTooLong("it took longer than 120 s")


@pytest.fixture
def assemble(context: ToolContext) -> Callable[..., Checker]:
    def run(coder: Any, **changes: Any) -> Checker:
        checker = Checker()
        changed = dataclasses.replace(
            context, coder=lambda: coder, pool=lambda: checker, **{"seed": 5, **changes}
        )
        with use_context(changed):
            pytorch_model_assembler(CONFIG, OUTPUT)
        return checker

    return run


def fenced(code: str) -> str:
    return f"Here it is:\n```python\n{code}\n```\nDone."


def test_accepted_code_is_written_and_told(
    assemble: Callable[..., Checker], context: ToolContext, told: list[Event], scripted: Any
) -> None:
    pieces: list[tuple[str, str, bool]] = []
    assemble(scripted(fenced("good = 1")), on_text=lambda *piece: pieces.append(piece))
    assert (context.root / OUTPUT).read_text() == "good = 1\n"
    assert next(e for e in told if isinstance(e, CodeMade)).accepted
    assert pieces == [("code", fenced("good = 1"), False)]


def test_the_first_difference_goes_back_to_the_coder_with_another_seed(
    assemble: Callable[..., Checker], context: ToolContext, told: list[Event], scripted: Any
) -> None:
    coder = scripted(
        fenced("# wrong fc1: expected 64 input features, got 32"), fenced("# crash"), fenced("good = 1")
    )
    assemble(coder)
    assert (context.root / OUTPUT).read_text() == "good = 1\n"
    first, second, third = coder.requests
    assert (first.temperature, first.seed) == (0.0, 5)
    assert second.temperature > 0 and (second.seed, third.seed) == (6, 7)
    text = "\n".join(message.content for message in second.messages)
    assert "fc1: expected 64 input features, got 32" in text
    problems = [e.problem for e in told if isinstance(e, CheckFailed)]
    assert problems == ["fc1: expected 64 input features, got 32", "the worker was killed"]
    made = [(e.attempt, e.accepted) for e in told if isinstance(e, CodeMade)]
    assert made == [(0, False), (1, False), (2, True)]


def test_lines_that_were_left_out_are_named_in_place_of_what_comes_of_it(
    assemble: Callable[..., Checker], told: list[Event], scripted: Any
) -> None:
    assemble(scripted(fenced("# wrong fc1: expected linear\nfc1 = 1\n# ... the rest"), fenced("good = 1")))
    problems = [e.problem for e in told if isinstance(e, CheckFailed)]
    assert problems == ["line 3: expected code, got '# ... the rest'; write every line"]


def test_after_the_last_attempt_the_last_difference_is_raised_and_nothing_is_written(
    assemble: Callable[..., Checker], context: ToolContext, scripted: Any
) -> None:
    coder = scripted(*(fenced(f"# wrong number {n}") for n in range(ATTEMPTS)))
    with pytest.raises(CodeError, match=f"number {ATTEMPTS - 1} .after {ATTEMPTS} attempts"):
        assemble(coder)
    assert not (context.root / OUTPUT).exists()


@pytest.mark.parametrize(("kind", "error"), [("large", OutOfMemory), ("slow", TookTooLong)])
def test_a_network_too_large_to_be_checked_is_not_sent_back_to_the_coder(
    assemble: Callable[..., Checker],
    context: ToolContext,
    told: list[Event],
    scripted: Any,
    kind: str,
    error: type[TrialError],
) -> None:
    coder = scripted(fenced(f"# {kind}"), fenced("good = 1"))
    with pytest.raises(error):
        assemble(coder)
    assert len(coder.requests) == 1
    assert not (context.root / OUTPUT).exists() and not told


def test_the_same_code_again_is_not_checked_again(assemble: Callable[..., Checker], scripted: Any) -> None:
    checker = assemble(scripted(fenced("# wrong a"), fenced("# wrong a"), fenced("good = 1")))
    assert checker.checked == ["# wrong a\n", "good = 1\n"]


def test_a_prompt_too_long_with_the_previous_code_is_asked_without_it(
    assemble: Callable[..., Checker], scripted: Any
) -> None:
    coder = scripted(fenced("# wrong a"), PromptTooLong(9000, 4096), fenced("good = 1"))
    assemble(coder)
    assert len(coder.requests[2].messages) < len(coder.requests[1].messages)
    with pytest.raises(ModelError):
        assemble(scripted(PromptTooLong(9000, 4096)))


def test_a_cancelled_coder_is_an_interruption(
    assemble: Callable[..., Checker], context: ToolContext, scripted: Any
) -> None:
    context.cancel.set()
    with pytest.raises(Interrupted):
        assemble(scripted(fenced("good = 1")))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"layers": []}, "layers"),
        ({"layers": [{"type": "warp"}]}, "layers.0"),
        ({"num_classes": 3}, "10"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_a_configuration_that_cannot_be_built_never_reaches_the_coder(
    context: ToolContext, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        pytorch_model_assembler(CONFIG | change, OUTPUT)
    assert words in caught.value.what


@pytest.mark.parametrize("path", ["../model.py", "model.txt", "/tmp/model.py"])
def test_an_output_path_that_cannot_be_used_never_reaches_the_coder(context: ToolContext, path: str) -> None:
    with pytest.raises(ToolError):
        pytorch_model_assembler(CONFIG, path)


def test_a_full_temporary_folder_is_said(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(small_disk))
    with pytest.raises(MachineError, match="disk is full"), staged("net.py", b"x" * 1_000_000):
        pass
    assert list(small_disk.iterdir()) == []
