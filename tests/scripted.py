"""A language model that answers from a script, for tests that must say exactly what a model says.

Everything else in those tests is real: tools, sandboxed workers, training on the digits.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from typing import Any

from mlagent_tui.llm import Answer, LanguageModel, Message, OnProgress, OnText, Request
from mlagent_tui.prompts import Profile

GOAL = {"dataset": "digits", "metric": "accuracy", "comparison": ">=", "threshold": 0.3}
CONFIG = {
    "model_name": "CurrentModel",
    "input_shape": [1, 8, 8],
    "num_classes": 10,
    "layers": [
        {"type": "conv2d", "out_channels": 8, "kernel_size": 3, "padding": 1},
        {"type": "relu"},
        {"type": "flatten"},
        {"type": "linear", "out_features": 10},
    ],
}
CODE = """import torch
from torch import nn


class CurrentModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, kernel_size=3, padding=1)
        self.relu1 = nn.ReLU()
        self.flatten1 = nn.Flatten()
        self.fc1 = nn.Linear(512, 10)

    def forward(self, x):
        x = self.relu1(self.conv1(x))
        return self.fc1(self.flatten1(x))
"""
ITERATE = {"decision": "iterate", "assessment": "not there yet", "changes": ["double the channels"]}
ACHIEVED = {"decision": "goal_achieved", "assessment": "there", "changes": []}


def plan(**evaluation: Any) -> dict[str, Any]:
    """A plan of the three core calls, training for two quick epochs."""
    script = {"model_script_path": "src/models/current_model.py", "model_class_name": "CurrentModel"}
    settings = {"dataset": "digits", "epochs": 2, "batch_size": 64} | evaluation
    return {
        "calls": [
            _call("pytorch_model_assembler", model_config="$model_config", output_script_path="src/m.py"),
            _call("pytorch_model_summary", **script, input_size=[1, 1, 8, 8]),
            _call("pytorch_quick_evaluator", **script, eval_config=settings),
        ]
    }


def _call(tool: str, **arguments: Any) -> dict[str, Any]:
    return {"tool": tool, "arguments": arguments}


class Scripted:
    """Answers goal, plan, config, code, explain and decision, each from its own list, the last one for ever.

    An entry may be a dictionary, text, or an exception to raise. `before(task)` is called first.
    """

    name = "scripted"
    context_length = 8192
    profile: Profile = "minnow"

    def __init__(self, before: Callable[[str], None] = lambda task: None, **answers: Any) -> None:
        defaults = {
            "goal": GOAL, "plan": plan(), "config": CONFIG, "code": f"```python\n{CODE}```\n",
            "explain": "One convolution and a linear layer.", "decision": ITERATE,
        }  # fmt: skip
        given = {task: list(a) if isinstance(a, list) else [a] for task, a in (defaults | answers).items()}
        self._answers: dict[str, list[Any]] = given
        self._before = before
        self.asked: list[tuple[str, str]] = []
        self.closed = False

    def generate(
        self,
        request: Request,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> Answer:
        prompt = request.messages[-1].content
        task = prompt.splitlines()[0].removeprefix("Task: ")
        self.asked.append((task, prompt))
        self._before(task)
        queue = self._answers[task]
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(answer, BaseException):
            raise answer
        text = answer if isinstance(answer, str) else json.dumps(answer)
        stopped = cancel is not None and cancel.is_set()
        if on_text and not stopped:
            on_text(text, False)
        return Answer(
            text, "", "cancelled" if stopped else "stop", len(prompt) // 4, len(text) // 4, 0.0, 0.0
        )

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(m.content) for m in messages) // 4

    def close(self) -> None:
        self.closed = True

    def open(self, *_: object) -> tuple[LanguageModel, LanguageModel]:
        """Stands in for `llm.open_models`."""
        return self, self
