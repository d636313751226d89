"""The bundled coder writes the network under any class name that a configuration may have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mlagent_tui import tools
from mlagent_tui.errors import ConfigError
from mlagent_tui.events import CodeMade, Event
from mlagent_tui.llm import LanguageModel, open_model
from mlagent_tui.schemas import Evaluate, ModelConfig, Summarise
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
    ("name", "words"),
    [
        *[(name, "already has a meaning") for name in ("None", "True", "False", "F", "Tensor", "Exception")],
        *[(name, "begin with a capital letter") for name in ("nn", "torch", "9a", "Größe", "", "A" * 42)],
        ("My Net", "letters, digits and _"),
        ("Net\n", "letters, digits and _"),
    ],
)
def test_a_name_with_a_meaning_of_its_own_is_refused_before_anything_starts(name: str, words: str) -> None:
    with pytest.raises(ConfigError, match=rf"model_name: .*{words}") as refused:
        tools.parse_config(config(name))
    assert "Value error" not in refused.value.what and "pattern" not in refused.value.what


@pytest.mark.parametrize("name", ["None", "digitsCNN", "A" * 42])
def test_a_plan_names_no_class_that_a_configuration_cannot_have(name: str) -> None:
    call = {"model_script_path": "m.py", "model_class_name": name}
    with pytest.raises(ValidationError, match="model_class_name"):
        Summarise.model_validate(call | {"input_size": [1, 1, 8, 8]})
    with pytest.raises(ValidationError, match="model_class_name"):
        Evaluate.model_validate(call | {"eval_config": {"dataset": "digits"}})
