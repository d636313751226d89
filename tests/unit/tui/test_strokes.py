"""Keys that arrive together are carried out in their order."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.widgets import Input, TextArea

from mlagent_tui.tui.app import MlagentApp
from tests.recording import until


def burst(app: MlagentApp, *strokes: str) -> None:
    """Press keys faster than any of them can be dealt with."""
    for stroke in strokes:
        app.post_message(events.Key(stroke, stroke if len(stroke) == 1 else None))


@pytest.mark.asyncio
async def test_a_burst_of_keys_reads_as_it_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlagent_tui.tui.screens.start.SETTLE_SECONDS", 1000.0)
    app = MlagentApp()
    async with app.run_test(size=(80, 24)) as pilot:
        goal = app.screen.query_one("#goal", TextArea)
        burst(app, *"abcd", "backspace", "backspace", *"xz", "left", "y", "end", "!")
        await until(pilot, lambda: goal.text.endswith("!"))
        assert goal.text == "abxyz!"
        planner = app.screen.query_one("#planner", Input)
        before = planner.value
        burst(app, "?", "tab", "end", *"vw", "backspace", "x")
        await until(pilot, lambda: planner.value.endswith("x"))
        assert (goal.text, planner.value) == ("abxyz!?", f"{before}vx")
        seen: list[str] = []
        monkeypatch.setattr(app, "action_command_palette", lambda: seen.append(planner.value))
        burst(app, "y", "ctrl+p")  # a key that the application takes before any widget
        await until(pilot, lambda: bool(seen))
        assert seen == [f"{before}vxy"]
