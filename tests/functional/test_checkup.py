"""`models check` with the run's own planner, tools and trial workers.

On the bundled model and on one of noise; and on scripted models whose right and wrong answers are known,
which cannot be had of a real one.
"""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from mlagent_tui import checkup, models_command, paths
from mlagent_tui.check_results import STEPS, Kept, Result
from mlagent_tui.checkup import QUESTIONS, Progress
from mlagent_tui.checkup.questions import EXPLAINED
from mlagent_tui.cli import main
from mlagent_tui.errors import ModelError
from mlagent_tui.llm import Answer, Message, OnProgress, OnText, Request
from tests.hugging_face import convert
from tests.odd_server import answer, serving
from tests.scripted import ACHIEVED, CONFIG, ITERATE, Scripted, plan
from tests.tiny_gguf import make

DENSE = EXPLAINED[1].code
GOALS = [
    {"dataset": "digits", "metric": "accuracy", "comparison": ">=", "threshold": 0.93},
    {"dataset": "mnist", "metric": "accuracy", "comparison": ">=", "threshold": 0.96,
     "max_parameters": 60_000},
    {"dataset": "cifar10", "metric": "val_loss", "comparison": "<", "threshold": 1.1},
    {"dataset": "fashion_mnist", "metric": "accuracy", "comparison": ">=", "threshold": 0.88,
     "max_seconds": 90},
]  # fmt: skip
WIDER = CONFIG | {"layers": [CONFIG["layers"][0] | {"out_channels": 12}, *CONFIG["layers"][1:]]}
THINNER = CONFIG | {"layers": [CONFIG["layers"][0] | {"out_channels": 3}, *CONFIG["layers"][1:]]}


