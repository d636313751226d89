"""The research loop on real tools, real sandboxed workers and real training on the digits.

The language model is scripted (`tests.scripted`), because each test needs it to say one particular thing.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from mlagent_tui import check_results, events, workspace
from mlagent_tui.agent import RunOptions, Saved, last_run, research
from mlagent_tui.agent.clock import CATEGORIES
from mlagent_tui.errors import ModelError, ProjectError
from mlagent_tui.experiments import Project, curves, registry, runs
from mlagent_tui.schemas import EvalConfig, RegistryEntry
from mlagent_tui.training.datasets import Part, load
from tests.scripted import ACHIEVED, CODE, CONFIG, GOAL, ITERATE, Scripted, plan

TEXT = "a small network for the digits, at least 30% accuracy"
WRONG = CODE.replace("nn.Linear(512, 10)", "nn.Linear(512, 10, bias=False)")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    workspace.prepare(folder)
    return folder


def carry_out(
    root: Path,
    model: Scripted,
    run: RunOptions | Saved | None = None,
    cancel: threading.Event | None = None,
    **options: Any,
) -> list[events.Event]:
    with Project(root) as project:
        asked = run or RunOptions.model_validate({"goal_text": TEXT} | options)
        return list(research(project, asked, cancel=cancel, open_models=model.open))


def of(told: list[events.Event], kind: type[events.Event]) -> list[Any]:
    return [event for event in told if isinstance(event, kind)]


def ending(told: list[events.Event]) -> events.RunFinished:
    assert isinstance(told[-1], events.RunFinished)
    return told[-1]


# --- a run that reaches its goal ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def achieved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[events.Event], Scripted]]:
    folder = tmp_path_factory.mktemp("achieved") / "project"
    workspace.prepare(folder)
    model = Scripted(decision=ACHIEVED)
    yield folder, carry_out(folder, model), model


Achieved = tuple[Path, list[events.Event], Scripted]


def test_a_met_goal_ends_with_status_0_and_the_specifications_files(achieved: Achieved) -> None:
    root, told, model = achieved
    assert (ending(told).outcome, ending(told).exit_status) == ("achieved", 0)
    (entry,) = registry.load(root)
    assert entry.decision.startswith("Goal Achieved: accuracy ")
    assert entry.metrics_summary.keys() == {"accuracy", "val_loss"}
    run = root / entry.experiment_dir
    for name in ("model_config.yaml", "model_code.py", "summary.json", "results.json", "eval_config.yaml"):
        assert (run / name).is_file(), name
    assert (root / "src/models/current_model.py").read_text() == (run / "model_code.py").read_text() == CODE
    assert (
        (root / "configs/models/current_model_config.yaml").read_text().startswith("model_name: CurrentModel")
    )
    assert json.loads((run / "summary.json").read_text())["explanation"]
    assert model.closed


def test_the_report_holds_the_test_accuracy_measured_once_at_the_end(achieved: Achieved) -> None:
    root, told, _ = achieved
    (tested,) = of(told, events.BestTested)
    assert tested.test_size > 0
    assert told.index(tested) > told.index(of(told, events.DecisionMade)[-1])
    assert f"{100 * tested.accuracy:.2f} %" in (root / "experiments/report.md").read_text()
    assert (root / "experiments/curves.png").read_bytes().startswith(b"\x89PNG")


def test_plain_torch_reproduces_the_metrics_from_weights_and_preprocessing_json(achieved: Achieved) -> None:
    root, told, _ = achieved
    (entry,) = registry.load(root)
    run = root / entry.experiment_dir
    facts = json.loads((run / "preprocessing.json").read_text())
    assert (facts["input_shape"], facts["labels"]) == ([1, 8, 8], [str(digit) for digit in range(10)])
    module: dict[str, Any] = {}
    exec((run / "model_code.py").read_text(), module)
    model = module["CurrentModel"]()
    model.load_state_dict(load_file(run / "model.safetensors"))
    model.eval()
    parts = load(EvalConfig(dataset="digits"), torch.device("cpu"))

    def accuracy(part: Part) -> float:
        shape = (1, -1, 1, 1)
        mean, std = torch.tensor(facts["mean"]).view(shape), torch.tensor(facts["std"]).view(shape)
        with torch.no_grad():
            output = model((part.images.float() / facts["scale"] - mean) / std)
        return float((output.argmax(1) == part.labels).sum()) / len(part.labels)

    result = json.loads((run / "results.json").read_text())
    (tested,) = of(told, events.BestTested)
    assert accuracy(parts.validation) == result["accuracy"] == entry.metrics_summary["accuracy"]
    assert accuracy(parts.test) == tested.accuracy
    assert result["curves"][result["best_epoch"] - 1]["accuracy"] == result["accuracy"]


def test_the_registry_of_a_real_run_comes_back_from_its_journal(achieved: Achieved) -> None:
    root, _, _ = achieved
    path = root / "experiments/registry.json"
    text, entries = path.read_text(), registry.load(root)
    for damaged in (None, text[:-30], "[]", "\ufeff" + text):
        path.unlink()
        if damaged is not None:
            path.write_text(damaged)
        with Project(root) as project:
            assert project.repairs
        assert path.read_text() == text
        assert registry.load(root) == entries


def test_the_journal_holds_exactly_what_was_told(achieved: Achieved) -> None:
    root, told, _ = achieved
    assert events.read(root / "experiments/journal.jsonl")[0] == told
    assert [event.seq for event in told] == list(range(1, len(told) + 1))


def test_every_step_is_told_in_its_order(achieved: Achieved) -> None:
    _, told, _ = achieved
    steps = ["understand", "plan", "configure", "assemble", "summarise", "evaluate", "decide", "report"]
    assert [e.step for e in of(told, events.StepStarted)] == steps
    assert [e.step for e in of(told, events.StepFinished)] == steps
    assert len(of(told, events.EpochDone)) == 2
    assert {e.role for e in of(told, events.ModelCalled)} == {"planner", "coder"}


def test_the_wall_time_is_accounted_for(achieved: Achieved) -> None:
    _, told, _ = achieved
    (spent,) = of(told, events.TimeSpent)
    assert all(getattr(spent, name) >= 0 for name in CATEGORIES)
    assert spent.training > 0
    assert spent.checking > 0


def test_the_planners_places_and_seed_are_replaced_by_the_runs_own(achieved: Achieved) -> None:
    _, told, _ = achieved
    (made,) = of(told, events.PlanMade)
    assembler, summary, evaluator = (call["arguments"] for call in made.plan["calls"])
    assert assembler["output_script_path"] == "src/models/current_model.py"
    assert summary["input_size"] == [1, 1, 8, 8]
    assert evaluator["eval_config"]["seed"] == 0


def test_the_same_seed_gives_the_same_metrics(achieved: Achieved, root: Path) -> None:
    first, _, _ = achieved
    carry_out(root, Scripted(decision=ACHIEVED))
    assert registry.load(root)[0].metrics_summary == registry.load(first)[0].metrics_summary


def test_a_network_without_what_was_asked_for_is_asked_for_again_once_and_the_end_says_so(root: Path) -> None:
    model = Scripted(decision=ACHIEVED)
    told = carry_out(root, model, goal_text="digits: an MLP without dropout, at least 30% accuracy")
    problems = [prompt for task, prompt in model.asked if task == "config" and "Problem:" in prompt]
    assert len(problems) == 1 and "asks for fully connected network" in problems[0]
    end = ending(told)
    assert (end.outcome, end.exit_status) == ("achieved", 0)
    assert end.wishes == [
        "fully connected network: not met, the network has 1 convolution layer", "no dropout: met",
    ]  # fmt: skip
    assert end.unmet == end.wishes[:1]
    (entry,) = registry.load(root)
    assert entry.unmet == end.unmet and "asked for fully connected network: not met" in entry.decision
    report = (root / "experiments/report.md").read_text()
    assert "The best network does not meet all wishes" in report
    assert "| no dropout | met |" in report


def test_a_planner_that_fails_when_it_is_asked_for_a_wish_again_costs_no_iteration(root: Path) -> None:
    model = Scripted(config=[CONFIG, ModelError("the answer is not valid")], decision=ACHIEVED)
    told = carry_out(root, model, goal_text="digits: an MLP, at least 30% accuracy")
    assert "no other network: the answer is not valid" in of(told, events.Warned)[-1].message
    (entry,) = registry.load(root)
    assert (entry.status, ending(told).exit_status) == ("completed", 0)


# --- what goes wrong is a result ------------------------------------------------------------------------


def test_code_that_differs_from_its_config_is_repaired_with_the_first_difference(root: Path) -> None:
    model = Scripted(code=[f"```python\n{WRONG}```", f"```python\n{CODE}```"], decision=ACHIEVED)
    told = carry_out(root, model)
    (problem,) = of(told, events.CheckFailed)
    assert "fc1" in problem.problem
    assert [e.accepted for e in of(told, events.CodeMade)] == [False, True]
    assert problem.problem in [prompt for task, prompt in model.asked if task == "code"][1]
    assert ending(told).exit_status == 0


def test_failures_are_recorded_shown_to_the_planner_and_end_by_patience(root: Path) -> None:
    model = Scripted(code=f"```python\n{WRONG}```")
    told = carry_out(root, model, patience=2)
    assert (ending(told).outcome, ending(told).exit_status) == ("stopped", 3)
    entries = registry.load(root)
    assert [e.status for e in entries] == ["failed", "failed"]
    assert "fc1" in entries[0].reason
    assert entries[1].change == ["double the channels", "chosen by the loop"]
    assert entries[-1].decision == "Stop: no improvement beyond noise for 2 iterations"
    assert (root / entries[0].experiment_dir / "model_code.py").read_text() == WRONG
    assert "fc1" in next(prompt for task, prompt in model.asked if task == "decision")
    assert (root / "experiments/report.md").is_file()


def test_a_config_that_cannot_be_built_goes_back_to_the_planner(root: Path) -> None:
    unbuildable = CONFIG | {"layers": [{"type": "linear", "out_features": 10}]}
    model = Scripted(config=[unbuildable, CONFIG], decision=ACHIEVED)
    told = carry_out(root, model)
    (problem,) = of(told, events.CheckFailed)
    assert problem.what == "config"
    assert "needs a vector" in [prompt for task, prompt in model.asked if task == "config"][1]
    assert ending(told).exit_status == 0


def test_a_planner_that_fails_costs_an_iteration_and_not_the_run(root: Path) -> None:
    model = Scripted(plan=[ModelError("it crashed"), plan()], decision=[ITERATE, ACHIEVED])
    told = carry_out(root, model)
    assert [e.status for e in registry.load(root)] == ["failed", "completed"]
    assert ending(told).exit_status == 0


def test_success_that_the_numbers_deny_becomes_an_iteration(root: Path) -> None:
    model = Scripted(decision=ACHIEVED)
    told = carry_out(root, model, iterations=2, threshold=1.0)
    first, second = of(told, events.DecisionMade)
    assert first.decision["decision"] == "iterate"
    assert first.advised["decision"] == "goal_achieved"
    assert "is not >= 1" in first.overruled_because
    assert ending(told).reason == "iteration limit of 2 reached"
    assert registry.load(root)[0].next_change == first.decision["changes"]
    assert second.decision["decision"] == "stop"


def test_a_model_known_to_be_too_slow_for_the_time_budget_is_said_before_the_run(root: Path) -> None:
    slow = check_results.Result(
        identity=check_results.identity("bundled"), size=check_results.size("bundled"),
        made="2026-11-27T12:00:00+00:00", planner_seconds=3000.0, coder_seconds=1000.0,
    )  # fmt: skip
    check_results.keep(slow)
    told = carry_out(root, Scripted(code="no code"), time_budget=3600, iterations=1)
    (warned,) = [event for event in of(told, events.Warned) if "time budget" in event.message]
    assert "about 4,000 s for each network" in warned.message and "--time-budget" in warned.remedy
    first_step = of(told, events.StepStarted)[0]
    assert told.index(warned) < told.index(first_step)


def test_the_time_budget_ends_a_run_after_the_iteration_that_used_it_up(root: Path) -> None:
    told = carry_out(root, Scripted(code=f"```python\n{WRONG}```"), time_budget=0.1)
    assert ending(told).reason == "time budget used up"
    assert len(registry.load(root)) == 1


def test_a_planned_command_that_nobody_approves_is_said_and_stops_nothing(root: Path) -> None:
    calls = plan()["calls"]
    risky = {"calls": [{"tool": "bash_run", "arguments": {"command": "touch danger"}}, *calls]}
    told = carry_out(root, Scripted(plan=risky, code=f"```python\n{WRONG}```"), iterations=1)
    assert any("not approved" in e.message for e in of(told, events.Warned))
    assert not (root / "danger").exists()
    assert of(told, events.CodeMade)


# --- what cannot be worked on ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "title", "status"),
    [
        ("a small network for the digits", "Goal", 2),
        ("a small network for cifar10, at least 30% accuracy", "Data set", 1),
    ],
)
def test_a_goal_that_cannot_be_worked_on_is_refused_with_a_remedy(
    root: Path, text: str, title: str, status: int
) -> None:
    told = carry_out(root, Scripted(), RunOptions(goal_text=text))
    (failed,) = of(told, events.Failed)
    assert (failed.title, ending(told).exit_status) == (title, status)
    assert failed.remedy
    assert registry.load(root) == []


def test_a_goal_that_names_no_data_set_is_refused_with_a_remedy(root: Path) -> None:
    options = RunOptions(goal_text="a small network, at least 30% accuracy")
    told = carry_out(root, Scripted(goal=GOAL | {"dataset": None}), options)
    (failed,) = of(told, events.Failed)
    assert (failed.what, ending(told).exit_status) == ("the goal names no data set", 2)
    assert "--dataset" in failed.remedy


def test_a_missing_data_set_named_as_an_option_is_found_before_anything_is_loaded(root: Path) -> None:
    model = Scripted()
    told = carry_out(root, model, dataset="mnist")
    assert "mnist" in of(told, events.Failed)[0].what
    assert model.asked == []


def test_a_defect_is_told_in_the_journal_and_raised(root: Path) -> None:
    with pytest.raises(RuntimeError, match="a defect"):
        carry_out(root, Scripted(plan=RuntimeError("a defect")))
    told = events.read(root / "experiments/journal.jsonl")[0]
    assert of(told, events.Failed)[0].what == "RuntimeError: a defect"
    assert ending(told).exit_status == 1


def test_a_journal_that_cannot_be_written_ends_the_run_with_a_remedy(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = events.Journal.append

    def full(self: events.Journal, event: events.Event) -> events.Event:
        if isinstance(event, events.PlanMade):
            raise OSError(28, "No space left on device")
        return append(self, event)

    monkeypatch.setattr(events.Journal, "append", full)
    model = Scripted()
    with pytest.raises(ProjectError, match="disk is full") as error:
        carry_out(root, model)
    assert error.value.remedy
    assert model.closed


# --- interruption and resumption ------------------------------------------------------------------------


def test_a_run_interrupted_at_every_step_loses_nothing_and_repeats_no_step(root: Path) -> None:
    asked: list[str] = []
    saved: Saved | None = None
    for task in ("goal", "plan", "config", "code", "explain", "decision"):
        cancel = threading.Event()

        def interrupt(now: str, task: str = task, cancel: threading.Event = cancel) -> None:
            if now == task:
                cancel.set()

        model = Scripted(before=interrupt, decision=ACHIEVED)
        told = carry_out(root, model, saved, cancel)
        assert (ending(told).outcome, ending(told).exit_status) == ("interrupted", 130)
        asked += [name for name, _ in model.asked]
        saved = last_run(events.read(root / "experiments/journal.jsonl")[0])
    model = Scripted(decision=ACHIEVED)
    told = carry_out(root, model, saved)
    assert isinstance(told[0], events.RunResumed)
    assert (told[0].iteration, told[0].step) == (1, "decide")
    assert ending(told).exit_status == 0
    asked += [name for name, _ in model.asked]
    assert asked == [
        "goal", "goal", "plan", "plan", "config", "config", "code", "code", "explain", "explain", "decision",
        "decision",
    ]  # fmt: skip
    (entry,) = registry.load(root)
    assert entry.decision.startswith("Goal Achieved")
    assert (root / entry.experiment_dir / "model_code.py").read_text() == CODE


def test_an_interrupted_trial_is_no_result_and_is_trained_again(root: Path) -> None:
    cancel = threading.Event()
    model = Scripted(plan=plan(epochs=400), decision=ACHIEVED)
    with Project(root) as project:
        for event in research(project, RunOptions(goal_text=TEXT), cancel=cancel, open_models=model.open):
            if isinstance(event, events.EpochDone):
                cancel.set()
    assert isinstance(event, events.RunFinished)
    assert event.outcome == "interrupted"
    assert registry.load(root) == []
    saved = last_run(events.read(root / "experiments/journal.jsonl")[0])
    assert saved is not None
    assert saved.step == "evaluate"
    assert sorted(path.name for path in (root / "experiments").glob("qe_*")) == []


@pytest.mark.parametrize("lost", ["model.safetensors", "model_code.py", ""])
def test_a_run_whose_best_network_has_lost_a_part_ends_without_its_test_accuracy(
    root: Path, lost: str
) -> None:
    cancel = threading.Event()
    model = Scripted(decision=ACHIEVED)
    with Project(root) as project:
        for event in research(project, RunOptions(goal_text=TEXT), cancel=cancel, open_models=model.open):
            if isinstance(event, events.DecisionMade):
                cancel.set()
    (entry,) = registry.load(root)
    folder = root / entry.experiment_dir
    if lost:
        (folder / lost).unlink()
    else:
        shutil.rmtree(folder)
    saved = last_run(events.read(root / "experiments/journal.jsonl")[0])
    told = carry_out(root, Scripted(decision=ACHIEVED), saved)
    assert (ending(told).outcome, ending(told).best_run_id) == ("achieved", entry.run_id)
    (warning,) = [one for one in of(told, events.Warned) if "no test accuracy" in one.message]
    assert entry.run_id in warning.message and "leaves the test accuracy out" in warning.remedy
    assert "not measured" in (root / "experiments/report.md").read_text()


HUGE = CONFIG | {
    "layers": [{"type": "flatten"}, {"type": "linear", "out_features": 60_000},
               {"type": "linear", "out_features": 1700}, {"type": "linear", "out_features": 10}],
}  # fmt: skip


def test_a_network_too_large_is_the_planners_to_change_and_a_report_that_fails_ends_no_run(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bytes:
        raise RuntimeError("no font")

    monkeypatch.setattr(curves, "draw", broken)
    (root / "experiments/report.md").mkdir()
    model = Scripted(config=[HUGE, CONFIG], decision=ACHIEVED)
    told = carry_out(root, model, memory_limit_mb=1500)
    (refused,) = of(told, events.CheckFailed)
    assert refused.what == "config" and "105,918,710 parameters takes at least 1.7 GB" in refused.problem
    assert len(of(told, events.CodeMade)) == 1
    assert (ending(told).outcome, ending(told).exit_status) == ("achieved", 0)
    assert registry.load(root)[0].status == "completed"
    said = [event.message for event in of(told, events.Warned)]
    assert "the curves cannot be drawn: RuntimeError: no font" in said
    assert any(message.startswith("the report is not written: cannot write") for message in said)


def test_a_stopped_run_goes_on_under_a_raised_limit(root: Path) -> None:
    model = Scripted(code=f"```python\n{WRONG}```")
    carry_out(root, model, iterations=1, threshold=1.0)
    saved = last_run(events.read(root / "experiments/journal.jsonl")[0])
    assert saved is not None
    saved.options = saved.options.model_copy(update={"iterations": 2})
    told = carry_out(root, Scripted(code=f"```python\n{WRONG}```"), saved)
    entries: list[RegistryEntry] = registry.load(root)
    assert [e.iteration for e in entries] == [1, 2]
    assert entries[0].decision == "Iterate: double the channels"
    assert ending(told).reason == "iteration limit of 2 reached"


def test_a_planner_that_cannot_leave_a_tried_network_never_has_it_trained_again(root: Path) -> None:
    carry_out(root, Scripted(), iterations=3, patience=3, threshold=1.0)
    entries = registry.load(root)
    pairs = []
    for entry in entries:
        run = runs.load(root, entry.run_id)
        assert run.config is not None and run.eval_config is not None
        pairs.append((run.config.to_json(), run.eval_config.model_dump_json()))
    assert len(set(pairs)) == len(pairs) == 3
    assert [entry.change[-1:] for entry in entries] == [[], ["chosen by the loop"], ["chosen by the loop"]]


def test_a_search_in_which_nothing_new_is_left_stops_and_says_why(root: Path) -> None:
    told = carry_out(root, Scripted(), threshold=1.0, max_parameters=20)
    assert (ending(told).outcome, ending(told).exit_status) == ("stopped", 3)
    assert "every change known to the loop" in ending(told).reason
    assert registry.load(root) == []
