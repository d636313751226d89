"""A run with somebody's hands on it: commands through the real socket to the real loop and its real workers.

The language model is scripted (`tests.scripted`), because each test needs it to say one particular thing.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from mlagent_tui import commands, events, paths, presence, workspace
from mlagent_tui.agent import Hands, RunOptions, Saved, last_run, research
from mlagent_tui.commands import (
    Approve,
    Branch,
    Command,
    EditCode,
    EditConfig,
    EditSettings,
    Hold,
    Pause,
    Ping,
    Reply,
    Rerun,
    Resume,
    Steer,
    Stop,
)
from mlagent_tui.errors import ProjectError
from mlagent_tui.experiments import Project, registry, runs
from tests.scripted import ACHIEVED, CODE, CONFIG, Scripted, plan

TEXT = "a small network for the digits, at least 30% accuracy"
WRONG = f"```python\n{CODE.replace('nn.Linear(512, 10)', 'nn.Linear(512, 10, bias=False)')}```"
SMALLER = CONFIG | {"layers": [CONFIG["layers"][0] | {"out_channels": 4}, *CONFIG["layers"][1:]]}  # type: ignore[index]
SMALLER_CODE = CODE.replace("Conv2d(1, 8", "Conv2d(1, 4").replace("Linear(512", "Linear(256")

Told = list[events.Event]
REPLIES = (
    "while the run is paused before summarise or evaluate", "num_classes is 7", "needs a vector",
    "layers: expected a list of 1 to 64 values", "checked and accepted", "the run continues",
    "while the run is paused before assemble", "fc1", "checked and accepted", "the run continues",
)  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    workspace.prepare(folder)
    return folder


class User:
    """Sends commands one after another, away from the loop, and keeps the replies."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._pool = ThreadPoolExecutor(1)
        self._sent: list[Future[Reply]] = []

    def send(self, *said: Command) -> None:
        self._sent += [self._pool.submit(commands.send, self._root, command) for command in said]

    def now(self, command: Command) -> Reply:
        """For commands that need nothing of the loop, while the loop waits for whoever reads its events."""
        return commands.send(self._root, command)

    @property
    def replies(self) -> list[Reply]:
        return [sent.result(60) for sent in self._sent]


@pytest.fixture
def user(root: Path) -> Iterator[User]:
    someone = User(root)
    yield someone
    someone._pool.shutdown()


def carry_out(
    root: Path,
    model: Scripted,
    react: Callable[[events.Event], object] = lambda event: None,
    run: Saved | None = None,
    hands: Hands | None = None,
    **options: Any,
) -> Told:
    told = []
    with Project(root) as project:
        asked = run or RunOptions(goal_text=TEXT, **options)
        for event in research(project, asked, hands=hands, open_models=model.open):
            told.append(event)
            react(event)
    return told


def of(told: Told, kind: type[events.Event]) -> list[Any]:
    return [event for event in told if isinstance(event, kind)]


def ending(told: Told) -> events.RunFinished:
    assert isinstance(told[-1], events.RunFinished)
    return told[-1]


def journal(root: Path) -> Told:
    return events.read(root / "experiments/journal.jsonl")[0]


