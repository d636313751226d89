"""The bundled model in place of one that fails: the real loop, the real Minnow, failures from a script."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from mlagent_tui import events, paths, workspace
from mlagent_tui.agent import RunOptions, Saved, last_run, research
from mlagent_tui.errors import Interrupted, ModelError
from mlagent_tui.experiments import Project, registry
from mlagent_tui.llm import LanguageModel, PromptTooLong, ServedModel, start_bundled
from tests.scripted import CONFIG, ITERATE, Scripted, plan

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not paths.bundled_model().is_file(), reason="needs the bundled model"),
]

TEXT = "a small network for the digits, at least 60% accuracy"
GOAL = {"dataset": "digits", "metric": "accuracy", "comparison": ">=", "threshold": 0.6}
TOO_LONG = PromptTooLong(9000, 512)
GONE = ModelError("http://127.0.0.1:1/v1 cannot be reached: it refused", "Start the server.")
UNBUILDABLE = CONFIG | {"layers": [{"type": "linear", "out_features": 10}]}
ROLES = {"code": "coder", "explain": "coder"}


class Bundled:
    """Opens the real bundled model, and remembers it."""

    def __init__(self) -> None:
        self.opened: list[LanguageModel] = []

    def __call__(self, beside: Sequence[LanguageModel]) -> LanguageModel:
        self.opened.append(start_bundled(beside))
        return self.opened[-1]


def carry_out(
    root: Path,
    model: Scripted,
    run: RunOptions | Saved | None = None,
    bundled: Callable[[Sequence[LanguageModel]], LanguageModel] | None = None,
    cancel: threading.Event | None = None,
    stop: type[events.Event] | None = None,
    **options: Any,
) -> list[events.Event]:
    """The events of a run whose models are a script; it is cancelled at the first event of kind `stop`."""
    asked = run or RunOptions.model_validate(
        {"goal_text": TEXT, "planner": "own.gguf", "coder": "own.gguf", "iterations": 2} | options
    )
    if not (root / "experiments").exists():
        workspace.prepare(root)
    told: list[events.Event] = []
    cancel = cancel or threading.Event()
    with Project(root) as project:
        for event in research(
            project, asked, cancel=cancel, open_models=model.open, open_bundled=bundled or Bundled()
        ):
            told.append(event)
            if stop and isinstance(event, stop):
                cancel.set()
    return told


def of(told: list[events.Event], kind: type[events.Event]) -> list[Any]:
    return [event for event in told if isinstance(event, kind)]


def ending(told: list[events.Event]) -> events.RunFinished:
    assert isinstance(told[-1], events.RunFinished)
    return told[-1]


PROSE = "Certainly! Here is what you asked for."


ENDED = Interrupted("the answer was ended: it repeats itself")
ANSWERS = {"prose": PROSE, "empty": "", "long": TOO_LONG, "other": '{"a": 1}', "ended": ENDED}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
@pytest.mark.parametrize("task", ["goal", "plan", "code", "explain", "decision"])
def test_a_model_that_fails_at_one_task_is_replaced_there_and_nowhere_else(
    tmp_path: Path, task: str, answer: Any
) -> None:
    model = Scripted(**{"goal": GOAL, "plan": plan(epochs=12), task: answer})
    told = carry_out(tmp_path / "p", model)
    assert (ending(told).outcome, ending(told).exit_status) == ("achieved", 0)
    (stood_in,) = of(told, events.StoodIn)
    assert (stood_in.role, stood_in.task) == (ROLES.get(task, "planner"), task)
    assert (stood_in.model, stood_in.instead_of, stood_in.for_good) == ("Minnow", "scripted", False)
    assert stood_in.reason
    used = {event.task: event.model for event in of(told, events.AnswerUsed)}
    every = dict.fromkeys(["goal", "plan", "config", "code", "explain", "decision"], "scripted")
    assert used == every | {task: "Minnow"}
    answered = {event.model for event in of(told, events.ModelCalled) if event.task == task}
    assert answered == ({"Minnow"} if isinstance(answer, Exception) else {"scripted", "Minnow"})
    asked = {event.model for event in of(told, events.ModelAsked) if event.task == task}
    assert asked == {"scripted", "Minnow"}
    (summary,) = of(told, events.SummaryMade)
    assert summary.summary["explanation_source"] == "coder"
    (entry,) = registry.load(tmp_path / "p")
    assert (entry.planner, entry.coder) == ("scripted", "Minnow" if task == "code" else "scripted")


@pytest.mark.parametrize("answer", [PROSE, TOO_LONG, UNBUILDABLE], ids=["prose", "long", "unbuildable"])
def test_a_planner_without_a_network_that_builds_is_replaced(tmp_path: Path, answer: Any) -> None:
    told = carry_out(tmp_path / "p", Scripted(goal=GOAL, plan=plan(epochs=12), config=answer))
    assert ending(told).exit_status == 0
    assert of(told, events.StoodIn)[0].task == "config"
    (made,) = of(told, events.ConfigMade)
    (entry,) = registry.load(tmp_path / "p")
    assert made.model == entry.planner == "Minnow"
    (code,) = [event for event in of(told, events.CodeMade) if event.accepted]
    assert code.model == entry.coder == "Minnow"


def test_a_model_that_fails_at_everything_costs_no_iteration(tmp_path: Path) -> None:
    tasks = ("goal", "plan", "config", "code", "explain", "decision")
    bundled = Bundled()
    told = carry_out(tmp_path / "p", Scripted(**dict.fromkeys(tasks, PROSE)), bundled=bundled)
    assert ending(told).outcome == "achieved"
    assert {event.task for event in of(told, events.StoodIn)} == set(tasks)
    assert all(event.result["status"] == "completed" for event in of(told, events.TrialFinished))
    (model,) = bundled.opened
    assert isinstance(model, ServedModel)
    assert model.pid is None
    report = (tmp_path / "p" / paths.REPORT).read_text()
    assert "As the planner, scripted gave 0 of 4 answers; Minnow stood in for 4." in report
    assert "As the coder, scripted gave 0 of 2 answers; Minnow stood in for 2." in report


def test_a_criterion_that_a_model_does_not_choose_is_not_blamed_on_the_goal(tmp_path: Path) -> None:
    refused = Scripted(goal=GOAL | {"threshold": None})
    loss = {"dataset": "digits", "metric": "val_loss", "comparison": "<", "threshold": 2}
    second = Scripted(goal=loss)
    said = {"bundled": lambda beside: second, "stop": events.GoalUnderstood}
    told = carry_out(tmp_path / "p", refused, goal_text="a network for the digits with less than 2", **said)
    (stood_in,) = of(told, events.StoodIn)
    assert stood_in.task == "goal"
    (understood,) = of(told, events.GoalUnderstood)
    assert (understood.goal["metric"], understood.goal["threshold"]) == ("val_loss", 2)
    assert second.closed


def test_a_goal_without_a_criterion_stays_the_users_to_correct(tmp_path: Path) -> None:
    bundled = Bundled()
    told = carry_out(tmp_path / "p", Scripted(), bundled=bundled, goal_text="a network for the digits")
    assert ending(told).exit_status == 2
    assert (bundled.opened, of(told, events.StoodIn)) == ([], [])


def test_a_planner_that_only_repeats_itself_is_replaced_before_the_loop_makes_its_own_change(
    tmp_path: Path,
) -> None:
    model = Scripted(plan=plan(epochs=1), goal=GOAL | {"threshold": 0.999}, decision=ITERATE)
    told = carry_out(tmp_path / "p", model, goal_text="digits, 99.9% accuracy")
    (stood_in, *_) = [event for event in of(told, events.StoodIn) if event.task == "config"]
    assert "the same network and training as in iteration 1" in stood_in.reason
    first, second = registry.load(tmp_path / "p")
    assert (first.planner, second.planner) == ("scripted", "Minnow")
    assert "chosen by the loop" not in second.change


def test_a_model_that_does_its_work_needs_no_other(tmp_path: Path) -> None:
    bundled = Bundled()
    told = carry_out(tmp_path / "p", Scripted(goal=GOAL, plan=plan(epochs=12)), bundled=bundled)
    assert ending(told).outcome == "achieved"
    assert (bundled.opened, of(told, events.StoodIn)) == ([], [])
    assert "As the coder, scripted gave all 2 answers." in (tmp_path / "p" / paths.REPORT).read_text()


@pytest.mark.parametrize("options", [{"fallback": "none"}, {"planner": "bundled", "coder": "bundled"}])
def test_nothing_stands_in_where_it_is_not_wanted_or_would_be_the_same_model(
    tmp_path: Path, options: dict[str, str]
) -> None:
    bundled = Bundled()
    told = carry_out(tmp_path / "p", Scripted(code=PROSE, goal=GOAL), bundled=bundled, **options)
    assert bundled.opened == []
    assert of(told, events.StoodIn) + of(told, events.AnswerUsed) == []
    assert {event.result["status"] for event in of(told, events.TrialFinished)} == {"failed"}
    assert "stood in" not in (tmp_path / "p" / paths.REPORT).read_text()


def test_a_server_that_never_answered_is_an_error_and_one_that_goes_away_is_replaced(tmp_path: Path) -> None:
    told = carry_out(tmp_path / "never", Scripted(goal=GONE))
    assert (ending(told).outcome, ending(told).exit_status) == ("failed", 1)
    assert of(told, events.StoodIn) == []
    (failed,) = of(told, events.Failed)
    assert (failed.what, failed.remedy) == (GONE.what, GONE.remedy)
    gone = Scripted(goal=GOAL, plan=GONE, config=GONE, code=GONE, explain=GONE, decision=GONE)
    told = carry_out(tmp_path / "later", gone)
    assert ending(told).outcome == "achieved"
    assert len(of(told, events.StoodIn)) == 5
    warned = [event for event in of(told, events.Warned) if event.message.startswith(GONE.what)]
    assert len(warned) == 5
    assert all(event.remedy == GONE.remedy for event in warned)


def test_after_three_failures_in_a_row_the_task_is_taken_over_also_when_the_run_is_resumed(
    tmp_path: Path,
) -> None:
    model = Scripted(plan=plan(epochs=1), goal=GOAL | {"threshold": 0.9999}, decision=PROSE)
    root = tmp_path / "p"
    asked = {"goal_text": "digits, 99.99% accuracy", "iterations": 4, "patience": 9}
    told = carry_out(root, model, **asked)
    decisions = [event for event in of(told, events.StoodIn) if event.task == "decision"]
    assert [event.for_good for event in decisions] == [False, False, True]
    assert len([task for task, _ in model.asked if task == "decision"]) == 9
    used = [bool(event.instead_of) for event in of(told, events.AnswerUsed) if event.task == "decision"]
    assert used == [True] * 4
    saved = last_run(events.read(root / paths.JOURNAL)[0])
    assert saved is not None
    assert "decision" in saved.taken_over
    again = Scripted(plan=plan(epochs=1), decision=PROSE)
    options = saved.options.model_copy(update={"iterations": 5})
    saved.options = options
    carry_out(root, again, saved)
    assert [task for task, _ in again.asked if task == "decision"] == []


def test_a_run_stopped_while_another_model_stands_in_is_resumed_there(tmp_path: Path) -> None:
    root = tmp_path / "p"
    model = Scripted(goal=GOAL, plan=plan(epochs=12), code=PROSE)
    told = carry_out(root, model, stop=events.StoodIn)
    assert ending(told).outcome == "interrupted"
    saved = last_run(events.read(root / paths.JOURNAL)[0])
    assert saved is not None
    assert saved.step == "assemble"
    told = carry_out(root, model, saved)
    assert ending(told).outcome == "achieved"
    (entry,) = registry.load(root)
    assert (entry.planner, entry.coder) == ("scripted", "Minnow")


def test_the_bundled_model_of_the_other_role_stands_in_without_a_second_process(tmp_path: Path) -> None:
    coder = start_bundled()
    try:
        other = start_bundled([coder])
        assert isinstance(coder, ServedModel) and isinstance(other, ServedModel)
        assert other.shares_with(coder)
    finally:
        coder.close()


def test_a_plan_that_overwrites_the_checked_code_trains_that_code_all_the_same(tmp_path: Path) -> None:
    careless = plan(epochs=12)
    arguments = {"file_path": paths.CURRENT_MODEL, "content": "nothing"}
    careless["calls"].insert(1, {"tool": "write_file", "arguments": arguments})
    told = carry_out(tmp_path / "p", Scripted(goal=GOAL, plan=careless))
    assert ending(told).outcome == "achieved"
    assert "write_file changed src/models/current_model.py" in of(told, events.Warned)[0].message
    assert (tmp_path / "p" / paths.CURRENT_MODEL).read_text() == of(told, events.CodeMade)[0].code


def unhelpful(**answers: Any) -> Scripted:
    """A planner whose networks all train, and none of them well."""
    first, *rest = CONFIG["layers"]
    networks = [
        CONFIG | {"layers": [first, {"type": "dropout", "p": rate}, *rest]} for rate in (0.1, 0.2, 0.3)
    ]
    return Scripted(
        **({"goal": GOAL, "plan": plan(epochs=1, learning_rate=1e-6), "config": networks} | answers)
    )


@pytest.mark.parametrize("goal", [GOAL, PROSE], ids=["valid answers", "prose"])
def test_a_planner_that_brings_no_progress_is_replaced_before_the_search_stops(
    goal: Any, tmp_path: Path
) -> None:
    told = carry_out(tmp_path / "p", unhelpful(goal=goal), iterations=6, patience=2)
    assert ending(told).outcome == "achieved"
    for_good = [event for event in of(told, events.StoodIn) if event.for_good and event.role == "planner"]
    assert [event.task for event in for_good] == ["plan", "config", "decision"]
    assert {event.reason for event in for_good} == {"no improvement for 2 iterations"}
