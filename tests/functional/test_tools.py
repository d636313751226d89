"""The tools on a real trial worker: what the coder writes is checked, measured and trained.

The coder is a stand-in that gives written answers; the bundled model's are tried elsewhere.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

from mlagent_tui import events, paths
from mlagent_tui.errors import CodeError, DataError, Interrupted, ModelError, ToolError
from mlagent_tui.llm import RoleOptions, open_role
from mlagent_tui.llm.base import Answer, Message, OnProgress, OnText, PromptTooLong, Request
from mlagent_tui.prompts import Profile
from mlagent_tui.schemas import EpochMetrics, EvalResult, Summary
from mlagent_tui.tools import (
    ToolContext,
    call,
    create_pytorch_project_scaffold,
    pytorch_model_assembler,
    pytorch_model_summary,
    pytorch_quick_evaluator,
    read_file,
    use_context,
    write_file,
)
from mlagent_tui.training import WorkerPool

CONFIG: dict[str, Any] = {
    "model_name": "CurrentModel",
    "input_shape": [1, 8, 8],
    "num_classes": 10,
    "layers": [
        {"type": "conv2d", "out_channels": 8, "kernel_size": 3, "padding": 1},
        {"type": "relu"},
        {"type": "flatten"},
        {"type": "linear", "out_features": 10},
    ],
}
CODE = """import torch
from torch import nn


class CurrentModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, kernel_size=3, padding=1)
        self.fc1 = nn.Linear(FEATURES, 10)

    def forward(self, x):
        x = torch.relu(self.conv1(x))
        return self.fc1(torch.flatten(x, 1))