def test_the_users_configuration_and_code_are_held_to_the_models_checks_and_then_used(
    root: Path, user: User
) -> None:
    no_classes = SMALLER | {"num_classes": 7}
    unbuildable = SMALLER | {"layers": [{"type": "linear", "out_features": 10}]}
    mine = "# mine\n" + SMALLER_CODE
    wrong = SMALLER_CODE.replace("Linear(256, 10)", "Linear(256, 10, bias=False)")

    def react(event: events.Event) -> None:
        if isinstance(event, events.Paused) and event.before == "assemble":
            said = [no_classes, unbuildable, {"layers": 1}, SMALLER]
            user.send(EditCode(code=mine), *(EditConfig(config=one) for one in said), Resume())
        elif isinstance(event, events.Paused):
            user.send(EditConfig(config=CONFIG), EditCode(code=wrong), EditCode(code=mine), Resume())

    model = Scripted(code=f"```python\n{SMALLER_CODE}```", decision=ACHIEVED)
    hands = Hands(holds=frozenset({"assemble", "evaluate"}))
    told = carry_out(root, model, react, hands=hands)
    assert ending(told).exit_status == 0
    assert [r.ok for r in user.replies] == [False] * 4 + [True] * 2 + [False] * 2 + [True] * 2
    for reply, what in zip(user.replies, REPLIES, strict=True):
        assert what in reply.message
    assert [(e.reason, e.before) for e in of(told, events.Paused)] == [
        ("before assemble", "assemble"), ("before evaluate", "evaluate"),
    ]  # fmt: skip
    assert len(of(told, events.Continued)) == 2
    (entry,) = registry.load(root)
    assert entry.change == ["config edited by the user", "code edited by the user"]
    assert entry.parameters == 4 * 9 + 4 + 256 * 10 + 10
    run = runs.load(root, entry.run_id)
    assert run.code == mine == (root / "src/models/current_model.py").read_text()
    assert run.config is not None
    assert run.config.layers[0].model_dump()["out_channels"] == 4
    assert "out_channels: 4" in (root / "configs/models/current_model_config.yaml").read_text()
    edits = [index for index, event in enumerate(told) if isinstance(event, events.Edited)]
    made = (events.ConfigMade, events.CodeMade, events.SummaryMade)
    before = [[type(e) for e in told[:index] if isinstance(e, made)] for index in edits]
    assert before[0][-1] == events.ConfigMade
    assert before[1][-2:] == [events.CodeMade, events.SummaryMade]
    resumed = [last_run(told[: index + 1]) for index in edits]
    assert [r and r.step for r in resumed] == ["assemble", "evaluate"]
    assert [r and r.current.code for r in resumed] == [None, mine]
    assert all(r and r.current.config == run.config for r in resumed)


def test_a_run_is_steered_paused_stopped_after_a_step_and_taken_up_again_as_it_was(
    root: Path, user: User
) -> None:
    def react(event: events.Event) -> None:
        if isinstance(event, events.StepStarted) and event.step == "plan":
            assert user.now(Steer(text="use fewer\nchannels")).ok
            assert user.now(Pause()).ok
        elif isinstance(event, events.Paused):
            assert user.now(Ping()).message == "paused before configure"
            assert user.now(Stop()).ok

    first = carry_out(root, Scripted(code=WRONG), react, patience=5, iterations=3)
    assert (ending(first).outcome, ending(first).exit_status) == ("interrupted", 130)
    assert [(e.text, e.iteration) for e in of(first, events.Steered)] == [("use fewer channels", 1)]
    assert of(first, events.Paused)[0].reason == "requested"
    assert [e.step for e in of(first, events.StepFinished)] == ["understand", "plan"]
    model = Scripted(code=WRONG)
    second = carry_out(root, model, run=last_run(journal(root)))
    assert ending(second).reason == "iteration limit of 3 reached"
    shown = [(task, "User: use fewer channels" in prompt) for task, prompt in model.asked]
    planner = [row for row, _ in groupby(row for row in shown if row[0] in ("plan", "config", "decision"))]
    assert planner == [
        ("config", True), ("decision", True), ("plan", True), ("config", True), ("decision", True),
        ("plan", False), ("config", False), ("decision", False),
    ]  # fmt: skip
    prompts = of(second, events.ModelAsked)
    assert [e.task for e in prompts] == [task for task, _ in model.asked]
    assert all(asked in event.prompt for event, (_, asked) in zip(prompts, model.asked, strict=True))
    assert {e.role for e in prompts if e.task == "code"} == {"coder"}
    assert of(second, events.Resources)[0].memory_mb > 10


def test_a_stop_now_ends_a_training_in_the_middle_as_ctrl_c_does(root: Path, user: User) -> None:
    def react(event: events.Event) -> None:
        if isinstance(event, events.EpochDone) and event.epoch == 1:
            user.send(Stop(when="now"))

    told = carry_out(root, Scripted(plan=plan(epochs=400)), react)
    assert ending(told).outcome == "interrupted"
    assert user.replies[0].ok
    assert len(of(told, events.EpochDone)) < 400
    assert registry.load(root) == []
    with pytest.raises(ProjectError):
        user.now(Ping())


