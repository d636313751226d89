"""What a journal says about its last run."""

from __future__ import annotations

from typing import Any

import pytest

from mlagent_tui import events
from mlagent_tui.agent.recovery import Saved, last_run
from mlagent_tui.errors import ProjectError
from mlagent_tui.schemas import Summary
from tests.scripted import CODE, CONFIG, GOAL, ITERATE, plan

PLAN = plan()
RESULT = {"run_id": "qe_20260101_000000", "status": "completed", "dataset": "digits", "accuracy": 0.5}


def finished(step: Any, iteration: int = 1) -> events.StepFinished:
    return events.StepFinished(step=step, iteration=iteration)


def begun(iteration: int = 1) -> events.StepStarted:
    return events.StepStarted(step="plan", iteration=iteration)


START = [
    events.RunStarted(goal_text="a goal", options={"iterations": 5, "later": "unknown"}),
    events.GoalUnderstood(goal=GOAL),
    events.StepFinished(step="understand"),
]
ITERATION = [
    begun(),
    events.PlanMade(plan=PLAN), finished("plan"),
    events.ConfigMade(config=CONFIG), finished("configure"),
    events.CodeMade(code="wrong", attempt=0), events.CodeMade(code=CODE, attempt=1, accepted=True),
    finished("assemble"),
    events.TrialFinished(result=RESULT), finished("evaluate"),
    events.DecisionMade(decision=ITERATE, advised=ITERATE), finished("decide"),
]  # fmt: skip


def saved(*journal: events.Event) -> Saved:
    found = last_run(journal)
    assert found is not None
    return found


def test_a_journal_without_a_run_holds_nothing_to_resume() -> None:
    assert last_run([]) is None
    assert last_run([events.Failed(title="Data set", what="missing")]) is None


def test_the_options_of_the_run_come_back_and_unknown_ones_are_passed_over() -> None:
    options = saved(*START).options
    assert (options.goal_text, options.iterations, options.patience) == ("a goal", 5, 3)


@pytest.mark.parametrize(
    ("count", "step"),
    [(1, "plan"), (2, "plan"), (3, "configure"), (4, "configure"), (5, "assemble"), (7, "assemble"),
     (8, "summarise"), (9, "decide"), (11, "plan"), (12, "plan")],
)  # fmt: skip
def test_a_run_goes_on_after_its_last_completed_step(count: int, step: str) -> None:
    assert saved(*START, *ITERATION[:count]).step == step


def test_what_a_completed_step_made_comes_back_and_what_an_unfinished_one_made_does_not() -> None:
    current = saved(*START, *ITERATION[:7]).current
    assert current.config is not None
    assert current.code is None
    assert saved(*START, *ITERATION[:8]).current.code == CODE


def test_values_of_an_earlier_iteration_do_not_leak_into_the_next() -> None:
    found = saved(*START, *ITERATION, begun(2))
    assert found.current.number == 2
    assert (found.current.plan, found.current.config, found.current.result) == (None, None, None)
    assert found.run_ids == ["qe_20260101_000000"]


def test_a_new_run_in_the_same_journal_starts_from_nothing() -> None:
    found = saved(*START, *ITERATION, events.RunStarted(goal_text="another"))
    assert (found.options.goal_text, found.goal, found.run_ids) == ("another", None, [])


def test_the_time_of_every_process_of_a_run_is_added_up() -> None:
    spent = events.TimeSpent(loading=1, thinking=2, checking=3, training=4, other=5)
    assert saved(*START, spent, events.RunResumed(), spent).seconds == 30


def test_a_resumed_run_has_not_finished() -> None:
    over = events.RunFinished(outcome="interrupted", exit_status=130)
    assert saved(*START, over).finished == over
    assert saved(*START, over, events.RunResumed()).finished is None


def test_a_goal_or_options_of_another_version_are_an_error_with_a_remedy() -> None:
    for start in (
        [*START, events.GoalUnderstood(goal={"dataset": "unheard of"})],
        [events.RunStarted(goal_text="g", options={"iterations": "many"})],
    ):
        with pytest.raises(ProjectError, match="cannot be read") as error:
            last_run(start)
        assert "--another" in error.value.remedy


