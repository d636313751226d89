"""The link to the engine: the real command line, a real process, a real socket."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from mlagent_tui import arguments, check_results, commands, events, paths
from mlagent_tui.experiments import Project
from mlagent_tui.tui import engine, found
from mlagent_tui.tui.engine import EngineLink, Request
from mlagent_tui.tui.form import Form
from mlagent_tui.tui.projects import look
from mlagent_tui.tui.screens.onward import Onward
from tests import recording, small_project, tiny_gguf
from tests.waiting import eventually

PARSER = arguments.parser({name: lambda _: 0 for name in arguments.NAMES})
GOAL = "A tiny MLP for digits, at least 90% accuracy"


def test_a_request_is_understood_by_the_command_line(tmp_path: Path) -> None:
    request = Request(
        "--goal with a dash", tmp_path, planner="/m/a b.gguf", dataset="mnist", device="cpu", iterations=3,
        patience=2, time_budget="1h30m", seed=7, hold=("assemble", "evaluate"), another=True,
    )  # fmt: skip
    told = PARSER.parse_args(request.arguments())
    assert (told.goal, told.project, told.planner, told.coder) == (
        "--goal with a dash", tmp_path, "/m/a b.gguf", "bundled",
    )  # fmt: skip
    assert (told.iterations, told.patience, told.time_budget, told.seed) == (3, 2, 5400, 7)
    assert (told.dataset, told.hold, told.another) == ("mnist", ["assemble", "evaluate"], True)


def test_what_is_left_empty_is_left_to_the_engine(tmp_path: Path) -> None:
    told = PARSER.parse_args(Request(GOAL, tmp_path).arguments())
    assert (told.iterations, told.patience, told.time_budget, told.seed, told.dataset) == (None,) * 5


@pytest.mark.asyncio
async def test_the_check_names_what_is_missing_by_field(tmp_path: Path) -> None:
    missing = Request(
        "make mnist error rate below 1%", tmp_path / "p", planner=str(tmp_path / "no.gguf"), data_dir=tmp_path
    )
    found = await engine.check(missing)
    by_field = {problem.field: problem for problem in found.problems}
    assert {"dataset", "planner"} <= by_field.keys()
    assert "no.gguf" in by_field["planner"].message
    assert by_field["dataset"].remedy
    assert (found.goal["dataset"], found.goal["metric"], found.goal["threshold"]) == (
        "mnist",
        "accuracy",
        0.99,
    )
    assert found.datasets["digits"] == ""
    assert found.datasets["mnist"]
    assert not (tmp_path / "p").exists()


@pytest.mark.asyncio
async def test_the_list_of_models_is_that_of_the_command_line(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (home / "models").mkdir()
    own = tiny_gguf.make(home / "models" / "own.gguf")
    (home / "models" / "bad.gguf").write_bytes(b"GGUF" + bytes(100))
    listing = await found.models()
    assert listing.problem == ""
    by_spec = {model.spec: model for model in listing.models}
    assert set(by_spec) == {"bundled", str(own), str(home / "models" / "bad.gguf")}
    assert by_spec[str(own)].facts == ("~/models", "llama", "F32", "4,096 tokens", "chat prompts")
    assert by_spec[str(own)].size == own.stat().st_size
    assert listing.models[-1].problem


@pytest.mark.asyncio
async def test_what_a_check_found_is_in_the_list_and_in_the_check_of_a_run(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (home / "models").mkdir()
    own = str(tiny_gguf.make(home / "models" / "own.gguf"))
    check_results.keep(
        check_results.Result(
            identity=check_results.identity(own), size=check_results.size(own), name="own",
            made="2026-11-27T12:00:00+00:00", verdict="own can plan.", planner_seconds=90.0,
        )
    )  # fmt: skip
    listing = await found.models()
    told = {model.spec: model.checked for model in listing.models}
    assert told["bundled"] == "" and told[own].startswith("checked 2026-11-27: own can plan.")
    request = Request("digits 95%", tmp_path / "p", planner=own, time_budget="60")
    checked = await engine.check(request)
    assert checked.problems == () and checked.models.keys() == {"planner"}
    assert checked.models["planner"] == told[own] and "90 s" in checked.slow
    assert (await engine.check(replace(request, time_budget="10m"))).slow == ""


def test_a_list_that_is_none_says_what_was_said_instead() -> None:
    assert found.read(b"", b"mlagent: Usage: settings\n").problem == "mlagent: Usage: settings"
    for out in (b"{}", b"[{}]", b"[3]", b"\xff"):
        assert found.read(out).problem or not found.read(out).models


def test_a_check_that_prints_no_json_is_itself_a_problem() -> None:
    (problem,) = engine.read_check(b"", b"Usage: no such option\n  See: mlagent --help\n").problems
    assert (problem.message, problem.remedy) == ("Usage: no such option", "See: mlagent --help")
    for out in (b"[]", b'{"problems": [{}]}', b"\xff", b'{"problems": 3}'):
        assert engine.read_check(out).problems


def test_a_check_tells_the_wishes_of_the_goal() -> None:
    assert engine.read_check(b'{"problems": [], "wishes": ["no dropout"]}').wishes == ("no dropout",)


@pytest.mark.asyncio
async def test_an_engine_that_cannot_begin_tells_why(tmp_path: Path) -> None:
    root = tmp_path / "p"
    link = EngineLink(root)
    link.start(Request(GOAL, root, planner=str(tmp_path / "no.gguf")))
    assert not await link.ready()
    assert link.status() == 1
    assert "no.gguf" in link.log_tail()
    assert not link.alive()
    link.close()


@pytest.mark.asyncio
async def test_without_an_engine_a_command_gets_an_answer_that_says_so(tmp_path: Path) -> None:
    root = small_project.make(tmp_path)
    link = EngineLink(root)
    reply = await link.send(commands.Ping())
    assert not reply.ok
    assert "no engine" in reply.message
    assert f"mlagent {root}" in reply.remedy


def test_an_engine_that_somebody_else_started_is_alive(tmp_path: Path) -> None:
    root = small_project.make(tmp_path)
    link = EngineLink(root)
    assert not link.alive()
    with Project(root):
        assert link.alive()
    assert not link.alive()


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_run_is_started_told_and_stopped_and_its_log_lies_in_the_project(tmp_path: Path) -> None:
    """The real engine with the bundled model; it waits before code is written."""
    form = Form(goal=GOAL, project=str(tmp_path / "p"), hold_assemble=True)
    link = EngineLink(tmp_path / "p")
    link.start(form.request(tmp_path))
    try:
        assert await link.ready()
        assert link.alive()
        assert (await link.send(commands.Ping())).ok
        assert (await link.send(commands.Stop(when="now"))).ok
        await asyncio.to_thread(eventually, lambda: not link.alive())
    finally:
        link.close()
    assert link.status() == 130
    told = [json.loads(line)["type"] for line in paths.Layout(link.root).journal.read_text().splitlines()]
    assert told[0] == events.RunStarted(goal_text="").type
    assert (link.root / engine.LOG).is_file()


# --- why an engine ended --------------------------------------------------------------------------------

WORDS = {
    "mlagent: Usage: the time is used up\n  Give it more.\n  Or less.\n": (
        "Usage: the time is used up",
        "Give it more. Or less.",
    ),
    "mlagent: first\nmlagent: Project: it is full\n": ("Project: it is full", ""),
    "Traceback\nOSError: no\n": ("Traceback", "OSError: no"),
    "": ("", ""),
}


@pytest.mark.parametrize("log", WORDS)
def test_the_why_ended_of_an_engine_are_the_last_error_of_its_log(tmp_path: Path, log: str) -> None:
    root = small_project.make(tmp_path)
    (root / paths.ENGINE_LOG).write_text(log)
    told = EngineLink(root).why_ended()
    assert (told.message, told.remedy) == WORDS[log]
    os.utime(root / paths.ENGINE_LOG, (1, 1))  # of an engine before
    assert EngineLink(root).why_ended() == engine.Problem("", "")


def test_a_full_disk_is_told_although_no_log_could_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = small_project.make(tmp_path)
    monkeypatch.setattr(engine, "_FULL", 2**62)
    assert EngineLink(root).why_ended().message == "The disk is full."


def test_how_a_run_goes_on_is_understood_by_the_command_line(tmp_path: Path) -> None:
    how = Onward(iterations=9, patience=4, time_budget="1h", hold=("evaluate",), rerun="qe_1")
    told = PARSER.parse_args(how.arguments(tmp_path))
    assert (told.project, told.iterations, told.patience, told.time_budget) == (tmp_path, 9, 4, 3600)
    assert (told.hold, told.rerun, told.branch_from) == (["evaluate"], "qe_1", None)
    assert PARSER.parse_args(Onward(branch_from="qe_2").arguments(tmp_path)).branch_from == "qe_2"


def test_a_run_that_waits_is_listed_as_held(tmp_path: Path) -> None:
    root = recording.project(tmp_path, upto='"type":"decision_made"')
    with recording.engine_at_work(root):
        assert look(root).standing == "running"
        recording.append(root, events.Paused(reason="before evaluate", before="evaluate"))
        assert look(root).standing == "held"
        recording.append(root, events.Continued())
        assert look(root).standing == "running"
