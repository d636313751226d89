#!/usr/bin/env python3
"""Make the pictures of the documentation: the real interface, shown a recorded run.

    scripts/export_screenshots.py [--to docs/images] [NAME…]

The recording is tests/functional/recorded, a run of the engine with the bundled model. Each scene cuts its
journal where the run stood at that moment. The clock stands still, the home folder is a temporary one, and
what the engine's check would find out about this machine is given: the same recording, the same pictures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, chdir, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

sys.path[:0] = [str(Path(__file__).parents[1])]

from textual._compositor import LayoutUpdate
from textual.app import App
from textual.pilot import Pilot
from textual.strip import Strip
from textual.widgets import Input, TextArea
from textual.worker import Worker

from mlagent_tui import events, paths
from mlagent_tui.experiments import registry, runs
from mlagent_tui.schemas import EvalConfig, EvalResult, ModelConfig, Summary
from mlagent_tui.settings import Settings
from mlagent_tui.tui import engine, form
from mlagent_tui.tui.app import MlagentApp, Opening
from mlagent_tui.tui.engine import Check, Request
from mlagent_tui.tui.memory import Memory
from mlagent_tui.tui.screens import start
from mlagent_tui.tui.screens.browser import RunBrowser
from mlagent_tui.tui.screens.run import RunScreen
from tests import recording, small_project

GOAL = "a small CNN for digits, at least 99% accuracy"
PATIENCE = 180.0
"""Seconds that a scene may take to come about."""

CHARTS = "┫"
"""An axis: the curves are drawn."""


@dataclass(frozen=True)
class Scene:
    """A moment. It has come when `shows` are on the screen and nothing moves any more.

    `upto` cuts the recording inside the last answer to a task, or the last entries of a kind such as
    "epoch_done", after that share of it; `None` is the whole of it. `adds` is told after that. `opens` says
    what is first: "start", "run", "browser": the last run of the recording, or "replay": all of it, held when
    `played` seconds of it have passed.
    """

    name: str
    about: str
    size: tuple[int, int]
    shows: tuple[str, ...]
    keys: tuple[str, ...] = ()
    upto: tuple[str, float] | None = None
    opens: str = "run"
    words: str = field(default="", kw_only=True)
    """The goal that stands on the start screen."""
    adds: tuple[events.Event, ...] = field(default=(), kw_only=True)
    played: float = field(default=0.0, kw_only=True)


class Clock:
    """Seconds that pass only when somebody waits for the screen."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


CLOCK = Clock()
"""The clock of all run screens here."""


RECORDED = Path(__file__).parents[1] / "tests" / "functional" / "recorded"
GRID, NARROW = (120, 40), (80, 24)
DIFF = ("d", "end", "enter")
"""The keys that compare a run with the first one."""

SCENES = (
    Scene("start", "The start screen", (120, 36), ("can start", "best 96"), opens="start", words=GOAL),
    Scene("planning", "A plan as it is made", GRID, ("planning", CHARTS), ("1",), ("plan", 0.7)),
    Scene("coding", "Code as it is written", GRID, ("writing the code", CHARTS), ("2",), ("code", 0.8)),
    Scene("summary", "A network measured", GRID, ("measured", CHARTS), ("3",), ("summary_made", 1.0)),
    Scene("training", "A quick evaluation", GRID, ("training", CHARTS), ("4",), ("epoch_done", 0.6)),
    Scene("finished", "A run that has ended", GRID, ("stopped", CHARTS), ("5",)),
    Scene("browser", "A run opened", GRID, ("CurrentModel",), ("2",), opens="browser"),
    Scene("diff", "Two runs compared", GRID, ("accuracy",), DIFF, opens="browser"),
    Scene("narrow", "Eighty columns", NARROW, ("training", CHARTS), ("4",), ("epoch_done", 0.6)),
)


