"""Modules that cheat, each in a real trial at both levels: what is stopped, and what waits for the judge."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlagent_tui import events, paths, workspace
from mlagent_tui.agent import RunOptions, research
from mlagent_tui.errors import CodeError, Interrupted
from mlagent_tui.experiments import Project
from mlagent_tui.sandbox import Level, works
from mlagent_tui.schemas import EvalConfig, EvalResult
from mlagent_tui.training import WorkerPool, pool
from tests.cheats import CHEATS, HONEST, JUDGE, NETWORK
from tests.functional.test_trial import CONFIG, LEVELS
from tests.scripted import ACHIEVED, Scripted, plan

SETTINGS = EvalConfig(dataset="digits", epochs=1, train_size=200, val_size=100)


@pytest.fixture(params=LEVELS, scope="module")
def workers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerPool]:
    level: Level = request.param
    if not works(level):
        pytest.skip(f"{level} does not work on this machine")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "resolve_level", lambda policy: level)
        made = WorkerPool(tmp_path_factory.mktemp("project"), memory_limit_mb=1500)
    yield made
    made.close()


def tried(workers: WorkerPool, folder: Path, code: str) -> EvalResult:
    (folder / "model.py").write_text(code)
    with workers.worker() as worker:
        return worker.evaluate(
            folder / "model.py", "CurrentModel", SETTINGS, folder / "qe_1", config=CONFIG
        )  # fmt: skip


@pytest.fixture(scope="module")
def honest(workers: WorkerPool, tmp_path_factory: pytest.TempPathFactory) -> EvalResult:
    folder = tmp_path_factory.mktemp("honest")
    return tried(workers, folder, NETWORK.format(top="", build="        pass", forward="        pass"))


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheating_module_gets_what_the_table_says_and_nothing_of_it_stays(
    workers: WorkerPool, honest: EvalResult, tmp_path: Path, name: str
) -> None:
    cheat = CHEATS[name]
    try:
        result = tried(workers, tmp_path, cheat.code)
    except CodeError as error:
        assert cheat.gets in error.what
    else:
        if cheat.gets == HONEST:
            assert (result.status, result.accuracy) == ("completed", honest.accuracy)
            assert result.seconds > 0
        elif cheat.gets == JUDGE:  # when this fails because the cheat fails: say so in the table and the page
            assert result.status == "completed"
            assert (result.accuracy, result.val_loss) != (honest.accuracy, honest.val_loss)
        elif cheat.kind == "weights":
            assert (result.status, result.accuracy) == ("completed", honest.accuracy)
            assert cheat.gets in result.weights_missing
            assert not (tmp_path / "qe_1" / "model.safetensors").exists()
        else:
            assert result.status == "failed"
            assert cheat.gets in result.reason
            assert not (tmp_path / "qe_1" / "model.safetensors").exists()
    after = tried(workers, tmp_path, NETWORK.format(top="", build="        pass", forward="        pass"))
    assert (after.status, after.accuracy, after.val_loss) == ("completed", honest.accuracy, honest.val_loss)


def test_more_lines_than_a_training_has_end_it(workers: WorkerPool, tmp_path: Path) -> None:
    flood = (
        "        say(STARTED | {'train_size': 1920, 'val_size': 480, 'test_size': 600})\n"
        "        say(*[BATCH | {'batch': n, 'batches': 1920} for n in range(1, 1900)])"
    )
    (tmp_path / "model.py").write_text(NETWORK.format(top="", build=flood, forward="        pass"))
    told: list[dict[str, object]] = []
    settings = EvalConfig(dataset="dummy", input_shape=(1, 8, 8), epochs=1, batch_size=1)
    with workers.worker() as worker:
        result = worker.evaluate(tmp_path / "model.py", "CurrentModel", settings, None, told.append)
    assert "far more lines than a training has" in result.reason
    assert len(told) < 20


def test_a_stop_is_noticed_between_any_two_lines_of_a_flood(workers: WorkerPool, tmp_path: Path) -> None:
    flood = (
        "        say(STARTED | {'train_size': 1920, 'val_size': 480, 'test_size': 600})\n"
        "        say(*[BATCH | {'batch': n, 'batches': 1920} for n in range(1, 150)])\n"
        "        while True:\n            pass"
    )
    (tmp_path / "model.py").write_text(NETWORK.format(top="", build=flood, forward="        pass"))
    told: list[dict[str, object]] = []
    cancel = threading.Event()

    def tell(event: dict[str, object]) -> None:
        told.append(event)
        cancel.set()

    settings = EvalConfig(dataset="dummy", input_shape=(1, 8, 8), epochs=1, batch_size=1)
    with workers.worker() as worker, pytest.raises(Interrupted):
        worker.evaluate(tmp_path / "model.py", "CurrentModel", settings, None, tell, cancel)
    assert len(told) == 1


def test_a_frozen_clock_shortens_nothing(workers: WorkerPool, tmp_path: Path) -> None:
    frozen = "now = time.monotonic()\nsleep = time.sleep\ntime.monotonic = lambda: now"
    wait = "        if self.training and self.calls == 3:\n            sleep(0.3)"
    result = tried(workers, tmp_path, NETWORK.format(top=frozen, build="        pass", forward=wait))
    assert result.status == "completed"
    assert result.seconds >= result.curves[0].seconds >= 0.3


def test_rejected_code_changes_nothing_for_the_next_candidate(
    workers: WorkerPool, honest: EvalResult, tmp_path: Path
) -> None:
    script = tmp_path / "model.py"
    with workers.worker() as worker:
        wrong = CHEATS["the measuring function"].code.replace("nn.Linear(256, 10)", "nn.Linear(256, 11)")
        script.write_text(wrong)
        with pytest.raises(CodeError):
            worker.check_code(script, "CurrentModel", CONFIG)
        script.write_text(NETWORK.format(top="", build="        pass", forward="        pass"))
        worker.check_code(script, "CurrentModel", CONFIG)
        result = worker.evaluate(script, "CurrentModel", SETTINGS)
    assert result.accuracy == honest.accuracy


def test_every_kind_that_waits_for_the_judge_is_named_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "security.md").read_text()
    section = page.partition("## What a network can still do to its own score")[2].partition("\n## ")[0]
    for kind in {cheat.kind for cheat in CHEATS.values() if cheat.gets == JUDGE}:
        assert f"**{kind}**" in section


def test_a_test_score_beyond_chance_of_its_validation_score_is_said_by_the_run_and_the_report(
    tmp_path: Path,
) -> None:
    """The network copies the labels of the validation images, and of no others."""
    known = (
        "        if not self.training and len(x) == 287:\n"
        "            for known in gc.get_objects():\n"
        "                if type(known).__name__ == 'Part' and len(known) == len(x):\n"
        "                    return F.one_hot(known.labels, 10).float() * 99"
    )
    code = NETWORK.format(top="", build="        pass", forward=known)
    config = CONFIG.model_dump(mode="json", exclude_defaults=True)
    model = Scripted(
        config=config, code=f"```python\n{code}```\n", plan=plan(epochs=1, train_size=64), decision=ACHIEVED
    )
    root = tmp_path / "project"
    workspace.prepare(root)
    with Project(root) as project:
        options = RunOptions(goal_text="a small network for the digits, at least 30% accuracy")
        told = list(research(project, options, open_models=model.open))
    (warning,) = [e for e in told if isinstance(e, events.Warned) and "standard errors" in e.message]
    assert "validation accuracy (100.00 % of 287)" in warning.message
    assert "**Warning.** The validation accuracy (100.00 % of 287)" in (root / paths.REPORT).read_text()
