"""Faults of the machine in the middle of a run: repeated or said, and never the result of a network.

The language model is scripted (`tests.scripted`); workers, templates, kills and full disks are real.
"""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mlagent_tui import events, paths, workspace
from mlagent_tui.agent import RunOptions, last_run, research
from mlagent_tui.errors import MachineError, TrialError, WorkerLost
from mlagent_tui.experiments import Project, registry
from mlagent_tui.schemas import EvalConfig
from mlagent_tui.tools import ToolContext, pytorch_quick_evaluator, use_context
from mlagent_tui.training import TrialWorker, WorkerPool
from tests.functional.test_trial import CONFIG, DIGITS, write
from tests.scripted import ACHIEVED, Scripted
from tests.unit.conftest import small_disk as small_disk


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[WorkerPool]:
    made = WorkerPool(tmp_path, memory_limit_mb=1500)
    yield made
    made.close()


def kill_worker(worker: TrialWorker) -> None:
    """As the kernel does when memory runs out."""
    assert worker._channel is not None
    os.kill(worker._channel._process.pid(), signal.SIGKILL)


def kill_template(pool: WorkerPool) -> None:
    template: Any = pool._workers
    process = template._template.result()._process
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_a_waiting_template_that_was_killed_is_replaced(pool: WorkerPool) -> None:
    with pool.worker() as worker:
        assert worker.check_config(CONFIG).parameters == 2730
        kill_template(pool)
        assert worker.check_config(CONFIG).parameters == 2730


