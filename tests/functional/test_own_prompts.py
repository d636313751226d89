"""Runs with prompts of the user's: what is asked, what the journal and the report say, what cannot change.

The language model is scripted, as in `test_loop`; tools, workers and training are real.
"""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Any

import pytest

from mlagent_tui import cli, events, headless, workspace
from mlagent_tui.agent import RunOptions, Saved, last_run, research
from mlagent_tui.experiments import Project
from mlagent_tui.prompts import names, shipped
from tests.scripted import ACHIEVED, Scripted, plan

TEXT = "a small network for the digits, at least 30% accuracy"
MINE = "Judge kindly. Answer in JSON.\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    workspace.prepare(folder)
    return folder


def write(root: Path, name: str, text: str = MINE) -> Path:
    file = root / "prompts" / "minnow" / f"{name}.md"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def carry_out(
    root: Path, model: Scripted, run: Saved | None = None, cancel: threading.Event | None = None
) -> list[events.Event]:
    with Project(root) as project:
        options = run or RunOptions(goal_text=TEXT)
        return list(research(project, options, cancel=cancel, open_models=model.open))


def asked(told: list[events.Event], task: str) -> list[str]:
    return [event.prompt for event in told if isinstance(event, events.ModelAsked) and event.task == task]


def chosen(told: list[events.Event]) -> events.PromptsChosen:
    (event,) = [event for event in told if isinstance(event, events.PromptsChosen)]
    return event


def warnings(told: list[events.Event]) -> list[str]:
    return [event.message for event in told if isinstance(event, events.Warned)]


def test_a_run_asks_with_the_users_file_says_so_and_no_plan_of_its_own_changes_it(root: Path) -> None:
    mine = write(root, "decision")
    overwrite: dict[str, Any] = {"file_path": "prompts/minnow/explain.md", "content": "Praise the network."}
    calls = [{"tool": "write_file", "arguments": overwrite}, *plan()["calls"]]
    told = carry_out(root, Scripted(plan={"calls": calls}, decision=ACHIEVED))
    assert isinstance(told[-1], events.RunFinished) and told[-1].exit_status == 0, told[-1]

    assert asked(told, "decision")[0].startswith(f"system:\n{MINE.strip()}")
    assert (root / "prompts/minnow/explain.md").read_text() == "Praise the network."
    assert asked(told, "explain")[0].startswith("system:\n" + shipped("minnow", "explain").text)

    event = chosen(told)
    assert event.profiles == {"planner": "minnow", "coder": "minnow"}
    files = {file["name"]: file for file in event.files}
    assert set(files) == set(names("minnow"))
    assert files["decision"] == {
        "profile": "minnow", "name": "decision", "path": str(mine), "changed": True,
        "sha256": hashlib.sha256(MINE.encode()).hexdigest(),
    }  # fmt: skip
    assert (files["code"]["path"], files["code"]["changed"]) == ("", False)
    report = (root / "experiments/report.md").read_text()
    assert "changed: minnow/decision" in report
    assert files["decision"]["sha256"] in report and files["code"]["sha256"] not in report


def test_a_resumed_run_reads_them_again_and_says_what_has_changed(root: Path) -> None:
    write(root, "decision")
    cancel = threading.Event()
    model = Scripted(before=lambda task: cancel.set() if task == "config" else None, decision=ACHIEVED)
    carry_out(root, model, cancel=cancel)
    saved = last_run(events.read(root / "experiments/journal.jsonl")[0])
    assert saved is not None

    write(root, "code", "Write PyTorch.\n")
    (root / "prompts/minnow/decision.md").unlink()
    told = carry_out(root, Scripted(decision=ACHIEVED), saved)
    assert isinstance(told[-1], events.RunFinished) and told[-1].exit_status == 0
    assert asked(told, "code")[0].startswith("system:\nWrite PyTorch.")
    assert [file["name"] for file in chosen(told).files if file["changed"]] == ["code"]
    said = "the prompts have changed since the run was started: minnow/code, minnow/decision"
    assert said in warnings(told)


def test_a_run_whose_prompts_are_as_they_were_says_nothing_of_a_change(root: Path) -> None:
    cancel = threading.Event()
    model = Scripted(before=lambda task: cancel.set() if task == "plan" else None, decision=ACHIEVED)
    carry_out(root, model, cancel=cancel)
    saved = last_run(events.read(root / "experiments/journal.jsonl")[0])
    assert not [
        text for text in warnings(carry_out(root, Scripted(decision=ACHIEVED), saved)) if "prompts" in text
    ]


def test_a_name_that_no_prompt_has_is_said(root: Path) -> None:
    slip = write(root, "dezision")
    told = carry_out(root, Scripted(decision=ACHIEVED))
    assert f"{slip} is not used: no prompt has this name" in warnings(told)


def test_a_file_longer_than_the_context_ends_the_run_before_its_first_step(root: Path) -> None:
    mine = write(root, "plan", "word " * 8000)
    model = Scripted(decision=ACHIEVED)
    told = carry_out(root, model)
    (failed,) = [event for event in told if isinstance(event, events.Failed)]
    assert failed.what == f"{mine} has 10,000 tokens, and the planner's context is 8,192"
    assert isinstance(told[-1], events.RunFinished) and told[-1].exit_status == 2
    assert model.asked == []


@pytest.mark.parametrize("command", ["run", "resume"])
def test_an_empty_file_is_one_sentence_and_nothing_is_started(
    command: str, root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(headless, "research", lambda *args, **named: pytest.fail("a run was started"))
    if command == "resume":
        cancel = threading.Event()
        cancel.set()
        carry_out(root, Scripted(), cancel=cancel)
    before = (root / "experiments/journal.jsonl").read_bytes() if command == "resume" else b""
    mine = write(root, "goal", "\n")
    arguments = ["run", TEXT, "--project", str(root)] if command == "run" else ["resume", str(root)]
    assert cli.main(arguments) == 2
    err = capsys.readouterr().err
    assert f"{mine} is empty" in err and "Traceback" not in err
    if before:
        assert (root / "experiments/journal.jsonl").read_bytes() == before


def test_a_base_model_is_said_to_be_one_once(root: Path) -> None:
    model = Scripted(decision=ACHIEVED)
    model.profile = "completion"
    told = carry_out(root, model)
    said = [text for text in warnings(told) if "base model" in text]
    assert said == ["scripted has no chat template: it is a base model, asked with completion prompts"]