class Model(Scripted):
    """Answers prose as well, which has no task; tells the speed that is said of it, at once."""

    def __init__(self, read: float = 10_000.0, write: float = 500.0, **answers: Any) -> None:
        super().__init__(**answers)
        self._speeds = read, write

    def generate(
        self,
        request: Request,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> Answer:
        text, finish = "so be it", "stop"
        if request.messages[-1].content.startswith("Task: "):
            answer = super().generate(request, None, cancel, on_progress)
            text, finish = answer.text, answer.finish
        for piece in (text[:1], text[1:]):
            if on_text:
                on_text(piece, False)
        read, write = self._speeds
        prompt, tokens = self.count_tokens(request.messages), max(len(text) // 4, 1)
        assert finish in ("stop", "cancelled")
        return Answer(text, "", finish, prompt, tokens, prompt / read, tokens / write)  # type: ignore[arg-type]


def checked(model: Scripted, **options: Any) -> tuple[Result, list[Progress]]:
    told: list[Progress] = []
    found = checkup.check("bundled", start=lambda spec, how: model, tell=told.append, **options)
    return found, told


def counts(found: Result, step: str) -> tuple[int, int, int, int]:
    count = found.steps[step]  # type: ignore[index]
    return count.asked, count.first, count.repaired, count.fallback


# --- what is counted ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_answers_are_counted_as_right_at_first_after_repairs_or_by_fallback() -> None:
    model = Model(
        goal=["no goal", GOALS[0], GOALS[1], GOALS[2] | {"metric": "accuracy", "threshold": 0.7}, GOALS[3]],
        config=[CONFIG, WIDER, CONFIG, CONFIG, CONFIG, CONFIG],
        decision=[ITERATE, ITERATE, ITERATE, ACHIEVED],
        plan=[plan(), plan(epochs=7)],
        code=["no code at all", f"```python\n{DENSE}```", "```python\nimport os\n```"],
        explain=["There are two linear layers.", "It has a convolution with 99,999 parameters."],
    )
    found, told = checked(model, seconds=250)
    assert counts(found, "goal")[:3] == (4, 3, 1)  # what the text leaves no doubt about is read by rules
    assert counts(found, "config") == (3, 2, 0, 1)
    assert counts(found, "decision") == (4, 3, 0, 1)
    assert counts(found, "plan") == (2, 1, 0, 1)
    assert counts(found, "code") == (5, 0, 1, 4)
    assert found.asked == len(QUESTIONS) == found.questions
    assert "7 epochs, though 12 were asked for" in found.steps["plan"].misses
    assert len(found.steps["code"].misses) == 4 and all(found.steps["code"].misses)
    assert (found.suits_planner, found.suits_coder) == (True, False)
    assert "cannot write code (1 of 5): leave --coder to Minnow" in found.verdict
    assert [progress.number for progress in told if progress.number] == list(range(1, len(QUESTIONS) + 1))
    assert str(told[-1]).startswith(f"{told[-1].spent:.0f} of 250 s · question 20 of 20: ")
    assert model.closed


@pytest.mark.slow
def test_the_bundled_model_is_above_what_is_asked_for_a_role() -> None:
    """The verdict says of a model below it that the bundled one does better."""
    found = checkup.check("bundled", seconds=250)
    assert found.asked == found.questions and not found.interrupted
    assert (found.suits_planner, found.suits_coder) == (True, True)
    assert found.read_speed > found.write_speed > 0
    assert found.memory > 1_000_000 and found.longest > 0
    assert found.planner_seconds > 0 and found.coder_seconds > 0
    assert (found.command, found.profile) == ("mlagent run GOAL", "minnow")


@pytest.mark.slow
def test_a_model_of_noise_has_a_result_within_its_time(tmp_path: Path, capsys: Any) -> None:
    model = make(tmp_path / "noise.gguf", context=8192)
    assert main(["models", "check", str(model), "--seconds", "40"]) == 1
    out = capsys.readouterr().out
    assert "suits neither role" in out and "Minnow alone does better" in out
    assert "mlagent run GOAL --model bundled" in out
    found = Kept().of(str(model))
    assert found is not None and found.read_speed > 0 and found.asked >= len(STEPS["planner"])
    assert not any(count.right for step, count in found.steps.items() if step == "code")


@pytest.mark.slow
def test_a_server_is_checked_too_and_known_by_its_address(capsys: Any) -> None:
    with serving() as odd:
        odd.answers = [answer("I would ", "rather ", "talk.")]
        assert main(["models", "check", f"{odd.url}#some", "--seconds", "60", "--json"]) == 1
        told = json.loads(capsys.readouterr().out)
        assert told["name"] == "some" and told["memory"] == 0 and told["context"] == 4096
        assert told["steps"]["code"]["first"] == told["steps"]["config"]["first"] == 0
        assert "no" in told["steps"]["config"]["misses"][0] and told["suits_coder"] is False
        kept = Kept().of(f"{odd.url}#some")
        assert kept is not None and kept.verdict == told["verdict"]
        assert Kept().of(f"{odd.url}#other") is None


@pytest.mark.slow
def test_a_folder_of_weights_is_checked_too(tmp_path: Path, capsys: Any) -> None:
    folder = convert(paths.bundled_model(), tmp_path / "minnow")
    main(["models", "check", str(folder), "--seconds", "60", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["steps"]["goal"]["first"] > 0 and told["read_speed"] > 0
    kept = Kept().of(str(folder))
    assert kept is not None and kept.asked == sum(count["asked"] for count in told["steps"].values())


# --- the budget -----------------------------------------------------------------------------------------


class Endless(Model):
    """Writes without end, until it is stopped."""

    def generate(
        self,
        request: Request,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> Answer:
        if not request.messages[-1].content.startswith("Task: "):
            return super().generate(request, on_text, cancel, on_progress)
        assert cancel is not None and cancel.wait(60), "nobody has stopped it"
        return Answer("1, 1, 1, 1", "", "cancelled", 100, 50, 0.1, 5.0)


def test_answers_without_end_are_stopped_and_counted_as_not_right_in_time() -> None:
    found, _ = checked(Endless(), seconds=4)
    counted = [count for step, count in found.steps.items() if step != "explain"]
    assert sum(count.late for count in counted) == sum(count.asked for count in counted) > 2
    assert all("stopped after" in miss for count in counted for miss in count.misses)
    assert found.at_least and found.planner_seconds > 0
    assert found.suits_planner is False and found.suits_coder is False
    assert found.verdict.startswith("scripted suits neither role (planning 0 of ")
    assert found.asked <= found.questions


@pytest.mark.slow
def test_a_slow_model_is_asked_fewer_questions_one_of_each_step_at_least() -> None:
    found, told = checked(Model(read=20.0, write=2.0, code="no code"), seconds=120)
    assert len(STEPS["planner"]) + len(STEPS["coder"]) == found.asked < found.questions
    assert "asked 6 of 20 questions" in models_command.report(found)
    assert set(found.steps) == {step for steps in STEPS.values() for step in steps}
    assert told[-1].of == found.asked


def test_a_budget_that_ends_at_once_gives_a_result_that_claims_nothing() -> None:
    found, _ = checked(Endless(), seconds=0.01)
    assert found.asked == 0
    assert (found.suits_planner, found.suits_coder) == (None, None)
    assert "not tried enough to tell" in found.verdict
    assert found.command == "mlagent run GOAL"


class Loading(Model):
    """Is never loaded."""

    def watch(self, title: str, tell: Callable[[str, str], None]) -> None:
        self.title = title

    def load(self, cancel: threading.Event) -> bool:
        assert cancel.wait(60), "nobody has stopped it"
        return False


def test_a_model_that_is_not_loaded_in_time_is_an_error_that_says_so() -> None:
    model = Loading()
    with pytest.raises(ModelError, match="not loaded after 1 s"):
        checked(model, seconds=1)
    assert model.closed


# --- ended early ----------------------------------------------------------------------------------------


def interrupt(at: str) -> Callable[[str], None]:
    def before(task: str) -> None:
        if task == at:
            signal.raise_signal(signal.SIGINT)

    return before


@pytest.mark.slow
def test_after_ctrl_c_there_is_what_was_measured_so_far() -> None:
    model = Model(before=interrupt("decision"), goal=GOALS)
    found, _ = checked(model, seconds=250)
    assert found.interrupted and model.closed
    assert set(found.steps) == {"goal", "code", "config"}
    assert counts(found, "goal") == (1, 1, 0, 0)
    assert found.suits_planner is None and found.read_speed > 0


def test_ctrl_c_before_anything_was_measured_ends_the_check() -> None:
    class Interrupting(Model):
        def count_tokens(self, messages: Sequence[Message]) -> int:
            raise KeyboardInterrupt

    model = Interrupting()
    with pytest.raises(KeyboardInterrupt):
        checked(model)
    assert model.closed


def test_a_model_that_cannot_be_opened_is_an_error() -> None:
    with pytest.raises(ModelError):
        checkup.check("/nowhere.gguf")
    assert not paths.checks_folder().exists()
