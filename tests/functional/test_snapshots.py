"""Screens in three sizes and two themes, compared with pictures that somebody has looked at.

Each is also looked at on terminals that show less: it can be read in every theme, in sixteen colours and in
none, with the characters of a text console.

Every picture that differs is named, with the file that holds it as it is now. After a change that is meant,
`pytest tests/functional/test_snapshots.py --snapshot-update`; then look at what has changed.
The scenes, and how they are kept still, are those of the documentation's pictures.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_textual_snapshot import SVGImageExtension
from syrupy.assertion import SnapshotAssertion

from export_screenshots import DIFF, GOAL, Scene, play, staged, until_still
from mlagent_tui import events
from mlagent_tui.tui import found, themes
from mlagent_tui.tui.screens import start
from tests.looks import hidden, missing, painted, unreadable
from tests.pictures import compact

SIZES = ((120, 40), (80, 24), (200, 50))
THEMES = ("mlagent-dark", "mlagent-light")
ANY = (0, 0)
CONFIGURED, TRAINING = ("config_made", 1.0), ("epoch_done", 0.6)
CHOOSING = ("start", "models", "training", "browser")
"""Scenes that have, together, every kind of widget that takes the focus."""

HELD = (events.Paused(reason="requested", before="assemble"),)
ASKED = (events.ApprovalAsked(id="1", tool="bash_run", command="ls -l experiments\nrm -r old", folder="/p"),)

SCREENS = (
    Scene("start", "", ANY, ("can start",), opens="start", words=GOAL),
    Scene("models", "", ANY, ("own-7b",), ("f2",), opens="start"),
    Scene("coding", "", ANY, ("writing the code", "relu2"), ("2",), ("code", 0.8)),
    Scene("training", "", ANY, ("training", "┫"), ("4",), TRAINING),
    Scene("finished", "", ANY, ("■ stopped", "★"), ("5",)),
    Scene("log", "", ANY, ("■ stopped", "stopped:"), ("6",)),
    Scene("help", "", ANY, ("training", "Every network"), ("5", "question_mark"), TRAINING),
    Scene("steer", "", ANY, ("training", "prompts of the planner"), ("s", *"use less"), TRAINING),
    Scene("edit", "", ANY, ("paused", "out_features"), ("e", "enter"), CONFIGURED, adds=HELD),
    Scene("approve", "", ANY, ("asks for approval", "Allow this command?"), ("a",), TRAINING, adds=ASKED),
    Scene("stop", "", ANY, ("training", "Stop after this step"), ("x",), TRAINING),
    Scene("browser", "", ANY, ("CurrentModel",), ("2",), opens="browser"),
    Scene("words", "", ANY, ("Prompt",), ("5",), opens="browser"),
    Scene("diff", "", ANY, ("Configuration",), DIFF, opens="browser"),
    Scene("replay", "", ANY, ("held ×1", "CurrentModel"), ("space", "2"), opens="replay", played=12.0),
)


class Picture(SVGImageExtension):
    """An SVG file of few bytes."""

    def serialize(self, data: Any, **_: Any) -> str:
        return compact(data)


@pytest.fixture(autouse=True)
def _the_same_everywhere(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No version in the frame, and the models that are found are those put there."""
    monkeypatch.setattr(start, "__version__", "0")
    own = home / "models" / "own-7b.gguf"
    facts = ("~/models", "qwen3", "Q4_K_M", "40,960 tokens")

    async def models() -> found.Listing:
        return found.Listing((found.Model(str(own), "own-7b", 4_100_000_000, facts),))

    monkeypatch.setattr(found, "models", models)


@pytest.mark.slow
@pytest.mark.asyncio
@pytest.mark.parametrize("scene", SCREENS, ids=lambda scene: scene.name)
async def test_the_screen_looks_as_it_did(
    scene: Scene, home: Path, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    different: dict[str, Path] = {}
    with staged(scene, home, THEMES[0]) as app:
        async with app.run_test(size=SIZES[0]) as pilot:
            await play(pilot, scene)
            for theme in THEMES:
                app.theme = theme
                for size in SIZES:
                    await pilot.resize_terminal(*size)
                    await until_still(pilot)
                    name = f"{size[0]}x{size[1]}-{theme}"
                    assert unreadable(app) == [], name
                    picture = app.export_screenshot(simplify=True)
                    if picture != snapshot(name=name, extension_class=Picture):
                        different[name] = tmp_path / f"{name}.svg"
                        different[name].write_text(compact(picture), encoding="utf-8")
            app.theme, app.colour_system = themes.SIXTEEN.name, "standard"
            await painted(app)
            assert unreadable(app) == []
            assert missing(app) == set()
            if scene.name in CHOOSING:
                app.no_color = True
                app.refresh_css()
                await painted(app)
                assert await hidden(app) == []
    assert not different, "\n".join(f"{name} differs: {file}" for name, file in different.items())


@pytest.mark.slow
@pytest.mark.asyncio
async def test_all_text_can_be_read_in_every_theme(home: Path) -> None:
    scene = next(scene for scene in SCREENS if scene.name == "training")
    with staged(scene, home, THEMES[0]) as app:
        async with app.run_test(size=SIZES[0]) as pilot:
            await play(pilot, scene)
            for theme in themes.names():
                app.theme = theme
                app.colour_system = "standard" if app.native_ansi_color else "truecolor"
                await painted(app)
                assert unreadable(app) == [], theme
