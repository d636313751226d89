"""What the first screen does without, and how little is shown at a time afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from mlagent_tui import events, paths
from mlagent_tui.settings import Settings
from mlagent_tui.tui import fold, preferences
from mlagent_tui.tui.app import MlagentApp, Opening
from mlagent_tui.tui.panels import RunsPanel
from mlagent_tui.tui.panels.runs import AT_FIRST, RunsTable
from mlagent_tui.tui.preferences import REST, Preferences
from mlagent_tui.tui.screens import run
from mlagent_tui.tui.screens.run import RunScreen
from mlagent_tui.tui.state import RunState
from tests import recording
from tests.recording import until

LATER = ("markdown_it", "numpy", "pydantic", "textual_plot", "yaml")


def test_neither_screen_needs_what_takes_long_to_load() -> None:
    code = f"""
import sys
import mlagent_tui.cli
from mlagent_tui.tui import preferences
preferences.load()
from mlagent_tui.tui.app import MlagentApp
from mlagent_tui.tui.screens import run, start
MlagentApp()
print([name for name in {LATER!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_a_settings_file_the_preferences_are_the_defaults_of_the_settings() -> None:
    assert preferences.load() == Preferences.of(Settings())
    named = {one.name for one in fields(Preferences)} - {"whole"}
    assert named | REST <= set(Settings.model_fields)
    assert Preferences().planner_options == Settings().planner_options
    with pytest.raises(AttributeError):
        _ = Preferences().parameters


def test_the_preferences_are_those_of_the_settings_file() -> None:
    paths.settings_file().parent.mkdir(parents=True)
    paths.settings_file().write_text("theme: nord\niterations: 3\nkeys: {run.pause: f9}\n")
    wanted = preferences.load()
    assert (wanted.theme, wanted.iterations, wanted.keys) == ("nord", 3, {"run.pause": "f9"})


def test_what_there_is_at_the_start_is_set_aside_and_the_rest_is_collected() -> None:
    code = """
import gc
from mlagent_tui.tui import garbage
garbage.starting()
assert not gc.isenabled()
garbage.started()
assert gc.isenabled() and gc.get_freeze_count() > 10_000
loop = []
loop.append(loop)
del loop
garbage.idle()
assert gc.get_count() < (100, 1, 1)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.asyncio
async def test_a_run_is_whole_when_it_is_painted_first(tmp_path: Path) -> None:
    app = MlagentApp(Opening(recording.project(tmp_path)))
    painted: list[str] = []
    paint = app._display

    def kept(screen: object, renderable: object) -> None:
        if isinstance(screen, RunScreen) and renderable is not None:
            painted.append("\n".join(strip.text for strip in screen._compositor.render_strips()))
        paint(screen, renderable)  # type: ignore[arg-type]

    app._display = kept  # type: ignore[assignment,method-assign]
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: bool(painted))
    for said in ("iteration 4/5", "best 99.3 %", "✔ evaluate", "class CurrentModel", "★ 1", "4 trials"):
        assert said in painted[0], said


@pytest.mark.asyncio
async def test_panels_that_take_long_are_shown_one_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "SLICE", 0.0)
    root = recording.project(tmp_path, upto='"type":"decision_made"')
    app = MlagentApp(Opening(root))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = app.screen
        assert isinstance(screen, RunScreen)
        await until(pilot, lambda: screen._whole and not screen._dirty & {"plan", "code", "runs"})
        shown: list[str] = []
        for part, panel in screen.panels.items():
            monkeypatch.setattr(panel, "show", lambda _, part=part: shown.append(part))
        screen._dirty |= {"plan", "code", "summary", "runs"}
        screen._rest_until = 0.0
        screen._shown_at.clear()
        screen._show()
        assert len(shown) == 1
        for _ in range(3):
            screen._show()
        assert sorted(shown) == ["code", "plan", "runs", "summary"]


@pytest.mark.asyncio
async def test_of_many_runs_the_latest_are_shown_first_and_all_in_their_order_at_last(tmp_path: Path) -> None:
    state = RunState()
    names = [f"qe_{number:04}" for number in range(3 * AT_FIRST)]
    for number, name in enumerate(names):
        result = {"run_id": name, "status": "completed", "accuracy": 0.5, "val_loss": 1.0}
        fold.apply(state, [events.TrialStarted(run_id=name), events.TrialFinished(result=result)])
        state.rows[name].iteration = number + 1
    app = MlagentApp(Opening(recording.project(tmp_path)))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: bool(app.screen.query(RunsPanel)))
        panel = app.screen.query_one(RunsPanel)
        app.screen.query_one(RunsTable)
        panel.show(state)
        table = panel.query_one(RunsTable)
        column = [table.get_row_at(row)[-1].plain for row in range(table.row_count)]
        assert column == names[-AT_FIRST:]
        while state.touched:
            panel.show(state)
        column = [table.get_row_at(row)[-1].plain for row in range(table.row_count)]
        assert column == names
        assert panel.highlighted == names[-1]


def test_a_line_with_numbers_that_json_cannot_hold_is_read_without_them() -> None:
    line = b'{"type":"batch_done","run_id":"r","epoch":1,"epochs":1,"batch":1,"batches":1,"loss":%s}'
    for number in (b"NaN", b"-Infinity", b"1e999", b"1E+999"):
        event = events.parse(line % number)
        assert isinstance(event, events.BatchDone) and event.loss is None
    assert json.loads(events.parse(line % b"1e-7").to_json())["loss"] == 1e-7
