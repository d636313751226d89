"""A network written line after line: what is asked, what is refused, what is put together."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mlagent_tui.errors import CodeError, Interrupted
from mlagent_tui.events import CheckFailed, CodeMade, Event
from mlagent_tui.llm.base import Answer
from mlagent_tui.schemas import ModelConfig
from mlagent_tui.shapes import infer
from mlagent_tui.tools import ToolContext, pytorch_model_assembler, use_context
from mlagent_tui.tools.line_by_line import TRIES, Written, right_side, write
from mlagent_tui.tools.line_prompts import line_request, nearest, shown, worked
from mlagent_tui.tools.outline import outline
from mlagent_tui.tools.torch_calls import KINDS
from mlagent_tui.training import WorkerPool

CONFIG: dict[str, Any] = {
    "model_name": "Net", "input_shape": [1, 8, 8], "num_classes": 10,
    "layers": [
        {"type": "residual", "layers": [
            {"type": "conv2d", "out_channels": 4, "kernel_size": 3, "padding": 1},
        ]},
        {"type": "flatten"},
        {"type": "linear", "out_features": 10},
    ],
}  # fmt: skip
STEPS = infer(ModelConfig.model_validate(CONFIG))
RIGHT = (
    " nn.Conv2d(1, 4, 3, padding=1)", " nn.Conv2d(1, 4, 1)", " nn.Flatten()", " nn.Linear(256, 10)",
    " x", " self.conv1(x)", " x + self.shortcut1(res1)", " self.flatten1(x)", " self.fc1(x)", " x",
)  # fmt: skip
CODE = """from torch import nn


class CurrentModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, padding=1)
        self.shortcut1 = nn.Conv2d(1, 4, 1)
        self.flatten1 = nn.Flatten()
        self.fc1 = nn.Linear(256, 10)

    def forward(self, x):
        res1 = x
        x = self.conv1(x)
        x = x + self.shortcut1(res1)
        x = self.flatten1(x)
        x = self.fc1(x)
        return x
