"""The command line: options, exit statuses, and errors in words."""

from __future__ import annotations

import argparse
import errno
import json
import os
import sys
import types
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mlagent_tui import arguments, cli, events, headless, settings, workspace
from mlagent_tui.agent import Hands, RunOptions, research
from mlagent_tui.arguments import ROLE_KEYS, duration, parser, resumed_options, run_options
from mlagent_tui.cli import main
from mlagent_tui.errors import ProjectError
from mlagent_tui.experiments import Project, registry, runs
from mlagent_tui.headless import Output
from mlagent_tui.prompts import PROFILES
from mlagent_tui.schemas import EvalResult, ModelConfig, RegistryEntry
from mlagent_tui.settings import RoleOptions, Settings
from tests.scripted import CONFIG, GOAL, Scripted
from tests.small_project import RUN_IDS, make

Capture = pytest.CaptureFixture[str]
BEST = EvalResult(
    run_id="qe_1", status="completed", dataset="digits", accuracy=0.97, val_loss=0.1, parameters=5210
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """`mlagent run` with a scripted model in place of a file; its goal is refused, so that nothing trains."""
    model = Scripted(goal=GOAL | {"threshold": None})
    monkeypatch.setattr(headless, "research", partial(research, open_models=model.open))
    monkeypatch.setattr(cli, "_check_models", lambda *specs: None)
    return model


def journal(folder: Path, *told: events.Event) -> Path:
    workspace.prepare(folder, another=True)
    with Project(folder) as project:
        for event in told:
            project.journal.append(event)
    return folder


# --- arguments ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("30m", 1800), ("1h30m", 5400), ("0.5H", 1800), ("1d", 86400)],
)
def test_durations_as_people_write_them(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "10x", "m", "0", "-5", "5 minutes"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        duration(text)


@pytest.mark.parametrize(
    "argv",
    [
        [], ["fly"], ["run"], ["run", ""], ["resume"],
        ["run", "a goal", "--iterations", "0"], ["run", "a goal", "--seed", "x"],
        ["run", "a goal", "--dataset", "imagenet"], ["run", "a goal", "--device", "tpu"],
        ["run", "a goal", "--time-budget", "soon"], ["run", "a goal", "--sandbox", "maybe"],
        ["run", "a goal", "--hold", "plan"], ["resume", "p", "--hold", "decide"],
        ["replay", "p", "--speed", "0"], ["replay", "p", "--speed", "fast"],
        ["replay", "p", "--speed", "inf"], ["replay"], ["interface", "p", "q"],
    ],
)  # fmt: skip
def test_bad_usage_is_status_2_with_one_message_and_a_remedy(argv: list[str], capsys: Capture) -> None:
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("mlagent: Usage: ")
    assert "--help" in captured.err


def test_options_take_precedence_over_settings_and_roles_over_model(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "settings.yaml").write_text("seed: 7\npatience: 5\ncoder: mine.gguf\n")
    monkeypatch.setenv("MLAGENT_CONFIG", str(here / "settings.yaml"))
    parse = parser(cli._COMMANDS).parse_args
    options: RunOptions = run_options(parse(["run", "a goal", "--seed", "0"]), settings.load())
    assert (options.seed, options.patience, options.coder) == (0, 5, str(here / "mine.gguf"))
    both = parse(["run", "a goal", "--model", "m.gguf", "--coder", "c.gguf"])
    options = run_options(both, settings.load())
    assert (options.planner, options.coder) == (str(here / "m.gguf"), str(here / "c.gguf"))


def test_options_of_a_role_come_on_top_of_those_of_both_and_of_the_settings(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "settings.yaml").write_text(
        "sharing: keep\nplanner_options: {temperature: 0.3, gpu_layers: 7, flash_attention: on}\n"
    )
    monkeypatch.setenv("MLAGENT_CONFIG", str(here / "settings.yaml"))
    said = [
        "--model-option", "context=8192", "--model-option", "temperature=0.5",
        "--planner-option", "context=4096", "--planner-option", "gpu-layers=null",
        "--coder-option", "memory_check=false",
        "--coder-option", "chat_template=t.jinja",
    ]  # fmt: skip
    told = parser(cli._COMMANDS).parse_args(["run", "a goal", *said])
    options: RunOptions = run_options(told, settings.load())
    assert options.planner_options.model_dump() == {
        "temperature": 0.5, "gpu_layers": None, "flash_attention": "on", "context": 4096,
    }  # fmt: skip
    assert options.coder_options.model_dump() == {
        "context": 8192, "temperature": 0.5, "memory_check": False, "chat_template": here / "t.jinja",
    }  # fmt: skip
    assert options.sharing == "keep"
    again = RunOptions.model_validate(options.model_dump(mode="json"))
    assert again == options
    assert again.planner_options.model_fields_set == options.planner_options.model_fields_set


def test_a_resumed_run_keeps_its_options_but_for_what_is_said_now() -> None:
    stored = RunOptions(goal_text="a goal", planner_options=RoleOptions(context=8192), sharing="keep")
    parse = parser(cli._COMMANDS).parse_args
    assert resumed_options(parse(["resume", "p"]), stored) == stored
    assert stored.fallback == "bundled"
    said = ["--planner-option", "threads=2", "--sharing", "offload", "--iterations", "20", "--fallback=none"]
    options: RunOptions = resumed_options(parse(["resume", "p", *said]), stored)
    assert options.fallback == "none"
    assert options.planner_options.model_dump() == {"context": 8192, "threads": 2}
    assert (options.sharing, options.iterations, options.coder_options) == ("offload", 20, RoleOptions())


@pytest.mark.parametrize(
    ("argv", "said", "remedy"),
    [
        (
            ["--planner-option", "contxt=1"],
            "--planner-option: there is no option 'contxt'",
            "thinking_budget",
        ),
        (
            ["--planner-option", "prompts=chatty"],
            "--planner-option: prompts: expected one of auto, minnow, chat, completion, got",
            "prompts",
        ),
        (
            ["--model-option", "context=3"],
            "--model-option: context: expected a whole number",
            "Tokens that prompt",
        ),
        (["--coder-option", "context"], "'context' is not of the form KEY=VALUE", "--help"),
        (["--sharing", "sometimes"], "--sharing: expected one of keep, offload, auto, got", "--help"),
        (["--fallback", "other"], "--fallback: expected one of bundled, none, got", "--help"),
    ],
)
def test_an_option_that_cannot_be_used_is_named_with_those_that_can(
    argv: list[str], said: str, remedy: str, capsys: Capture
) -> None:
    assert main(["run", "a goal", *argv]) == 2
    told = capsys.readouterr().err
    assert said in told.splitlines()[0]
    assert remedy in told.splitlines()[1]
    if "sharing" not in argv[0]:
        assert main(["models", "check", "bundled", "--model-option", argv[1]]) == 2
        assert remedy in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["resmue", "p"], "there is no command 'resmue'. Did you mean 'resume'?"),
        (["my-thesis"], "there is no project my-thesis"),
        (["my-thesis", "--json"], "there is no project my-thesis"),
        (["notes.txt"], "notes.txt is a file, not a project folder"),
        (["run"], "GOAL is missing"),
        (["runs", "p", "q"], "unknown option or argument: q"),
        (["run", "a goal", "--seed", "x"], "--seed: 'x' is not a whole number"),
        (["run", "a goal", "--hold", "plan"], "--hold: 'plan' is not one of "),
        (["run", "a goal", "--seed"], "--seed needs a value"),
        (["run", "a goal", "--quiet=1"], "--quiet takes no value"),
        (["run", "a goal", "--time-budget", "soon"], "--time-budget: 'soon' is not a duration"),
        (["run", "a goal", "--plan=x"], "--plan could mean any of --planner, --planner-option"),
    ],
)
def test_what_is_wrong_with_the_arguments_is_said_in_plain_english(
    argv: list[str], said: str, here: Path, capsys: Capture
) -> None:
    (here / "notes.txt").write_text("")
    assert main(argv) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"mlagent: Usage: {said}")
    assert not any(words in error for words in ("invalid", "argument COMMAND", "expected", "unrecognized"))


