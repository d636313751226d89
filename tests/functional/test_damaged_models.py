"""Damaged model files, each through the real model server: an error in words, never a hang or a dead engine.

Most are refused by their header before a process is started; the others are loaded for real.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mlagent_tui.errors import ModelError
from mlagent_tui.llm import Answer, Message, Request, open_model
from mlagent_tui.llm.gguf import read_header
from tests.damage import UNCAUGHT, Trials, damaged

SECONDS = 60.0
"""A template may run for five seconds, and is rendered a few times; a busy machine is given as much again."""
MEMORY = 3 << 30

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="limits memory, forks")]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return list(damaged(tmp_path_factory.mktemp("damaged")))


@pytest.fixture(scope="module")
def past_the_header(files: list[Path]) -> list[Path]:
    """Those that do not show their damage in the header, which is where most do."""
    return [path for path in files if _header_is_read(path)]


@pytest.fixture(scope="module")
def trials() -> Iterator[Trials]:
    trials = Trials(SECONDS, MEMORY)
    yield trials
    trials.close()


def _header_is_read(path: Path) -> bool:
    """Whether there is a header; when there is none, a remedy is told."""
    try:
        read_header(path)
    except ModelError as error:
        assert error.remedy, path
        assert str(path.name) in error.what
        return False
    return True


def test_there_are_300_of_them_and_most_are_refused_by_their_header(
    files: list[Path], past_the_header: list[Path]
) -> None:
    assert len(files) >= 300
    assert len(past_the_header) < len(files) / 2


@pytest.mark.timeout(3600)
def test_none_hangs_and_none_answers_with_an_exception_of_pythons(
    past_the_header: list[Path], trials: Trials
) -> None:
    """llama.cpp ends its process for some absurd numbers: that is what the process is for."""
    outcomes = [trials.run(path) for path in past_the_header if not path.name.startswith("bomb")]
    assert not [outcome for outcome in outcomes if outcome.what == "hung"]
    assert not [outcome for outcome in outcomes if outcome.said.endswith(UNCAUGHT)]
    counted = Counter(outcome.what for outcome in outcomes)
    assert counted["refused"] and counted["answered"], counted
    assert all(outcome.said for outcome in outcomes if outcome.what == "refused")


@pytest.mark.timeout(3600)
def test_a_template_bomb_is_defused_and_kills_nothing(past_the_header: list[Path], trials: Trials) -> None:
    bombs = [path for path in past_the_header if path.name.startswith("bomb")]
    assert len(bombs) == 20
    outcomes = [trials.run(path) for path in bombs]
    assert not [outcome for outcome in outcomes if outcome.what not in ("refused", "answered")]
    templates = [outcome for outcome in outcomes if outcome.what == "refused"]
    assert len(templates) >= 15
    assert all("template" in outcome.said for outcome in templates)


@pytest.mark.parametrize("kind", ["number", "flip-kv", "bomb-13"])
def test_the_engine_gets_an_error_or_an_answer(past_the_header: list[Path], kind: str) -> None:
    path = next(path for path in past_the_header if kind in path.name)
    told: Answer | ModelError
    try:
        with closing(open_model(str(path))) as model:
            told = model.generate(Request((Message("user", "hello"),), max_tokens=3))
    except ModelError as error:
        told = error
    assert isinstance(told, Answer) or (told.what and told.remedy)


def test_the_command_line_names_a_damaged_model_and_goes_on(files: list[Path], tmp_path: Path) -> None:
    cut = next(path for path in files if "cut" in path.name)
    done = subprocess.run(
        [sys.executable, "-m", "mlagent_tui", "run", "digits 90 %", "--model", str(cut)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "Language model" in done.stderr and "Traceback" not in done.stderr