"""


def written(coder: Any, shown: list[str] | None = None) -> Written:
    heard = [] if shown is None else shown
    return write(coder, STEPS, 7, lambda piece, _: heard.append(piece), threading.Event())


def test_the_right_sides_of_all_lines_make_the_module(scripted: Callable[..., Any]) -> None:
    shown: list[str] = []
    found = written(scripted(*RIGHT), shown)
    assert (found.code, found.problem, found.repaired) == (CODE, None, 0)
    assert "".join(shown) == CODE
    assert found.answer.tokens == sum(map(len, RIGHT))


def test_a_wrong_line_is_shown_with_the_reason_and_asked_for_again_before_the_next(
    scripted: Callable[..., Any],
) -> None:
    coder, shown = scripted(" nn.Conv2d(4, 4, 3)", " nn.Conv2d(", " oh", *RIGHT), list[str]()
    found = written(coder, shown)
    assert (found.code, found.repaired) == (CODE, 1)
    assert "self.conv1 = nn.Conv2d(4, 4, 3)  # conv1: expected Conv2d in_channels=1" in "".join(shown)
    asked = coder.requests[:4]
    assert all(request.messages[-1].content.endswith("self.conv1 =") for request in asked)
    assert len({(r.messages, r.temperature and (r.temperature, r.seed)) for r in asked}) == 4
    assert [request.temperature for request in asked[:2]] == [0, 0] and asked[2].temperature > 0


def test_a_line_that_is_never_right_ends_it_with_what_was_wanted(scripted: Callable[..., Any]) -> None:
    coder = scripted(RIGHT[0], *[" nn.Conv2d(2, 4, 1)"] * TRIES)
    found = written(coder)
    assert found.problem is not None
    assert found.problem.startswith("shortcut1: expected Conv2d in_channels=1, out_channels=4, kernel_size=1")
    assert found.code.endswith("self.conv1 = nn.Conv2d(1, 4, 3, padding=1)\n")
    assert len(coder.requests) == 1 + TRIES


@pytest.mark.parametrize(("answer", "left", "right"), [
    (" nn.ReLU()", "self.relu1 =", "nn.ReLU()"),
    ("self.relu1 = nn.ReLU()\nself.relu2 = nn.ReLU()", "self.relu1 =", "nn.ReLU()"),
    ("```\nself.relu1 = nn.ReLU()\n```", "self.relu1 =", "nn.ReLU()"),
    ("return x", "return", "x"),
    ("", "x =", ""),
])  # fmt: skip
def test_of_an_answer_that_begins_the_line_again_the_right_side_is_taken(
    answer: str, left: str, right: str
) -> None:
    assert right_side(answer, left) == right


def test_no_request_holds_the_line_that_it_asks_for() -> None:
    for line in outline(STEPS):
        for tried in range(TRIES):
            request = line_request(line, ["wrong"] * tried)
            text = "\n".join(message.content for message in request.messages)
            assert request.plain and request.stops == ("\n",)
            by_place = re.sub(r"\b(in|out)_(channels|features)=", "", line.comment)
            assert text.endswith(f"# {by_place if tried % 2 else line.comment}\n{line.left}")
            made = text.splitlines()[:-1]
            assert f"{line.left} {line.right}" not in made or line.kind == "return"


def test_every_kind_of_line_has_worked_lines_that_are_right() -> None:
    for kind in (*KINDS, "apply", "keep", "add", "add_shortcut", "return"):
        for comment, text in worked(kind):
            assert comment.startswith("# ")
            left, _, right = text.partition(" = ") if kind != "return" else text.partition(" ")
            name = left.removeprefix("self.")
            assert right and (name in comment or left in ("x", "return"))
            if kind in KINDS:
                said = comment.partition(" " + KINDS[kind].name)[2].strip()
                assert right == f"nn.{KINDS[kind].name}({said})"


def test_the_nearest_worked_line_has_the_arguments_of_the_line() -> None:
    line = replace(
        outline(STEPS)[0], comment="conv1: Conv2d in_channels=1, out_channels=4, kernel_size=3, bias=False"
    )
    assert "bias=False" in nearest(line)[-1][0] and "padding" not in nearest(line)[-1][0]


def test_worked_lines_have_the_arguments_of_the_line_but_never_the_same_numbers() -> None:
    usual = outline(STEPS)[0]
    assert len(shown(usual)) == 6
    assert all("padding=" in comment and "stride=" not in comment for comment, _ in shown(usual))
    for comment, _ in worked("conv2d"):
        line = replace(usual, comment=comment.removeprefix("# "))
        others = [shown(line, tried) for tried in range(TRIES)]
        assert all(others) and len(others[3]) <= 3
        made = comment.partition(": ")[2]
        assert not any(made in text for some in others for text, _ in some)


def test_every_other_try_has_sizes_by_place() -> None:
    named, placed = (line_request(outline(STEPS)[0], ["wrong"] * tried) for tried in (2, 3))
    assert "= nn.Conv2d(in_channels=22, out_channels=44, kernel_size=3" in named.messages[0].content
    assert "= nn.Conv2d(22, 44, kernel_size=3, padding=1)" in placed.messages[0].content
    assert placed.messages[1].content == "# conv1: Conv2d 1, 4, kernel_size=3, padding=1\nself.conv1 ="


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Any:
    pool = WorkerPool(tmp_path_factory.mktemp("pool"))
    yield pool
    pool.close()


def assemble(context: ToolContext, pool: WorkerPool, coder: Any) -> list[tuple[str, Answer]]:
    calls: list[tuple[str, Answer]] = []
    changed = replace(
        context,
        coder=lambda: coder,
        pool=lambda: pool,
        on_call=lambda task, answer: calls.append((task, answer)),
    )
    with use_context(changed):
        pytorch_model_assembler(CONFIG, "net.py")
    return calls


def test_a_coder_of_a_completion_model_is_asked_line_by_line_and_its_code_checked_as_a_whole(
    context: ToolContext, told: list[Event], scripted: Callable[..., Any], pool: WorkerPool
) -> None:
    coder = scripted(*RIGHT)
    coder.profile = "completion"
    calls = assemble(context, pool, coder)
    assert (context.root / "net.py").read_text() == CODE.replace("CurrentModel", "Net")
    assert [(e.attempt, e.accepted) for e in told if isinstance(e, CodeMade)] == [(0, True)]
    assert [(task, answer.tokens) for task, answer in calls] == [("code", sum(map(len, RIGHT)))]


def test_a_line_that_stays_wrong_fails_the_call_as_wrong_code_does(
    context: ToolContext, told: list[Event], scripted: Callable[..., Any], pool: WorkerPool
) -> None:
    coder = scripted(*[" nothing"] * TRIES)
    coder.profile = "completion"
    with pytest.raises(CodeError, match=r"conv1: expected Conv2d .*, got nothing .after 1 attempt\)"):
        assemble(context, pool, coder)
    assert [e.problem[:6] for e in told if isinstance(e, CheckFailed)] == ["conv1:"]
    assert not (context.root / "net.py").exists()


def test_a_large_chat_model_that_writes_no_right_file_is_asked_line_by_line(
    context: ToolContext, told: list[Event], scripted: Callable[..., Any], pool: WorkerPool
) -> None:
    coder = scripted(*[f"```python\nclass Wrong{n}: pass\n```" for n in range(4)], *RIGHT)
    coder.profile, coder.code_forms, coder.context_length = "chat", ("whole", "lines"), 100_000
    assemble(context, pool, coder)
    accepted = [(e.attempt, e.accepted) for e in told if isinstance(e, CodeMade)]
    assert accepted == [(0, False), (1, False), (2, False), (3, False), (4, True)]


def test_a_coder_cancelled_within_a_line_is_an_interruption(
    context: ToolContext, scripted: Callable[..., Any], pool: WorkerPool
) -> None:
    coder = scripted(*RIGHT)
    coder.profile = "completion"
    context.cancel.set()
    with pytest.raises(Interrupted):
        assemble(context, pool, coder)
