"""Numbers decide: every rule of `agent.stopping`, on values only."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent_tui.agent.context import Attempt, Brief
from mlagent_tui.agent.stopping import must_stop, progress, settle
from mlagent_tui.research.ranking import best, improves, unmet
from mlagent_tui.schemas import DataCard, Decision, Goal, RegistryEntry

CARD = DataCard(
    dataset="digits", input_shape=(1, 8, 8), num_classes=10, train_size=1150, val_size=287, test_size=360
)


def goal(**fields: Any) -> Goal:
    values = {"dataset": "digits", "metric": "accuracy", "comparison": ">=", "threshold": 0.95} | fields
    return Goal.model_validate(values)


def assess(wanted: Goal, entry: RegistryEntry) -> tuple[bool, list[str]]:
    missing = unmet(wanted, entry)
    return not missing, missing


def run(accuracy: float | None = 0.9, **fields: Any) -> RegistryEntry:
    metrics = {} if accuracy is None else {"accuracy": accuracy, "val_loss": 1 - accuracy}
    values = {
        "run_id": "qe_20260101_000000", "timestamp": "2026-01-01T00:00:00Z", "model_name": "CurrentModel",
        "dataset": "digits", "metrics_summary": metrics, "experiment_dir": "experiments/qe_20260101_000000/",
        "parameters": 1000, "seconds": 10.0, "accuracy_noise": 0.01,
    }  # fmt: skip
    return RegistryEntry.model_validate(values | fields)


def brief(*runs: RegistryEntry, **fields: Any) -> Brief:
    history = tuple(Attempt(r, None, None) for r in runs)
    values: dict[str, Any] = {"iteration": 1, "iterations": 8, "stale": 0, "patience": 3} | fields
    return Brief(goal=goal(), card=CARD, history=history, **values)


def advice(decision: str, *changes: str) -> Decision:
    return Decision.model_validate({"decision": decision, "assessment": "as told", "changes": list(changes)})


# --- assess ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("comparison", "below", "at", "above"),
    [
        (">=", False, True, True),
        (">", False, False, True),
        ("<=", True, True, False),
        ("<", True, False, False),
    ],
)
@pytest.mark.parametrize("metric", ["accuracy", "val_loss"])
def test_the_threshold_is_compared_as_the_goal_says(
    metric: str, comparison: str, below: bool, at: bool, above: bool
) -> None:
    wanted = goal(metric=metric, comparison=comparison, threshold=0.5)
    for value, met in ((0.499, below), (0.5, at), (0.501, above)):
        assert assess(wanted, run(metrics_summary={metric: value}))[0] is met


def test_an_unmet_threshold_is_named_with_both_numbers() -> None:
    assert assess(goal(), run(0.9)) == (False, ["accuracy 0.9000 is not >= 0.95"])


def test_a_value_just_under_the_threshold_is_not_rounded_up_to_it() -> None:
    assert assess(goal(), run(0.94999))[1] == ["accuracy 0.94999 is not >= 0.95"]


def test_a_limit_is_met_exactly_at_its_number_and_not_above() -> None:
    limited = goal(max_parameters=1000, max_seconds=10)
    assert assess(limited, run(0.96))[0]
    assert assess(limited, run(0.96, parameters=1001)) == (False, ["parameters 1001 are more than 1000"])
    assert assess(limited, run(0.96, seconds=10.5)) == (False, ["seconds 10.5 are more than 10"])


def test_every_unmet_part_is_named() -> None:
    assert len(assess(goal(max_parameters=10, max_seconds=1), run(0.5))[1]) == 3


def test_a_limit_that_was_not_measured_is_not_met() -> None:
    assert assess(goal(max_parameters=1000), run(0.96, parameters=None)) == (
        False,
        ["parameters were not measured"],
    )


@pytest.mark.parametrize("status", ["failed", "diverged"])
def test_a_trial_that_failed_meets_nothing_whatever_its_metrics_say(status: str) -> None:
    met, unmet = assess(goal(), run(0.99, status=status, reason="loss is nan"))
    assert not met
    assert unmet == [f"no accuracy was measured ({status}: loss is nan)"]


def test_a_trial_cut_off_by_its_time_limit_counts_with_what_it_has() -> None:
    assert assess(goal(), run(0.96, status="time_limit"))[0]


def test_a_goal_without_a_number_is_never_met() -> None:
    assert not assess(goal(threshold=None), run(1.0))[0]


# --- improvement and patience ---------------------------------------------------------------------------


def test_a_gain_within_one_standard_error_is_noise() -> None:
    assert not improves(goal(), run(0.909), run(0.9))
    assert improves(goal(), run(0.911), run(0.9))


def test_the_first_measured_run_improves_and_a_failed_one_never_does() -> None:
    assert improves(goal(), run(0.1), None)
    assert not improves(goal(), run(None, status="failed"), None)


def test_a_smaller_loss_improves_beyond_one_percent() -> None:
    by_loss = goal(metric="val_loss", comparison="<=", threshold=0.1)
    assert improves(by_loss, run(metrics_summary={"val_loss": 0.98}), run(metrics_summary={"val_loss": 1.0}))
    assert not improves(
        by_loss, run(metrics_summary={"val_loss": 0.995}), run(metrics_summary={"val_loss": 1.0})
    )


def test_coming_within_a_limit_improves_even_at_a_lower_accuracy() -> None:
    limited = goal(max_parameters=1000)
    assert improves(limited, run(0.8, parameters=900), run(0.97, parameters=2000))
    assert improves(limited, run(0.9, parameters=1500), run(0.97, parameters=2000))


def test_a_more_accurate_run_over_a_limit_does_not_replace_one_within_it() -> None:
    limited = goal(max_parameters=1000)
    assert not improves(limited, run(0.99, parameters=2000), run(0.8, parameters=900))


def test_stale_counts_iterations_since_the_last_improvement() -> None:
    runs = [run(0.5), run(0.7), run(0.7), run(None, status="failed"), run(0.705)]
    assert progress(goal(), runs).stale == 3


def test_small_gains_count_once_their_sum_is_beyond_noise() -> None:
    assert progress(goal(), [run(0.900), run(0.906), run(0.912)]).stale == 0


def test_the_best_run_is_within_the_limits_first_and_most_accurate_second() -> None:
    limited = goal(max_parameters=1000)
    runs = [run(0.99, parameters=2000), run(0.8), run(0.85), run(None, status="failed")]
    assert best(limited, runs) is runs[2]
    assert best(limited, runs[:1]) is runs[0]
    assert best(limited, runs[3:]) is None


# --- settle ---------------------------------------------------------------------------------------------


def test_goal_achieved_denied_by_the_numbers_becomes_an_iteration() -> None:
    settled = settle(advice("goal_achieved"), brief(run(0.9)))
    assert settled.decision.decision == "iterate"
    assert settled.decision.changes
    assert settled.overruled_because == "accuracy 0.9000 is not >= 0.95"


def test_iterate_though_the_goal_holds_becomes_goal_achieved() -> None:
    settled = settle(advice("iterate", "use more channels"), brief(run(0.96)))
    assert settled.decision.decision == "goal_achieved"
    assert settled.text == "Goal Achieved: accuracy 0.9600 >= 0.95"
    assert settled.overruled_because


def test_advice_that_agrees_with_the_numbers_is_not_overruled() -> None:
    for settled in (
        settle(advice("goal_achieved"), brief(run(0.96))),
        settle(advice("iterate", "add a convolution"), brief(run(0.9))),
        settle(advice("stop"), brief(run(0.9), stale=3)),
    ):
        assert settled.overruled_because == ""


def test_the_planners_changes_are_kept_and_written_to_the_registry() -> None:
    settled = settle(advice("iterate", "add a convolution", "use gelu"), brief(run(0.9)))
    assert settled.decision.changes == ["add a convolution", "use gelu"]
    assert settled.text == "Iterate: add a convolution; use gelu"


def test_stop_is_overruled_while_patience_is_left() -> None:
    settled = settle(advice("stop"), brief(run(0.9), stale=2))
    assert settled.decision.decision == "iterate"
    assert "2 of 3" in settled.overruled_because


@pytest.mark.parametrize(
    ("where", "late", "reason"),
    [
        ({"stale": 3}, False, "no improvement beyond noise for 3 iterations"),
        ({"iteration": 8}, False, "iteration limit of 8 reached"),
        ({}, True, "time budget used up"),
    ],
)
def test_patience_the_iteration_limit_and_the_time_budget_stop_a_run(
    where: dict[str, int], late: bool, reason: str
) -> None:
    settled = settle(advice("iterate", "add a convolution"), brief(run(0.9), **where), out_of_time=late)
    assert settled.text == f"Stop: {reason}"
    assert settled.overruled_because == reason


def test_a_goal_met_in_the_last_iteration_is_achieved_not_stopped() -> None:
    assert settle(
        advice("stop"), brief(run(0.96), iteration=8, stale=3), out_of_time=True
    ).decision.decision == ("goal_achieved")


def test_a_planner_that_gave_no_decision_is_replaced_by_the_numbers() -> None:
    assert settle(None, brief(run(0.96))).decision.decision == "goal_achieved"
    settled = settle(None, brief(run(None, status="failed", reason="out of memory")))
    assert settled.decision.changes == ["start smaller"]
    assert settled.overruled_because == "the planner gave no decision"


def test_nothing_stops_a_run_that_is_within_every_limit() -> None:
    assert must_stop(brief(run(0.9), stale=2, iteration=7)) == ""


@given(
    accuracy=st.one_of(st.none(), st.floats(0, 1)),
    verdict=st.sampled_from(["iterate", "goal_achieved", "stop"]),
    iteration=st.integers(1, 8),
    stale=st.integers(0, 4),
    late=st.booleans(),
)
def test_achieved_is_said_exactly_when_the_numbers_say_so(
    accuracy: float | None, verdict: str, iteration: int, stale: int, late: bool
) -> None:
    status = "completed" if accuracy is not None else "failed"
    where = brief(run(accuracy, status=status), iteration=iteration, stale=stale)
    settled = settle(advice(verdict, "use more channels"), where, out_of_time=late)
    achieved = accuracy is not None and accuracy >= 0.95
    assert (settled.decision.decision == "goal_achieved") is achieved
    assert settled.decision.decision != "iterate" or iteration < 8
