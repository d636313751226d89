"""`mlagent run` as its users start it: the real command, the bundled model, real trials."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlagent_tui import events, paths
from mlagent_tui.experiments import registry
from tests.tiny_gguf import make

GOAL = "Design a small CNN for the digits data set that reaches at least 95% accuracy"
SPECIFIED = (
    "src/models/current_model.py",
    "configs/models/current_model_config.yaml",
    "experiments/registry.json",
    "experiments/report.md",
    "experiments/journal.jsonl",
    "requirements.txt",
)
OF_A_RUN = ("model_config.yaml", "model_code.py", "summary.json", "results.json")

bundled = pytest.mark.skipif(not paths.bundled_model().is_file(), reason="needs the bundled model")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "mlagent_tui", *arguments]


def mlagent(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=cwd, capture_output=True, text=True, timeout=280, env=_environment()
    )


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def stable(project: Path) -> list[Any]:
    """What the same goal, seed and machine must give again: networks, code, metrics, decisions."""
    return [
        (
            (project / entry.experiment_dir / "model_config.yaml").read_text(),
            (project / entry.experiment_dir / "model_code.py").read_text(),
            entry.metrics_summary,
            entry.decision,
        )
        for entry in registry.load(project)
    ]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Any]]:
    folder = tmp_path_factory.mktemp("run")
    yield folder, mlagent("run", GOAL, cwd=folder)


@bundled
@pytest.mark.slow
def test_the_main_job_achieves_its_goal_and_leaves_every_file(finished: tuple[Path, Any]) -> None:
    folder, done = finished
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Goal achieved: accuracy ")
    assert "Traceback" not in done.stderr
    (project,) = folder.iterdir()
    for name in SPECIFIED:
        assert (project / name).is_file(), name
    for entry in registry.load(project):
        for name in OF_A_RUN:
            assert (project / entry.experiment_dir / name).is_file(), name
    assert registry.load(project)[-1].decision.startswith("Goal Achieved: ")


@bundled
@pytest.mark.slow
def test_ctrl_c_while_training_ends_with_130_and_the_run_can_be_resumed(tmp_path: Path) -> None:
    run = subprocess.Popen(
        command("run", GOAL, "--project", "p"), cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, env=_environment(),
    )  # fmt: skip
    journal = tmp_path / paths.Layout(Path("p")).journal
    for event in events.follow(journal, stop=threading.Event()):
        assert not isinstance(event, events.RunFinished)
        if isinstance(event, events.TrialStarted):
            break
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "mlagent resume p" in out
    assert "Traceback" not in err
    assert registry.load(tmp_path / "p") == []
    done = mlagent("resume", "p", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Goal achieved" in done.stdout


@bundled
@pytest.mark.slow
def test_a_run_that_was_killed_three_times_ends_as_if_it_had_not_been(
    finished: tuple[Path, Any], tmp_path: Path
) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    around = _environment() | {"TMPDIR": str(place)}
    argv = command("run", GOAL, "--project", "p", "--events", "jsonl")
    for last in ("plan_made", "epoch_done", "trial_finished"):
        run = subprocess.Popen(
            argv, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=around
        )
        assert run.stdout
        for line in run.stdout:
            if json.loads(line)["type"] == last:
                break
        run.kill()
        run.communicate()
        argv = command("resume", "p", "--events", "jsonl")
    assert any(place.iterdir())
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=280, env=around)
    assert done.returncode == 0, done.stderr
    (project,) = finished[0].iterdir()
    assert stable(tmp_path / "p") == stable(project)
    kept = {Path(entry.experiment_dir).name for entry in registry.load(tmp_path / "p")}
    assert {path.name for path in (tmp_path / "p/experiments").glob("qe_*")} == kept
    assert not list((tmp_path / "p").rglob("*.tmp"))
    assert list(place.iterdir()) == []


def _narrow() -> None:
    """What a strict administrator, or a careless one, leaves a process."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))
    os.umask(0)


@bundled
@pytest.mark.slow
def test_the_same_goal_seed_and_machine_give_the_same_run_even_within_narrow_limits(
    finished: tuple[Path, Any], tmp_path: Path
) -> None:
    around = {"TZ": "Pacific/Kiritimati", "TMPDIR": "/nonexistent", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command("run", GOAL, "--project", "p", "--events", "jsonl"), cwd=tmp_path, capture_output=True,
        text=True, timeout=280, env=_environment() | around, preexec_fn=_narrow,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    told = [json.loads(line)["type"] for line in done.stdout.splitlines()]
    assert (told[0], told[-1]) == ("run_started", "run_finished")
    (project,) = finished[0].iterdir()
    assert stable(tmp_path / "p") == stable(project)
    (entry,) = registry.load(tmp_path / "p")
    (other,) = registry.load(project)
    weights = [
        (root / found.experiment_dir / paths.RUN_WEIGHTS).read_bytes()
        for root, found in ((tmp_path / "p", entry), (project, other))
    ]
    assert weights[0] == weights[1]
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "p/experiments").glob(".*")}
    assert modes == {0o600}


def test_a_model_that_writes_noise_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    make(tmp_path / "noise.gguf", context=16384)
    done = mlagent("run", GOAL, "--model", "noise.gguf", "--fallback", "none", cwd=tmp_path)
    assert done.returncode in (1, 2)
    assert done.stderr.count("mlagent: ") == 1
    assert "Traceback" not in done.stderr


def test_with_a_model_that_writes_noise_the_bundled_one_reaches_the_goal(tmp_path: Path) -> None:
    make(tmp_path / "noise.gguf", context=16384)
    done = mlagent("run", GOAL, "--model", "noise.gguf", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("Goal achieved")
    assert re.search(r"As the coder, .+ gave 0 of \d+ answers; Minnow stood in for \d+\.", done.stdout)


def test_a_truncated_model_file_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    whole = make(tmp_path / "whole.gguf").read_bytes()
    (tmp_path / "cut.gguf").write_bytes(whole[: len(whole) // 2])
    done = mlagent("run", GOAL, "--model", "cut.gguf", cwd=tmp_path)
    assert done.returncode == 1
    assert "cut.gguf" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.gguf", "whole.gguf"]


def test_the_command_starts_without_any_heavy_library(tmp_path: Path) -> None:
    script = (
        "import sys; from mlagent_tui import cli, headless, workspace; import mlagent_tui.agent\n"
        "heavy = {'torch', 'llama_cpp', 'matplotlib', 'numpy', 'textual'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, env=_environment()
    )
    assert (done.returncode, done.stderr) == (0, "")
