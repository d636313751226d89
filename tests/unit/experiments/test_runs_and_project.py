"""Run ids and folders, and a project with its lock."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mlagent_tui import events, paths
from mlagent_tui.errors import ProjectError
from mlagent_tui.events import Warned
from mlagent_tui.experiments import Project, runs
from mlagent_tui.schemas import EpochMetrics, EvalConfig, ModelConfig, RegistryEntry
from mlagent_tui.tools import create_pytorch_project_scaffold

Finish = Callable[..., RegistryEntry]

CLAIM = (
    "import sys; from pathlib import Path; from mlagent_tui.experiments import runs;"
    "print(*(runs.claim(Path(sys.argv[1])) for _ in range(20)))"
)


def point(epoch: int) -> EpochMetrics:
    return EpochMetrics(
        epoch=epoch, train_loss=1.0, train_accuracy=0.5, val_loss=1.25, accuracy=0.5, seconds=epoch / 2
    )


def test_run_ids_are_unique_within_a_second_among_threads_and_processes(project: Path) -> None:
    others = [
        subprocess.Popen([sys.executable, "-c", CLAIM, str(project)], stdout=subprocess.PIPE) for _ in "ab"
    ]
    ids: list[str] = []
    threads = [
        threading.Thread(target=lambda: ids.extend(runs.claim(project) for _ in range(20))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        ids += other.communicate()[0].decode().split()
    assert len(ids) == len(set(ids)) == 100
    assert {path.name for path in (project / "experiments").iterdir() if path.is_dir()} == set(ids)


def test_run_ids_outside_of_a_project_are_unique_and_leave_nothing(tmp_path: Path) -> None:
    ids = [runs.claim(tmp_path) for _ in range(30)]
    assert len(set(ids)) == 30
    assert all(len(run_id.split("_")) in (3, 4) and run_id.startswith("qe_2") for run_id in ids)
    assert list(tmp_path.iterdir()) == []


def test_a_kept_run_holds_its_settings_and_its_curves(project: Path) -> None:
    with runs.new_run(project) as run:
        run.begin(EvalConfig(dataset="digits", epochs=2))
        for epoch in (1, 2):
            run.add(point(epoch))
        run.keep()
    assert run.folder == project / "experiments" / run.run_id
    lines = (run.folder / paths.RUN_METRICS).read_text().splitlines()
    assert [EpochMetrics.model_validate_json(line) for line in lines] == [point(1), point(2)]
    assert runs.load(project, run.run_id).eval_config == EvalConfig(dataset="digits", epochs=2)


def test_a_run_that_ends_in_an_error_leaves_no_folder(project: Path) -> None:
    with pytest.raises(ZeroDivisionError), runs.new_run(project) as run:
        run.begin(EvalConfig(dataset="digits"))
        (project / "experiments" / run.run_id / paths.RUN_WEIGHTS).touch()
        raise ZeroDivisionError
    assert [path.name for path in (project / "experiments").iterdir()] == ["registry.json"]


def test_what_is_saved_of_a_run_is_loaded_again(project: Path, finish: Finish, config: ModelConfig) -> None:
    finish(project, "qe_1", 0.9)
    names = {path.name for path in (project / "experiments" / "qe_1").iterdir()}
    assert names == {"model_config.yaml", "model_code.py", "summary.json", "results.json", "eval_config.yaml"}
    run = runs.load(project, "qe_1")
    assert run.config == config and run.code == "class CurrentModel: ...\n"
    assert run.summary is not None and run.summary.total_parameters == 5210
    assert run.result is not None and run.result.accuracy == 0.9


def test_missing_and_damaged_parts_of_a_run_are_none(project: Path, finish: Finish) -> None:
    finish(project, "qe_1", 0.9)
    folder = project / "experiments" / "qe_1"
    (folder / "results.json").write_text("{")
    (folder / "model_config.yaml").write_text("layers: 2024-02-30\nlayers: !!int x")
    (folder / "eval_config.yaml").write_text("dataset: digits\nepochs: 0000-00-00")
    (folder / "summary.json").unlink()
    os.symlink("/etc/hostname", folder / "summary.json")
    run = runs.load(project, "qe_1")
    assert (run.result, run.config, run.summary) == (None, None, None)
    assert list(run.damaged) == ["model_config.yaml", "eval_config.yaml", "summary.json", "results.json"]
    assert run.damaged["model_config.yaml"] == ("line 2: 'layers' is given twice, first in line 1")
    assert run.damaged["eval_config.yaml"] == (
        "line 2: epochs: expected a whole number from 1 to 1,000, got '0000-00-00'"
    )
    assert run.code is not None
    assert runs.load(project, "../../elsewhere").code is None


def test_a_project_has_one_engine_at_a_time(project: Path) -> None:
    with Project(project) as held:
        held.journal.append(Warned(message="working"))
        with pytest.raises(ProjectError, match=f"in use by process {os.getpid()}"):
            Project(project)
    with Project(project) as again:
        assert again.journal.append(Warned(message="again")).seq == 2
        again.close()
        again.close()


def test_the_lock_of_a_killed_engine_is_free(project: Path) -> None:
    code = (
        "import sys, os; from pathlib import Path; from mlagent_tui.experiments import Project;"
        "p = Project(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code, str(project)], stdin=pipe, stdout=pipe) as engine:
        assert engine.stdout is not None
        assert engine.stdout.readline() == b"held\n"
        with pytest.raises(ProjectError, match=f"process {engine.pid}"):
            Project(project)
        engine.kill()
        engine.wait()
    Project(project).close()


def test_opening_repairs_the_journal_and_the_registry(project: Path) -> None:
    journal = project / paths.JOURNAL
    journal.write_bytes(Warned(message="whole").to_json().encode() + b'\n{"type":"war')
    with Project(project) as opened:
        assert [event.type for event in events.read(journal)[0]] == ["warned"]  # type: ignore[attr-defined]
        assert opened.repairs == []
    (project / paths.REGISTRY).write_text("damaged")
    with Project(project) as opened:
        assert "registry.json is damaged" in opened.repairs[0]
    assert (project / "experiments/registry.json.damaged-1").read_text() == "damaged"
    assert (project / paths.REGISTRY).read_text() == "[]\n"


def test_a_folder_that_is_no_project_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="is not a project") as caught:
        Project(tmp_path)
    assert "mlagent run" in caught.value.remedy


def test_a_read_only_project_is_said(project: Path) -> None:
    if subprocess.run(["mount", "--bind", project, project], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", project], check=True)
        with pytest.raises(ProjectError, match="read-only") as caught:
            Project(project)
        assert caught.value.remedy
    finally:
        subprocess.run(["umount", "-l", project], check=True)


def test_a_full_disk_leaves_the_registry_as_it_was(small_disk: Path, finish: Finish) -> None:
    create_pytorch_project_scaffold("P", str(small_disk))
    root = small_disk / "P"
    finish(root, "qe_1", 0.9)
    with Project(root) as project:
        before = (root / paths.REGISTRY).read_text()
        entry = project.registry()[0].model_copy(update={"run_id": "qe_2", "reason": "x" * 200_000})
        with pytest.raises(ProjectError, match="disk is full"):
            project.record(entry)
        assert (root / paths.REGISTRY).read_text() == before


def test_a_disk_that_fills_while_a_run_trains_is_said(small_disk: Path) -> None:
    create_pytorch_project_scaffold("P", str(small_disk))
    with pytest.raises(ProjectError, match="disk is full"), runs.new_run(small_disk / "P") as run:
        run.begin(EvalConfig(dataset="digits"))
        for epoch in range(2000):
            run.add(point(epoch))
    assert [path.name for path in (small_disk / "P" / "experiments").iterdir()] == ["registry.json"]


def test_a_machine_without_a_name_leaves_no_empty_name_in_the_lock(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "")
    with Project(project):
        with pytest.raises(ProjectError) as caught:
            Project(project)
        assert caught.value.what.endswith(f"is in use by process {os.getpid()}")
