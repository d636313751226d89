"""Whole trials through the pool: real processes, really confined, good code and code that means harm."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlagent_tui import workspace
from mlagent_tui.errors import (
    CodeError,
    ConfigError,
    DataError,
    Interrupted,
    MachineError,
    OutOfMemory,
    TrialError,
)
from mlagent_tui.events import Event, Warned
from mlagent_tui.sandbox import Level, works
from mlagent_tui.schemas import EvalConfig, ModelConfig
from mlagent_tui.tools import ToolContext, pytorch_quick_evaluator, use_context
from mlagent_tui.training import WorkerPool, client, pool

LEVELS: tuple[Level, ...] = ("seatbelt",) if sys.platform == "darwin" else ("bubblewrap", "landlock")
DIGITS = EvalConfig(dataset="digits", epochs=2)
MODEL = """\
import torch
from torch import nn
import typing

os = typing.sys.modules["os"]  # what the import rules cannot see; the sandbox must hold
load = typing.sys.modules["importlib"].import_module


class CurrentModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear({features}, 10)
        {build}

    def forward(self, x):
        {forward}
        x = self.pool(torch.relu(self.conv1(x)))
        return self.fc1(x.flatten(1))
"""
CONFIG = ModelConfig.model_validate({
    "input_shape": (1, 8, 8), "num_classes": 10,
    "layers": [
        {"type": "conv2d", "out_channels": 16, "kernel_size": 3, "padding": 1},
        {"type": "relu"},
        {"type": "max_pool2d", "kernel_size": 2}, {"type": "flatten"}, {"type": "linear", "out_features": 10},
    ],
})  # fmt: skip


def unwanted() -> Any:
    raise AssertionError("no coder is needed")


def write(folder: Path, build: str = "", forward: str = "", size: int = 8) -> Path:
    path = folder / "model.py"
    path.write_text(MODEL.format(features=16 * (size // 2) ** 2, build=build, forward=forward))
    return path


@pytest.fixture(params=LEVELS, scope="module")
def workers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerPool]:
    """A pool at each level this machine has."""
    if not works(request.param):
        pytest.skip(f"{request.param} does not work on this machine")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "resolve_level", lambda policy: request.param)
        made = WorkerPool(tmp_path_factory.mktemp("project"), memory_limit_mb=1500)
    yield made
    made.close()


def test_a_good_model_is_checked_measured_trained_and_tested(workers: WorkerPool, tmp_path: Path) -> None:
    script = write(tmp_path)
    events: list[dict[str, Any]] = []
    with workers.worker() as worker:
        assert worker.check_config(CONFIG).parameters == 160 + 2570
        worker.check_code(script, "CurrentModel", CONFIG)
        summary = worker.measure(script, "CurrentModel", (1, 1, 8, 8))
        assert (summary.total_parameters, summary.explanation) == (2730, "")
        result = worker.evaluate(script, "CurrentModel", DIGITS, tmp_path / "qe_1", events.append)
    assert (result.status, result.reason) == ("completed", "")
    assert (result.run_id, result.sandbox) == ("qe_1", workers.level)
    assert (result.epochs, result.parameters, len(result.curves)) == (2, 2730, 2)
    assert (result.train_size, result.val_size, result.test_size) == (1151, 287, 359)
    assert result.accuracy is not None and result.accuracy > 0.5 and result.images_per_second > 0
    assert events[0]["event"] == "started"
    assert [event["accuracy"] for event in events if event["event"] == "epoch"][-1] == result.accuracy
    with workers.worker() as worker:  # a fresh process: same seed, same numbers; and the weights are these
        again = worker.evaluate(script, "CurrentModel", DIGITS)
        assert (again.accuracy, again.val_loss) == (result.accuracy, result.val_loss)
        tested = worker.test(script, "CurrentModel", DIGITS, tmp_path / "qe_1" / "model.safetensors")
    assert tested.test_size == 359 and abs(tested.accuracy - result.accuracy) < 0.1


HARM = {
    "opens a socket": ("load('socket').socket()", "PermissionError"),
    "writes outside": ("os.open('/usr/mlagent-was-here', os.O_CREAT | os.O_WRONLY)", "Error: [Errno"),
    "reads the user's files": ("os.open('SECRET', os.O_RDONLY)", "Error: [Errno"),
    "reads a secret variable": ("raise RuntimeError(str(os.environ.get('API_TOKEN')))", "RuntimeError: None"),
    "forks": ("[os.fork() or os._exit(0) for _ in range(50)]", "PermissionError"),
    "kills its parent": ("os.kill(os.getppid(), 9)", "PermissionError"),
    "starts a program": ("os.posix_spawn('/bin/sh', ['sh'], {})", "PermissionError"),
}  # fmt: skip


def test_harm_is_refused_with_its_reason(
    workers: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_TOKEN", "hunter2")
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    with workers.worker() as worker:
        for name, (act, reason) in HARM.items():
            with pytest.raises(CodeError) as caught:
                script = write(tmp_path, build=act.replace("SECRET", str(secret)))
                worker.check_code(script, "CurrentModel", CONFIG)
            assert reason in caught.value.what, name
            assert "hunter2" not in caught.value.what
    assert not Path("/usr/mlagent-was-here").exists()


@pytest.fixture(scope="module")
def best(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerPool]:
    """A pool as users get it, with little room."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "_DISK_MB", 50)
        made = WorkerPool(tmp_path_factory.mktemp("project"), memory_limit_mb=1500)
    yield made
    made.close()