@contextmanager
def staged(scene: Scene, home: Path, theme: str = "mlagent-dark") -> Iterator[MlagentApp]:
    """The interface, ready to be run, with all that `scene` needs. `home` is the home folder, and empty."""
    desk = home / "research"
    root = project(desk / "digits", scene.upto, scene.adds)
    with ExitStack() as stack:
        for widget, name in ((Input, "_toggle_cursor"), (TextArea, "_toggle_cursor_blink_visible")):
            stack.enter_context(mock.patch.object(widget, name, lambda _: None))  # it does not blink
        stack.enter_context(chdir(desk))
        stack.enter_context(mock.patch.object(engine, "check", _fine))
        stack.enter_context(mock.patch.object(start, "SETTLE_SECONDS", 0.01))
        if scene.upto:
            stack.enter_context(recording.engine_at_work(root))
        if scene.opens == "start":
            _remember(root, small_project.make(desk, outcome=""))
        live = scene.opens != "replay"
        now = datetime.fromisoformat(told(root)[-1].time).timestamp()
        stack.enter_context(mock.patch.object(MlagentApp, "_run_screen", _at(now)))
        opening = Opening() if scene.opens == "start" else Opening(root, live, None if live else 1.0)
        app = MlagentApp(opening, preferences=Settings(theme=theme))
        app.animation_level = "none"
        yield app


async def play(pilot: Pilot[int], scene: Scene) -> None:
    """Bring the scene about."""
    app = pilot.app
    if scene.opens == "browser":
        root = Path("digits").absolute()
        app.push_screen(RunBrowser(root, registry.load(root)[-1].run_id))
        await until_still(pilot, ("parameters",))
    if scene.words:
        app.screen.query_one("#goal", TextArea).text = scene.words
    if scene.opens == "run":
        await until_still(pilot, scene.shows[:1])  # earlier keys go astray
    CLOCK.now += scene.played
    for key in scene.keys:
        await pilot.press(key)
    await until_still(pilot, scene.shows)


async def until_still(pilot: Pilot[int], shows: tuple[str, ...] = ()) -> None:
    """Wait until these words are on the screen, no work is under way, and three looks find it the same."""
    limit = time.monotonic() + PATIENCE
    before, same = seen(pilot.app), 0
    while same < 3:
        CLOCK.now += 1.0
        await pilot.pause(0.12)
        now = seen(pilot.app)
        text = "\n".join(strip.text for strip in now)
        idle = all(worker.is_finished or _waits(worker) for worker in pilot.app.workers)
        same = same + 1 if idle and now == before and all(word in text for word in shows) else 0
        before = now
        if time.monotonic() > limit:
            raise TimeoutError(f"{' and '.join(shows)} did not come to stand still on the screen")


def _waits(worker: Worker[Any]) -> bool:
    """Whether a worker has nothing to do: an action that has asked something, a tree nobody opens."""
    return worker.name.startswith("action_") or worker.name == "_loader"


def seen(app: App[Any]) -> list[Strip]:
    """The lines of the screen, and of those below a dialog."""
    below = app._background_screens
    update = app.screen._compositor.render_update(full=True, screen_stack=below, simplify=True)
    assert isinstance(update, LayoutUpdate)
    return [Strip.join(pieces) for pieces in update.strips]


# --- the recording ------------------------------------------------------------------------------------------


def project(folder: Path, upto: tuple[str, float] | None, adds: tuple[events.Event, ...] = ()) -> Path:
    """The recorded project up to a moment, with the folders of its runs, which follow from its journal."""
    lines = (RECORDED / "journal.jsonl").read_bytes().splitlines(keepends=True)
    for name in paths.FOLDERS:
        (folder / name).mkdir(parents=True)
    (folder / paths.JOURNAL).write_bytes(b"".join(cut(lines, *upto) if upto else lines))
    last = told(folder)[-1].time
    recording.append(folder, *(event.but(time=last) for event in adds))
    ended = _save_runs(folder, told(folder))
    entries = json.loads((RECORDED / "registry.json").read_text())
    (folder / paths.REGISTRY).write_text(json.dumps([e for e in entries if e["run_id"] in ended]))
    return folder


def told(root: Path) -> list[events.Event]:
    """The events of a project."""
    return [events.parse(line) for line in (root / paths.JOURNAL).read_bytes().splitlines()]