# --- errors ---------------------------------------------------------------------------------------------


def test_every_path_may_begin_with_the_home_folder(home: Path) -> None:
    parse = parser(cli._COMMANDS).parse_args
    assert parse(["run", "a goal", "--project=~/p"]).project == home / "p"
    options = ["--data-dir=~/d", "--planner", "~/m.gguf", "--coder-option", "chat_template=~/t"]
    read: RunOptions = run_options(parse(["run", "a goal", *options]), Settings())
    assert (read.data_dir, read.planner) == (home / "d", str(home / "m.gguf"))
    assert read.coder_options.chat_template == home / "t"
    for command in ("resume", "replay", "runs", "report", "interface"):
        assert parse([command, "~/p"]).project == home / "p"
    assert parse(["runs", "~nosuchuser/p"]).project == Path("~nosuchuser/p")


def test_no_option_makes_a_path_in_another_way() -> None:
    source = Path(arguments.__file__).read_text(encoding="utf-8")
    assert "type=Path" not in source


def test_a_project_in_the_home_folder_is_made_there(here: Path, home: Path, capsys: Capture) -> None:
    assert main(["runs", "~/p"]) == 1
    assert f"{home / 'p'} is not a project" in capsys.readouterr().err
    (home / "p").mkdir()
    assert arguments.with_command(["~/p"]) == ["interface", "~/p"]
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("goal", ["digits \udcff", "digits \ud800"])
def test_a_goal_that_is_no_text_is_refused(goal: str, capsys: Capture) -> None:
    assert main(["run", goal, "--check"]) == 2
    assert "is not UTF-8 text" in capsys.readouterr().err
    assert main(["run", "digits, 95% accuracy", "--planner", "/m\udcff.gguf", "--check"]) == 2
    assert json.loads(capsys.readouterr().out)["problems"][0]["message"] == "there is no file /m\udcff.gguf"