def test_a_run_is_repeated_with_another_seed_and_branched_from(root: Path, user: User) -> None:
    def react(event: events.Event) -> None:
        if isinstance(event, events.StepStarted) and (event.step, event.iteration) == ("decide", 1):
            (entry,) = registry.load(root)
            for command, ok in (
                (Rerun(run_id=entry.run_id), True), (Branch(run_id=entry.run_id), True),
                (Branch(run_id="qe_none"), False), (Branch(run_id=entry.run_id), False),
            ):  # fmt: skip
                assert user.now(command).ok == ok

    model = Scripted(code=[f"```python\n{CODE}```", WRONG])
    told = carry_out(root, model, react, iterations=3, threshold=1.0)
    first, again, branched = registry.load(root)
    assert [task for task, _ in model.asked if task in ("plan", "code")] == [
        "plan", "code", "plan", "code", "code", "code", "code",
    ]  # fmt: skip
    assert (first.seed, again.seed, branched.seed) == (0, 1, 0)
    assert again.change == [f"{first.run_id} again, seed 1"]
    assert again.metrics_summary != first.metrics_summary
    one, two = (runs.load(root, entry.run_id) for entry in (first, again))
    assert (one.config, one.code) == (two.config, two.code)
    assert branched.change == [f"from {first.run_id}", "double the channels", "chosen by the loop"]
    assert [(e.kind, e.iteration) for e in of(told, events.Queued)] == [("rerun", 2), ("branch", 3)]
    made = of(told, events.CodeMade)
    assert [(e.code, e.accepted) for e in made[:2]] == [(CODE, True), (CODE, True)]

    # another run of the project, begun from the first one's network
    model = Scripted(code=WRONG)
    told = carry_out(root, model, hands=Hands(branch_from=first.run_id, steer="deeper"), iterations=1)
    assert isinstance(told[1], events.Queued)
    asked = next(prompt for task, prompt in model.asked if task == "config")
    assert one.config is not None
    for line in (f"Network: {one.config.to_json()}", "Change: double the channels", "User: deeper"):
        assert line in asked.splitlines()
    saved = last_run(told)
    assert saved is not None
    assert saved.queued[1].run_id == first.run_id


def test_a_command_runs_only_with_the_users_word_given_through_the_socket(root: Path, user: User) -> None:
    shell = [{"tool": "bash_run", "arguments": {"command": f"echo {word}"}} for word in ("yes", "no")]

    def react(event: events.Event) -> None:
        if isinstance(event, events.ApprovalAsked):
            user.send(Approve(id=event.id, allowed="yes" in event.command))

    model = Scripted(plan={"calls": [*shell, *plan()["calls"]]}, code=WRONG)
    told = carry_out(root, model, react, hands=Hands(waits=True), iterations=1)
    asked = of(told, events.ApprovalAsked)
    assert [(e.tool, e.command, e.folder) for e in asked] == [
        ("bash_run", "echo yes", str(root)), ("bash_run", "echo no", str(root)),
    ]  # fmt: skip
    assert [(e.id, e.allowed) for e in of(told, events.ApprovalGiven)] == [
        (asked[0].id, True), (asked[1].id, False),
    ]  # fmt: skip
    ran = [e for e in of(told, events.ToolFinished) if e.tool == "bash_run"]
    assert [(e.ok, e.result.strip()) for e in ran] == [(True, "yes"), (False, "not approved: echo no")]


@pytest.mark.skipif(not paths.bundled_model().is_file(), reason="needs the bundled model")
@pytest.mark.slow
def test_an_engine_without_a_terminal_is_told_things_known_to_be_killed_and_resumed(tmp_path: Path) -> None:
    root = tmp_path / "p"

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "mlagent_tui", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )

    goal = "Design a small CNN for the digits data set that reaches at least 95% accuracy"
    engine = start("run", goal, "--project", "p", "--hold", "assemble", "--quiet")
    pids: list[int] = []
    for event in events.follow(root / "experiments/journal.jsonl", stop=threading.Event()):
        assert not isinstance(event, events.RunFinished)
        pids += [event.pid] if isinstance(event, events.RunStarted) else []
        if isinstance(event, events.Paused):
            break
    assert pids == [engine.pid]
    assert presence.engine_alive(root)
    assert commands.send(root, Ping()).message == "paused before assemble"
    engine.kill()
    engine.wait()
    assert not presence.engine_alive(root)
    with pytest.raises(ProjectError, match="no engine is running"):
        commands.send(root, Ping())
    assert start("resume", "p", "--steer", "keep it small", "--quiet").wait() == 0
    told = journal(root)
    assert [e.step for e in of(told, events.RunResumed)] == ["assemble"]
    assert [e.text for e in of(told, events.Steered)] == ["keep it small"]


