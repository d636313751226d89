"""What two real models have said is understood, repaired and refused as it was when it was recorded.

Checks of code are real: a confined worker builds and runs it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from mlagent_tui.llm import open_model
from tests import recorded
from tests.real_models import FOLDER, MODELS, Model
from tests.recorded import Place, Recording, Replayed

RECORDINGS = recorded.load()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with recorded.place(tmp_path_factory.mktemp("recorded")) as place:
        yield place


def test_recordings_have_answers_of_both_models_to_questions_of_today_and_are_small() -> None:
    assert len({one.model for one in RECORDINGS}) == 2
    assert sum(len(one.answers) for one in RECORDINGS) >= 30
    assert {one.task for one in RECORDINGS} <= set(recorded.QUESTIONS)
    assert all(one.answers for one in RECORDINGS)
    assert 0 < sum(file.stat().st_size for file in recorded.FOLDER.glob("*.json")) < 150_000


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda one: one.name)
def test_a_recorded_answer_comes_to_what_it_came_to(recording: Recording, place: Place) -> None:
    made = recorded.ask(recording.task, recording.question, Replayed(recording), place, threading.Event())
    if "error" in recording.outcome:
        assert list(made) == ["error"]
    else:
        assert made == recording.outcome


@pytest.mark.slow
@pytest.mark.skipif(not FOLDER, reason="MLAGENT_TEST_MODELS names no folder with the real models")
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.file)
def test_a_real_model_answers_what_the_planner_asks(model: Model, place: Place) -> None:
    path = model.path()
    assert path, f"there is no {model.file} in {FOLDER}: python -m tests.real_models {FOLDER}"
    with closing(open_model(str(path), threads=1)) as opened:
        made = recorded.ask("decision", "reached", opened, place, threading.Event())
    assert made["decision"]["decision"] in ("iterate", "goal_achieved", "stop")
