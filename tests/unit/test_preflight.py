"""`mlagent run --check`: what would keep a run from starting, and that nothing is made or started."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import pytest

from mlagent_tui import events, headless, paths, workspace
from mlagent_tui.cli import main
from mlagent_tui.console import error_text
from mlagent_tui.experiments import Project
from tests.tiny_gguf import make

Capture = pytest.CaptureFixture[str]
GOAL = "a small network for the digits, at least 95% accuracy"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a usable model file in it, `m.gguf`."""
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "m.gguf")
    return tmp_path


@pytest.fixture
def check(capsys: Capture) -> Any:
    def run(*arguments: str, model: str = "m.gguf") -> tuple[int, dict[str, Any]]:
        status = main(["run", "--check", "--model", model, *arguments])
        captured = capsys.readouterr()
        assert captured.err == ""
        told: dict[str, Any] = json.loads(captured.out)
        assert all(problem["message"] and problem["remedy"] for problem in told["problems"]), told
        return status, told

    return run


def fields(told: dict[str, Any]) -> list[str]:
    return [problem["field"] for problem in told["problems"]]


def test_a_run_that_can_start_has_no_problem_and_nothing_was_made(here: Path, check: Any) -> None:
    before = sorted(here.iterdir())
    status, told = check(GOAL, "--project", "p")
    assert (status, told["problems"]) == (0, [])
    assert told["sandbox"]
    assert sorted(here.iterdir()) == before


def test_a_file_that_is_no_language_model_and_a_prompt_that_is_empty_are_told(here: Path, check: Any) -> None:
    made = gguf.GGUFWriter(str(here / "mmproj.gguf"), "clip")
    made.add_type("mmproj")
    made.write_header_to_file()
    made.write_kv_data_to_file()
    made.close()
    empty = paths.prompts_folder() / "minnow" / "goal.md"
    empty.parent.mkdir(parents=True)
    empty.touch()
    status, told = check(GOAL, model="mmproj.gguf")
    assert (status, fields(told)) == (2, ["planner", "coder", "prompts"])
    assert "mmproj.gguf is a vision projector" in told["problems"][0]["message"]
    assert told["problems"][0]["remedy"].endswith(
        "Name the language model instead: " + str(here / "m.gguf") + "."
    )
    assert told["problems"][2]["message"] == f"{empty} is empty"


def test_the_wishes_of_a_goal_are_told(check: Any) -> None:
    _, told = check("digitsでCNNを使い、95%以上、ドロップアウトなし", "--project", "p")
    assert told["wishes"] == ["convolutional network", "no dropout"]


def test_each_data_set_is_said_to_be_there_or_what_it_lacks(check: Any) -> None:
    _, told = check(GOAL)
    assert (told["datasets"]["digits"], told["datasets"]["dummy"]) == ("", "")
    assert "train-images" in told["datasets"]["mnist"]


@pytest.mark.parametrize(
    ("arguments", "field", "said"),
    [
        ([""], "goal", "no goal"),
        (["a good network for the digits"], "threshold", "no measurable criterion"),
        (["a network with 95% accuracy"], "dataset", "names no data set"),
        (["a network for CIFAR-10, 70% accuracy"], "dataset", "cifar10 is not in"),
        ([GOAL, "--dataset", "mnist"], "dataset", "mnist is not in"),
        ([GOAL, "--dataset", "imagenet"], "dataset", "digits"),
        ([GOAL, "--planner", "nowhere.gguf"], "planner", "nowhere.gguf"),
        ([GOAL, "--coder", "junk.gguf"], "coder", "junk.gguf"),
        ([GOAL, "--coder", "ftp://localhost"], "coder", "does not name a server"),
        ([GOAL, "--planner-option", "contxt=3"], "planner_options", "no option 'contxt'"),
        ([GOAL, "--coder-option", "chat_template=none.jinja"], "coder_options", "none.jinja"),
        ([GOAL, "--sharing", "sometimes"], "sharing", "keep"),
        ([GOAL, "--device", "mps" if sys.platform == "linux" else "cuda"], "device", "this machine has no"),
        ([GOAL, "--device", "tpu"], "device", "cuda"),
        ([GOAL, "--iterations", "0"], "iterations", "from 1 to 1,000, got 0"),
        ([GOAL, "--project", "full"], "project", "not a project"),
        ([GOAL, "--project", "full/thesis.tex"], "project", "not a project"),
        ([GOAL, "--branch-from", "qe_1"], "branch_from", "qe_1"),
    ],
)
def test_what_would_keep_a_run_from_starting_is_said_beside_its_field(
    here: Path, check: Any, arguments: list[str], field: str, said: str
) -> None:
    (here / "junk.gguf").write_bytes(b"junk" * 100)
    (here / "full").mkdir()
    (here / "full/thesis.tex").write_text("")
    status, told = check(*arguments)
    assert (status, fields(told)) == (2, [field])
    assert said in told["problems"][0]["message"]