def test_the_settings_of_the_training_are_edited_and_holds_change_during_a_run(
    root: Path, user: User
) -> None:
    wrong = ({"epochs": 0}, {"dataset": "mnist"}, {"epoch": 3}, {"time_limit": 50.0})
    asked: list[str] = []

    def react(event: events.Event) -> None:
        if isinstance(event, events.StepStarted) and event.step == "plan":
            user.now(Hold(before="evaluate"))
        elif isinstance(event, events.Paused) and event.before == "assemble":
            user.now(Hold(before="assemble", wait=False))
            user.send(*(EditSettings(settings=one) for one in wrong), EditSettings(settings={"epochs": 3}))
            user.send(Resume())
        elif isinstance(event, events.Paused):
            asked.append(event.before)
            user.send(EditSettings(settings={"epochs": 2, "batch_size": 100}), Resume())

    model = Scripted(config=CONFIG, code=[f"```python\n{CODE}```"], decision=ACHIEVED)
    hands = Hands(holds=frozenset({"assemble"}))
    told = carry_out(root, model, react, hands=hands, iterations=1, time_budget=40)
    assert asked == ["evaluate"]
    assert [reply.ok for reply in user.replies] == [False, False, False, False, True, True, True, True]
    for reply, what in zip(
        user.replies, ("epochs: ", "dataset is the same", "no setting 'epoch'", "time_limit"), strict=False
    ):
        assert what in reply.message
    (entry,) = registry.load(root)
    assert "settings edited by the user" in entry.change
    run = runs.load(root, entry.run_id)
    assert run.eval_config is not None
    assert run.result is not None
    assert (run.eval_config.epochs, run.eval_config.batch_size) == (2, 100)
    assert len(run.result.curves) == 2
    assert [event.before for event in of(told, events.HoldsSet)] == [
        ["assemble"], ["assemble", "evaluate"], ["evaluate"],
    ]  # fmt: skip
    edits = [index for index, event in enumerate(told) if isinstance(event, events.Edited)]
    resumed = [last_run(told[: index + 1]) for index in edits]
    assert [r and r.current.plan and r.current.plan.evaluation.epochs for r in resumed] == [3, 2]


def test_a_run_that_has_achieved_its_goal_goes_on_with_one_more_trial(root: Path) -> None:
    first = carry_out(root, Scripted(code=[f"```python\n{CODE}```"], decision=ACHIEVED), iterations=1)
    assert ending(first).outcome == "achieved"
    (entry,) = registry.load(root)
    hands = Hands(more=("rerun", entry.run_id))
    second = carry_out(root, Scripted(decision=ACHIEVED), run=last_run(journal(root)), hands=hands)
    assert ending(second).outcome == "achieved"
    again = registry.load(root)[-1]
    assert (again.iteration, again.seed) == (2, 1)
    assert again.change == [f"{entry.run_id} again, seed 1"]
    assert of(second, events.RunResumed)[0].step == "plan"


def test_an_edit_over_the_limit_is_said_and_taken_only_when_confirmed(root: Path, user: User) -> None:
    def react(event: events.Event) -> None:
        if isinstance(event, events.Paused):
            edits = (EditConfig(config=CONFIG), EditConfig(config=CONFIG, confirmed=True))
            user.send(*edits, Resume())

    model = Scripted(config=SMALLER, code=[f"```python\n{CODE}```"], decision=ACHIEVED)
    hands = Hands(holds=frozenset({"assemble"}))
    told = carry_out(root, model, react, hands=hands, iterations=1, max_parameters=3000)
    refused, taken, _ = user.replies
    assert (refused.ok, refused.confirm) == (False, True)
    assert "5210 parameters, over the limit of 3000" in refused.message
    assert taken.ok
    assert any("over the limit of 3000" in warning.message for warning in of(told, events.Warned))
    assert "over the limit" in (root / "experiments/report.md").read_text()
