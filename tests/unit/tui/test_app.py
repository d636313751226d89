"""What the whole application does: themes, keys, help, palette, copying, notices, coming and going."""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.binding import Binding
from textual.command import CommandList
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import HelpPanel

import mlagent_tui.tui
from mlagent_tui import paths
from mlagent_tui.errors import ProjectError, UsageError
from mlagent_tui.experiments import Project
from mlagent_tui.settings import Settings
from mlagent_tui.tui import app as application
from mlagent_tui.tui import clipboard, keys, notify, themes
from mlagent_tui.tui.app import MlagentApp, Opening, editor_command
from mlagent_tui.tui.memory import Memory
from mlagent_tui.tui.panels import curves
from mlagent_tui.tui.screens.run import RunScreen
from mlagent_tui.tui.screens.start import StartScreen
from tests import small_project
from tests.recording import until


@pytest.fixture(autouse=True)
def _no_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test here starts a process to check a form that it does not look at."""
    monkeypatch.setattr("mlagent_tui.tui.screens.start.SETTLE_SECONDS", 1000.0)


@pytest.fixture(autouse=True)
def _told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Notices are kept: on a slow machine they would expire before a test looks at them."""
    notify_user = MlagentApp.notify

    def keep(app: MlagentApp, message: str, **options: Any) -> None:
        TOLD.append(message)
        notify_user(app, message, **options)

    TOLD.clear()
    monkeypatch.setattr(MlagentApp, "notify", keep)


TOLD: list[str] = []


def notices(_: MlagentApp) -> list[str]:
    return TOLD


# --- opening ------------------------------------------------------------------------------------------


def test_a_folder_that_is_no_project_and_a_missing_terminal_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="not a project"):
        mlagent_tui.tui.run_app(tmp_path)
    with pytest.raises(UsageError, match="terminal"):
        mlagent_tui.tui.run_app(None)
    with pytest.raises(UsageError, match="terminal"):
        mlagent_tui.tui.replay_app(small_project.make(tmp_path))


def test_importing_the_package_of_the_interface_does_not_import_textual() -> None:
    code = "import sys, mlagent_tui.tui; sys.exit('textual' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.asyncio
async def test_a_project_is_opened_at_once_and_left_to_the_start_screen(tmp_path: Path) -> None:
    root = small_project.make(tmp_path)
    app = MlagentApp(Opening(root))
    async with app.run_test(size=(80, 24)) as pilot:
        assert type(app.screen) is RunScreen
        assert app.engine.root == root
        app.leave_project()
        await pilot.pause()
        now: Screen[Any] = app.screen_stack[-1]
        assert isinstance(now, StartScreen)
    assert Memory().recent()[0].root == root


@pytest.mark.asyncio
async def test_a_replay_is_left_to_the_command_line(tmp_path: Path) -> None:
    app = MlagentApp(Opening(small_project.make(tmp_path), live=False, speed=10.0))
    async with app.run_test(size=(80, 24)) as pilot:
        app.leave_project()
        await pilot.pause()
    assert app.return_code == 0
    assert Memory().recent() == []


@pytest.mark.asyncio
async def test_a_run_that_was_left_goes_on_and_its_end_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "WATCH_SECONDS", 0.02)
    root = small_project.make(tmp_path)
    app = MlagentApp(Opening(root))
    async with app.run_test(size=(80, 24)) as pilot:
        with Project(root):
            app.leave_project()
            await pilot.pause()
            assert app.running() == [root]
        await until(pilot, lambda: any(small_project.GOAL in words for words in notices(app)))
        assert app.running() == []


# --- themes and colours -------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_a_theme_that_was_chosen_is_remembered_and_one_that_was_given_is_not() -> None:
    app = MlagentApp()
    async with app.run_test() as pilot:
        assert app.theme == themes.DARK.name
        await pilot.pause()
        assert Memory().get("theme") is None
        await pilot.press("ctrl+t")
        await pilot.pause()
        assert app.theme == themes.LIGHT.name
    again = MlagentApp()
    async with again.run_test():
        assert again.theme == themes.LIGHT.name
    set_by_file = MlagentApp(preferences=Settings(theme="nord"))
    async with set_by_file.run_test():
        assert set_by_file.theme == "nord"


@pytest.mark.asyncio
async def test_a_theme_that_there_is_not_is_told(home: Path) -> None:
    app = MlagentApp(preferences=Settings(theme="no\x1bsuch"))
    async with app.run_test() as pilot:
        await pilot.pause()
        assert app.theme == themes.DARK.name
        assert any("no theme" in words for words in notices(app))


