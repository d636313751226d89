"""Dialogs above a living screen: they look as Textual draws them, and cost nothing while nothing changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual._compositor import Compositor
from textual.screen import ModalScreen

from mlagent_tui.tui.app import MlagentApp, Opening
from mlagent_tui.tui.screens.dialogs import SentenceDialog
from mlagent_tui.tui.screens.over import Over
from mlagent_tui.tui.screens.run import RunScreen
from tests import recording
from tests.recording import until


class Theirs(SentenceDialog):
    """The same dialog, drawn by Textual."""

    render_lines = ModalScreen.render_lines
    render_line = ModalScreen.render_line


async def pictures(tmp_path: Path, dialog: SentenceDialog) -> list[object]:
    app = MlagentApp(Opening(recording.project(tmp_path)))
    app.animation_level = "none"
    async with app.run_test(size=(120, 40)) as pilot:
        screen = app.screen
        assert isinstance(screen, RunScreen)
        await until(pilot, lambda: screen._whole and bool(screen.query("Plot")))
        app.push_screen(dialog)
        await until(pilot, lambda: app.screen is dialog)
        dialog._input.cursor_blink = False
        await until(pilot, lambda: dialog._input.has_focus)
        update = dialog._compositor.render_update(full=True, screen_stack=app._background_screens)
        return [list(strip) for strips in update.strips for strip in strips]  # type: ignore[union-attr]


@pytest.mark.asyncio
async def test_the_screen_below_a_dialog_is_dimmed_as_textual_dims_it(tmp_path: Path) -> None:
    ours = await pictures(tmp_path / "ours", SentenceDialog("Steer", "words"))
    theirs = await pictures(tmp_path / "theirs", Theirs("Steer", "words"))
    text = "".join(segment.text for line in ours for segment in line)  # type: ignore[attr-defined]
    assert "class CurrentModel" in text and "words" in text

    def cells(lines: list[object]) -> list[tuple[str, object, object]]:
        return [
            (character, segment.style and segment.style.color, segment.style and segment.style.bgcolor)
            for line in lines
            for segment in line  # type: ignore[attr-defined]
            for character in segment.text
        ]

    assert cells(ours) == cells(theirs)


@pytest.mark.asyncio
async def test_nothing_is_painted_while_nothing_changes_below_a_dialog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    painted: list[Compositor] = []
    ticks = 0
    tick = RunScreen._tick

    def counted_tick(self: RunScreen) -> None:
        nonlocal ticks
        ticks += 1
        tick(self)

    monkeypatch.setattr(RunScreen, "_tick", counted_tick)
    partial = Compositor.render_partial_update

    def counted(self: Compositor) -> object:
        painted.append(self)
        return partial(self)

    app = MlagentApp(Opening(recording.project(tmp_path)))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = app.screen
        assert isinstance(screen, RunScreen)
        await until(pilot, lambda: screen._whole and bool(screen.query("Plot")))
        app.push_screen(SentenceDialog("Steer", "words"))
        await until(pilot, lambda: isinstance(app.screen, Over))
        screen.panels["plan"].refresh()  # one change
        await until(pilot, lambda: ticks >= 4)
        monkeypatch.setattr(Compositor, "render_partial_update", counted)
        await until(pilot, lambda: ticks >= 10)
    assert len(painted) <= 3
