"""Everything that was told, line by line, filterable. Only the lines in sight are read."""

from __future__ import annotations

import json
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.worker import get_current_worker

from mlagent_tui.tui import keys
from mlagent_tui.tui.facts import short_tool
from mlagent_tui.tui.filters import Sifted
from mlagent_tui.tui.index import Index
from mlagent_tui.tui.logline import GROUPS, STYLES, summary
from mlagent_tui.tui.panels.base import Panel
from mlagent_tui.tui.panels.following import Following
from mlagent_tui.tui.state import RunState
from mlagent_tui.tui.text import cut

CACHED = 2_000
MAX_COPIED = 5_000


class LogView(Following, Sifted):
    """A list of the journal's entries, of any length."""

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("log")]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"log--cursor", "log--time"}

    class Opened(Message):
        """The user wants to read all of an entry."""

        def __init__(self, entry: int) -> None:
            super().__init__()
            self.entry = entry

    class GroupAsked(Message):
        """The user wants the next kind of entries."""

    class WordsAsked(Message):
        """The user wants the entries with these words only."""

        def __init__(self, words: str) -> None:
            super().__init__()
            self.words = words

    def __init__(self) -> None:
        super().__init__(id="log-view")
        self.index: Index | None = None
        self.entries: list[int] = []
        self.cursor = 0
        self._told: dict[int, tuple[str, str, str]] = {}

    def show(self, index: Index, entries: list[int]) -> None:
        """Show these entries of `index`; the last stays in sight where it was."""
        if index is not self.index:
            self._told.clear()
        at_end = self.following and self.cursor >= len(self.entries) - 1
        if self.entries:
            self._told.pop(self.entries[-1], None)  # it may have grown
        self.index, self.entries = index, entries
        self.virtual_size = Size(0, len(entries))
        last = max(0, len(entries) - 1)
        self.cursor = last if at_end else min(self.cursor, last)
        if at_end:
            self.call_after_refresh(self._show_cursor)
        self.refresh()

    def on_resize(self) -> None:
        """The chosen line, or the end that is followed, stays in sight."""
        if self.following or self.cursor < len(self.entries) - 1:
            self._show_cursor()

    def line_at(self, row: int) -> tuple[str, str, str]:
        """Time, kind and words of a row."""
        entry = self.entries[row]
        told = self._told.get(entry)
        if told is None:
            if len(self._told) > CACHED:
                self._told.clear()
            assert self.index is not None
            try:
                told = summary(self.index.read(entry))
            except OSError as error:
                told = ("--:--:--", "", f"cannot be read: {error.strerror or error}")
            self._told[entry] = told
        return told

    def render_line(self, y: int) -> Strip:
        row = y + self.scroll_offset.y
        width = self.size.width
        base = self.rich_style
        if row >= len(self.entries):
            return Strip.blank(width, base)
        time, kind, text = self.line_at(row)
        style = base + Style.parse(STYLES.get(kind, ""))
        if row == self.cursor and self.has_focus:
            base = style = base + self.get_component_rich_style("log--cursor")
        muted = base + Style(dim=True)
        name = short_kind(kind)
        line = Strip([
            Segment(f"{time} ", muted),
            Segment(f"{name:<9} ", muted),
            Segment(cut(text, max(1, width - 19)), style),
        ])  # fmt: skip
        return line.adjust_cell_length(width, base)

    def action_move(self, rows: int) -> None:
        """Move the cursor, and keep it in sight."""
        self.cursor = max(0, min(len(self.entries) - 1, self.cursor + rows))
        self._show_cursor()
        self.refresh()

    def _show_cursor(self) -> None:
        top, height = self.scroll_offset.y, max(1, self.size.height)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, force=True, immediate=True)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, force=True, immediate=True)

    def action_move_page(self, pages: int) -> None:
        self.action_move(pages * max(1, self.size.height - 1))

    def action_move_to(self, end: str) -> None:
        self.action_move(-len(self.entries) if end == "first" else len(self.entries))

    def action_open(self) -> None:
        if self.entries:
            self.post_message(self.Opened(self.entries[self.cursor]))

    def action_group(self) -> None:
        self.post_message(self.GroupAsked())

    def sift(self, words: str) -> None:
        self.post_message(self.WordsAsked(words))

    def on_click(self, event: object) -> None:
        """A click chooses a line, another opens it."""
        y = int(getattr(event, "y", 0)) + self.scroll_offset.y
        if y >= len(self.entries):
            return
        if y == self.cursor:
            self.action_open()
        self.cursor = y
        self.refresh()


