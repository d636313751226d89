"""`mlagent run --check`: what would keep a run from starting, and that nothing is made or started."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from mlagent_tui import events, workspace
from mlagent_tui.cli import main
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


def test_each_data_set_is_said_to_be_there_or_what_it_lacks(check: Any) -> None:
    _, told = check(GOAL)
    assert (told["datasets"]["digits"], told["datasets"]["dummy"]) == ("", "")
    assert "train-images" in told["datasets"]["mnist"]


@pytest.mark.parametrize(
    ("arguments", "field", "said"),
    [
        ([""], "goal", "no goal"),
        (["a good network for the digits"], "goal", "no measurable criterion"),
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
        ([GOAL, "--iterations", "0"], "iterations", "greater than"),
        ([GOAL, "--project", "full"], "project", "is not a project"),
        ([GOAL, "--project", "full/thesis.tex"], "project", "is not a project"),
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
    assert set(fields(told)) >= {"goal", "dataset", "planner", "coder"}


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
    monkeypatch.setattr("mlagent_tui.sandbox.confinement.best_level", lambda: "none")
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
