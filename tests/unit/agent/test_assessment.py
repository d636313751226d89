"""A planner's words about a trial keep to the numbers it was shown and to the network that was tried."""

from __future__ import annotations

import pytest

from mlagent_tui.agent.assessment import unfounded, without
from mlagent_tui.agent.context import Attempt, Brief
from mlagent_tui.agent.stopping import settle
from mlagent_tui.schemas import DataCard, Decision, EvalConfig, Goal, ModelConfig, RegistryEntry
from tests.scripted import CONFIG

GOAL = Goal(dataset="digits", metric="accuracy", comparison=">=", threshold=0.95, max_parameters=20_000)
CARD = DataCard(
    dataset="digits", input_shape=(1, 8, 8), num_classes=10, train_size=1151, val_size=287, test_size=359
)
ENTRY = RegistryEntry(
    run_id="qe_1", timestamp="", model_name="CurrentModel", dataset="digits", experiment_dir="", iteration=1,
    metrics_summary={"accuracy": 0.9132, "val_loss": 0.3121}, parameters=5210, seconds=12.3,
    train_accuracy=0.9444,
)  # fmt: skip
BRIEF = Brief(
    GOAL, CARD, 1, 8, 0, 3,
    (Attempt(ENTRY, ModelConfig.model_validate(CONFIG), EvalConfig(dataset="digits", epochs=12)),),
)  # fmt: skip


@pytest.mark.parametrize("text", [
    "accuracy 0.9132 misses the goal.", "The gap is 0.0312.", "It is off by 0.0368, or 3.7 points.",
    "91.3% is below 95%.", "5210 parameters are within 20,000.",
    "After 12 epochs the loss is 0.31.", "Training took 12.3 s.", "There are three reasons.",
    "The convolutional network is small.", "Two residual blocks would help.", "Add batch norm next.",
    "It has no dropout.",
])  # fmt: skip
def test_what_the_numbers_and_the_network_bear_out_stands(text: str) -> None:
    assert unfounded(BRIEF, text) == []


@pytest.mark.parametrize("text", [
    "accuracy 0.9731 is close.", "The network has 48,000 parameters.", "It trained for 50 epochs.",
    "The network is a multi-layer perceptron.", "Batch normalisation keeps it stable.",
    "It has 3 convolution layers.", "The residual connections carry the signal.",
])  # fmt: skip
def test_what_they_do_not_bear_out_is_found(text: str) -> None:
    assert unfounded(BRIEF, f"accuracy 0.9132 misses the goal. {text}") == [text]


def test_a_false_sentence_is_replaced_by_the_measurement_and_named() -> None:
    advice = Decision(
        decision="iterate",
        assessment="accuracy 0.9731 is close. The gap is small.",
        changes=["add a conv layer"],
    )
    settled = settle(advice, BRIEF)
    assert settled.decision.assessment == "accuracy 0.9132 misses the goal. The gap is small."
    assert settled.decision.changes == ["add a conv layer"]
    assert "accuracy 0.9731 is close." in settled.overruled_because


def test_the_measurement_is_said_once() -> None:
    assert without("A 1. B 2. C.", ["A 1.", "B 2."], "So it is.") == "So it is. C."
