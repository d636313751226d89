"""The run screen: what it tries, what it wrote, what that network is, how it trains, where it gets.

It shows a run's journal, live or played again, and adds nothing to the run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.notifications import SeverityLevel
from textual.widgets import Tab, Tabs

from mlagent_tui import paths
from mlagent_tui.errors import MlagentError
from mlagent_tui.tui import fold, keys, markdown
from mlagent_tui.tui.feed import Feed, Source
from mlagent_tui.tui.filters import Sifted
from mlagent_tui.tui.footer import KeyLine
from mlagent_tui.tui.logline import details
from mlagent_tui.tui.panels import (
    Banner,
    CodePanel,
    EvaluationPanel,
    Header,
    LogPanel,
    Moment,
    Panel,
    PlanPanel,
    RunsPanel,
    SummaryPanel,
)
from mlagent_tui.tui.panels.log import LogView
from mlagent_tui.tui.replay import Replay
from mlagent_tui.tui.screens.actions import NEED_AN_ENGINE, NOT_IN_A_REPLAY, RunActions
from mlagent_tui.tui.screens.arrangement import Arranged, Arrangement
from mlagent_tui.tui.screens.dialogs import TextDialog
from mlagent_tui.tui.screens.playing import Playing
from mlagent_tui.tui.state import ALL, RunState
from mlagent_tui.tui.text import sentences, visible

if TYPE_CHECKING:
    from mlagent_tui.schemas import RegistryEntry

TICK = 0.05
"""Seconds between two looks at what is new."""

LOOK = 1.0
"""Seconds between two looks whether the engine is alive."""

SLICE = 0.01
"""Seconds of one tick that may be spent taking in events, and as many showing: a key waits for no more."""

OPENING = 0.15
"""The same while a journal is being opened, when everybody waits for it."""

REST = 3
"""For a second of work, so many without: a machine that is busy with something else gets slower pictures, not
slower keys."""

PATIENCE = 0.2
"""Seconds that the first paint waits for what the journal tells."""

PANELS: tuple[type[Panel], ...] = (PlanPanel, CodePanel, SummaryPanel, EvaluationPanel, RunsPanel, LogPanel)
ENDINGS = {
    "achieved": "Goal achieved",
    "stopped": "Stopped without achieving the goal",
    "interrupted": "Interrupted",
    "failed": "Failed",
}
SEVERITIES: dict[str, SeverityLevel] = {"stopped": "warning", "interrupted": "warning", "failed": "error"}


class RunScreen(Arranged, RunActions, Playing):
    """A project's last run. `live` follows its journal; otherwise it is played, `speed` times as fast."""

    CSS_PATH = "run.tcss"
    HELP = """# A run

The engine runs in a process of its own and continues when you leave this screen. A number key goes to a
panel. This help also describes the panel that has the focus.
"""
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("run", "replay")]

    def __init__(
        self,
        project: Path,
        *,
        live: bool = True,
        speed: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self.root = project.absolute()
        self.live = live
        self.state = RunState()
        self.gone = False
        journal = paths.Layout(self.root).journal
        self.replay = None if live else Replay(journal, speed or 1.0, clock=clock)
        self.source: Source = self.replay or Feed(journal)
        self._clock, self._wall = clock, wall
        self._header, self._banner = Header(id="header"), Banner(id="banner")
        self.panels = {kind.part: kind() for kind in PANELS}
        self._dirty: set[str] = set(ALL)
        self._shown_at: dict[str, float] = {}
        self._looked = -LOOK
        self._alive: bool | None = None
        self._dead = 0
        """The process of the engine that was last found to have ended."""
        self._second = -1
        self._generation = 0
        self._settled = self._whole = False
        self._rest_until = 0.0
        self._asked = self._why = ""
        self._keys_for: tuple[object, ...] = ()
        self._active = "plan"
        self._arrangement: Arrangement | None = None

    def compose(self) -> ComposeResult:
        self.source.start()
        self._banner.display = False
        self._look_where_it_was_left()
        tabs = (Tab(f"{kind.number} {kind.label}", id=f"tab-{kind.part}") for kind in PANELS)
        self._tabs = Tabs(*tabs, active=f"tab-{self._active}")
        self._arrange()  # before there is anything whose styles would have to be found again
        yield self._header
        yield self._banner
        yield self._tabs
        with Container(id="panels"):
            yield from self.panels.values()
        yield KeyLine()

    def on_mount(self) -> None:
        self.panels[self._active].focus_target().focus()
        self.source.wait(PATIENCE)
        self.set_interval(TICK, self._tick)
        self._open()

    def _open(self) -> None:
        """Look often until all is read that was there; then load what the first screen does not need."""
        self._tick()
        if not self._settled:
            self.set_timer(TICK / 4, self._open)
            return
        self.call_after_refresh(self._load_the_rest)

    def _load_the_rest(self) -> None:
        if self.live:
            self._read_registry()
        self._warm_up()

    def on_unmount(self) -> None:
        self.source.stop()
        view = {"root": str(self.root), "panel": self._active, "folded": self._plan.folded}
        self.host.memory.put("view", view)

    def _look_where_it_was_left(self) -> None:
        """The panel that was looked at when this project was left."""
        view = self.host.memory.mapping("view")
        if view.get("root") == str(self.root):
            self._active = view["panel"] if view.get("panel") in self.panels else self._active
            self._plan.folded = bool(view.get("folded", True))

    @property
    def _plan(self) -> PlanPanel:
        panel = self.panels["plan"]
        assert isinstance(panel, PlanPanel)
        return panel

    # --- taking in and showing ----------------------------------------------------------------------------

    def _tick(self) -> None:
        """What is new since the last tick, shown where it can be seen."""
        began = time.perf_counter()
        if began < self._rest_until:
            return
        self._take()
        self._look()
        if not self.is_current and self.app.screen.is_modal is False:
            return  # another screen covers this one
        self._show()
        if self._whole:
            now = time.perf_counter()
            self._rest_until = now + REST * (now - began)

    def _take(self) -> None:
        if self.source.generation != self._generation:
            self._generation = self.source.generation
            self.state = RunState()
            self._settled = False
            self._dirty |= ALL
        limit = time.perf_counter() + (SLICE if self._settled else OPENING)
        finished, paused = self.state.finished, self.state.paused
        while bite := self.source.take():
            fold.apply(self.state, bite)
            if time.perf_counter() > limit:
                break
        self._dirty |= self.state.changed
        self.state.changed.clear()
        if self.live and self._settled:
            self._notice(finished is not None, bool(paused))
        state = self.state
        ended = state.finished.outcome if state.finished else ""
        keys_for = (
            state.paused, state.requested, state.approval is None, ended, state.started is None, self.resuming
        )  # fmt: skip
        if keys_for != self._keys_for:
            self._keys_for = keys_for
            self.refresh_bindings()
        self._settled = self._settled or self.source.ready

    def _notice(self, was_finished: bool, was_paused: bool) -> None:
        """Say what the user should not miss: the end, a question, an error."""
        state = self.state
        if state.finished is not None and not was_finished:
            title = ENDINGS.get(state.finished.outcome, state.finished.outcome)
            severity = SEVERITIES.get(state.finished.outcome, "information")
            self.host.announce(
                visible(title), visible(state.finished.reason), seconds=state.elapsed, severity=severity
            )
        if state.approval is not None and state.approval.id != self._asked:
            self._asked = state.approval.id
            self.host.announce("A command waits for you", visible(state.approval.command), severity="warning")
        if state.paused and not was_paused:
            self.held()

    def _look(self) -> None:
        """Whether the engine is alive, once a second."""
        now = self._clock()
        if not self.live or now - self._looked < LOOK:
            return
        self._looked = now
        alive = self.host.engine.alive()
        self._dead = self._dead if alive else self.state.pid
        if alive != self._alive:
            self._alive, self.gone = alive, not alive
            self._why = ""
            if not alive:
                told = self.host.engine.why_ended()
                self._why = sentences(told.message, told.remedy)
            self.refresh_bindings()
            self._dirty.add("header")

    @property
    def resuming(self) -> bool:
        """Whether an engine is at work that has not told anything yet: what is shown is the last one's."""
        return bool(self._alive and self._dead) and self.state.pid == self._dead

    def _show(self) -> None:
        second = int(self._wall()) if self.state.running else 0
        if "header" in self._dirty or second != self._second or not self._settled:
            self._second = second
            self._show_header()
        self._dirty.discard("header")
        now, limit = self._clock(), time.perf_counter() + SLICE
        for panel in self._due(now):
            self._dirty.discard(panel.part)
            self._shown_at[panel.part] = now
            if isinstance(panel, LogPanel):
                panel.follow(self.source.index)
            panel.show(self.state)
            if self._whole and time.perf_counter() > limit:
                break  # the others with the next tick, so that a key never waits for all of them
        self._whole = self._settled
        self._dirty |= self.state.changed
        self.state.changed.clear()

    def _due(self, now: float) -> list[Panel]:
        """The panels that have something new to show, who has waited longest first."""
        due = [
            (self._shown_at.get(part, -10.0), panel)
            for part, panel in self.panels.items()
            if part in self._dirty and panel.display
        ]
        due = [(shown, panel) for shown, panel in due if now - shown >= panel.pace]
        return [panel for _, panel in sorted(due, key=lambda one: one[0])]

    def _show_header(self) -> None:
        seen = (self.playing(), self.source.fraction, self._why, self.resuming)
        moment = Moment(self._alive, self._elapsed(), *seen)
        self._header.show(self.state, moment)
        if self.source.problem:
            self._banner.say(self.source.problem)
            return
        self._banner.show(self.state, moment, self._keys)

    def _elapsed(self) -> float:
        """Seconds the run has taken; while an engine is at work, up to now."""
        state = self.state
        if self.live and state.running and self._alive and state.segment:
            return state.spent_before + max(0.0, self._wall() - state.segment)
        return state.elapsed

    def _keys(self) -> dict[str, str]:
        """The key of each action, as it is mapped now."""
        shown: dict[str, str] = {}
        for active in self.active_bindings.values():
            shown.setdefault(active.binding.action, self.app.get_key_display(active.binding))
        for action in ("pause", "steer", "edit", "approve", "take_up", "branch", "rerun"):
            shown.setdefault(action, "?")
        return shown

    @work(thread=True)
    def _warm_up(self) -> None:
        """Load what is not shown at first, and what actions need, before a key asks for it."""
        markdown.load()
        import mlagent_tui.commands  # noqa: F401

    @work(thread=True)
    def _read_registry(self) -> None:
        from mlagent_tui.experiments import registry

        try:
            listed = registry.read(self.root)
        except MlagentError as error:
            words = visible(sentences(error.what, error.remedy))
            self.app.call_from_thread(self.notify, words, severity="warning", markup=False)
            return
        if listed.notice:
            self.app.call_from_thread(self.notify, visible(listed.notice), severity="warning", markup=False)
        self.app.call_from_thread(self._know, listed.entries)

    def _know(self, entries: list[RegistryEntry]) -> None:
        self.state.know(entries)
        self._dirty.add("runs")

    # --- actions: the eyes ----------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A recording takes no commands, and a live run cannot be played faster."""
        if action.startswith("replay_"):
            return self.replay is not None
        if not self.live and action in NOT_IN_A_REPLAY:
            return False
        if action == "take_up":
            return self.gone and self.state.resumable
        if action == "approve":
            return not self.gone and self.state.approval is not None
        if action in NEED_AN_ENGINE and (self.gone or self.resuming):
            return False
        return super().check_action(action, parameters)

    def action_jump(self, part: str) -> None:
        """Go to a panel."""
        if self.maximized is not None:
            self.minimize()
        self._choose(part)
        self.set_focus(self.panels[part].focus_target())  # now: the next key may be on its way already
        self.call_after_refresh(self._show)

    def action_maximise(self) -> None:
        """One panel alone, or all again."""
        if self.maximized is not None:
            self.minimize()
        else:
            self.maximize(self.focused_panel, container=False)

    def action_copy_panel(self) -> None:
        """The whole of the focused panel."""
        panel = self.focused_panel
        self.host.copy(panel.copy_text(), panel.label.lower())

    def usual_list(self) -> Sifted:
        """Where no list has the focus, `/` looks for words in the log."""
        self.action_jump("log")
        panel = self.panels["log"]
        assert isinstance(panel, LogPanel)
        return panel.view

    def action_fold_thinking(self) -> None:
        folded = self._plan.fold()
        self.notify("Thinking is hidden." if folded else "Thinking is shown.", timeout=2, markup=False)

    def on_runs_panel_opened(self, event: RunsPanel.Opened) -> None:
        """A run of the table, opened."""
        from mlagent_tui.tui.screens.browser import RunBrowser

        if event.run_id:
            self.app.push_screen(RunBrowser(self.root, event.run_id))

    def on_log_view_opened(self, event: LogView.Opened) -> None:
        """An entry of the log, whole."""
        index = self.source.index
        try:
            text = details(index.read(event.entry))
        except OSError as error:
            text = f"cannot be read: {error.strerror or error}"
        self.app.push_screen(TextDialog(f"Log, entry {event.entry + 1:,}", text))
