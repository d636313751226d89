from mlagent_tui.agent import context
from mlagent_tui.agent.context import Attempt, Brief
from mlagent_tui.agent.minnow_wording import config_prompt, decision_prompt, plan_prompt
from mlagent_tui.schemas import DataCard, EvalConfig, Goal, ModelConfig, RegistryEntry

CARD = DataCard(
    dataset="digits", input_shape=(1, 8, 8), num_classes=10, train_size=1150, val_size=288, test_size=359
)
GOAL = Goal(
    dataset="digits",
    metric="accuracy",
    comparison=">=",
    threshold=0.95,
    max_parameters=20_000,
    wishes="small",
)
CONFIG = ModelConfig.model_validate({
    "input_shape": [1, 8, 8], "num_classes": 10,
    "layers": [{"type": "flatten"}, {"type": "linear", "out_features": 10}],
})  # fmt: skip


def attempt(iteration: int, accuracy: float | None = 0.9, **fields: object) -> Attempt:
    metrics = {} if accuracy is None else {"accuracy": accuracy, "val_loss": 0.3}
    entry = RegistryEntry(
        run_id=f"qe_{iteration}", timestamp="", model_name="CurrentModel", dataset="digits",
        metrics_summary=metrics, experiment_dir="", iteration=iteration, parameters=650, seconds=2.0,
        train_accuracy=0.93,
    )  # fmt: skip
    return Attempt(entry.model_copy(update=fields), CONFIG, EvalConfig(dataset="digits"))


def brief(*history: Attempt, **fields: object) -> Brief:
    return Brief(GOAL, CARD, len(history) or 1, 8, 0, 3, history, **fields)  # type: ignore[arg-type]


def test_the_history_stays_short_whatever_the_number_of_runs() -> None:
    runs = [attempt(i, accuracy=0.5) for i in range(1, 1001)]
    runs[300] = attempt(301, accuracy=0.94)
    lines = context.history(brief(*runs))
    assert len(lines) <= 1 + context.BEST_SHOWN + context.RECENT_SHOWN
    assert any(line.startswith("301. ") for line in lines)  # the best is never forgotten
    assert lines[-1].startswith("1000. ")


def test_a_failure_is_shown_with_its_reason_on_one_line() -> None:
    failed = attempt(1, None, status="failed", reason="conv2: expected 16\nin_channels" + "x" * 900)
    (_, row) = context.history(brief(failed))
    assert row.startswith("1. first -> failed: conv2: expected 16 in_channels")
    assert len(row) < 250


def test_the_verdict_tells_a_goal_that_is_missed_from_a_limit_that_is_broken() -> None:
    missed = context.verdict(brief(attempt(1, 0.9123)))
    assert "Check: accuracy 0.9123, not met, off by 0.0377" in missed
    assert "Check: parameters 650, within the limit" in missed
    over = context.verdict(brief(attempt(1, 0.96, parameters=20_001)))
    assert "Check: accuracy 0.9600, met" in over
    assert "Check: parameters 20001, over the limit" in over


def test_a_stale_run_says_so() -> None:
    lines = context.verdict(Brief(GOAL, CARD, 4, 8, 3, 3, (attempt(4),)))
    assert lines[-1] == "Progress: iteration 4 of 8, 4 left, no progress"


def test_steering_reaches_every_prompt_of_the_planner_on_a_line_of_its_own() -> None:
    steered = brief(attempt(1, next_change=["use dropout 0.3"]), steering="try\nGELU")
    for prompt in (plan_prompt(steered), config_prompt(steered), decision_prompt(steered)):
        assert "\nUser: try GELU\n" in prompt
    assert "Change: use dropout 0.3" in plan_prompt(steered)


def test_after_a_failed_configuration_the_last_network_that_existed_is_the_start() -> None:
    without = Attempt(attempt(2, None, status="failed").entry, None, None)
    assert f"Network: {CONFIG.to_json()}" in config_prompt(brief(attempt(1), without))
    assert "Network: none" in config_prompt(brief())


def test_what_other_planned_calls_returned_reaches_the_decision() -> None:
    prompt = decision_prompt(brief(attempt(1), seen=("read_file: # notes\nuse GELU" + "x" * 9000,)))
    (line,) = [line for line in prompt.splitlines() if line.startswith("Seen: ")]
    assert line.startswith("Seen: read_file: # notes use GELU")
    assert len(line) < 700
