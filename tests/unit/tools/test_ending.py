"""Where an answer's class ends, and that nothing after it is waited for."""

from __future__ import annotations

import threading

import pytest

from mlagent_tui.llm.base import Answer, Enough, OnProgress, OnText, Request
from mlagent_tui.tools.ending import cut, end_of, heard

CLASS = """class CurrentModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(
            1, 8, 3,
)
# the output
        self.fc1 = nn.Linear(8, 2)

    def forward(self, x):
        return self.fc1(x)
"""


@pytest.mark.parametrize(
    "after", ["```\n", "\n\nmodel = CurrentModel()\n", "\nThis is the network.\n", "class Other:\n"]
)
def test_a_class_ends_where_something_else_begins_at_the_margin(after: str) -> None:
    text = f"Here it is:\n```python\nimport torch\n{CLASS}"
    assert end_of(text, "CurrentModel") is None
    end = end_of(text + after, "CurrentModel")
    assert end is not None and text.startswith((text + after)[:end].rstrip())
    assert cut(CLASS + after, "CurrentModel") == CLASS


@pytest.mark.parametrize("text", [
    "import torch\n",
    CLASS.partition("    def forward")[0] + "x = 1\n",
    CLASS + "mod",
    CLASS.replace("CurrentModel", "Net") + "x = 1\n",
])  # fmt: skip
def test_a_class_that_is_not_there_or_not_complete_has_no_end(text: str) -> None:
    assert end_of(text, "CurrentModel") is None


def test_code_that_is_complete_stays_as_it_is() -> None:
    assert cut(CLASS, "CurrentModel") == CLASS


class Talker:
    """Gives a class, and then goes on until it is cancelled or told that it is enough, or for ever."""

    name = "talker"
    context_length = 4096
    profile = "chat"
    said = 0

    def generate(
        self,
        request: Request,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> Answer:
        assert on_text and cancel
        text = ""
        for line in (*CLASS.splitlines(keepends=True), *["\nmodel = CurrentModel()\n"] * 1000):
            if cancel.is_set():
                return Answer(text, "", "cancelled", 1, 1, 0.0, 0.0)
            text += line
            self.said += 1
            try:
                on_text(line, False)
            except Enough:
                return Answer(text, "", "enough", 1, 1, 0.0, 0.0)
        return Answer(text, "", "length", 1, 1, 0.0, 0.0)


def test_an_answer_is_stopped_once_its_class_has_ended() -> None:
    talker, shown = Talker(), []
    answer = heard(
        talker,
        Request(()),
        "CurrentModel",
        lambda piece, _: shown.append(piece),
        threading.Event(),  # type: ignore[arg-type]
    )
    assert answer.finish == "stop"
    assert talker.said == len(CLASS.splitlines()) + 1 == len(shown)
    assert cut(answer.text, "CurrentModel") == CLASS


def test_a_user_who_cancels_is_not_taken_for_the_end() -> None:
    cancel = threading.Event()
    cancel.set()
    answer = heard(Talker(), Request(()), "CurrentModel", lambda *_: None, cancel)  # type: ignore[arg-type]
    assert answer.finish == "cancelled"