def cut(lines: list[bytes], task: str, share: float) -> list[bytes]:
    """The lines up to a share of the last answer to `task`, or of the last entries of that kind."""
    wanted = (f'"type":"{task}"' if "_" in task else f'"task":"{task}"').encode()
    streamed = [i for i, text in enumerate(lines) if wanted in text and b'"type":"model_' not in text]
    begin = max(i for i, text in enumerate(lines[: streamed[-1]]) if b'"type":"step_started"' in text)
    answer = [i for i in streamed if i > begin]
    return lines[: answer[int(share * (len(answer) - 1))] + 1]


def _save_runs(root: Path, journal: list[events.Event]) -> set[str]:
    """Write the folder of every run that has ended; returns their ids."""
    latest: dict[str, Any] = {}
    ended = set()
    for event in journal:
        match event:
            case events.ConfigMade():
                latest["config"] = ModelConfig.model_validate(event.config)
            case events.ToolCalled(tool="pytorch_quick_evaluator"):
                latest["eval_config"] = EvalConfig.model_validate(event.arguments["eval_config"])
            case events.SummaryMade():
                latest["summary"] = Summary.model_validate(event.summary)
            case events.CodeMade(accepted=True):
                latest["code"] = event.code
            case events.TrialFinished():
                result = EvalResult.model_validate(event.result)
                runs.save(root, result.run_id, result=result, **latest)
                ended.add(result.run_id)
    return ended


def _at(now: float) -> Callable[[MlagentApp, Path, bool, float | None], RunScreen]:
    """Run screens whose clocks do not depend on how fast the machine is."""

    def run_screen(_: MlagentApp, root: Path, live: bool, speed: float | None) -> RunScreen:
        return RunScreen(root, live=live, speed=speed, clock=CLOCK, wall=lambda: now)

    return run_screen


async def _fine(_: Request) -> Check:
    """What the engine's check says where everything is there."""
    return Check(sandbox="bubblewrap", datasets=dict.fromkeys(form.DATASETS, ""))


def _remember(latest: Path, earlier: Path) -> None:
    """Two projects in the list of recent ones, opened so long ago that a minute makes no difference."""
    entries = []
    for root, hours in ((latest, 2.5), (earlier, 30.0)):
        opened = datetime.now(UTC) - timedelta(hours=hours)
        entries.append({"root": str(root), "goal": "", "opened": opened.isoformat()})
    Memory().put("recent", entries)


# --- pictures -----------------------------------------------------------------------------------------------


async def picture(scene: Scene, app: MlagentApp) -> str:
    """The scene as SVG. It refers to nothing outside of itself: fonts are those of whoever looks at it."""
    async with app.run_test(size=scene.size) as pilot:
        await play(pilot, scene)
        svg = app.export_screenshot(title=scene.about, simplify=True)
    svg = re.sub(r"\s*@font-face\s*\{[^}]*\}", "", svg)
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def main() -> int:
    """Write the pictures that are named, or all."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(scene.name for scene in SCENES))
    parser.add_argument("--to", type=Path, default=Path(__file__).parents[1] / "docs" / "images")
    options = parser.parse_args()
    unknown = set(options.names) - {scene.name for scene in SCENES}
    if unknown:
        parser.error(f"there is no scene {', '.join(sorted(unknown))}")
    os.environ.pop("NO_COLOR", None)
    folder = options.to.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    for scene in SCENES:
        if options.names and scene.name not in options.names:
            continue
        with tempfile.TemporaryDirectory() as temporary, mock.patch.dict(os.environ, _home(Path(temporary))):
            home = Path(temporary).resolve()
            with staged(scene, home) as app:
                svg = asyncio.run(picture(scene, app))
        path = folder / f"{scene.name}.svg"
        path.write_text(svg, encoding="utf-8")
        print(f"{path.name:16}{len(svg.encode()) / 1000:6.0f} kB  {scene.about}", flush=True)
    return 0


def _home(folder: Path) -> dict[str, str]:
    """An environment in which nothing of the user's is found."""
    named = {f"XDG_{kind}_HOME": "" for kind in ("STATE", "CONFIG", "CACHE", "DATA")}
    return {**named, "HOME": str(folder.resolve()), "TERM": "xterm-256color", "COLORTERM": "truecolor"}


if __name__ == "__main__":
    sys.exit(main())