def test_a_terminal_of_sixteen_colours_starts_with_a_theme_of_its_own_colours() -> None:
    chosen = {theme.name: theme for theme in themes.OURS}
    assert chosen[themes.first_choice("standard")].ansi
    assert not any(chosen[themes.first_choice(system)].ansi for system in ("256", "truecolor", None))
    assert set(themes.names()) >= {*chosen, "ansi-dark", "nord"}


@pytest.mark.asyncio
@pytest.mark.parametrize("theme", ["mlagent-dark", "mlagent-light", "ansi-dark", "nord"])
async def test_no_color_leaves_no_colours_and_every_theme_can_be_drawn(
    theme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = MlagentApp(preferences=Settings(theme=theme))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        colours = set(re.findall(r"#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})", app.export_screenshot()))
        window = {
            ("ff", "5f", "57"),
            ("fe", "bc", "2e"),
            ("28", "c8", "40"),
            ("c5", "c8", "c6"),
            ("86", "88", "87"),
        }  # the frame's, and what stands for a terminal's own colour, plain and dim
        assert all(red == green == blue for red, green, blue in colours - window)


# --- keys ---------------------------------------------------------------------------------------------


def test_actions_have_names_of_their_own_and_no_two_share_a_key() -> None:
    assert len({key.id for key in keys.TABLE}) == len(keys.TABLE)
    assert keys.problems({}) == []


def test_wrong_keys_in_the_settings_are_named() -> None:
    told = " ".join(keys.problems({"run.fly": "f", "run.pause": "s"}))
    assert "run.fly" in told
    assert "run.pause" in told
    assert "run.steer" in told
    assert keys.usable({"run.fly": "f", "run.pause": "f9"}) == {"run.pause": "f9"}


@pytest.mark.asyncio
async def test_keys_are_remapped_by_the_settings_and_mistakes_are_told() -> None:
    app = MlagentApp(preferences=Settings(keys={"app.next_theme": "f9", "app.fly": "f"}))
    async with app.run_test() as pilot:
        before = app.theme
        await pilot.press("ctrl+t")
        assert app.theme == before
        await pilot.press("f9")
        assert app.theme != before
        assert any("app.fly" in words for words in notices(app))


def test_the_documentation_lists_every_key() -> None:
    told = (Path(__file__).parents[3] / "docs" / "keys.md").read_text(encoding="utf-8")
    for key in keys.TABLE:
        assert f"| `{key.id}` | {keys.shown(key.keys)} | {key.help} |" in told


def _own_bindings() -> Iterator[tuple[str, Binding]]:
    """Every binding that a class of this package brings with it."""
    for module in pkgutil.walk_packages(mlagent_tui.tui.__path__, "mlagent_tui.tui."):
        importlib.import_module(module.name)
    curves._plotted()  # made when charts are wanted
    waiting: list[type[DOMNode]] = [DOMNode]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith("mlagent_tui."):
            for binding in Binding.make_bindings(kind.__dict__.get("BINDINGS", [])):
                yield kind.__name__, binding


def test_every_binding_is_made_from_the_table() -> None:
    known = {(key.id, stroke) for key in keys.TABLE for stroke in key.keys.split(",")}
    found = {(binding.id, binding.key): name for name, binding in _own_bindings() if not binding.system}
    assert {bound: name for bound, name in found.items() if bound not in known} == {}
    assert known - set(found) == set(), "keys of the table that nothing binds"


@pytest.mark.parametrize("word", ["export", "steer", "branch", "rerun", "resume", "approve", "diff", "theme"])
def test_an_action_is_found_in_the_palette_by_its_usual_name(word: str) -> None:
    assert any(word in key.help.lower() for key in keys.TABLE)


def test_the_charts_have_no_keys_but_those_of_the_table() -> None:
    plot = curves._plotted()("accuracy").focus_target()
    wanted = {key.action for key in keys.TABLE if key.scope == "chart"}
    assert {binding.action for _, binding in plot._bindings} == wanted
    assert all(hasattr(plot, f"action_{action}") for action in wanted)


@pytest.mark.asyncio
async def test_help_is_shown_and_hidden_and_tells_of_what_is_focused() -> None:
    app = MlagentApp()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("f1")
        await pilot.pause()
        assert app.screen.query(HelpPanel)
        await pilot.press("f1")
        await pilot.pause()
        assert not app.screen.query(HelpPanel)


@pytest.mark.asyncio
async def test_the_palette_has_every_action_of_the_screen() -> None:
    app = MlagentApp()
    async with app.run_test(size=(120, 40)) as pilot:
        titles = {command.title for command in app.get_system_commands(app.screen)}
        wanted = {key.help for key in keys.TABLE if key.scope in ("app", "start")}
        assert wanted - {"Search every action by its name"} <= titles
        await pilot.press("ctrl+p", *"next theme")
        await until(pilot, lambda: bool(app.screen.query_one(CommandList).option_count))
        await pilot.press("enter")
        await until(pilot, lambda: app.theme == themes.LIGHT.name)


# --- copying, notices, editors ------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_copying_says_how_much_and_nothing_is_not_copied() -> None:
    app = MlagentApp()
    async with app.run_test() as pilot:
        app.copy("one\ntwo\n", "code")
        app.copy("", "table")
        await pilot.pause()
        assert app.clipboard == "one\ntwo\n"
        assert "Copied: code, 2 lines" in notices(app)
        assert any("no table" in words for words in notices(app))


def test_what_is_copied_goes_to_the_users_own_desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = tmp_path / "taken"
    program = tmp_path / "wl-copy"
    program.write_text(f"#!/bin/sh\ncat > {taken}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    for name in ("TMUX", "SSH_CONNECTION", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    clipboard.hand_over("text ü\ud800")
    assert taken.read_text() == "text ü?"
    assert clipboard.programs({**os.environ, "SSH_CONNECTION": "1 2 3 4"}) == []


def test_a_notice_is_written_as_the_terminal_understands_it_and_cannot_be_broken_out_of() -> None:
    kitty, iterm, other = (
        {"TERM": "xterm-kitty"},
        {"TERM": "xterm", "TERM_PROGRAM": "iTerm.app"},
        {"TERM": "foot"},
    )
    assert "\x1b]99;" in notify.notice("Done", "95 %", "desktop", kitty)
    assert notify.notice("Done", "95 %", "desktop", iterm) == "\x1b]9;Done: 95 %\x1b\\"
    assert notify.notice("Done", "95 %", "both", other) == "\x1b]777;notify;Done;95 %\x1b\\\a"
    assert notify.notice("Done", "95 %", "both", {"TERM": "linux"}) == "\a"
    assert notify.notice("Done", "95 %", "never", kitty) == ""
    evil = notify.notice("a\x1b\\\x07;b", "\x9c\x1b]0;owned\a", "desktop", other)
    assert evil.count("\x1b") == 2
    assert "\a" not in evil
    assert "\x9c" not in evil
    wrapped = notify.notice("Done", "x", "desktop", {**other, "TMUX": "/tmp/t"})
    assert wrapped.startswith("\x1bPtmux;\x1b\x1b]777")


@pytest.mark.asyncio
async def test_only_the_end_of_a_long_run_reaches_beyond_the_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = MlagentApp(preferences=Settings(notify_after=30, notify="bell"))
    async with app.run_test():
        written: list[str] = []
        driver: Any = app._driver
        monkeypatch.setattr(driver, "write", written.append)
        monkeypatch.setattr(MlagentApp, "is_headless", property(lambda _: False))
        app.announce("Goal achieved", "95 %", seconds=29)
        assert "\a" not in written
        app.announce("Goal achieved", "95 %", seconds=31)
        assert "\a" in written


@pytest.mark.asyncio
async def test_a_screenshot_is_saved_or_it_is_said_why_not(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    app = MlagentApp()
    async with app.run_test():
        saved = app.deliver_screenshot("one.svg", str(tmp_path / "new"))
        assert Path(saved or "").read_text(encoding="utf-8").startswith("<svg")
        assert app.deliver_screenshot("two.svg", str(tmp_path / "file")) is None
        assert any("Not a directory" in words or "File exists" in words for words in notices(app))


def test_the_editor_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "my-editor"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("VISUAL", "not-there")
    monkeypatch.setenv("EDITOR", "my-editor --wait")
    assert editor_command() == ["my-editor", "--wait"]
    monkeypatch.setenv("EDITOR", "'unclosed")
    assert editor_command() is None


def test_the_state_has_its_place(home: Path) -> None:
    assert paths.state_file() == home / ".local/state/mlagent/tui.json"
