"""The start screen's form as values."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent_tui import workspace
from mlagent_tui.agent import find_numbers
from mlagent_tui.tui import found
from mlagent_tui.tui.form import EXAMPLES, Form, amount, default_folder, goal_with_limit, remembered
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


def test_a_limit_on_parameters_is_said_in_the_goal_so_that_the_planner_finds_it() -> None:
    goal = goal_with_limit("An MLP for digits, at least 90%.", "12k")
    assert goal == "An MLP for digits, at least 90%, with at most 12,000 parameters"
    assert 12_000 in [number.value for number in find_numbers(goal)]
    assert goal_with_limit(GOAL, "") == GOAL


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("goal", " \n"), ("goal", "x" * 4001), ("iterations", "0"), ("iterations", "ten"), ("patience", "-1"),
        ("time_budget", "soon"), ("time_budget", "0m"), ("parameters", "few"), ("seed", "2147483648"),
        ("seed", "²"), ("planner", "/no/such/file.gguf"), ("coder", "/tmp"),
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
        GOAL, planner=str(model), iterations="3", patience="2", time_budget="1h 30m", parameters="50k",
        seed="0",
    )  # fmt: skip
    assert form.problems(tmp_path) == []
    request = form.request(tmp_path)
    assert (request.iterations, request.patience, request.time_budget, request.seed) == (3, 2, "1h30m", 0)
    assert request.goal.endswith("50,000 parameters")


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


def test_models_are_found_where_people_keep_them(home: Path, tmp_path: Path) -> None:
    for place in ("models/a/b", "Downloads", ".lmstudio/models/x"):
        (home / place).mkdir(parents=True)
    one = tiny_gguf.make(home / "models/a/b/one.gguf")
    tiny_gguf.make(home / "Downloads/part-00002-of-00003.gguf")
    (home / "Downloads/no.gguf").write_text("not a model")
    (home / ".lmstudio/models/x/again.gguf").symlink_to(one)
    (home / "models/loop").symlink_to(home)
    assert [model.path.name for model in found.models(tmp_path)] in (["one.gguf"], ["again.gguf"])
    assert found.models(tmp_path, seconds=0) == []
