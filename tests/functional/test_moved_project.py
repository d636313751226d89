"""A project that is renamed or removed while a run works in it, by a person or by another program."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mlagent_tui import commands, events, paths, workspace
from mlagent_tui.agent import RunOptions, research
from mlagent_tui.errors import ProjectError
from mlagent_tui.experiments import Project, curves, registry, report, runs
from mlagent_tui.files import Folder
from mlagent_tui.schemas import EvalConfig
from tests.scripted import ACHIEVED, Scripted, plan
from tests.small_project import RUN_IDS, make

TEXT = "a small network for the digits, at least 30% accuracy"


def run_and(
    change: Callable[[], object], root: Path, at: type[events.Event] = events.EpochDone
) -> list[events.Event]:
    """The events of a run, during which `change` happens at the first event of type `at`."""
    model = Scripted(plan=plan(epochs=400), decision=ACHIEVED)
    workspace.prepare(root)
    told: list[events.Event] = []
    with Project(root) as project:
        for event in research(project, RunOptions(goal_text=TEXT), open_models=model.open):
            if isinstance(event, at) and not any(isinstance(before, at) for before in told):
                change()
            told.append(event)
    return told


def test_a_renamed_project_ends_the_run_and_the_old_path_stays_empty(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    told = run_and(lambda: old.rename(new), old)
    failed = next(event for event in told if isinstance(event, events.Failed))
    assert failed.what == f"the project {old} was moved to {new} while a run was working in it"
    assert f"mlagent resume {new}" in failed.remedy
    assert isinstance(told[-1], events.RunFinished)
    assert (told[-1].outcome, told[-1].exit_status) == ("failed", 1)
    assert not old.exists()
    assert registry.load(new) == []
    saved = workspace.last_saved(paths.Layout(new))
    assert saved
    assert saved.step == "evaluate"


def test_a_removed_project_ends_the_run_and_stays_removed(tmp_path: Path) -> None:
    root = tmp_path / "p"
    told = run_and(lambda: subprocess.run(["rm", "-rf", root], check=True), root)
    failed = next(event for event in told if isinstance(event, events.Failed))
    assert failed.what == f"the project {root} was removed while a run was working in it"
    assert not root.exists()


def test_another_project_that_takes_the_old_place_is_left_alone(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"

    def replace() -> None:
        old.rename(new)
        (old / "experiments").mkdir(parents=True)
        (old / paths.REGISTRY).write_text("[]\n")
        (old / paths.SOCKET).write_text("another engine's")

    run_and(replace, old, at=events.StepStarted)
    assert sorted(path.name for path in (old / "experiments").iterdir()) == [".socket", "registry.json"]
    assert registry.load(old) == []


WRITERS: dict[str, Callable[[Path], object]] = {
    "a file": lambda root: Folder(root).write("x", "x"),
    "a file of a run": lambda root: Folder(root / "experiments" / RUN_IDS[0]).write("x", "x"),
    "a new run": runs.claim,
    "parts of a run": lambda root: runs.save(root, "qe_9", eval_config=EvalConfig(dataset="digits")),
    "the registry": lambda root: registry.record(root, registry.load(root)[0]),
    "the curves": lambda root: report.draw(root, list(RUN_IDS), RUN_IDS[0]),
}


@pytest.mark.parametrize("change", ["renamed", "removed", "replaced"])
@pytest.mark.parametrize("writer", WRITERS)
def test_no_writer_writes_to_the_old_place(writer: str, change: str, tmp_path: Path) -> None:
    curves.warm_up()
    root = make(tmp_path)
    with Project(root) as project:
        if change == "removed":
            shutil.rmtree(root)
        else:
            root.rename(tmp_path / "new")
        if change == "replaced":
            root.mkdir()
            (root / "experiments").mkdir()
        with pytest.raises(ProjectError, match=r"was (moved|removed)"):
            WRITERS[writer](project.root)
    left = [path.relative_to(root).as_posix() for path in root.rglob("*")] if root.exists() else []
    assert left == (["experiments"] if change == "replaced" else [])


def test_a_listener_removes_its_own_socket_only(tmp_path: Path) -> None:
    root = make(tmp_path)
    listener = commands.Listener(root, lambda command: commands.Reply(ok=True))
    (root / paths.SOCKET).unlink()
    with commands.Listener(root, lambda command: commands.Reply(ok=True)):
        listener.close()
        assert commands.send(root, commands.Ping()).ok
