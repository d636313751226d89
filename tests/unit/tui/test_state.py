"""The fold from events to what the screen shows."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mlagent_tui import events
from mlagent_tui.schemas import RegistryEntry
from mlagent_tui.tui import facts, fold
from mlagent_tui.tui.panels import header
from mlagent_tui.tui.state import RunState
from tests import recording


def state_of(*told: events.Event) -> RunState:
    state = RunState()
    fold.apply(state, told)
    return state


def test_the_recorded_run_folds_into_what_it_was() -> None:
    state = state_of(*recording.told())
    evaluated = [event for event in recording.told() if isinstance(event, events.ToolFinished)][-1]
    assert state.damaged == 0
    assert state.goal["dataset"] == "digits" and state.goal["threshold"] == 0.999
    assert list(state.rows) == [row.run_id for row in state.rows.values()]
    assert [row.decision for row in state.rows.values()] == ["iterate", "iterate", "iterate", "stop"]
    assert [row.change for row in state.rows.values()][1] == ["train 20 epochs"]
    assert state.best is not None and state.best.run_id == recording.BEST
    assert state.job("configure").tries == 3
    assert state.job("evaluate").state == "done" and state.job("evaluate").seconds == evaluated.seconds
    assert state.network.measured and state.network.parameters == 10_026
    assert state.trial is not None and len(state.trial.epoch_points) == 40 and state.trial.fraction == 1
    assert len(state.best_points) == 10
    assert 29 < state.elapsed < 30
    assert state.finished is not None and not state.running and state.course == [state.best.accuracy] * 4


def test_every_prefix_of_a_run_is_a_state_that_can_be_shown() -> None:
    state = RunState()
    for event in recording.told():
        fold.apply(state, [event])
        assert state.damaged == 0
        assert 0 <= (state.trial.fraction if state.trial else 0) <= 1
        assert sum(job.state == "running" for job in state.jobs) <= 2


def test_thousands_of_tokens_and_epochs_stay_bounded() -> None:
    state = state_of(*recording.told()[:60])
    for n in range(3_000):
        fold.apply(
            state, [events.TokensStreamed(role="planner", task="x", text="word " * 20, thinking=n % 2 == 0)]
        )
        fold.apply(state, [events.EpochDone(run_id=recording.BEST, epoch=n, train_loss=1.0)])
    speech = state.speeches[-1]
    assert len(speech.text) <= 2 * facts.MAX_WORDS and len(speech.thinking) <= facts.MAX_WORDS
    assert state.trial is not None and len(state.trial.epoch_points) <= facts.MAX_POINTS
    assert state.trial.epoch_points[-1].x == 2_999


def test_a_resumed_run_counts_only_the_time_that_engines_worked() -> None:
    def at(minute: int) -> str:
        return f"2026-11-23T04:{minute:02}:00.000Z"

    state = state_of(
        events.RunStarted(goal_text="a goal", time=at(0)),
        events.RunFinished(outcome="interrupted", time=at(5)),
        events.RunResumed(iteration=1, step="plan", time=at(50)),
        events.StepStarted(step="plan", iteration=1, time=at(52)),
    )
    assert state.elapsed == 7 * 60
    assert state.running


def test_what_can_be_edited_follows_the_steps() -> None:
    told = recording.told()
    state = RunState()
    seen: list[tuple[str, ...]] = []
    for event in told[: next(e.seq for e in told if isinstance(e, events.TrialFinished))]:
        fold.apply(state, [event])
        if not seen or seen[-1] != state.editable:
            seen.append(state.editable)
    assert seen == [(), ("config", "settings"), (), ("code", "settings"), ()]


def test_a_command_that_asks_and_a_pause_come_and_go() -> None:
    asked = events.ApprovalAsked(id="1", tool="bash_run", command="ls", folder="/tmp")
    state = state_of(*recording.told()[:60], asked, events.Paused(reason="requested", before="decide"))
    assert state.approval is not None and state.approval.command == "ls"
    assert (state.paused, state.held_before) == ("requested", "decide")
    fold.apply(state, [events.ApprovalGiven(id="1", allowed=True), events.Continued()])
    assert not (state.approval or state.paused)


def test_how_far_a_prompt_is_read_is_shown_until_the_answer_begins() -> None:
    state = state_of(*recording.told()[:60])
    fold.apply(state, [events.PromptProgress(role="coder", task="code", done=1024, total=8192)])
    assert (state.reads("code"), state.reads("plan")) == ("reading the prompt 1,024 / 8,192", "")
    fold.apply(state, [events.TokensStreamed(role="coder", task="code", text="import")])
    assert state.reads("code") == ""
    fold.apply(state, [events.PromptProgress(role="planner", task="decision", done=10, total=20)])
    assert state.reads("plan") == "reading the prompt 10 / 20"
    fold.apply(state, [events.RunFinished(outcome="interrupted")])
    assert state.reads("plan") == ""


def test_a_model_is_away_from_being_unloaded_until_it_is_loaded_again_or_its_engine_ends() -> None:
    unloaded = events.ModelUnloaded(model="big", roles=["planner"])
    state = state_of(*recording.told()[:60], unloaded)
    assert (state.unloaded, state.loading) == (["big"], "")
    fold.apply(state, [events.ModelLoading(model="big", roles=["planner"])])
    assert (state.unloaded, state.loading) == (["big"], "big")
    fold.apply(state, [events.ModelLoaded(model="big", roles=["planner"], seconds=3)])
    assert (state.unloaded, state.loading) == ([], "")
    fold.apply(state, [unloaded, events.ModelLoading(model="big", roles=["planner"])])
    fold.apply(state, [events.StepFinished(step="decide", iteration=1)])  # it could not be loaded
    assert (state.unloaded, state.loading) == (["big"], "")
    fold.apply(state, [events.RunResumed(iteration=1, step="evaluate")])
    assert state.unloaded == []


def test_rows_of_earlier_runs_come_from_the_registry_and_stand_first() -> None:
    state = state_of(*recording.told())
    earlier = RegistryEntry(
        run_id="qe_0", timestamp="", model_name="M", dataset="digits", metrics_summary={"accuracy": 0.5},
        experiment_dir="", decision="stop", change=["wider"],
    )  # fmt: skip
    state.know([earlier])
    assert next(iter(state.rows)) == "qe_0" and len(state.rows) == 5
    assert not state.rows["qe_0"].current and state.rows[recording.BEST].current


def test_the_best_is_within_the_limits_before_it_is_accurate() -> None:
    def result(run_id: str, accuracy: float, parameters: int) -> events.TrialFinished:
        fields = {"run_id": run_id, "status": "completed", "accuracy": accuracy, "parameters": parameters}
        return events.TrialFinished(result=fields)

    goal = events.GoalUnderstood(goal={"metric": "accuracy", "comparison": ">=", "threshold": 0.9,
                                       "max_parameters": 1000})  # fmt: skip
    state = state_of(
        goal, result("small", 0.8, 900), result("large", 0.99, 5000), result("better", 0.85, 950)
    )
    assert state.best_id == "better"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(
    ["calls", "tool", "layers", "run_id", "curves", "status", "changes", "decision", "epoch"]
)


@settings(max_examples=60)
@given(st.dictionaries(names, anything, max_size=5))
def test_no_payload_however_odd_stops_the_fold(payload: dict[str, Any]) -> None:
    state = state_of(
        *recording.told()[:60],
        events.GoalUnderstood(goal=payload),
        events.PlanMade(plan=payload),
        events.ConfigMade(config=payload, steps=[payload]),
        events.SummaryMade(summary=payload),
        events.TrialFinished(result=payload),
        events.DecisionMade(decision=payload),
        events.RunFinished(outcome="stopped"),
    )
    assert state.finished is not None


def test_what_was_done_before_a_training_is_not_said_during_it() -> None:
    state = state_of(*recording.told()[:60], events.Doing(what="starting a trial worker"))
    state.changed.clear()
    fold.apply(state, [events.TrialStarted(run_id="qe_1")])
    assert state.doing == "" and {"header", "plan"} <= state.changed


def test_a_warning_is_said_in_its_own_iteration_and_one_of_the_whole_run_in_the_first_too() -> None:
    def begins(number: int) -> events.StepStarted:
        return events.StepStarted(step="plan", iteration=number)

    state = state_of(events.RunStarted(goal_text="g"), events.Warned(message="no sandbox", remedy="Get one."))
    fold.apply(state, [begins(1)])
    assert state.warning == "no sandbox. Get one."
    fold.apply(state, [begins(2)])
    assert state.warning == ""
    fold.apply(state, [events.Warned(message="refused"), begins(3)])
    assert state.warning == ""


# --- a run that goes on ---------------------------------------------------------------------------------


RERUN = (
    events.RunStarted(goal_text="g", options={"iterations": 8}),
    events.HoldsSet(before=["evaluate"]),
    events.GoalUnderstood(goal={"metric": "accuracy", "dataset": "digits"}),
    events.Queued(kind="rerun", run_id="qe_1", iteration=2, seed=3),
    events.StepStarted(step="plan", iteration=2),
    events.StepFinished(step="plan", iteration=2),
    events.StepStarted(step="configure", iteration=2),
    events.StepFinished(step="configure", iteration=2),
    events.StepStarted(step="assemble", iteration=2),  # the code is there: no tool is called for it
    events.CodeMade(code="x", accepted=True),
    events.StepFinished(step="assemble", iteration=2),
    events.StepStarted(step="evaluate", iteration=2),
    events.TrialStarted(run_id="qe_2"),
)
RESUMED = events.RunResumed(iteration=2, step="evaluate", iterations=12)


def states(state: RunState) -> list[str]:
    return [f"{job.name} {job.state}" for job in state.jobs if job.state != "waiting"]


def test_a_step_is_over_when_it_has_finished_whether_or_not_a_tool_was_called_for_it() -> None:
    assert states(state_of(*RERUN)) == ["plan done", "configure done", "assemble done", "evaluate running"]


def test_after_an_engine_was_killed_only_the_step_that_is_done_again_is_under_way() -> None:
    state = state_of(*RERUN, RESUMED)
    assert states(state) == ["plan done", "configure done", "assemble done"]
    assert (state.holds, state.options["iterations"], state.rows["qe_2"].status) == ([], 12, "interrupted")
    again = (events.StepStarted(step="evaluate", iteration=2), events.TrialStarted(run_id="qe_3"))
    fold.apply(state, again)
    assert states(state)[-1] == "evaluate running"
    assert [state.rows[run_id].change for run_id in ("qe_2", "qe_3")] == [["qe_1 again, seed 3"]] * 2


def test_a_row_is_called_what_the_registry_calls_its_change() -> None:
    decided = events.DecisionMade(iteration=1, decision={"decision": "iterate", "changes": ["double it"]})
    outline = (
        RERUN[0], decided, events.StepStarted(step="plan", iteration=2), events.TrialStarted(run_id="qe_2"),
    )  # fmt: skip
    state = state_of(*outline)
    assert state.rows["qe_2"].change == ["double it"]  # what was asked for, as long as nothing else is known
    fold.apply(state, [events.TrialRecorded(entry={"run_id": "qe_2", "change": ["qe_1 again, seed 3"]})])
    assert state.rows["qe_2"].change == ["qe_1 again, seed 3"]


def test_what_is_really_done_is_said_and_how_far_the_training_is() -> None:
    state = RunState()
    told = []
    for event in (
        events.RunStarted(goal_text="g"),
        events.StepStarted(step="configure", iteration=1),
        events.ModelAsked(role="planner", task="config", prompt=""),
        events.Doing(what="starting a trial worker"),
        events.Doing(what="building the network"),
        events.StepStarted(step="assemble", iteration=1),
        events.ModelAsked(role="coder", task="code", prompt=""),
        events.Doing(what="checking the code"),
        events.StepStarted(step="evaluate", iteration=1),
        events.TrialStarted(run_id="qe_1"),
        events.EpochDone(run_id="qe_1", epoch=3, epochs=10, accuracy=0.914),
    ):
        fold.apply(state, [event])
        told.append(header.status(state, header.Moment(True))[0])
    assert told[1:] == [
        "▶ designing", "▶ designing the network", "▶ starting a trial worker", "▶ building the network",
        "▶ writing the code", "▶ writing the code", "▶ checking the code", "▶ training", "▶ training",
        "▶ training",
    ]  # fmt: skip
    assert "epoch 3/10 acc 0.914" in [item[1] for item in header.items(state, header.Moment(True))]


def test_a_model_that_stands_in_is_said_at_once_and_its_share_stays_in_the_header() -> None:
    state = state_of(*recording.told()[:60])
    stood_in = events.StoodIn(role="coder", task="code", model="Minnow", instead_of="Tiny", reason="no class")
    used = events.AnswerUsed(role="coder", task="code", model="Minnow", instead_of="Tiny")
    fold.apply(state, [stood_in])
    assert state.warning == "Minnow writes the code in place of Tiny: no class"
    fold.apply(state, [used, used.but(model="Tiny", instead_of="")])
    said = [words for _, words, _ in header.items(state, header.Moment())]
    assert "Minnow stood in for 1 of 2 answers" in said


def test_the_words_of_a_model_that_explains_in_place_of_the_coder_are_called_its_own() -> None:
    summary = {"layers": [], "total_parameters": 1, "explanation": "One.", "explanation_source": "coder"}
    made = events.SummaryMade(summary=summary)
    stood_in = events.StoodIn(role="coder", task="explain", model="Minnow", instead_of="Tiny")
    used = events.AnswerUsed(role="coder", task="explain", model="Minnow", instead_of="Tiny")
    state = state_of(*recording.told()[:60], stood_in, made)
    assert state.network.whose == "the words of Minnow"
    fold.apply(state, [used, made])
    assert state.network.whose == "the coder's words"
    fold.apply(state, [stood_in.but(for_good=True), used, made])
    assert state.network.whose == "the words of Minnow"
