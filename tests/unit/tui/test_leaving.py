"""What one Esc does in each state of each screen, what `/` filters, and which keys the footer shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.content import Content
from textual.pilot import Pilot
from textual.widgets import DataTable, HelpPanel, Input, TextArea
from textual.widgets._footer import FooterKey

from mlagent_tui import events
from mlagent_tui.tui.app import MlagentApp, Opening
from mlagent_tui.tui.filters import Filter, Listed
from mlagent_tui.tui.footer import KeyLine
from mlagent_tui.tui.memory import Memory
from mlagent_tui.tui.panels.log import LogView
from mlagent_tui.tui.panels.runs import RunsTable
from mlagent_tui.tui.screens.browser import RunBrowser
from mlagent_tui.tui.screens.dialogs import EditDialog, SentenceDialog, TextDialog
from mlagent_tui.tui.screens.models import FolderPicker, ModelPicker, Tree
from mlagent_tui.tui.screens.pick import Pick
from mlagent_tui.tui.screens.run import RunScreen
from mlagent_tui.tui.screens.start import StartScreen
from tests import recording, small_project

SECONDS = 20.0
"""How long anything may take here, on a busy machine."""


async def until(pilot: Pilot[int], holds: Callable[[], bool], seconds: float = SECONDS) -> None:
    await recording.until(pilot, holds, seconds)


@pytest.fixture(autouse=True)
def _no_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlagent_tui.tui.screens.start.SETTLE_SECONDS", 1000.0)


State = tuple[str, str, bool, bool, str]


def state(app: MlagentApp) -> State:
    """The screen, what has the focus, whether there is help, whether a panel fills it, the filters."""
    screen = app.screen
    focused = type(screen.focused).__name__
    words = " ".join(one.words for one in screen.query(Filter) if one.words)
    return (
        type(screen).__name__, focused, bool(screen.query(HelpPanel)), screen.maximized is not None, words,
    )  # fmt: skip


async def escape(pilot: Pilot[int], app: MlagentApp) -> State:
    await pilot.press("escape")
    await pilot.pause()
    return state(app)


async def does(pilot: Pilot[int], app: MlagentApp, *wanted: State) -> None:
    """One Esc after another leads to these states."""
    for expected in wanted:
        found = await escape(pilot, app)
        if found != expected:
            await until(pilot, lambda: state(app) == expected, 10)  # noqa: B023


RUN, START, BROWSER = "RunScreen", "StartScreen", "RunBrowser"


@pytest.mark.asyncio
async def test_esc_undoes_the_innermost_thing_and_then_leaves_the_run(tmp_path: Path) -> None:
    root = recording.project(tmp_path / "p")
    app = MlagentApp(Opening(root))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen._settled)
        await pilot.press("5", "question_mark", "m", "slash", *"again")
        await until(pilot, lambda: state(app) == (RUN, "Filter", True, True, "again"))
        await does(
            pilot, app,
            (RUN, "RunsTable", True, True, "again"),  # the field
            (RUN, "RunsTable", False, True, "again"),  # the help
            (RUN, "RunsTable", False, False, "again"),  # the panel
            (RUN, "RunsTable", False, False, ""),  # the filter
        )  # fmt: skip
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, SentenceDialog))
        await does(pilot, app, (RUN, "RunsTable", False, False, ""))
        await pilot.press("6", "end", "enter")
        await until(pilot, lambda: isinstance(app.screen, TextDialog))
        await does(pilot, app, (RUN, "LogView", False, False, ""))
        await pilot.press("5", "home", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunBrowser) and app.screen.focused is not None)
        await pilot.press("slash", *"99", "f1")
        await until(pilot, lambda: state(app) == (BROWSER, "Filter", True, False, "99"))
        await does(
            pilot, app,
            (BROWSER, "Listed", True, False, "99"),
            (BROWSER, "Listed", False, False, "99"),
            (BROWSER, "Listed", False, False, ""),
            (RUN, "RunsTable", False, False, ""),
            (START, "RecentList", False, False, ""),  # the run
        )  # fmt: skip
        await pilot.press(*"pxz")
        assert app.screen.query_one("#goal", TextArea).text == ""


@pytest.mark.asyncio
async def test_esc_on_the_start_screen_leaves_its_fields_and_its_dialogs(tmp_path: Path) -> None:
    for name, goal in (("one", "a goal"), ("two", "another")):
        (tmp_path / name).mkdir()
        Memory().opened(small_project.make(tmp_path / name), goal)
    app = MlagentApp()
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: state(app)[1] == "Text")
        await pilot.press("f1")
        await until(pilot, lambda: state(app)[2])
        await does(pilot, app, (START, "NoneType", True, False, ""), (START, "NoneType", False, False, ""))
        await pilot.press(*"pxz")
        await does(pilot, app, (START, "NoneType", False, False, ""))
        assert app.screen.query_one("#goal", TextArea).text == ""
        recent = app.screen.query_one("#recent", Listed)
        await pilot.press("ctrl+o", "slash", *"anoth")
        await until(pilot, lambda: recent.option_count == 1)
        await does(
            pilot, app, (START, "RecentList", False, False, "anoth"), (START, "RecentList", False, False, "")
        )
        assert recent.option_count == 2
        await pilot.press("f2")
        await until(pilot, lambda: isinstance(app.screen, ModelPicker))
        app.screen.query_one("#url", Input).focus()
        await does(
            pilot, app, ("ModelPicker", "NoneType", False, False, ""), (START, "RecentList", False, False, "")
        )
        for key, dialog in (("f8", FolderPicker), ("f4", Pick)):
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, dialog))  # noqa: B023
            await does(pilot, app, (START, "RecentList", False, False, ""))


# --- filters --------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_slash_filters_the_list_that_has_the_focus(tmp_path: Path) -> None:
    root = recording.project(tmp_path / "p")
    app = MlagentApp(Opening(root))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen._settled)
        table = app.screen.query_one(RunsTable)
        await pilot.press("5", "slash", *"EPOCHS", "enter")
        await until(pilot, lambda: 0 < table.row_count < 4)
        assert state(app)[1] == "RunsTable"
        shown = [table.get_row_at(row)[4].plain for row in range(table.row_count)]
        assert all("epochs" in change for change in shown)
        recording.append(root, events.TrialStarted(run_id="qe_new"))
        await until(pilot, lambda: "qe_new" in app.screen.state.rows)  # type: ignore[attr-defined]
        assert table.row_count == len(shown)
        await pilot.press("escape")
        await until(pilot, lambda: table.row_count == 5)
        view = app.screen.query_one(LogView)
        await pilot.press("6", "slash", *"underfits")
        await until(pilot, lambda: 0 < len(view.entries) < 30)
        await pilot.press("enter", "5", "home", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunBrowser) and app.screen.run is not None)
        trials = app.screen.query_one("#runs", Listed)
        await pilot.press("slash", *recording.BEST[-6:], "enter")
        await until(pilot, lambda: trials.option_count == 1)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.run_id == recording.BEST)  # type: ignore[attr-defined]


@pytest.mark.asyncio
async def test_the_pickers_filter_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    app = MlagentApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f4")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        examples = app.screen.query_one(Listed)
        await pilot.press("slash", *"mnist", "enter")
        await until(pilot, lambda: 0 < examples.option_count < 6)
        await pilot.press("enter")
        goal = app.screen_stack[-1].query("#goal")
        await until(pilot, lambda: isinstance(app.screen, StartScreen))
        assert "mnist" in goal.first(TextArea).text.lower()
        await app.push_screen(FolderPicker(tmp_path))
        tree = app.screen.query_one(Tree)
        await until(pilot, lambda: len(tree.root.children) == 2)
        app.screen.set_focus(tree)
        await pilot.press("slash", *"oth")
        await until(pilot, lambda: [str(node.label) for node in tree.root.children] == ["other"])


# --- keys -----------------------------------------------------------------------------------------------


def footer(app: MlagentApp) -> list[str]:
    return [key.description for key in app.screen.query_one(KeyLine).query(FooterKey)]


@pytest.mark.asyncio
async def test_the_footer_begins_with_the_keys_of_the_focused_panel(tmp_path: Path) -> None:
    app = MlagentApp(Opening(recording.project(tmp_path / "p")))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen._settled)
        first: dict[str, Callable[[], bool]] = {
            "5": lambda: footer(app)[:5] == ["Open", "Sort", "Branch", "Rerun", "Filter"],
            "6": lambda: footer(app)[:3] == ["Kind", "Open", "Filter"],
            "2": lambda: footer(app)[0] == "Editor",
            "1": lambda: footer(app)[0] == "Thinking",
        }
        for key, holds in first.items():
            await pilot.press(key)
            await until(pilot, holds, 10)
        assert "Help" in footer(app)
        assert "Branch" not in footer(app)


@pytest.mark.asyncio
@pytest.mark.parametrize("panel", ["1", "4", "5", "6"])
async def test_the_footer_shows_whole_keys_only(panel: str, tmp_path: Path) -> None:
    app = MlagentApp(Opening(recording.project(tmp_path / "p")))

    def rest() -> str:
        """What the footer shows besides whole keys."""
        line = app.screen._compositor.render_strips()[-1].text[: app.screen.query_one(KeyLine).size.width]
        for key in app.screen.query_one(KeyLine).query(FooterKey):
            line = line.replace(f"{key.key_display} {key.description}", "", 1)
        return line.replace("▏", "").strip()

    async with app.run_test(size=(150, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen._settled)
        await pilot.press(panel)
        for width in (150, 120, 110, 100, 99, 90, 85, 80, 60):
            await pilot.resize_terminal(width, 40)
            await until(pilot, lambda: rest() == "" and footer(app)[-1:] == ["Help"])
        await pilot.press("question_mark")
        await until(pilot, lambda: rest() == "" and footer(app)[-1:] == ["Help"] and len(footer(app)) < 5)


@pytest.mark.asyncio
async def test_j_and_k_move_as_the_arrows_do_and_are_letters_in_a_field(tmp_path: Path) -> None:
    app = MlagentApp(Opening(recording.project(tmp_path / "p")))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen._settled)
        table = app.screen.query_one(RunsTable)
        await pilot.press("5", "home", "j", "j", "k")
        await until(pilot, lambda: table.cursor_row == 1)
        view = app.screen.query_one(LogView)
        await pilot.press("6", "home", "j", "j", "j", "k")
        await until(pilot, lambda: view.cursor == 2)
        code = app.screen.query_one("#code TextArea", TextArea)
        await pilot.press("2", "j", "j")
        await until(pilot, lambda: code.scroll_offset.y == 2)
        await app.push_screen(Pick("Pick", [(name, Content(name)) for name in "abc"]))
        await pilot.press("j", "j", "k")
        await until(pilot, lambda: app.screen.query_one(Listed).highlighted == 1)
        await pilot.press("escape")
        await pilot.press("5", "home", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunBrowser) and app.screen.run is not None)
        app.screen.query_one("#runs").focus()
        await pilot.press("home", "j")
        await until(pilot, lambda: app.screen.query_one("#runs", Listed).highlighted == 1)
        layers = app.screen.query_one("#layers", DataTable)
        await pilot.press("3", "j", "slash", *"jk")
        await until(pilot, lambda: state(app)[4] == "jk")
        assert layers.cursor_row in (0, 1)


@pytest.mark.asyncio
async def test_an_editor_with_changes_asks_once_before_it_closes(tmp_path: Path) -> None:
    app = MlagentApp(Opening(recording.project(tmp_path / "p")))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen._settled)
        dialog = EditDialog("Edit", "a", "python", lambda _: None)  # type: ignore[arg-type, return-value]
        await app.push_screen(dialog)
        await pilot.press("b")
        await does(pilot, app, ("EditDialog", "TextArea", False, False, ""), (RUN, "Prose", False, False, ""))
