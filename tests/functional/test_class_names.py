"""The bundled coder writes the network under any class name that a configuration may have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mlagent_tui import tools
from mlagent_tui.errors import ConfigError
from mlagent_tui.events import CodeMade, Event
from mlagent_tui.llm import LanguageModel, open_model
from mlagent_tui.schemas import ModelConfig
from mlagent_tui.training import WorkerPool
from mlagent_tui.training.checks import check_code

NAMES = (
    "MLP", "CNN", "ResNet", "LeNet5", "SimpleCNN", "Network", "Net2", "DigitsCNN", "TwoStage", "Linear", "A",
    "My_Model_with_a_name_of_41_characters_xyz",
)  # fmt: skip


class InThisProcess:
    """Stands in for a trial worker: the same check, without a process for each name."""

    @contextmanager
    def worker(self) -> Iterator[InThisProcess]:
        yield self

    def check_code(self, script: Path, class_name: str, config: ModelConfig, shape: tuple[int, ...]) -> None:
        check_code(script.read_text(), class_name, config, shape)


@pytest.fixture(scope="module")
def coder() -> Iterator[LanguageModel]:
    coder = open_model("bundled")
    yield coder
    coder.close()


def config(name: str) -> dict[str, Any]:
    layers = [{"type": "flatten"}, {"type": "linear", "out_features": 16}, {"type": "relu"}]
    last = {"type": "linear", "out_features": 10}
    return {"model_name": name, "input_shape": [1, 8, 8], "num_classes": 10, "layers": [*layers, last]}


@pytest.mark.parametrize("name", NAMES)
def test_the_bundled_coder_manages_the_name_at_its_first_attempt(
    name: str, coder: LanguageModel, tmp_path: Path
) -> None:
    told: list[Event] = []
    pool: Any = InThisProcess()
    with tools.use_context(tools.ToolContext(tmp_path, lambda: coder, lambda: pool, on_event=told.append)):
        tools.pytorch_model_assembler(config(name), "model.py")
    assert [event.accepted for event in told if isinstance(event, CodeMade)] == [True]
    code = (tmp_path / "model.py").read_text()
    assert f"class {name}(nn.Module):" in code
    assert "CurrentModel" not in code


def test_code_and_explanation_of_a_real_worker_use_the_name(coder: LanguageModel, tmp_path: Path) -> None:
    pool = WorkerPool(tmp_path)
    try:
        with tools.use_context(tools.ToolContext(tmp_path, lambda: coder, lambda: pool)):
            tools.pytorch_model_assembler(config("TwoStage"), "model.py")
            explanation = tools.pytorch_model_summary("model.py", "TwoStage", (1, 1, 8, 8))["explanation"]
    finally:
        pool.close()
    assert "TwoStage" in explanation and "CurrentModel" not in explanation


@pytest.mark.parametrize(
    "name", ["None", "True", "False", "F", "Tensor", "Exception", "nn", "torch", "class", "9a"]
)
def test_a_name_with_a_meaning_of_its_own_is_refused_before_anything_starts(name: str) -> None:
    with pytest.raises(ConfigError, match="model_name"):
        tools.parse_config(config(name))
