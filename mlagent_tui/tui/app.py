"""The application: which screen is shown, the link to the engine, and what every screen shares.

For screens: `app.engine` is the link of the open project, `app.memory` what is remembered, `app.settings` the
user's settings; `copy`, `announce`, `edit_file`, `open_project` and `leave_project` are done here.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events as tevents
from textual.app import SuspendNotSupported, SystemCommand
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.filter import LineFilter, Monochrome, NoColor
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.theme import Theme

from mlagent_tui.tui import clipboard, garbage, glyphs, keys, notify, themes
from mlagent_tui.tui.contrast import Contrast, Greys
from mlagent_tui.tui.engine import EngineLink
from mlagent_tui.tui.memory import Memory
from mlagent_tui.tui.messages import RunEnded
from mlagent_tui.tui.preferences import Preferences
from mlagent_tui.tui.strokes import InOrder

if TYPE_CHECKING:
    from mlagent_tui.settings import Settings
    from mlagent_tui.tui.screens.run import RunScreen

STYLES: list[str | PurePath] = [Path(__file__).with_name("app.tcss")]
RUN_STYLES = Path(__file__).with_name("screens") / "run.tcss"

STARTED_SECONDS = 2.0
"""After which all is loaded that stays."""

TIDY_SECONDS, IDLE_SECONDS = 60.0, 5.0
"""How often garbage is collected, if no key was pressed for a while."""

WATCH_SECONDS = 1.0
"""How often a run that was left in the background is looked at."""


@dataclass(frozen=True)
class Opening:
    """What to show first: a project, alive or as a recording that is played. Nothing: the start screen."""

    project: Path | None = None
    live: bool = True
    speed: float | None = None


class MlagentApp(InOrder[int], inherit_bindings=False):
    """The interface."""

    TITLE = "mlagent"
    ENABLE_COMMAND_PALETTE = True
    ESCAPE_TO_MINIMIZE = False  # `screens.leaving` has the order in which Esc undoes things
    BINDINGS: ClassVar[list[BindingType]] = [
        *keys.bindings("app", "list"),
        Binding("ctrl+c", "help_quit", show=False, system=True),
    ]

    def __init__(
        self,
        opening: Opening | None = None,
        *,
        preferences: Preferences | Settings | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.opening = opening or Opening()
        super().__init__(css_path=STYLES if self.opening.project is None else [*STYLES, RUN_STYLES])
        wanted = preferences or Preferences()
        self.settings = wanted if isinstance(wanted, Preferences) else Preferences.of(wanted)
        self.memory = memory or Memory()
        self.engine = EngineLink(self.opening.project or Path())
        self._given_theme = ""
        self._touched = 0.0
        self.colour_system = self.console.color_system
        """What the terminal can show: "standard" (sixteen colours), "256" or "truecolor"."""
        self._contrast: dict[tuple[str | None, bool, bool], Contrast] = {}
        self._greys, self._colourless = Greys(), NoColor()
        self._font = [glyphs.ConsoleFont()] if glyphs.console_font() else []
        self.background: dict[Path, EngineLink] = {}
        """The engines of runs that were left and go on."""
        self._dress()

    # --- opening and leaving ------------------------------------------------------------------------------

    def _dress(self) -> None:
        """Choose the theme before anything is styled: what is styled once need not be styled again."""
        for theme in themes.OURS:
            self.register_theme(theme)
        chosen = self.settings.theme or self.memory.text("theme")
        known = chosen in self.available_themes
        self._given_theme = chosen if known else themes.first_choice(self.colour_system)
        self.theme = self._given_theme
        self.stylesheet.set_variables(self.get_css_variables())

    def get_line_filters(self, *, inactive: bool = False) -> Sequence[LineFilter]:
        """Textual's; then enough contrast for all text, and only characters that the terminal has.

        For `NO_COLOR`, greys take the place of a theme's colours, and nothing that of the terminal's own.
        """
        found = [one for one in super().get_line_filters() if not isinstance(one, Monochrome)]
        if self.no_color:
            found.append(self._colourless if self.native_ansi_color else self._greys)
        key = (self.colour_system, self.current_theme.dark, inactive)
        if key not in self._contrast:
            self._contrast[key] = Contrast(*key)
        return [*found, self._contrast[key], *self._font]

    def get_key_display(self, binding: Binding) -> str:
        """Textual's; Enter in letters where the font has no sign for it that looks like no arrow."""
        shown = super().get_key_display(binding)
        return shown.replace("⏎", "enter") if self._font else shown

    def refresh_css(self, animate: bool = True) -> None:
        """Textual asks for this as it starts, too, when there is nothing yet that has styles."""
        if self._is_mounted:
            super().refresh_css(animate)

    def on_mount(self) -> None:
        project, live, speed = self.opening.project, self.opening.live, self.opening.speed
        self.push_screen(self._start_screen() if project is None else self._run_screen(project, live, speed))
        self.theme_changed_signal.subscribe(self, self._remember_theme)
        self.set_keymap(keys.usable(self.settings.keys))
        for problem in keys.problems(self.settings.keys):
            self.notify(problem, title="Settings", severity="warning", timeout=15, markup=False)
        if self.settings.theme and self.settings.theme not in self.available_themes:
            words = f"there is no theme {self.settings.theme}; the palette (ctrl+p) lists them"
            self.notify(words, title="Settings", severity="warning", timeout=15, markup=False)
        self.set_interval(WATCH_SECONDS, self._look_after_background)
        if not self.is_headless:
            self.set_timer(STARTED_SECONDS, garbage.started)
            self.set_interval(TIDY_SECONDS, self._tidy)
        if self.opening.project is not None and self.opening.live:
            self.call_after_refresh(self.memory.opened, self.opening.project)

    async def on_event(self, event: tevents.Event) -> None:
        if isinstance(event, tevents.InputEvent):
            self._touched = time.monotonic()
        await super().on_event(event)

    def _tidy(self) -> None:
        if time.monotonic() - self._touched > IDLE_SECONDS:
            garbage.idle()

    def on_unmount(self) -> None:
        for link in (self.engine, *self.background.values()):
            link.close()

    def open_project(self, root: Path, *, live: bool = True, engine: EngineLink | None = None) -> None:
        """Show a project's run screen on top of the start screen, attached to its engine if it has one."""
        root = root.absolute()
        left = self.background.pop(root, None)
        self.engine = engine or left or EngineLink(root)
        self.memory.opened(root)
        self.push_screen(self._run_screen(root, live, None))

    def leave_project(self) -> None:
        """Return to the start screen; an engine continues, and its end will be announced.

        The goal does not get the focus: the next letters were meant for the run.
        """
        if self.engine.alive():
            self.background[self.engine.root.absolute()] = self.engine
        else:
            self.engine.close()
        if not self.opening.live:
            self.exit(0)
        elif len(self.screen_stack) > 2:  # an empty one, the start screen, and the run screen
            self.pop_screen()
            self.screen.set_focus(self.screen.query_one("#recent"))
        else:
            self.switch_screen(self._start_screen("#recent"))

    def _start_screen(self, focus: str = "#goal") -> Screen[Any]:
        from mlagent_tui.tui.screens.start import StartScreen

        return StartScreen(focus)

    def _run_screen(self, root: Path, live: bool, speed: float | None) -> RunScreen:
        from mlagent_tui.tui.screens.run import RunScreen

        return RunScreen(root, live=live, speed=speed)

    # --- what screens share -------------------------------------------------------------------------------

    def copy(self, text: str, what: str = "text") -> None:
        """Put `text` on the clipboard and say so."""
        if not text:
            self.notify(f"There is no {what} to copy yet.", severity="warning", markup=False)
            return
        self.copy_to_clipboard(text)
        lines = text.count("\n") + (not text.endswith("\n"))
        amount = f"{lines:,} lines" if lines > 1 else f"{len(text):,} characters"
        self.notify(f"Copied: {what}, {amount}", timeout=3, markup=False)

    def copy_to_clipboard(self, text: str) -> None:
        super().copy_to_clipboard(text)
        if not self.is_headless:
            self.run_worker(partial(clipboard.hand_over, text), thread=True, exit_on_error=False)

    def announce(
        self, title: str, body: str, *, seconds: float = 0.0, severity: SeverityLevel = "information"
    ) -> None:
        """Say that something has ended; when it took long, also outside of this terminal."""
        self.notify(body, title=title, severity=severity, timeout=10, markup=False)
        if seconds >= self.settings.notify_after and self._driver is not None and not self.is_headless:
            self._driver.write(notify.notice(title, body, self.settings.notify))

    def edit_file(self, path: Path) -> bool:
        """Open `path` in the user's editor, in this terminal; returns whether it succeeded."""
        command = editor_command()
        if command is None:
            self.notify("Set $EDITOR to a text editor.", title="No editor", severity="error")
            return False
        try:
            with self.suspend():
                status = subprocess.run([*command, str(path)], check=False).returncode
        except SuspendNotSupported:
            self.notify("An editor cannot be opened in this terminal.", severity="error")
            return False
        except OSError as error:
            self.notify(f"{command[0]}: {error.strerror}", title="Editor", severity="error", markup=False)
            return False
        self.refresh()
        if status != 0:
            self.notify(
                f"{command[0]} ended with status {status}.", title="Editor", severity="error", markup=False
            )
        return status == 0

    # --- actions ------------------------------------------------------------------------------------------

    def action_help(self) -> None:
        """Show or hide the help of the focused widget, with all keys."""
        if self.screen.query("HelpPanel"):
            self.action_hide_help_panel()
        else:
            self.action_show_help_panel()

    async def action_move(self, key: str) -> None:
        """What an arrow key does here: `j` and `k` stand for `down` and `up`."""
        await self._check_bindings(key)

    def action_next_theme(self) -> None:
        """Change to the next theme."""
        order = themes.names()
        here = order.index(self.theme) if self.theme in order else -1
        self.theme = order[(here + 1) % len(order)]
        self.notify(self.theme, title="Theme", timeout=2, markup=False)

    def action_suspend_process(self) -> None:
        """Stop as any program does on Ctrl-Z, with what started it: the shell waits for the whole job."""
        if self._driver is None or not self._driver.can_suspend:
            self.notify("The interface cannot be suspended here.", severity="error")
            return
        self.app_suspend_signal.publish(self)
        os.killpg(os.getpgrp(), signal.SIGTSTP)

    def deliver_screenshot(
        self, filename: str | None = None, path: str | None = None, time_format: str | None = None
    ) -> str | None:
        """Save a picture of the screen in the folder for downloads; says where, or why it was not saved."""
        from platformdirs import user_downloads_path

        folder = Path(path) if path else user_downloads_path()
        name = filename or f"mlagent-{time.strftime('%Y%m%d-%H%M%S')}.svg"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(self.export_screenshot(), encoding="utf-8")
        except OSError as error:
            told = f"{error.filename or folder / name}: {error.strerror or error}"
            self.notify(told, title="The screenshot was not saved", severity="error", markup=False)
            return None
        self.notify(str(folder / name), title="Screenshot", markup=False)
        return str(folder / name)

    async def action_quit(self) -> None:
        """Close the interface. Runs continue."""
        self.exit(0)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Every action that can be taken now, then what Textual offers besides.

        Those too whose keys are letters for the field that has the focus.
        """
        seen = {"app.command_palette"}
        active = [(one.node, one.binding) for one in screen.active_bindings.values()]
        nodes = list((screen.focused or screen).ancestors_with_self)
        nodes = nodes[: nodes.index(screen) + 1] if screen.is_modal else nodes
        hidden = [(node, binding) for node in nodes for _, binding in node._bindings]
        for node, binding in (*active, *hidden):
            if binding.id and binding.id not in seen and self._check_action_state(binding.action, node):
                seen.add(binding.id)
                run = partial(self._run_later, binding.action, node)
                yield SystemCommand(binding.tooltip or binding.description, f"key: {binding.key}", run)
        for command in super().get_system_commands(screen):
            if command.title in ("Theme", "Screenshot"):
                yield command

    def _run_later(self, action: str, node: DOMNode) -> None:
        self.call_later(self.run_action, action, node)

    def running(self) -> list[Path]:
        """The projects opened here whose engines are at work."""
        links = [self.engine, *self.background.values()]
        return sorted({link.root for link in links if link.alive()})

    # --- inside -------------------------------------------------------------------------------------------

    def _remember_theme(self, theme: Theme) -> None:
        """Keep what the user chose; a theme that was only given is given anew the next time."""
        if theme.name != self._given_theme:
            self._given_theme = ""
            self.memory.put("theme", theme.name)

    def _look_after_background(self) -> None:
        """Tell the end of runs that were left."""
        for root, link in list(self.background.items()):
            if not link.alive():
                del self.background[root]
                self.run_worker(partial(self._tell_end, root, link), thread=True, exit_on_error=False)

    def _tell_end(self, root: Path, link: EngineLink) -> None:
        from mlagent_tui.tui.projects import look

        link.close()
        glance = look(root)
        self.call_from_thread(
            self.announce,
            glance.headline,
            f"{glance.goal or root.name}\n{root}",
            seconds=glance.seconds,
            severity=glance.severity,
        )
        self.call_from_thread(self.screen.post_message, RunEnded(root))


def editor_command() -> list[str] | None:
    """The user's editor as a command, or one that is there."""
    for named in (os.environ.get("VISUAL"), os.environ.get("EDITOR"), "nano", "vim", "vi"):
        try:
            words = shlex.split(named or "")
        except ValueError:  # a quotation mark that is not closed
            continue
        if words and shutil.which(words[0]):
            return words
    return None