def test_every_problem_is_said_at_once(check: Any) -> None:
    status, told = check("a network", "--device", "mps", model="nowhere.gguf")
    assert status == 2
    assert set(fields(told)) >= {"threshold", "dataset", "planner", "coder"}


def test_a_project_in_which_something_runs_or_waits_is_said(here: Path, check: Any) -> None:
    workspace.prepare(here / "p")
    with Project(here / "p") as project:
        status, told = check(GOAL, "--project", "p")
        assert (status, fields(told)) == (2, ["project"])
        assert "is in use" in told["problems"][0]["message"]
        project.journal.append(events.RunStarted(goal_text="a goal"))
    _, told = check(GOAL, "--project", "p")
    assert "has not ended" in told["problems"][0]["message"]
    assert check(GOAL, "--project", "p", "--another")[0] == 0


def test_a_confinement_that_is_required_and_not_there_is_said(
    check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlagent_tui.sandbox.levels.best_level", lambda: "none")
    monkeypatch.setattr("mlagent_tui.preflight.sandbox.best_level", lambda: "none")
    assert fields(check(GOAL, "--sandbox", "required")[1]) == ["sandbox"]
    status, told = check(GOAL)
    assert (status, told["sandbox"]) == (0, "none")


def test_settings_that_cannot_be_read_are_a_problem_like_any_other(
    here: Path, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "settings.yaml").write_text("seed: soon\n")
    monkeypatch.setenv("MLAGENT_CONFIG", str(here / "settings.yaml"))
    status, told = check(GOAL)
    assert (status, fields(told)) == (2, ["settings"])


# --- one set of checks for --check and run ----------------------------------------------------------------

LONG = "n" * 300
PROJECTS = [
    "a\nb", "a\x1b[2Jb", "bell\x07/p", "no\udcffname", "/dev/null/x", "/proc/x", "/sys/x", "loop", "dangling",
    "loop/p", "file", "file/p", "full", LONG, f"{LONG}/p", "p/" * 2500, "occupied", "waiting", "closed",
    "closed/p", "damaged", "piped", "n" * 200, "new", "new/deeper", "empty", "ended", "spaces & ünïcode",
]  # fmt: skip
GOOD = {"n" * 200, "new", "new/deeper", "empty", "ended", "spaces & ünïcode"}


@pytest.fixture
def places(here: Path, read_only_folder: Path) -> Iterator[Path]:
    """A folder with one place of every kind that `PROJECTS` names."""
    (here / "loop").symlink_to("loop")
    (here / "dangling").symlink_to("nowhere")
    (here / "closed").symlink_to(read_only_folder)
    (here / "file").write_text("")
    (here / "full").mkdir()
    (here / "full/thesis.tex").write_text("")
    (here / "empty").mkdir()
    for name in ("occupied", "waiting", "ended", "damaged", "piped"):
        workspace.prepare(here / name)
    with Project(here / "waiting") as project:
        project.journal.append(events.RunStarted(goal_text="a goal"))
    with Project(here / "ended") as project:
        project.journal.append(events.RunStarted(goal_text="a goal"))
        project.journal.append(events.RunFinished(outcome="stopped", reason="", exit_status=3))
    (here / "damaged/experiments/.lock").mkdir()
    os.mkfifo(here / "piped/experiments/journal.jsonl")
    with Project(here / "occupied"):
        yield here


@pytest.mark.parametrize("name", PROJECTS, ids=lambda name: repr(name[:20]))
def test_check_and_run_give_the_same_answer_about_a_folder(
    name: str, places: Path, check: Any, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(str(path) for path in places.rglob("*"))
    status, told = check(GOAL, "--project", name)
    assert sorted(str(path) for path in places.rglob("*")) == before
    started: list[Path] = []
    monkeypatch.setattr(headless, "drive", lambda project, run, folder, *rest: started.append(folder) or 0)
    ended = main(["run", GOAL, "--model", "m.gguf", "--project", name, "--quiet"])
    said = capsys.readouterr().err
    if name in GOOD:
        assert (status, told["problems"], ended, said) == (0, [], 0, "")
        assert started
    else:
        assert (status, fields(told), ended, started) == (2, ["project"], 1, [])
        (problem,) = told["problems"]
        assert said == f"{error_text('Project', problem['message'], problem['remedy'])}\n"
        assert "base_dir" not in said


def test_a_run_that_goes_on_is_not_to_be_resumed(places: Path, check: Any) -> None:
    _, told = check(GOAL, "--project", "occupied")
    assert f"is in use by process {os.getpid()}" in told["problems"][0]["message"]
    assert "resume" not in told["problems"][0]["remedy"]
    _, told = check(GOAL, "--project", "waiting")
    assert "mlagent resume waiting" in told["problems"][0]["remedy"]