def test_any_other_value_of_another_version_costs_its_step() -> None:
    found = saved(*START, *ITERATION[:3], events.ConfigMade(config={"layers": "new"}), finished("configure"))
    assert found.step == "configure"
    assert "ConfigMade" in str(found.skipped)


def test_a_damaged_line_costs_its_step_and_is_counted() -> None:
    lost = events.Unreadable(reason="it is not valid JSON", line=7)
    found = saved(*START, *ITERATION[:5], events.CodeMade(code=CODE, accepted=True), lost)
    assert found.step == "assemble"
    assert str(found.skipped) == "1 line of the journal was skipped (line 7): it is not valid JSON"


def test_a_run_whose_first_line_is_damaged_is_not_mixed_with_the_one_before() -> None:
    lost = events.Unreadable(reason="it is not valid JSON", line=20)
    for told in ([lost, *START[1:]], [*START, *ITERATION, lost, events.StepStarted(step="understand")]):
        with pytest.raises(ProjectError, match=r"how the last run was started.*line 20"):
            last_run(told)


def test_what_the_user_said_and_chose_is_known_to_the_next_process() -> None:
    steered = events.Steered(text="smaller", iteration=1)
    queued = events.Queued(kind="rerun", run_id="qe_1", seed=3, iteration=2)
    found = saved(*START, begun(), steered, queued)
    assert (found.steered, found.queued) == ([steered], {2: queued})
    another = saved(*START, begun(), steered, queued, events.RunStarted(goal_text="another"))
    assert (another.steered, another.queued) == ([], {})


def test_the_users_configuration_takes_the_place_of_the_planners_once_it_was_accepted() -> None:
    mine = CONFIG | {"model_name": "Mine"}
    made, taken = events.ConfigMade(config=mine), events.Edited(what="config", iteration=1)
    before = saved(*START, *ITERATION[:5], made).current
    after = saved(*START, *ITERATION[:5], made, taken).current
    assert [c.config and c.config.model_name for c in (before, after)] == ["CurrentModel", "Mine"]
    assert (before.edited, after.edited) == (set(), {"config"})


def test_the_users_code_takes_the_place_of_the_coders_and_its_summary_that_of_the_old_one() -> None:
    def summary(parameters: int) -> events.SummaryMade:
        measured = Summary(
            class_name="CurrentModel", input_shape=(1, 1, 8, 8), output_shape=(1, 10), layers=[],
            total_parameters=parameters, trainable_parameters=0, size_mb=0, multiply_adds=0,
        )  # fmt: skip
        return events.SummaryMade(summary=measured.model_dump(mode="json"))

    told = [*START, *ITERATION[:8], summary(1), finished("summarise")]
    mine = [events.CodeMade(code="# mine", accepted=True), summary(2)]
    taken = events.Edited(what="code", iteration=1)
    before, after = saved(*told, *mine).current, saved(*told, *mine, taken).current
    assert (before.code, after.code) == (CODE, "# mine")
    assert [c.summary and c.summary.total_parameters for c in (before, after)] == [1, 2]
    unsummarised = saved(*START, *ITERATION[:8], mine[0], taken).current
    assert (unsummarised.code, unsummarised.summary) == ("# mine", None)


def test_what_the_bundled_model_has_taken_over_and_who_made_what_come_back() -> None:
    def stood_in(task: str, for_good: bool) -> events.StoodIn:
        return events.StoodIn(role="planner", task=task, model="Minnow", for_good=for_good, iteration=2)

    found = saved(
        *START, begun(), events.PlanMade(plan=PLAN), finished("plan"),
        stood_in("config", False), stood_in("plan", True),
        events.ConfigMade(config=CONFIG, model="Minnow"), finished("configure"),
        events.CodeMade(code="wrong", model="Tiny"),
        events.CodeMade(code=CODE, accepted=True, model="Tiny"),
    )  # fmt: skip
    assert found.taken_over == {"plan": 2}
    assert (found.current.planner, found.current.coder) == ("Minnow", "")
    told = [*START, *ITERATION[:5], events.CodeMade(code=CODE, accepted=True, model="Tiny")]
    assert saved(*told, finished("assemble")).current.coder == "Tiny"
