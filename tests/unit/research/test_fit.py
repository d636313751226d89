"""A gap is called overfitting only where the validation loss rises as well; false words do not steer."""

from __future__ import annotations

import pytest

from mlagent_tui.agent.context import Attempt, Brief
from mlagent_tui.agent.stopping import settle
from mlagent_tui.research.fit import corrected, fit, unfounded
from mlagent_tui.schemas import DataCard, Decision, EpochMetrics, EvalConfig, EvalResult, Goal, RegistryEntry

GOAL = Goal(dataset="cifar10", metric="accuracy", comparison=">=", threshold=0.7)
CARD = DataCard(
    dataset="cifar10", input_shape=(3, 32, 32), num_classes=10, train_size=45_000, val_size=5000,
    test_size=10_000,
)  # fmt: skip
FLAT, RISING = (1.3, 1.15, 1.05), (1.3, 1.0, 1.1, 1.3)
CLAIM = "accuracy 0.6300 misses the goal. The network overfits: gap 0.0200."


def result(losses: tuple[float, ...], train: float = 0.65, accuracy: float = 0.63) -> EvalResult:
    curves = [
        EpochMetrics(epoch=i, train_loss=1.0, train_accuracy=train, val_loss=v, accuracy=accuracy, seconds=i)
        for i, v in enumerate(losses, 1)
    ]
    return EvalResult(
        run_id="qe_1", status="completed", dataset="cifar10", accuracy=accuracy, train_accuracy=train,
        train_loss=1.0, val_loss=losses[-1], curves=curves, train_size=45_000, val_size=5000,
    )  # fmt: skip


@pytest.mark.parametrize(("losses", "train", "overfits"), [
    (FLAT, 0.65, False), (FLAT, 0.95, False), (RISING, 0.95, True), (RISING, 0.635, False),
    (RISING[:3], 0.95, False),
])  # fmt: skip
def test_overfitting_needs_a_gap_beyond_noise_and_a_loss_that_has_risen_for_some_epochs(
    losses: tuple[float, ...], train: float, overfits: bool
) -> None:
    found = fit(GOAL, result(losses, train))
    assert found is not None and found.overfits is overfits


def test_only_the_sentence_that_is_not_borne_out_is_replaced() -> None:
    found = fit(GOAL, result(FLAT))
    assert found is not None
    assert unfounded(found, CLAIM) == ["The network overfits: gap 0.0200."]
    text = corrected(found, CLAIM)
    assert text.startswith("accuracy 0.6300 misses the goal. Training accuracy 0.6500")
    assert "overfits" not in text
    true = fit(GOAL, result(RISING, 0.95))
    assert true is not None and corrected(true, CLAIM) == CLAIM


def test_a_denied_claim_is_left_alone() -> None:
    found = fit(GOAL, result(FLAT))
    assert found is not None and not unfounded(found, "There is no sign of overfitting.")


def test_underfitting_is_not_claimed_of_a_network_whose_training_accuracy_reaches_the_goal() -> None:
    found = fit(GOAL, result(FLAT, train=0.99))
    assert found is not None and unfounded(found, "The network underfits: gap 0.0000.")


def brief(steering: str = "") -> Brief:
    entry = RegistryEntry(
        run_id="qe_1", timestamp="", model_name="M", dataset="cifar10", experiment_dir="", iteration=1,
        metrics_summary={"accuracy": 0.63, "val_loss": 1.05}, train_accuracy=0.65, parameters=20_000,
    )  # fmt: skip
    settings = EvalConfig(dataset="cifar10", epochs=3)
    return Brief(GOAL, CARD, 1, 8, 0, 3, (Attempt(entry, None, settings),), steering=steering)


@pytest.mark.parametrize(("changes", "kept"), [
    (["augment with flip", "double the channels"], ["double the channels"]),
    (["augment with flip"], ["train 6 epochs"]),
])  # fmt: skip
def test_a_change_whose_only_reason_was_a_false_claim_is_dropped(changes: list[str], kept: list[str]) -> None:
    advice = Decision(decision="iterate", assessment=CLAIM, changes=changes)
    settled = settle(advice, brief(), result=result(FLAT))
    assert settled.decision.changes == kept
    assert "overfits" not in settled.decision.assessment
    assert "do not support" in settled.overruled_because and "overfits" in settled.overruled_because


def test_a_true_claim_and_a_users_wish_keep_their_changes() -> None:
    advice = Decision(decision="iterate", assessment=CLAIM, changes=["augment with flip"])
    overfitted = result(RISING, 0.95)
    assert settle(advice, brief(), result=overfitted).decision == advice
    wished = settle(advice, brief("more augmentation"), result=result(FLAT))
    assert wished.decision.changes == ["augment with flip"]
