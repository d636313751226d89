"""`models check` on the real trial worker: with a scripted model whose right and wrong answers are known."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from mlagent_tui import checkup
from mlagent_tui.checkup import CODES, GOALS
from mlagent_tui.errors import ModelError
from mlagent_tui.llm import Answer, OnProgress, OnText, Request
from tests.scripted import ACHIEVED, CONFIG, ITERATE, Scripted

FIRST = """import torch
from torch import nn


class CurrentModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.flatten1 = nn.Flatten()
        self.fc1 = nn.Linear(64, 32)
        self.relu1 = nn.ReLU()
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x):
        return self.fc2(self.relu1(self.fc1(self.flatten1(x))))
"""
GOAL = {"dataset": "digits", "metric": "accuracy", "comparison": ">=", "threshold": 0.95}


class Model(Scripted):
    """Answers prose as well, which has no task."""

    def generate(
        self,
        request: Request,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> Answer:
        if not request.messages[-1].content.startswith("Task: "):
            return Answer("so be it", "hm", "stop", 1000, 50, 2.0, 5.0)
        return super().generate(request, on_text, cancel, on_progress)


def measured(**answers: Any) -> tuple[checkup.Checkup, Model, list[str]]:
    model, told = Model(**answers), list[str]()
    return checkup.check("x", told.append, lambda spec: model), model, told


@pytest.mark.slow
def test_right_and_wrong_first_answers_are_counted() -> None:
    found, model, told = measured(
        goal=[{"dataset": None}, GOAL],
        decision=[ITERATE, ITERATE, ACHIEVED],
        config=[CONFIG, CONFIG, {"model_name": "no"}, CONFIG],
        code=[
            f"```python\n{FIRST}```",
            "no code at all",
            "```python\nimport os\n```",
            f"```python\n{FIRST}```",
        ],
    )
    assert (found.goals.right, found.goals.asked) == (1, len(GOALS))
    assert (found.configs.right, found.configs.asked) == (4, 4)
    assert (found.decisions.right, found.decisions.asked) == (3, 3)
    assert (found.valid_json.right, found.valid_json.asked) == (9, 11)
    assert (found.code.right, found.code.asked) == (1, len(CODES))
    assert len([task for task, _ in model.asked if task == "code"]) == len(CODES)
    assert all(found.code.misses)
    assert (found.prompt_speed, found.thinks) == (500, True)
    assert "loading the model" in told and model.closed


def test_a_model_that_fails_in_the_middle_is_closed() -> None:
    model = Model(goal=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        checkup.check("x", open_=lambda spec: model)
    assert model.closed


@pytest.mark.slow
def test_the_bundled_model_suits_both_roles() -> None:
    found = checkup.check("bundled")
    assert found.valid_json.right == found.valid_json.asked
    assert found.decode_speed > 0 and found.prompt_speed > found.decode_speed
    assert found.suits_planner and found.suits_coder


def test_a_model_that_cannot_be_opened_is_an_error() -> None:
    with pytest.raises(ModelError):
        checkup.check("/nowhere.gguf")