# Writes to every pipe that it has inherited: one of them takes the replies.
SAY = (
    "[os.write(pipe, {0}) for pipe in range(3, 64) if os.path.exists(f'/proc/self/fd/{{pipe}}')"
    " and os.readlink(f'/proc/self/fd/{{pipe}}').startswith('socket') for _ in range({1})]"
)

FATAL = {
    "eats memory": ("self.x = [torch.ones(1 << 20) for _ in range(10_000)]", "out of memory: it used"),
    "never returns": ("while True: pass", "took longer than 3 s"),
    "crashes": ("os.kill(os.getpid(), 11)", "the worker ended"),
    "exits": ("os._exit(7)", "exit status 7"),
    "fills the disk": ("[os.write(os.open(f'{i}', 66), bytes(1 << 24)) for i in range(80)]; "
                       "load('time').sleep(60)", "too much disk"),
    "talks nonsense": (SAY.format(r"b'nonsense\n'", 1), "something else than a reply"),
    "talks without end": (SAY.format("bytes(1 << 20)", 1000), "too long"),
}  # fmt: skip


@pytest.mark.parametrize("name", FATAL)
def test_what_cannot_be_refused_is_stopped_with_its_reason(
    best: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    act, reason = FATAL[name]
    monkeypatch.setattr(client, "CHECK_SECONDS", 3.0 if name == "never returns" else 120.0)
    with best.worker() as worker:
        with pytest.raises(TrialError, match=reason):
            worker.check_code(write(tmp_path, build=act), "CurrentModel", CONFIG)
        assert worker.check_config(CONFIG).parameters == 2730  # the next request has a process of its own


@pytest.mark.parametrize(
    ("act", "grace", "reason"),
    [("os._exit(7)", 120.0, "exit status 7"), ("while self.training: pass", 4.0, "took longer than 5 s")],
)
def test_a_trial_that_crashes_or_hangs_is_a_failed_result(
    best: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: str, grace: float, reason: str
) -> None:
    monkeypatch.setattr(client, "_GRACE_SECONDS", grace)
    config = DIGITS.model_copy(update={"time_limit": 1.0})
    with best.worker() as worker:
        result = worker.evaluate(write(tmp_path, forward=act), "CurrentModel", config)
    assert (result.status, result.accuracy) == ("failed", None)
    assert reason in result.reason


SAVING = """
    def state_dict(self, *args, **kwargs):
        {}
        return super().state_dict(*args, **kwargs)
"""
UNSAVED = {
    "raises": ("raise RuntimeError('no\\x1b state')", "RuntimeError: no state (line "),
    "is not made of tensors": ("return {'a': 1}", "a is a int, and only tensors are stored"),
    "ends": ("os._exit(7)", "exit status 7"),
    "eats memory": ("self.x = [torch.ones(1 << 20) for _ in range(10_000)]", "out of memory: it used"),
    "asks for all memory": ("torch.empty(10 ** 14)", "out of memory: it tried to allocate 400,000.0 GB more"),
    "is far too large": ("return {'a': torch.zeros(30_000_000)}", "too many for 2,730 parameters"),
    "leaves none": ("os.mkdir('d') or os.chdir('d')", "the worker left no weights: No such file"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNSAVED)
def test_a_network_whose_weights_cannot_be_stored_keeps_its_measured_result(
    best: WorkerPool, tmp_path: Path, name: str
) -> None:
    act, reason = UNSAVED[name]
    script = write(tmp_path)
    script.write_text(script.read_text() + SAVING.format(act))
    config = EvalConfig(dataset="digits", epochs=1, train_size=64, val_size=32)
    told: list[Event] = []
    workspace.prepare(tmp_path / "project")
    (tmp_path / "project" / "model.py").write_text(script.read_text())
    context = ToolContext(tmp_path / "project", coder=unwanted, pool=lambda: best, on_event=told.append)
    with use_context(context):
        result = pytorch_quick_evaluator("model.py", "CurrentModel", config.model_dump(mode="json"))
    assert (result["status"], result["reason"], len(result["curves"])) == ("completed", "", 1)
    assert result["accuracy"] is not None and reason in result["weights_missing"]
    (warning,) = [event for event in told if isinstance(event, Warned)]
    assert warning.message == (f"{result['run_id']}: the weights are not stored: {result['weights_missing']}")
    assert not list((tmp_path / "project").rglob("*.safetensors"))


def test_tied_weights_are_stored_and_give_the_same_scores_again(best: WorkerPool, tmp_path: Path) -> None:
    script = write(tmp_path, build="self.fc2 = nn.Linear(10, 256)\n        "
                   "self.fc2.weight = nn.Parameter(self.fc1.weight.t())")  # fmt: skip
    script.write_text(script.read_text().replace(
        "return self.fc1(x.flatten(1))", "return self.fc1(self.fc2(self.fc1(x.flatten(1))))"
    ))  # fmt: skip
    config = EvalConfig(dataset="digits", epochs=1)
    with best.worker() as worker:
        result = worker.evaluate(script, "CurrentModel", config, tmp_path / "qe_1")
        assert (result.status, result.weights_missing) == ("completed", "")
        tested = worker.test(script, "CurrentModel", config, tmp_path / "qe_1" / "model.safetensors")
    assert result.accuracy is not None and abs(tested.accuracy - result.accuracy) < 0.15


LARGE = ModelConfig.model_validate({
    "input_shape": (1, 8, 8), "num_classes": 10,
    "layers": [
        {"type": "flatten"}, {"type": "linear", "out_features": 60_000},
        {"type": "linear", "out_features": 1700}, {"type": "linear", "out_features": 10},
    ],
})  # fmt: skip


def test_a_network_or_data_that_cannot_fit_into_memory_is_refused_with_what_it_needs(
    best: WorkerPool, tmp_path: Path
) -> None:
    script = write(tmp_path)
    said = r"training its 105,918,710 parameters takes at least 1.7 GB of memory, and trials may use 1.6 GB"
    with best.worker() as worker:
        for look in (worker.check_config, lambda config: worker.check_code(script, "CurrentModel", config)):
            with pytest.raises(ConfigError, match=f"too large: {said}; fc2 alone has 102,001,700"):
                look(LARGE)
        config = EvalConfig(dataset="dummy", input_shape=(3, 1000, 1000))
        result = worker.evaluate(script, "CurrentModel", config)
    assert (result.status, result.accuracy) == ("failed", None)
    assert result.reason == (
        "out of memory: the 2,400 images of dummy take 7.2 GB, and trials may use 1.6 GB"
    )


@pytest.mark.parametrize("place", ["build", "forward"])
def test_memory_that_cannot_be_had_is_no_difference_of_the_code(
    best: WorkerPool, tmp_path: Path, place: str
) -> None:
    script = write(tmp_path, **{place: "torch.empty(10 ** 14)"})
    said = r"out of memory: it tried to allocate 400,000.0 GB more, and had used 0\.\d GB\n"
    with best.worker() as worker, pytest.raises(OutOfMemory, match=said):
        worker.check_code(script, "CurrentModel", CONFIG)


def test_code_that_would_fail_outside_of_the_checks_fails_in_them(best: WorkerPool, tmp_path: Path) -> None:
    """An annotation with an undefined name: harmless only under `from __future__ import annotations`."""
    script = write(tmp_path)
    script.write_text(script.read_text().replace("def forward(self, x):", "def forward(self, x: Missing):"))
    with best.worker() as worker, pytest.raises(CodeError, match="NameError: name 'Missing' is not defined"):
        worker.check_code(script, "CurrentModel", CONFIG)


def test_a_model_for_other_data_is_a_failed_result(best: WorkerPool, tmp_path: Path) -> None:
    wrong_classes = EvalConfig(dataset="dummy", num_classes=3, input_shape=(1, 8, 8))
    wrong_shape = EvalConfig(dataset="dummy", input_shape=(1, 12, 12))
    with best.worker() as worker:
        script = write(tmp_path)
        result = worker.evaluate(script, "CurrentModel", wrong_classes)
        assert (result.status, result.reason) == (
            "failed",
            "the model gives (10,), the data set has 3 classes",
        )
        result = worker.evaluate(script, "CurrentModel", wrong_shape)
        assert result.status == "failed" and "shapes cannot be multiplied" in result.reason


def test_what_is_missing_is_known_at_once(best: WorkerPool, tmp_path: Path) -> None:
    with best.worker() as worker:
        with pytest.raises(CodeError, match="cannot be read"):
            worker.measure(tmp_path / "none.py", "CurrentModel", (1, 1, 8, 8))
        with pytest.raises(DataError, match=r"cifar-10-python|data_batch_1"):
            worker.evaluate(write(tmp_path), "CurrentModel", EvalConfig(dataset="cifar10"))


@pytest.mark.parametrize("how", ["cancel", "close"])
def test_a_trial_can_be_stopped_from_another_thread(best: WorkerPool, tmp_path: Path, how: str) -> None:
    cancel = threading.Event()
    with best.worker() as worker:

        def stop(event: dict[str, Any]) -> None:
            act = cancel.set if how == "cancel" else worker.close
            threading.Thread(target=act).start()

        with pytest.raises(Interrupted):
            worker.evaluate(
                write(tmp_path),
                "CurrentModel",
                DIGITS.model_copy(update={"epochs": 1000}),
                None,
                stop,
                cancel,
            )
        if how == "close":
            with pytest.raises(Interrupted):
                worker.check_config(CONFIG)


def test_a_small_network_learns_the_dummy_set(best: WorkerPool, tmp_path: Path) -> None:
    with best.worker() as worker:
        result = worker.evaluate(write(tmp_path, size=16), "CurrentModel", EvalConfig(dataset="dummy"))
    assert result.accuracy is not None and result.accuracy > 0.95


def test_a_closed_pool_hands_out_nothing(tmp_path: Path) -> None:
    made = WorkerPool(tmp_path, sandbox="none")
    assert made.level == "none"
    made.close()
    made.close()
    with pytest.raises(MachineError, match="closed"), made.worker():
        pass