def test_a_template_killed_at_the_same_moment_is_replaced(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is killed after it was found alive and before it has forked."""
    taking, kills = pool._workers.take, [kill_template]

    def take() -> Any:
        process = taking()
        while kills:
            kills.pop()(pool)
        return process

    monkeypatch.setattr(pool._workers, "take", take)
    with pool.worker() as worker:
        assert worker.check_config(CONFIG).parameters == 2730


def test_where_forking_is_not_safe_a_worker_is_started_ahead_for_each_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlagent_tui.training.processes._FORKS", False)
    made = WorkerPool(tmp_path, memory_limit_mb=1500)
    try:
        with made.worker() as worker:
            script = write(tmp_path)
            worker.check_code(script, "CurrentModel", CONFIG)
            waiting: Any = made._workers
            os.kill(waiting._next.result().pid(), signal.SIGKILL)  # the one that waits for its request
            result = worker.evaluate(script, "CurrentModel", DIGITS, tmp_path / "qe_1", config=CONFIG)
            assert (result.status, result.reason, result.epochs) == ("completed", "", 2)
            assert worker.test(script, "CurrentModel", DIGITS, tmp_path / "qe_1/model.safetensors")
    finally:
        made.close()


def test_a_worker_killed_in_training_is_no_result(pool: WorkerPool, tmp_path: Path) -> None:
    with pool.worker() as worker, pytest.raises(WorkerLost, match="killed from outside, by signal 9"):
        worker.evaluate(
            write(tmp_path), "CurrentModel", DIGITS, None, lambda event: kill_worker(worker)
        )  # fmt: skip


@pytest.mark.parametrize("kills", [1, 2])
def test_a_killed_trial_starts_over_once_under_a_name_of_its_own(
    pool: WorkerPool, tmp_path: Path, kills: int
) -> None:
    root = tmp_path / "project"
    workspace.prepare(root)
    (root / paths.CURRENT_MODEL).write_text(write(tmp_path).read_text())
    told: list[events.Event] = []

    def tell(event: events.Event) -> None:
        told.append(event)
        begun = [e for e in told if isinstance(e, events.TrialStarted)]
        if isinstance(event, events.TrialStarted) and len(begun) <= kills:
            kill_worker(next(iter(pool._in_use)))

    context = ToolContext(root, coder=lambda: Scripted(), pool=lambda: pool, on_event=tell)
    settings = EvalConfig(dataset="digits", epochs=1).model_dump(mode="json")
    with use_context(context):
        if kills == 2:
            with pytest.raises(MachineError, match="killed from outside"):
                pytorch_quick_evaluator(paths.CURRENT_MODEL, "CurrentModel", settings)
            assert not any(isinstance(event, events.TrialFinished) for event in told)
            assert list((root / "experiments").glob("qe_*")) == []
        else:
            result = pytorch_quick_evaluator(paths.CURRENT_MODEL, "CurrentModel", settings)
            assert (result["status"], len(result["curves"])) == ("completed", 1)
            lines = (root / "experiments" / result["run_id"] / "metrics.jsonl").read_text().splitlines()
            assert len(lines) == 1
            assert any(isinstance(e, events.Warned) and "starts over" in e.message for e in told)


def test_a_library_that_cannot_be_loaded_is_the_machines_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "mlagent_tui"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('libtorch.so: failed to map segment')")
    monkeypatch.setattr(paths, "package_file", lambda: broken)
    made = WorkerPool(tmp_path)
    try:
        with made.worker() as worker, pytest.raises(MachineError, match="failed to map segment"):
            worker.check_config(CONFIG)
    finally:
        made.close()


def test_more_memory_than_its_limit_is_the_networks_own_result(pool: WorkerPool, tmp_path: Path) -> None:
    greedy = write(tmp_path, build="self.x = [torch.ones(1 << 20) for _ in range(10_000)]")
    with pool.worker() as worker, pytest.raises(TrialError, match="out of memory: it used"):
        worker.check_code(greedy, "CurrentModel", CONFIG)


def test_a_full_disk_under_the_temporary_folder_is_the_machines_fault(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(small_disk))
    made = WorkerPool(tmp_path)  # its folders fit, a trial's weights do not
    try:
        with (
            made.worker() as worker,
            pytest.raises(MachineError, match="disk of the temporary folder is full"),
        ):
            worker.evaluate(write(tmp_path, build="self.more = nn.Parameter(torch.zeros(100_000))"),
                            "CurrentModel", DIGITS)  # fmt: skip
    finally:
        made.close()


def test_a_check_that_ends_on_a_full_disk_blames_the_disk(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(small_disk))
    made = WorkerPool(tmp_path)
    try:
        with made.worker() as worker:
            assert worker.check_config(CONFIG)
            with open(small_disk / "ballast", "wb", buffering=0) as ballast, suppress(OSError):
                while True:
                    ballast.write(bytes(512))
            with pytest.raises(MachineError, match="disk"):
                worker.check_code(write(tmp_path, build="os._exit(7)"), "CurrentModel", CONFIG)
    finally:
        made.close()


def test_a_disk_that_fills_while_the_model_is_written_stops_the_run_and_counts_no_network(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "project"
    workspace.prepare(root)
    with open(small_disk / "ballast", "wb", buffering=0) as ballast, suppress(OSError):
        while True:
            ballast.write(bytes(512))

    def fill(task: str) -> None:
        if task == "code":
            monkeypatch.setattr(tempfile, "tempdir", str(small_disk))

    options = RunOptions(goal_text="a small network for the digits, at least 30% accuracy")
    with Project(root) as project:
        told = list(research(project, options, open_models=Scripted(before=fill).open))
    (failed,) = [event for event in told if isinstance(event, events.Failed)]
    assert failed.title == "Machine" and "disk is full" in failed.what
    assert registry.load(root) == []
    monkeypatch.setattr(tempfile, "tempdir", None)  # space was made
    saved = last_run(events.scan(paths.Layout(root).journal))
    assert saved is not None and (saved.current.number, saved.step) == (1, "assemble")
    with Project(root) as project:
        told = list(research(project, saved, open_models=Scripted(decision=ACHIEVED).open))
    assert isinstance(told[-1], events.RunFinished) and told[-1].outcome == "achieved"
    assert [entry.iteration for entry in registry.load(root)] == [1]