"""
GOOD = CODE.replace("FEATURES", "512")
SCRIPT = paths.CURRENT_MODEL
REAL_MODELS = os.environ.get("MLAGENT_TEST_MODELS", "")
"""A folder with small models of other people; read when tests are collected."""
SMALL_MODELS = ("gemma-3-270m-q4_k_m.gguf", "SmolLM2-135M-Instruct.Q4_1.gguf")
QUICK = {"dataset": "digits", "epochs": 2, "train_size": 256, "val_size": 128, "device": "cpu"}


class Coder:
    """Gives the answers it was told, in order."""

    name = "scripted"
    context_length = 4096
    profile: Profile = "minnow"

    def __init__(self) -> None:
        self.answers: list[str | Exception] = []
        self.requests: list[Request] = []

    def generate(
        self,
        request: Request,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> Answer:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Answer(answer, "", "stop", 1, 1, 0.0, 0.0)

    def count_tokens(self, messages: tuple[Message, ...]) -> int:
        return 1

    def close(self) -> None:
        return None


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerPool]:
    pool = WorkerPool(tmp_path_factory.mktemp("pool"))
    yield pool
    pool.close()


@pytest.fixture
def coder() -> Coder:
    return Coder()


@pytest.fixture
def told() -> list[events.Event]:
    return []


@pytest.fixture
def project(tmp_path: Path, pool: WorkerPool, coder: Coder, told: list[events.Event]) -> Iterator[Path]:
    create_pytorch_project_scaffold("P", str(tmp_path))
    root = tmp_path / "P"
    with use_context(ToolContext(root, coder=lambda: coder, pool=lambda: pool, on_event=told.append)):
        yield root


def only(told: list[events.Event], kind: Callable[..., Any]) -> list[Any]:
    return [event for event in told if isinstance(event, kind)]  # type: ignore[arg-type]


def test_wrong_code_goes_back_with_its_first_difference_and_right_code_is_written(
    project: Path, coder: Coder, told: list[events.Event]
) -> None:
    codes = ("class CurrentModel(:\n", CODE.replace("FEATURES", "256"), GOOD)
    coder.answers = [f"```python\n{code}```" for code in codes]
    pytorch_model_assembler(CONFIG, SCRIPT)
    assert (project / SCRIPT).read_text() == GOOD
    syntax, features = (event.problem for event in only(told, events.CheckFailed))
    assert "512" in features and "256" in features
    assert features in "\n".join(message.content for message in coder.requests[2].messages)
    assert syntax and syntax != features


def test_code_that_wants_more_than_a_model_file_needs_is_never_accepted(project: Path, coder: Coder) -> None:
    coder.answers = [f"```python\nimport os\n{GOOD}\n# {n}\n```" for n in range(4)]
    with pytest.raises(CodeError, match="os"):
        pytorch_model_assembler(CONFIG, SCRIPT)
    assert not (project / SCRIPT).exists()


def test_the_summary_is_measured_and_the_explanation_stays_apart(
    project: Path, coder: Coder, told: list[events.Event]
) -> None:
    write_file(SCRIPT, GOOD)
    coder.answers = [" One convolution, then a linear layer.\n"]
    fields = pytorch_model_summary(SCRIPT, "CurrentModel", (1, 1, 8, 8))
    summary = Summary.model_validate(fields)
    assert summary.total_parameters == 8 * 9 + 8 + 512 * 10 + 10
    assert (summary.input_shape, summary.output_shape) == ((1, 1, 8, 8), (1, 10))
    assert [row.name for row in summary.layers if row.parameters] == ["conv1", "fc1"]
    assert summary.explanation == "One convolution, then a linear layer."
    assert json.loads(json.dumps(fields)) == fields
    assert only(told, events.SummaryMade)[0].summary == fields


@pytest.mark.parametrize(
    "data",
    [
        ("\ufeff" + GOOD).encode(),
        ("# coding: latin-1\n# écrit à la main\n" + GOOD).encode("latin-1").replace(b"\n", b"\r\n"),
    ],
)
def test_code_with_a_byte_order_mark_or_a_declared_coding_is_code(
    project: Path, coder: Coder, data: bytes
) -> None:
    (project / SCRIPT).write_bytes(data)
    coder.answers = [ModelError("asleep")]
    assert pytorch_model_summary(SCRIPT, "CurrentModel", (1, 1, 8, 8))["total_parameters"] == 5210
    assert pytorch_quick_evaluator(SCRIPT, "CurrentModel", QUICK | {"epochs": 1})["status"] == "completed"
    (project / SCRIPT).write_bytes(b"# coding: klingon\n" + data)
    with pytest.raises(CodeError, match="line 1: expected Python text"):
        pytorch_model_summary(SCRIPT, "CurrentModel", (1, 1, 8, 8))


@pytest.mark.parametrize(("answer", "said"), [
    (ModelError("it crashed", "Start again."), "it crashed"),
    ('{"decision":"iterate","assessment":"accuracy 1.2569 multiply-adds.', ""),
    ("CurrentModel is a fully connected network. It has 3 linear layers.", ""),
])  # fmt: skip
def test_an_explanation_that_cannot_be_had_or_is_false_is_composed_from_the_measurement(
    answer: str | Exception, said: str, project: Path, coder: Coder, told: list[events.Event]
) -> None:
    write_file(SCRIPT, GOOD)
    coder.answers = [answer]
    fields = pytorch_model_summary(SCRIPT, "CurrentModel", (1, 1, 8, 8))
    assert fields["explanation_source"] == "measurement"
    assert "convolutional network that maps 1x8x8 to 10 values" in fields["explanation"]
    assert bool(fields["explanation_dropped"]) == (not said)
    assert said in "".join(event.message for event in only(told, events.Warned))


def test_a_false_sentence_is_left_out_and_kept_for_the_record(project: Path, coder: Coder) -> None:
    write_file(SCRIPT, GOOD)
    coder.answers = ["It has one convolution. It has one linear layer. Most parameters lie in fc3."]
    fields = pytorch_model_summary(SCRIPT, "CurrentModel", (1, 1, 8, 8))
    assert fields["explanation"] == "It has one convolution. It has one linear layer."
    assert (fields["explanation_source"], len(fields["explanation_dropped"])) == ("coder", 1)
    assert fields["explanation_dropped"][0].startswith("Most parameters lie in fc3.")


def test_the_code_is_shortened_until_the_request_for_an_explanation_fits(
    project: Path, coder: Coder, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = GOOD + "\n\n" + "\n".join(f"def unused_{n}(x):\n    return x + {n}" for n in range(300))
    write_file(SCRIPT, long)
    monkeypatch.setattr(coder, "count_tokens", lambda messages: sum(len(m.content) for m in messages) // 4)
    monkeypatch.setattr(coder, "context_length", 1000)
    coder.answers = [PromptTooLong(2000, 1000), "It has one convolution."]
    fields = pytorch_model_summary(SCRIPT, "CurrentModel", (1, 1, 8, 8))
    assert fields["explanation"] == "It has one convolution."
    first, second = (request.messages[-1].content for request in coder.requests)
    assert "self.conv1(x)" in first and "unused_7" not in first
    assert len(second) < len(first)


def test_an_evaluation_returns_tells_and_stores_its_result(project: Path, told: list[events.Event]) -> None:
    write_file(SCRIPT, GOOD)
    arguments = {"model_script_path": SCRIPT, "model_class_name": "CurrentModel", "eval_config": QUICK}
    fields = call("pytorch_quick_evaluator", arguments)
    result = EvalResult.model_validate(fields)
    assert (result.status, result.epochs, result.train_size, result.val_size) == ("completed", 2, 256, 128)
    assert result.accuracy is not None and result.accuracy > 0.3
    assert result.parameters == 5210 and result.images_per_second > 0 and result.sandbox

    started, finished = only(told, events.TrialStarted)[0], only(told, events.TrialFinished)[0]
    assert (started.run_id, started.train_size, started.sandbox) == (result.run_id, 256, result.sandbox)
    assert finished.result == fields
    assert [event.epoch for event in only(told, events.EpochDone)] == [1, 2]
    assert only(told, events.BatchDone)[-1].run_id == result.run_id

    folder = project / "experiments" / result.run_id
    assert {path.name for path in folder.iterdir()} == {
        "eval_config.yaml",
        "metrics.jsonl",
        "preprocessing.json",
        "model.safetensors",
    }
    lines = (folder / paths.RUN_METRICS).read_text().splitlines()
    assert [EpochMetrics.model_validate_json(line) for line in lines] == result.curves
    with safe_open(folder / paths.RUN_WEIGHTS, "np") as weights:
        assert set(weights.keys()) == {"conv1.weight", "conv1.bias", "fc1.weight", "fc1.bias"}


def test_the_same_seed_gives_the_same_result_under_another_run_id(project: Path) -> None:
    write_file(SCRIPT, GOOD)
    first, second = (pytorch_quick_evaluator(SCRIPT, "CurrentModel", QUICK | {"seed": 7}) for _ in "ab")
    assert first["run_id"] != second["run_id"]
    same = ("accuracy", "val_loss", "train_loss")
    assert [first[name] for name in same] == [second[name] for name in same]


def test_a_trial_that_crashes_is_a_result_with_its_reason(project: Path) -> None:
    write_file(
        SCRIPT,
        GOOD.replace(
            "x = torch.relu", "if self.training:\n            x = x.reshape(3)\n        x = torch.relu"
        ),
    )
    fields = pytorch_quick_evaluator(SCRIPT, "CurrentModel", QUICK)
    assert fields["status"] == "failed" and "shape" in fields["reason"]
    assert (project / "experiments" / fields["run_id"]).is_dir()


def test_outside_of_a_project_nothing_is_stored(tmp_path: Path, pool: WorkerPool, coder: Coder) -> None:
    root = tmp_path / "plain"
    root.mkdir()
    with use_context(ToolContext(root, coder=lambda: coder, pool=lambda: pool)):
        write_file("net.py", GOOD)
        fields = pytorch_quick_evaluator("net.py", "CurrentModel", QUICK)
    assert fields["run_id"].startswith("qe_")
    assert [path.name for path in root.iterdir()] == ["net.py"]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"dataset": "imagenet"}, ToolError, "dataset"),
        ({"epochs": 0}, ToolError, "epochs"),
        ({"lr": 0.1}, ToolError, "lr"),
        ({"dataset": "mnist"}, DataError, "mnist"),
    ],
)
def test_an_evaluation_that_cannot_begin_leaves_nothing(
    project: Path, change: dict[str, Any], error: type[Exception], words: str
) -> None:
    write_file(SCRIPT, GOOD)
    with pytest.raises(error, match=f"(?i){words}"):
        pytorch_quick_evaluator(SCRIPT, "CurrentModel", QUICK | change)
    assert [path.name for path in (project / "experiments").iterdir()] == ["registry.json"]


def test_a_cancelled_evaluation_is_an_interruption_and_leaves_nothing(
    project: Path, pool: WorkerPool, coder: Coder
) -> None:
    write_file(SCRIPT, GOOD)
    cancel = threading.Event()

    def stop(event: events.Event) -> None:
        if isinstance(event, events.EpochDone):
            cancel.set()

    context = ToolContext(project, coder=lambda: coder, pool=lambda: pool, on_event=stop, cancel=cancel)
    with use_context(context), pytest.raises(Interrupted):
        pytorch_quick_evaluator(SCRIPT, "CurrentModel", QUICK | {"epochs": 1000})
    assert [path.name for path in (project / "experiments").iterdir()] == ["registry.json"]


def test_scripts_outside_of_the_root_are_not_run(project: Path, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(GOOD)
    (project / "link.py").symlink_to(tmp_path / "net.py")
    for path in ("../net.py", "link.py", str(tmp_path / "net.py")):
        with pytest.raises(ToolError, match="outside"):
            pytorch_model_summary(path, "CurrentModel", (1, 1, 8, 8))
        with pytest.raises(ToolError, match="outside"):
            pytorch_quick_evaluator(path, "CurrentModel", QUICK)


def test_a_class_that_is_not_there_is_said(project: Path) -> None:
    write_file(SCRIPT, GOOD)
    with pytest.raises(CodeError, match="Missing"):
        pytorch_model_summary(SCRIPT, "Missing", (1, 1, 8, 8))
    assert read_file(SCRIPT) == GOOD


@pytest.mark.skipif(not REAL_MODELS, reason="MLAGENT_TEST_MODELS names no folder with the real models")
@pytest.mark.parametrize("file", SMALL_MODELS)
def test_a_small_model_of_somebody_elses_writes_a_network_line_by_line(
    file: str, tmp_path: Path, pool: WorkerPool
) -> None:
    coder = open_role(str(Path(REAL_MODELS, file)), RoleOptions(threads=1, context=2048))
    pieces: list[str] = []
    context = ToolContext(
        tmp_path, coder=lambda: coder, pool=lambda: pool, on_text=lambda task, piece, _: pieces.append(piece)
    )
    try:
        with use_context(context):
            pytorch_model_assembler(CONFIG, "net.py")
    finally:
        coder.close()
    code = (tmp_path / "net.py").read_text()
    assert "class CurrentModel(nn.Module):" in code and "self.fc1 = " in code
    assert "x = self.fc1(x)" in "".join(pieces)
