"""Minnow's code, and the code that it is taught, before the judge of all code."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from minnow import coder
from minnow.fancy import Fancy
from minnow.published import mobilenet, resnet
from mlagent_tui import tools
from mlagent_tui.events import CodeMade, Event
from mlagent_tui.llm import LanguageModel, open_model
from mlagent_tui.schemas import ModelConfig
from mlagent_tui.shapes import count_parameters, infer
from mlagent_tui.training import WorkerPool
from mlagent_tui.training.checks import check_code

COUNT = 5
LARGEST = 200_000  # parameters; a larger network proves nothing more
SMALL = (3, 8, 8)


def test_the_teachers_code_passes_the_check(tmp_path: Path) -> None:
    fancy = Fancy(random.Random(12))
    script = tmp_path / "model.py"
    checked = 0
    pool = WorkerPool(tmp_path)
    try:
        while checked < COUNT:
            config = fancy.draw()
            if count_parameters(infer(config)) > LARGEST:
                continue
            script.write_text(coder.code(config) + "\n", encoding="utf-8")
            with pool.worker() as worker:
                worker.check_code(script, config.model_name, config, config.input_shape)
            checked += 1
    finally:
        pool.close()


class InThisProcess:
    """Stands in for a trial worker: the same check, without a process."""

    @contextmanager
    def worker(self) -> Iterator[InThisProcess]:
        yield self

    def check_code(self, script: Path, class_name: str, config: ModelConfig, shape: tuple[int, ...]) -> None:
        check_code(script.read_text(), class_name, config, shape)


@pytest.fixture(scope="module")
def minnow() -> Iterator[LanguageModel]:
    minnow = open_model("bundled")
    yield minnow
    minnow.close()


@pytest.mark.parametrize("config", [resnet(3), mobilenet(4)], ids=["ResNet-20", "MobileNet"])
def test_minnow_writes_a_network_that_is_longer_than_its_context(
    config: ModelConfig, minnow: LanguageModel, tmp_path: Path
) -> None:
    told: list[Event] = []
    pool: Any = InThisProcess()
    fields = config.model_copy(update={"model_name": "Long", "input_shape": SMALL}).model_dump(mode="json")
    with tools.use_context(tools.ToolContext(tmp_path, lambda: minnow, lambda: pool, on_event=told.append)):
        tools.pytorch_model_assembler(fields, "model.py")
    assert [event.accepted for event in told if isinstance(event, CodeMade)][-1]
    code = (tmp_path / "model.py").read_text()
    assert code.count("class ") == code.count("super().__init__()") == 1
    assert len(code) > 4000
