"""Language models that give way to a trial: the real loop, the bundled model, forced on a CPU."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlagent_tui import events, paths, workspace
from mlagent_tui.agent import RunOptions, Saved, last_run, research, session
from mlagent_tui.experiments import Project, registry
from mlagent_tui.llm import LanguageModel, RoleOptions, ServedModel, open_models

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not paths.bundled_model().is_file(), reason="needs the bundled model"),
]

GOAL = "Design a small CNN for the digits data set that reaches at least 95% accuracy"
AWAY = (events.ModelUnloaded, events.ModelLoading, events.ModelLoaded)

Look = Callable[[events.Event, list[ServedModel]], None]


def _only_watch(event: events.Event, models: list[ServedModel]) -> None:
    return


def carry_out(
    root: Path, run: RunOptions | Saved, look: Look = _only_watch, cancel: threading.Event | None = None
) -> list[events.Event]:
    """The events of a run; `look` sees each as it happens, with the loaded models."""
    opened: list[ServedModel] = []

    def open_(
        planner: str, coder: str, planner_options: RoleOptions, coder_options: RoleOptions
    ) -> tuple[LanguageModel, LanguageModel]:
        models = open_models(planner, coder, planner_options, coder_options)
        opened.extend(model for model in models if isinstance(model, ServedModel))
        return models

    told: list[events.Event] = []
    if isinstance(run, RunOptions):
        workspace.prepare(root)
    with Project(root) as project:
        for event in research(project, run, cancel=cancel, open_models=open_):
            look(event, opened)
            told.append(event)
    return told


def of(told: list[events.Event], *kinds: type[events.Event]) -> list[Any]:
    return [event for event in told if isinstance(event, kinds)]


def ending(told: list[events.Event]) -> str:
    assert isinstance(told[-1], events.RunFinished)
    return told[-1].outcome


def stable(root: Path) -> list[Any]:
    """Networks, code, metrics and decisions of a project's runs."""
    return [
        (
            (root / entry.experiment_dir / "model_config.yaml").read_text(),
            (root / entry.experiment_dir / "model_code.py").read_text(),
            entry.metrics_summary,
            entry.decision,
        )
        for entry in registry.load(root)
    ]


def asking(**options: Any) -> RunOptions:
    return RunOptions(goal_text=GOAL, iterations=2, **options)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[events.Event]]]:
    root = tmp_path_factory.mktemp("kept") / "project"
    yield root, carry_out(root, asking())


def test_a_small_model_beside_a_small_network_is_kept(kept: tuple[Path, list[events.Event]]) -> None:
    _, told = kept
    assert of(told, *AWAY) == []
    assert ending(told) == "achieved"


def test_an_offloaded_model_is_away_while_a_network_trains_and_the_results_are_the_same(
    kept: tuple[Path, list[events.Event]], tmp_path: Path
) -> None:
    there: list[bool] = []

    def look(event: events.Event, models: list[ServedModel]) -> None:
        if isinstance(event, events.EpochDone):
            there.append(any(model.pid for model in models))

    told = carry_out(tmp_path / "p", asking(sharing="offload"), look)
    assert there and not any(there)
    assert stable(tmp_path / "p") == stable(kept[0])
    iterations = len(registry.load(tmp_path / "p"))
    kinds = [event.type for event in of(told, *AWAY)]
    assert kinds == [*["model_unloaded", "model_loading", "model_loaded"] * iterations, "model_unloaded"]
    first = of(told, events.ModelUnloaded)[0]
    assert (first.roles, first.reason) == (["planner", "coder"], "sharing is set to offload")
    assert first.memory_mb > paths.bundled_model().stat().st_size / 1e6
    assert events.read(tmp_path / "p" / paths.JOURNAL)[0] == told
    loads = sum(event.seconds for event in of(told, events.ModelLoaded))
    (spent,) = of(told, events.TimeSpent)
    (before,) = of(kept[1], events.TimeSpent)
    assert spent.loading > loads > 0
    assert before.loading > 0


def test_auto_unloads_a_model_where_the_trial_would_lack_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "free_memory", lambda: 1_000_000)
    told = carry_out(tmp_path / "p", asking())
    assert "1.0 MB are free" in of(told, events.ModelUnloaded)[0].reason
    assert ending(told) == "achieved"


def test_a_run_stopped_while_its_model_was_away_is_taken_up_where_it_was(tmp_path: Path) -> None:
    root, cancel = tmp_path / "p", threading.Event()

    def stop(event: events.Event, models: list[ServedModel]) -> None:
        if isinstance(event, events.TrialStarted):
            cancel.set()

    told = carry_out(root, asking(sharing="offload"), stop, cancel)
    assert (ending(told), of(told, events.ModelLoaded)) == ("interrupted", [])
    saved = last_run(events.read(root / paths.JOURNAL)[0])
    assert saved is not None
    assert (saved.step, saved.options.sharing) == ("evaluate", "offload")
    assert ending(carry_out(root, saved)) == "achieved"


def test_a_run_is_stopped_while_its_model_is_being_loaded_again(tmp_path: Path) -> None:
    cancel = threading.Event()

    def stop(event: events.Event, models: list[ServedModel]) -> None:
        if isinstance(event, events.ModelLoading):
            cancel.set()

    told = carry_out(tmp_path / "p", asking(sharing="offload"), stop, cancel)
    assert ending(told) == "interrupted"
    assert len(registry.load(tmp_path / "p")) == 1


@pytest.mark.parametrize("fallback", ["none", "bundled"])
def test_a_model_that_cannot_be_loaded_again_is_said_and_the_numbers_or_the_bundled_model_decide(
    tmp_path: Path, fallback: str
) -> None:
    model = tmp_path / "own.gguf"
    model.write_bytes(paths.bundled_model().read_bytes())

    def remove(event: events.Event, models: list[ServedModel]) -> None:
        if isinstance(event, events.ModelUnloaded) and model.exists():
            os.truncate(model, 100)

    run = asking(planner=str(model), coder=str(model), sharing="offload", fallback=fallback)
    told = carry_out(tmp_path / "p", run, remove)
    without, instead = "the planner gave no decision: ", "; Minnow answers this call"
    warned = [event.message for event in of(told, events.Warned)]
    assert any(said.startswith(without) if fallback == "none" else said.endswith(instead) for said in warned)
    assert [event.task for event in of(told, events.StoodIn)] == ["decision"] * (fallback == "bundled")
    assert of(told, events.ModelLoaded) == []
    assert ending(told) == "achieved"
