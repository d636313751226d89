"""The planner on a model that answers from a list, for what a trained model would rarely say."""

import json
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from mlagent_tui.agent.context import Attempt, Brief
from mlagent_tui.agent.minnow_wording import USUAL_TOKENS, decision_prompt
from mlagent_tui.agent.planner import Planner, named_datasets
from mlagent_tui.errors import GoalError
from mlagent_tui.llm import Answer, Message, OnProgress, OnText, Request
from mlagent_tui.prompts import Profile
from mlagent_tui.schemas import DataCard, Goal, RegistryEntry

TEXT = "a CNN for the digits that reaches at least 95%, under 20k parameters"
RIGHT = {
    "dataset": "digits",
    "metric": "accuracy",
    "comparison": ">=",
    "threshold": 0.95,
    "max_parameters": 20000,
}


def attempt(iteration: int) -> Attempt:
    entry = RegistryEntry(
        run_id=f"qe_{iteration}",
        timestamp="",
        model_name="CurrentModel",
        dataset="digits",
        metrics_summary={"accuracy": iteration / 10, "val_loss": 0.3},
        experiment_dir="",
        iteration=iteration,
    )
    return Attempt(entry, None, None)


def brief(*history: Attempt) -> Brief:
    card = DataCard(
        dataset="digits", input_shape=(1, 8, 8), num_classes=10, train_size=1151, val_size=287, test_size=359
    )
    return Brief(Goal.model_validate(RIGHT), card, len(history), 8, 0, 3, history)


class Listed:
    name = "listed"
    context_length = 4096
    profile: Profile = "minnow"

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = [json.dumps(answer) for answer in answers]
        self.asked: list[Request] = []

    def generate(
        self,
        request: Request,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> Answer:
        self.asked.append(request)
        text = self.answers[len(self.asked) - 1]
        return Answer(
            text=text, thinking="", finish="stop", prompt_tokens=1, tokens=1, prompt_seconds=0.0, seconds=0.0
        )

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return len(messages[-1].content)

    def close(self) -> None:
        pass


def planner(model: Listed) -> Planner:
    return Planner(model, 0, lambda *_: None, lambda *_: None, threading.Event())


def test_a_goal_that_says_what_the_text_says_is_asked_for_once() -> None:
    model = Listed(RIGHT)
    understood = planner(model).understand(TEXT)
    assert (understood.goal.threshold, understood.warnings) == (0.95, [])
    assert len(model.asked) == 1


def test_a_number_that_the_text_decides_is_not_the_models() -> None:
    wrong = RIGHT | {"threshold": 0.9, "max_parameters": 30000, "dataset": "cifar10", "max_seconds": 60}
    goal = planner(Listed(wrong)).understand(TEXT).goal
    assert (goal.threshold, goal.max_parameters, goal.dataset, goal.max_seconds) == (
        0.95,
        20000,
        "digits",
        None,
    )


def test_a_number_that_the_model_leaves_out_is_warned_about() -> None:
    missed = RIGHT | {"max_parameters": None}
    text = "digits, at least 95%, fits in 20k"
    assert "20k is used for nothing" in planner(Listed(missed)).understand(text).warnings[0]
    assert planner(Listed(RIGHT)).understand(text).goal.max_parameters == 20000


def test_the_texts_wishes_reach_the_goal_and_what_it_does_not_say_is_warned_about() -> None:
    text = "digitsデータセットでCNNを使い、95%以上、アテンションも"
    understood = planner(Listed(RIGHT | {"wishes": "mlp, layer norm"})).understand(text)
    assert understood.goal.wishes == "attention layers"
    assert [wish.about for wish in understood.goal.asked] == ["convolutional", "attention"]
    impossible, read_into = understood.warnings[-2:]
    assert "attention layers, which no network here can have" in impossible
    assert '"mlp" and "layer norm"' in read_into


def test_a_goal_without_a_number_is_refused_with_an_example() -> None:
    vague = {"dataset": "digits", "metric": "accuracy", "comparison": ">=", "threshold": None}
    with pytest.raises(GoalError, match="no measurable criterion") as caught:
        planner(Listed(vague)).understand("a good CNN for the digits")
    assert "at least 95% accuracy" in caught.value.remedy


def test_a_prompt_too_long_loses_its_oldest_runs_and_nothing_else() -> None:
    runs = [attempt(i) for i in range(1, 5)]
    model = Listed({"decision": "stop", "assessment": "", "changes": []})
    model.context_length = len(decision_prompt(brief(*runs))) + USUAL_TOKENS["decision"] - 1
    planner(model).decide(brief(*runs))
    shown = model.asked[0].messages[-1].content
    assert "\n1. first" not in shown
    assert "\n4. first" in shown
    assert model.asked[0].messages[0].content.count('"decision"') >= 1  # the schema stays whole


def test_a_data_set_that_the_text_names_is_not_overlooked() -> None:
    assert planner(Listed(RIGHT | {"dataset": None})).understand(TEXT).goal.dataset == "digits"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("digits from MNIST", ["mnist"]),
        ("Fashion-MNIST clothes", ["fashion_mnist"]),
        ("CIFAR-100", ["cifar100"]),
        ("cifar 10 or the digits", ["digits", "cifar10"]),
        ("my X-ray pictures", []),
    ],
)
def test_data_sets_are_found_by_their_words(text: str, names: list[str]) -> None:
    assert named_datasets(text) == names