NAMES = {
    "tokens_streamed": "says", "model_called": "answered", "model_asked": "asks", "run_started": "begins",
    "run_finished": "ends", "run_resumed": "resumes", "step_started": "step", "step_finished": "step ✔",
    "tool_called": "tool", "tool_finished": "tool ✔", "goal_understood": "goal", "plan_made": "plan",
    "config_made": "config", "code_made": "code", "summary_made": "summary", "check_failed": "check ✘",
    "trial_started": "trial", "batch_done": "batch", "epoch_done": "epoch", "trial_finished": "result",
    "trial_recorded": "recorded",
    "best_tested": "test", "decision_made": "decides", "warned": "warning", "time_spent": "times",
    "approval_asked": "may I", "approval_given": "answer", "": "damaged", "unreadable": "damaged",
    "prompt_progress": "reads", "model_unloaded": "unload", "model_loading": "loads",
    "model_loaded": "loaded", "prompts_chosen": "prompts", "requested": "wanted", "holds_set": "holds",
    "doing": "does",
}  # fmt: skip


def short_kind(kind: str) -> str:
    """A kind of event in at most nine columns."""
    return NAMES.get(kind, short_tool(kind))[:9]


class LogPanel(Panel):
    """The log and its filter."""

    part = "log"
    label = "Log"
    number = 6
    pace = 0.2
    HELP: ClassVar[str] = """\
### Log
All events of the run, from its journal. `/` filters by text, `f` by kind: all, models, tools, training,
decisions, problems. `enter` or a click on the chosen line opens the whole entry.
"""

    def __init__(self) -> None:
        super().__init__()
        self.view = LogView()
        self._words = ""
        self._group = "all"
        self._index: Index | None = None
        self._entries: list[int] = []
        self._seen = 0
        self._searching = False

    def compose(self) -> ComposeResult:
        yield self.view

    def follow(self, index: Index) -> None:
        """Show the entries of `index`, those too that come later."""
        if index is not self._index:
            self._index = index
            self._restart()

    def show(self, state: RunState) -> None:
        self._extend()

    # --- what is shown ---

    def _restart(self) -> None:
        self._entries, self._seen, self._searching = [], 0, False
        self._extend()

    def _extend(self) -> None:
        index = self._index
        if index is None or self._searching:
            return
        count = len(index)
        self._entries += [i for i in index.entries(GROUPS[self._group], self._seen) if i < count]
        needle = self._words
        if needle:
            self._searching = True
            new = [i for i in self._entries if i >= self._seen]
            self.run_worker(
                lambda: self._search(index, new, needle), thread=True, exclusive=True, group="search"
            )
        self._seen = count
        if not needle:
            self._shown()

    def _search(self, index: Index, entries: list[int], needle: str) -> None:
        """In a thread: which of `entries` have `needle`, in their raw line and in what is shown of it."""
        worker = get_current_worker()
        raw_needle = json.dumps(needle, ensure_ascii=False)[1:-1].lower().encode()
        dropped = set()
        for entry in entries:
            if worker.is_cancelled:
                return
            try:
                kept = raw_needle in index.raw(entry).lower()
                kept = kept and needle in summary(index.read(entry))[2].lower()
            except OSError:
                kept = False
            if not kept:
                dropped.add(entry)
        self.app.call_from_thread(self._found, index, needle, dropped)

    def _found(self, index: Index, needle: str, dropped: set[int]) -> None:
        if index is self._index and needle == self._words:
            self._entries = [i for i in self._entries if i not in dropped]
            self._searching = False
            self._shown()

    def _shown(self) -> None:
        if self._index is None:
            return
        self.view.show(self._index, list(self._entries))
        words = [self._group if self._group != "all" else "", f"“{self._words}”"]
        said = " ".join(word for word in words if word and word != "“”")
        count = f"{len(self._entries):,} lines"
        self.note(f"{said} · {count}" if said else count)

    # --- filtering ---

    def on_log_view_words_asked(self, event: LogView.WordsAsked) -> None:
        event.stop()
        self._words = event.words
        self._restart()

    def on_log_view_group_asked(self, event: LogView.GroupAsked) -> None:
        event.stop()
        names = list(GROUPS)
        self._group = names[(names.index(self._group) + 1) % len(names)]
        self._restart()

    def focus_target(self) -> Widget:
        return self.view

    @property
    def sifted(self) -> Sifted:
        """What `/` filters."""
        return self.view

    def copy_text(self) -> str:
        rows = range(max(0, len(self.view.entries) - MAX_COPIED), len(self.view.entries))
        return "\n".join(" ".join(self.view.line_at(row)) for row in rows) + "\n"
