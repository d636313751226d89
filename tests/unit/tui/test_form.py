"""The start screen's form as values."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent_tui import workspace
from mlagent_tui.tui.form import EXAMPLES, Form, amount, default_folder, here, remembered, seconds, share
from tests import small_project, tiny_gguf

GOAL = EXAMPLES[0]


@given(st.text(max_size=80))
def test_a_new_folder_is_named_as_the_command_line_names_it(goal: str) -> None:
    base = Path("/nowhere")
    assert default_folder(goal, base) == workspace.default_folder(goal, base)


@pytest.mark.parametrize(
    ("text", "number"),
    [("50000", 50_000), ("50,000", 50_000), ("50k", 50_000), ("1.5M", 1_500_000), (" 2 m ", 2_000_000)],
)
def test_an_amount_is_read_as_people_write_it(text: str, number: int) -> None:
    assert amount(text) == number


@pytest.mark.parametrize("text", ["", "0", "-3", "many", "5g", "1e5", "٣", "50 000 k"])
def test_what_is_no_amount_is_none(text: str) -> None:
    assert amount(text) is None


def test_a_limit_on_parameters_goes_to_the_engine_as_it_is(tmp_path: Path) -> None:
    request = Form(goal="An MLP for digits, at least 90%.", max_parameters="12k").request(tmp_path)
    assert request.goal == "An MLP for digits, at least 90%."
    assert "--max-parameters=12000" in request.arguments()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("goal", " \n"), ("goal", "x" * 4001), ("iterations", "0"), ("iterations", "ten"), ("patience", "-1"),
        ("time_budget", "soon"), ("time_budget", "0m"), ("max_parameters", "few"),
        ("threshold", "high"), ("max_seconds", "soon"), ("seed", "2147483648"),
        ("seed", "²"), ("planner", "/no/such/file.gguf"), ("coder", "/no/such/folder"),
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_used_is_named_with_a_remedy(field: str, value: str, tmp_path: Path) -> None:
    changed: dict[str, Any] = {field: value}
    (problem,) = replace(Form(goal=GOAL), **changed).problems(tmp_path)
    assert problem.field == field
    assert problem.message
    assert problem.remedy


def test_a_form_that_is_filled_in_has_no_problems(tmp_path: Path) -> None:
    model = tiny_gguf.make(tmp_path / "m.gguf")
    form = Form(
        GOAL, planner=str(model), iterations="3", patience="2", time_budget="1h 30m", max_parameters="50k",
        threshold="95 %", max_seconds="2m",
        seed="0",
    )  # fmt: skip
    assert form.problems(tmp_path) == []
    request = form.request(tmp_path)
    assert (request.iterations, request.patience, request.time_budget, request.seed) == (3, 2, "1h30m", 0)
    assert request.goal == GOAL
    assert (request.threshold, request.max_parameters, request.max_seconds) == (0.95, 50_000, 120.0)


def test_a_folder_of_something_else_is_no_place_for_a_project(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").touch()
    root = small_project.make(tmp_path)
    for project, fields in (
        ("photos", ["project"]),
        ("photos/cat.jpg", ["project"]),
        ("new", []),
        (str(root), []),
    ):
        assert [p.field for p in Form(GOAL, project=project).problems(tmp_path)] == fields


def test_what_was_remembered_wrongly_falls_back() -> None:
    state = {"goal": "g", "device": "tpu", "seed": 3, "hold_assemble": True, "unknown": 1, "dataset": "mnist"}
    assert remembered(state, Form()) == Form(goal="g", hold_assemble=True, dataset="mnist")
    assert remembered(Form(goal="g", project="/p").remembered(), Form()) == Form(goal="g")


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("http://localhost:11434/v1#qwen3:8b", True),
        ("https://lab.example:8000/v1", True),
        ("ftp://localhost/v1", False),
        ("http://", False),
        ("http://user@host/v1", False),
        ("http://host/v1 #name", False),
    ],
)
def test_a_url_is_told_from_what_is_none_with_its_form_as_the_remedy(
    url: str, fine: bool, tmp_path: Path
) -> None:
    problems = Form(GOAL, coder=url).problems(tmp_path)
    assert [problem.field for problem in problems] == ([] if fine else ["coder"])
    assert all("http://HOST:PORT/v1#MODEL" in problem.remedy for problem in problems)


def test_whether_a_file_or_folder_that_is_there_is_a_model_is_for_the_engine_to_say(tmp_path: Path) -> None:
    assert Form(GOAL, planner=str(tmp_path)).problems(tmp_path) == []


def test_options_of_a_role_become_options_of_the_command_line(tmp_path: Path) -> None:
    form = Form(
        GOAL, planner_options="context=8192 gpu-layers=null", coder_options="chat_template='a b.jinja'"
    )
    assert form.problems(tmp_path) == []
    arguments = form.request(tmp_path).arguments()
    assert [a for a in arguments if "-option=" in a] == [
        "--planner-option=context=8192", "--planner-option=gpu-layers=null",
        "--coder-option=chat_template=a b.jinja",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("contxt=3", "There is no option 'contxt'; did you mean 'context'?"),
        ("context=3", "context: expected a whole number from 512 to 2,147,483,647 or null, got '3'."),
        ("context", "context has no value."),
        ("context='8192", "A quotation mark is missing."),
    ],
)
def test_options_that_cannot_be_used_are_told_with_a_remedy(text: str, said: str, tmp_path: Path) -> None:
    (problem,) = Form(GOAL, coder_options=text).problems(tmp_path)
    assert (problem.field, problem.message) == ("coder_options", said)
    assert problem.remedy


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.95", 0.95),
        ("0,95", 0.95),
        ("95%", 0.95),
        ("95,5 %", 0.955),
        (".3", 0.3),
        ("0", None),
        ("1e-2", None),
    ],
)
def test_a_value_to_reach_is_read_as_people_write_it(text: str, number: float | None) -> None:
    assert share(text) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [("90", 90.0), ("90s", 90.0), ("2m", 120.0), ("1 h", 3600.0), ("0", None), ("x", None)],
)
def test_a_training_time_is_read_as_people_write_it(text: str, number: float | None) -> None:
    assert seconds(text) == number


def test_a_remedy_of_the_command_line_names_the_fields_of_the_form() -> None:
    said = here("Change the goal, or set --metric and --threshold. --nothing stays.")
    assert said == "Change the goal, or set the field Metric and the field Threshold. --nothing stays."