def test_a_missing_model_file_is_found_before_a_folder_is_made(here: Path, capsys: Capture) -> None:
    assert main(["run", "a goal", "--model", "nowhere.gguf"]) == 1
    assert "nowhere.gguf" in capsys.readouterr().err
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("command", ["resume", "runs", "report", "replay"])
def test_a_folder_that_is_no_project_is_status_1_with_a_remedy(command: str, capsys: Capture) -> None:
    assert main([command, "nowhere"]) == 1
    error = capsys.readouterr().err
    assert "nowhere is not a project" in error
    assert "\n  " in error


def test_a_defect_is_told_with_the_place_of_its_details_and_no_traceback(
    home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defect(folder: Path) -> Path:
        raise RuntimeError("a defect")

    monkeypatch.setattr(cli, "_project", defect)
    assert main(["runs", "anywhere"]) == 1
    error = capsys.readouterr().err
    assert "Traceback" not in error
    place = next(word for word in error.split() if word.startswith(str(home)))
    assert "a defect" in Path(place).read_text()


def test_a_refused_goal_is_status_2_and_leaves_no_folder_behind(
    here: Path, scripted: Scripted, capsys: Capture
) -> None:
    assert main(["run", "Make a good network!"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "mlagent: Goal: the goal has no measurable criterion\n  Say what counts" in captured.err
    assert "project    make-a-good-network-1" in captured.err
    assert "removed: no network was tried in it" in captured.err
    assert list(here.iterdir()) == []


def test_a_folder_that_was_named_stays_for_whoever_looks_at_it(here: Path, scripted: Scripted) -> None:
    assert main(["run", "Make a good network!", "--project", "named"]) == 2
    told = events.read(here / "named/experiments/journal.jsonl")[0]
    assert any(isinstance(event, events.Failed) for event in told)
    assert main(["run", "Make a good network!", "--project", "named"]) == 2


def test_a_folder_of_the_users_is_never_removed(here: Path, scripted: Scripted) -> None:
    (here / "mine").mkdir()
    assert main(["run", "Make a good network!", "--project", "mine"]) == 2
    assert (here / "mine/experiments/journal.jsonl").is_file()


def test_events_as_json_are_all_that_is_on_stdout(scripted: Scripted, capsys: Capture) -> None:
    assert main(["run", "Make a good network!", "--events", "jsonl"]) == 2
    captured = capsys.readouterr()
    told = [json.loads(line) for line in captured.out.splitlines()]
    assert [told[0]["type"], told[-1]["type"]] == ["run_started", "run_finished"]
    assert captured.err.startswith("mlagent: Goal: ")


# --- projects -------------------------------------------------------------------------------------------


def test_the_default_folder_is_the_goal_and_the_first_free_number(here: Path) -> None:
    goal = "A small CNN for the digits data set: at least 95% accuracy!"
    first = workspace.default_folder(goal, here)
    assert first.name == "a-small-cnn-for-the-digits-data-set-at-l-1"
    first.mkdir()
    assert workspace.default_folder(goal, here).name.endswith("-2")
    assert workspace.default_folder("数字", here).name == "run-1"


def test_a_folder_with_other_things_in_it_does_not_become_a_project(here: Path) -> None:
    (here / "thesis.tex").write_text("")
    with pytest.raises(ProjectError, match="is not a project"):
        workspace.prepare(here)


def test_a_project_whose_run_has_not_ended_is_resumed_or_explicitly_left(here: Path) -> None:
    folder = journal(here / "p", events.RunStarted(goal_text="a goal"))
    with pytest.raises(ProjectError, match="has not ended") as error:
        workspace.prepare(folder)
    assert f"mlagent resume {folder}" in error.value.remedy
    workspace.prepare(folder, another=True)


def test_a_project_whose_run_has_ended_takes_another_goal(here: Path) -> None:
    ended = events.RunFinished(outcome="stopped", exit_status=3)
    folder = journal(here / "p", events.RunStarted(goal_text="a goal"), ended)
    assert workspace.prepare(folder) is False


def test_a_project_in_a_read_only_folder_is_an_error_with_a_remedy(read_only_folder: Path) -> None:
    with pytest.raises(ProjectError) as error:
        workspace.prepare(read_only_folder / "p")
    assert error.value.remedy


@pytest.mark.parametrize(
    ("outcome", "said"), [("achieved", "has achieved its goal"), ("stopped", "--iterations")]
)
def test_a_run_that_has_ended_is_not_resumed(here: Path, outcome: Any, said: str, capsys: Capture) -> None:
    journal(here / "p", events.RunStarted(goal_text="a goal"), events.RunFinished(outcome=outcome))
    assert main(["resume", "p"]) == 2
    assert said in capsys.readouterr().err


def test_a_project_without_a_run_has_nothing_to_resume(here: Path, capsys: Capture) -> None:
    journal(here / "p")
    assert main(["resume", "p"]) == 1
    assert "no run has been started" in capsys.readouterr().err


def test_a_project_that_is_in_use_is_refused(here: Path, scripted: Scripted, capsys: Capture) -> None:
    folder = journal(here / "p")
    with Project(folder):
        assert main(["run", "a goal", "--project", "p"]) == 1
    assert "is in use by process" in capsys.readouterr().err


def test_runs_lists_the_registry_as_columns_or_json(here: Path, capsys: Capture) -> None:
    folder = journal(here / "p")
    assert main(["runs", "p"]) == 0
    assert capsys.readouterr().out == ""
    entry = RegistryEntry(
        run_id="qe_20260101_000000", timestamp="2026-01-01T00:00:00Z", model_name="CurrentModel",
        dataset="digits", metrics_summary={"accuracy": 0.97, "val_loss": 0.1}, decision="Iterate: \x1b[2J",
        experiment_dir="experiments/qe_20260101_000000/", parameters=5210,
    )  # fmt: skip
    registry.record(folder, entry)
    assert main(["runs", "p"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["run", "accuracy", "loss", "parameters", "status", "decision"]
    assert lines[1].split()[:6] == ["qe_20260101_000000", "★", "0.9700", "0.1000", "5,210", "completed"]
    assert "\x1b" not in lines[1]
    assert main(["runs", "p", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["run_id"] == "qe_20260101_000000"


def test_runs_says_that_a_run_is_held_or_in_progress(here: Path, capsys: Capture) -> None:
    folder = journal(here / "p", events.RunStarted(goal_text="a goal"))
    with Project(folder):
        for event, told in (
            (events.StepStarted(step="plan", iteration=1), "a run is in progress (process"),
            (
                events.Paused(reason="before evaluate", before="evaluate"),
                "a run is held before evaluate (process",
            ),
            (events.Continued(), "a run is in progress"),
        ):
            with (folder / "experiments/journal.jsonl").open("a") as file:
                file.write(event.to_json() + "\n")
            assert main(["runs", "p"]) == 0
            assert told in capsys.readouterr().err


def test_what_is_advised_for_an_ended_run_works(here: Path, capsys: Capture) -> None:
    ended = (events.RunStarted(goal_text="a goal"), events.RunFinished(outcome="achieved"))
    journal(here / "p", *ended)
    assert main(["resume", "p"]) == 2
    advice = capsys.readouterr().err
    assert "mlagent run GOAL --project p" in advice
    assert "--branch-from RUN or --rerun RUN" in advice
    assert main(["resume", "p", "--rerun", "qe_1"]) == 1  # refused for the trial, not for the run
    assert "there is no trial qe_1" in capsys.readouterr().err


def test_report_writes_and_prints_the_report(here: Path, capsys: Capture) -> None:
    folder = journal(here / "p", events.RunStarted(goal_text="a goal"))
    assert main(["report", "p"]) == 0
    assert capsys.readouterr().out == (folder / "experiments/report.md").read_text()


# --- the outcome ----------------------------------------------------------------------------------------


def test_the_outcome_is_on_stdout_and_the_times_are_on_stderr(capsys: Capture) -> None:
    output = Output()
    for event in (
        events.TrialFinished(result=BEST.model_dump()),
        events.BestTested(run_id="qe_1", accuracy=0.96),
        events.TimeSpent(training=1),
    ):
        output.event(event)
    ending = events.RunFinished(outcome="achieved", reason="accuracy 0.97 >= 0.95", best_run_id="qe_1")
    output.finish(ending, Path("p"), BEST, "over the limit")
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        "Goal achieved: accuracy 0.97 >= 0.95",
        "  best     qe_1 · accuracy 0.9700 · val loss 0.1000 · 5,210 parameters · test accuracy 0.9600 "
        "· over the limit",
        "  project  p",
        "  report   p/experiments/report.md",
    ]
    assert "total" in captured.err


def test_an_achieved_goal_with_an_unmet_wish_says_so_plainly(capsys: Capture) -> None:
    wishes = ["convolutional network: not met, the network is an MLP with 3 linear layers", "no dropout: met"]
    ending = events.RunFinished(outcome="achieved", reason="enough", wishes=wishes, unmet=wishes[:1])
    Output().finish(ending, Path("p"), BEST)
    first, _, third, *_ = capsys.readouterr().out.splitlines()
    assert first == "Goal achieved, 1 wish not met: enough"
    assert third == f"  wishes   {wishes[0]} · no dropout: met"


def test_an_interrupted_run_says_how_to_go_on(capsys: Capture) -> None:
    Output(quiet=True).finish(
        events.RunFinished(outcome="interrupted", reason="stopped on request"), Path("p"), None
    )
    assert "mlagent resume p" in capsys.readouterr().out


# --- the interface --------------------------------------------------------------------------------------


class Interface:
    """Stands in for the real one, which needs a terminal; the command line must call it just so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.called: list[tuple[Any, ...]] = []
        module = types.SimpleNamespace(run_app=self.run_app, replay_app=self.replay_app)
        monkeypatch.setitem(sys.modules, "mlagent_tui.tui", module)
        monkeypatch.setattr(cli, "_need_terminal", lambda: None)

    def run_app(self, project: Path | None) -> int:
        self.called.append(("run", project))
        return 0

    def replay_app(self, project: Path, speed: float) -> int:
        self.called.append((speed, project))
        return 0


def test_without_a_command_the_interface_opens_on_the_project_that_is_named(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interface, folder = Interface(monkeypatch), journal(here / "p")
    for argv in ([], ["p"], [str(folder)], ["replay", "p"], ["replay", "p", "--speed", "2.5"]):
        assert main(argv) == 0
    assert interface.called == [
        ("run", None), ("run", folder), ("run", folder), (1.0, folder), (2.5, folder),
    ]  # fmt: skip


def test_a_folder_that_is_no_project_is_not_opened(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    interface = Interface(monkeypatch)
    (here / "empty").mkdir()
    assert main(["empty"]) == 1
    assert "empty is not a project" in capsys.readouterr().err
    assert interface.called == []


def test_a_command_is_a_command_also_where_a_folder_has_its_name(here: Path, capsys: Capture) -> None:
    (here / "runs").mkdir()
    assert main(["runs"]) == 2
    assert "PROJECT" in capsys.readouterr().err


# --- hands ----------------------------------------------------------------------------------------------


def test_what_the_user_brings_reaches_the_run(
    here: Path, monkeypatch: pytest.MonkeyPatch, scripted: Scripted
) -> None:
    brought: list[Any] = []

    def drive(project: Any, run: Any, folder: Path, output: Output, hands: Any) -> int:
        brought.append(hands)
        return 0

    monkeypatch.setattr(headless, "drive", drive)
    folder = journal(here / "p", events.RunStarted(goal_text="a goal"))
    run_id = stored_run(folder)
    said = ["--hold", "assemble", "--hold", "evaluate", "--steer", "smaller", "--wait-for-approval"]
    assert main(["run", "a goal", "--another", "--project", "p", "--branch-from", run_id, *said]) == 0
    assert main(["resume", "p", *said]) == 0
    assert main(["resume", "p"]) == 0
    holds = frozenset({"assemble", "evaluate"})
    both = Hands(holds=holds, steer="smaller", waits=True)
    assert brought == [replace(both, branch_from=run_id), both, Hands()]


def stored_run(folder: Path) -> str:
    runs.save(folder, "qe_1", config=ModelConfig.model_validate(CONFIG))
    registry.record(folder, RegistryEntry(
        run_id="qe_1", timestamp="2026-01-01T00:00:00Z", model_name="CurrentModel", dataset="digits",
        metrics_summary={}, experiment_dir="experiments/qe_1/",
    ))  # fmt: skip
    return "qe_1"


@pytest.mark.parametrize("where", [[], ["--project", "p"], ["--project", "new"]])
def test_a_run_that_is_not_there_cannot_be_branched_from(
    here: Path, where: list[str], capsys: Capture
) -> None:
    journal(here / "p")
    assert main(["run", "a goal", *where, "--branch-from", "qe_1"]) == 1
    assert "qe_1" in capsys.readouterr().err
    assert sorted(path.name for path in here.iterdir()) == ["p"]


@pytest.mark.parametrize("text", ["layers: !!int x", "a: &x [*x]", "num_classes: 2024-02-30", "a: 0b_"])
def test_a_network_that_cannot_be_read_is_said_with_its_file_and_line(
    text: str, here: Path, capsys: Capture
) -> None:
    make(here)
    file = here / "P/experiments" / RUN_IDS[0] / "model_config.yaml"
    file.write_text(text)
    told = ["run", "a goal", "--project", "P", "--another", "--branch-from", RUN_IDS[0]]
    assert main(told) == 1
    assert f"{file.relative_to(here)}, line 1: " in capsys.readouterr().err


def test_each_profile_of_prompts_can_be_asked_for(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "settings.yaml").write_text("coder_options: {prompts: completion}\n")
    monkeypatch.setenv("MLAGENT_CONFIG", str(here / "settings.yaml"))
    for profile in ("auto", *PROFILES):
        told = parser(cli._COMMANDS).parse_args(["run", "a goal", "--planner-option", f"prompts={profile}"])
        options: RunOptions = run_options(told, settings.load())
        assert (options.planner_options.prompts, options.coder_options.prompts) == (profile, "completion")
    assert arguments.PROFILES == PROFILES


def test_help_names_every_option_of_a_role() -> None:
    assert ", ".join(RoleOptions.model_fields) == ROLE_KEYS


# --- damaged and long projects --------------------------------------------------------------------------


def test_a_report_that_cannot_be_saved_is_printed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    root = make(tmp_path, outcome="")

    def full(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("mlagent_tui.files._replace", full)
    assert main(["report", str(root)]) == 0
    out, err = capsys.readouterr()
    assert "97.00 %" in out and "**qe_20260101_000002**" in out
    assert "was not saved" in err and "read-only" in err
    assert not (root / "experiments/report.md").exists()


@pytest.mark.parametrize("command", ["runs", "report"])
def test_commands_that_only_read_work_on_a_damaged_registry_and_say_so(
    tmp_path: Path, capsys: Capture, command: str
) -> None:
    root = make(tmp_path)
    path = root / "experiments/registry.json"
    path.write_text(path.read_text()[:900])
    assert main([command, str(root)]) == 0
    out, err = capsys.readouterr()
    assert all(run_id in out for run_id in RUN_IDS)
    assert "is damaged" in (err if command == "runs" else out)
    assert len(path.read_text()) == 900


def test_a_table_of_runs_is_a_page_unless_all_are_asked_for(tmp_path: Path, capsys: Capture) -> None:
    root = make(tmp_path)
    path = root / "experiments/registry.json"
    one = json.loads(path.read_text())[0]
    path.write_text(
        json.dumps([*json.loads(path.read_text()), *({**one, "run_id": f"x{n}"} for n in range(57))])
    )
    assert main(["runs", str(root)]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 51 and "x56" in out and "x6 " not in out
    assert "newest 50 of 60" in err and "--all" in err
    assert main(["runs", str(root), "--all"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 61
    assert main(["runs", str(root), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 60


def test_resuming_a_run_that_has_ended_reads_only_the_end_of_its_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    root = make(tmp_path)
    monkeypatch.setattr(events, "scan", lambda *_, **__: pytest.fail("the journal was read from its start"))
    assert main(["resume", str(root)]) == 2
    assert "has stopped: iteration limit" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["runs", "report", "resume"])
@pytest.mark.parametrize("damage", ["folder", "pipe", "garbage", "start", "missing"])
def test_no_damage_to_a_journal_is_an_unexpected_error(
    tmp_path: Path, capsys: Capture, command: str, damage: str
) -> None:
    root = make(tmp_path, outcome="")
    path = root / "experiments/journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage == "pipe":
        os.mkfifo(path)
    elif damage == "garbage":
        path.write_bytes(b"\x00garbage\n" * 50)
    elif damage == "start":
        path.write_bytes(b"".join([b"x\n", *lines[1:]]))
    status = main([command, str(root)])
    out, err = capsys.readouterr()
    assert status == (0 if command == "runs" or (command == "report" and out) else 1)
    assert "Unexpected" not in err
    if command == "resume":
        assert "no run has been started" in err or "cannot be read" in err
    if damage == "start" and command == "report":
        assert "(line 1)" in out and "97.00 %" in out
