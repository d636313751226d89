"""What the run itself says about a plan, whatever the planner proposed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlagent_tui.agent.context import Attempt, Brief
from mlagent_tui.agent.options import RunOptions
from mlagent_tui.agent.planning import (
    Unwished,
    again,
    arguments,
    branched,
    closer,
    fitted,
    goal_understood,
    prescribe,
    refuse_pointless,
    refuse_unwished,
    remaining,
    writes_config,
)
from mlagent_tui.errors import ConfigError
from mlagent_tui.schemas import DataCard, Goal, ModelConfig, Plan, RegistryEntry, Wish
from mlagent_tui.shapes import infer
from tests.scripted import CONFIG, GOAL, plan

DIGITS = DataCard(
    dataset="digits", input_shape=(1, 8, 8), num_classes=10, train_size=1, val_size=1, test_size=1
)
DUMMY = DIGITS.model_copy(update={"dataset": "dummy", "input_shape": (3, 4, 4), "num_classes": 5})
OPTIONS = RunOptions(goal_text="a goal", seed=7, device="cpu")
PLAN = Plan.model_validate(plan(seed=99, device="cuda", dataset="mnist", time_limit=50))
NETWORK = ModelConfig.model_validate(CONFIG)
STEPS = infer(NETWORK)


def brief(card: DataCard = DIGITS, *history: Attempt, max_seconds: float | None = None) -> Brief:
    goal = Goal.model_validate(GOAL | {"max_seconds": max_seconds})
    return Brief(goal, card, iteration=1, iterations=8, stale=0, patience=3, history=history)


def test_data_set_seed_and_device_are_the_runs() -> None:
    chosen = prescribe(PLAN, brief(), OPTIONS, None).evaluation
    assert (chosen.dataset, chosen.seed, chosen.device) == ("digits", 7, "cpu")
    assert (chosen.input_shape, chosen.num_classes) == (None, None)
    assert (chosen.epochs, chosen.batch_size) == (2, 64)


def test_the_dummy_data_set_gets_its_shape_and_classes() -> None:
    chosen = prescribe(PLAN, brief(DUMMY), OPTIONS, None).evaluation
    assert (chosen.input_shape, chosen.num_classes) == ((3, 4, 4), 5)


@pytest.mark.parametrize(
    ("max_seconds", "left", "limit"),
    [(None, None, 50), (10, None, 9.8), (None, 20, 20), (100, 200, 50), (None, -5, 1)],
)
def test_a_trial_ends_at_the_earliest_of_all_limits(
    max_seconds: float | None, left: float | None, limit: float
) -> None:
    chosen = prescribe(PLAN, brief(max_seconds=max_seconds), OPTIONS, left).evaluation
    assert chosen.time_limit == pytest.approx(limit)


def test_a_network_is_put_on_the_datas_own_shape() -> None:
    fits = fitted(brief(DUMMY), NETWORK)
    assert (fits.input_shape, fits.num_classes) == ((3, 4, 4), 5)


def test_references_become_the_configuration_and_the_class_its_name() -> None:
    named = NETWORK.model_copy(update={"model_name": "Other"})
    planned = remaining(prescribe(PLAN, brief(), OPTIONS, None), set())
    made = {call.tool: arguments(call, named) for call in planned}
    assert ModelConfig.model_validate(made["pytorch_model_assembler"]["model_config"]) == named
    assert made["pytorch_quick_evaluator"]["model_class_name"] == "Other"


def test_of_a_plan_partly_carried_out_only_the_rest_is_left() -> None:
    asked = plan()["calls"]
    listing = {"tool": "list_directory", "arguments": {}}
    longer = Plan.model_validate({"calls": [listing, asked[0], listing, *asked[1:], listing]})
    left = [call.tool for call in remaining(longer, {"pytorch_model_assembler"})]
    assert left == ["list_directory", "pytorch_model_summary", "pytorch_quick_evaluator", "list_directory"]


ENTRY = RegistryEntry(
    run_id="qe_1", timestamp="", model_name="CurrentModel", dataset="digits", experiment_dir="", iteration=4,
    metrics_summary={"accuracy": 0.1, "val_loss": 2.0},
)  # fmt: skip


def test_a_run_is_planned_again_as_it_was_trained_but_for_the_seed() -> None:
    first = prescribe(PLAN, brief(), OPTIONS, None)
    tried = Attempt(ENTRY, NETWORK, first.evaluation)
    second = prescribe(again(tried), brief(), OPTIONS.model_copy(update={"seed": 8}), None)
    assert second == first.model_copy(update={"calls": second.calls})
    assert second.evaluation == first.evaluation.model_copy(update={"seed": 8})
    assert [call.tool for call in second.calls] == [call.tool for call in first.calls]


def test_a_branch_starts_from_its_run_and_always_has_a_change_to_ask_for() -> None:
    other = NETWORK.model_copy(update={"model_name": "Other"})
    wanted = ENTRY.model_copy(update={"next_change": ["add dropout"]})
    start, last = Attempt(ENTRY, other, PLAN.evaluation), Attempt(wanted, NETWORK, None)
    later = branched(brief(DIGITS, last), start)
    assert (later.last_config, later.last_eval_config) == (other, PLAN.evaluation)
    assert (later.changes, later.history) == (["add dropout"], (last,))
    first = branched(brief(DIGITS), start)
    assert (first.last_config, first.changes) == (other, ["double the channels"])
    assert [attempt.entry.run_id for attempt in first.history] == ["qe_1"]


def test_only_the_same_network_with_the_same_training_is_a_repetition() -> None:
    entry = RegistryEntry(
        run_id="qe_1", timestamp="", model_name="CurrentModel", dataset="digits", metrics_summary={},
        experiment_dir="", iteration=4,
    )  # fmt: skip
    chosen = prescribe(PLAN, brief(), OPTIONS, None)
    tried = Attempt(entry, NETWORK, chosen.evaluation)
    with pytest.raises(ConfigError, match="as in iteration 4"):
        refuse_pointless(brief(DIGITS, tried), NETWORK, STEPS, chosen)
    longer = prescribe(Plan.model_validate(plan(epochs=9)), brief(), OPTIONS, None)
    refuse_pointless(brief(DIGITS, tried), NETWORK, STEPS, longer)


def test_another_time_limit_is_another_training_only_where_time_ran_out() -> None:
    before = prescribe(PLAN, brief(), OPTIONS, 30.0)
    now = prescribe(PLAN, brief(), OPTIONS, 20.0)
    whole = Attempt(ENTRY, NETWORK, before.evaluation)
    with pytest.raises(ConfigError, match="the same network and training"):
        refuse_pointless(brief(DIGITS, whole), NETWORK, STEPS, now)
    cut = Attempt(ENTRY.model_copy(update={"status": "time_limit"}), NETWORK, before.evaluation)
    refuse_pointless(brief(DIGITS, cut), NETWORK, STEPS, now)


def test_a_network_over_the_limit_is_named_with_both_numbers() -> None:
    goal = Goal.model_validate(GOAL | {"max_parameters": 5209})
    where = Brief(goal, DIGITS, iteration=1, iterations=8, stale=0, patience=3)
    with pytest.raises(ConfigError) as error:
        refuse_pointless(where, NETWORK, STEPS, PLAN)
    assert error.value.what == "the network has 5210 parameters, over the limit of 5209"


def test_a_plan_that_writes_the_configuration_itself_is_recognised() -> None:
    arguments = {"file_path": "configs/models/current_model_config.yaml", "content": "$model_config"}
    writing = {"calls": [{"tool": "write_file", "arguments": arguments}, *plan()["calls"]]}
    assert writes_config(Plan.model_validate(writing))
    assert not writes_config(PLAN)


def test_a_network_ends_in_as_many_values_as_the_data_has_classes() -> None:
    three = NETWORK.model_dump(mode="json") | {"num_classes": 3, "input_shape": [1, 9, 9]}
    three["layers"][-1]["out_features"] = 3
    assert fitted(brief(), ModelConfig.model_validate(three)) == NETWORK


# --- wishes ---------------------------------------------------------------------------------------------

LINEAR = NETWORK.model_copy(
    update={"layers": [layer for layer in NETWORK.layers if layer.type in ("flatten", "linear")]}
)


def wishing(*asked: Wish, history: tuple[Attempt, ...] = ()) -> Brief:
    start = brief(DIGITS, *history)
    return replace(start, goal=start.goal.model_copy(update={"asked": list(asked)}))


def test_a_network_without_what_the_goal_asks_for_is_refused_with_both_named() -> None:
    with pytest.raises(
        Unwished, match="asks for convolutional network, but the network is an MLP with 1 linear"
    ):
        refuse_unwished(wishing(Wish(about="convolutional")), LINEAR, PLAN)
    refuse_unwished(wishing(Wish(about="convolutional")), NETWORK, PLAN)


def test_what_the_last_network_lacked_too_is_not_asked_for_again() -> None:
    asked = Wish(about="convolutional")
    refuse_unwished(wishing(asked, history=(Attempt(ENTRY, LINEAR, PLAN.evaluation),)), LINEAR, PLAN)
    with pytest.raises(Unwished):
        refuse_unwished(wishing(asked, history=(Attempt(ENTRY, NETWORK, PLAN.evaluation),)), LINEAR, PLAN)


def test_training_settings_are_no_reason_to_refuse_a_network() -> None:
    refuse_unwished(wishing(Wish(about="epochs", number=77)), NETWORK, PLAN)


def test_of_two_proposals_the_one_that_meets_more_wishes_is_taken_and_else_the_first() -> None:
    asked = wishing(Wish(about="convolutional"), Wish(about="residual"))
    assert closer(asked, PLAN, NETWORK, LINEAR) is NETWORK
    assert closer(asked, PLAN, LINEAR, NETWORK) is NETWORK
    first = NETWORK.model_copy()
    assert closer(asked, PLAN, NETWORK, first) is first
    assert closer(asked, PLAN, LINEAR, None) is LINEAR


def test_the_goals_event_tells_checked_wishes_apart_from_the_others() -> None:
    goal = wishing(Wish(about="convolutional"), Wish(about="dropout", refused=True)).goal
    told = goal_understood(goal.model_copy(update={"wishes": "small, no dropout"}))
    assert told.asked == ["convolutional network", "no dropout"]
    assert told.unchecked == ["small"]
