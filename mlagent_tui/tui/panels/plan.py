"""What the run is doing and why: the plan's calls with their state, and the planner's words as they come."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from mlagent_tui.tui import told, words
from mlagent_tui.tui.facts import Job, Speech
from mlagent_tui.tui.markdown import prose
from mlagent_tui.tui.panels.base import Panel
from mlagent_tui.tui.panels.prose import Prose
from mlagent_tui.tui.state import MAX_SPEECHES, RunState
from mlagent_tui.tui.text import cut, plain

MARKS = {
    "waiting": ("·", "$text-muted"),
    "running": ("▶", "bold $text-accent"),
    "done": ("✔", "$text-success"),
    "failed": ("✘", "bold $text-error"),
}
LIVE_CHARACTERS = 1_500
"""What is shown of an answer while it streams: its end."""

THOUGHT = "dim italic $text-muted"

ELSEWHERE = {"code", "explain"}
"""Answers that have a panel of their own."""


class Checklist(Static):
    """The calls of the plan, in as many columns as fit."""

    COLUMN = 18

    def __init__(self) -> None:
        super().__init__()
        self._jobs: list[Job] = []
        self._rows = 0

    def on_resize(self) -> None:
        self.show(self._jobs)

    def show(self, jobs: list[Job]) -> None:
        """One cell a call: mark, name, duration; notes where there is room for them."""
        self._jobs = jobs
        width = max(self.COLUMN, self.content_size.width)
        columns = min(max(1, width // self.COLUMN), max(1, len(jobs)))
        rows = -(-len(jobs) // columns)
        if rows > 5 and columns == 1 and width >= 20:
            columns, rows = 2, -(-len(jobs) // 2)
        each = width // columns
        lines = []
        for row in range(rows):
            cells = [self._cell(job, each) for job in jobs[row::rows]]
            lines.append(Content.assemble(*cells))
        shown = Content("\n").join(lines)
        self.update(shown, layout=rows != self._rows)
        self._rows = rows

    @staticmethod
    def _cell(job: Job, width: int) -> Content:
        mark, style = MARKS[job.state]
        name = f"{job.name} ×{job.tries}" if job.tries else job.name
        took = words.duration(job.seconds).replace(" ", "")
        name = cut(name, max(4, width - cell_len(took) - 4))
        told_so_far = f"{mark} {name} {took}"
        gap = " " * max(1, width - cell_len(told_so_far))
        return Content.assemble((mark, style), " ", (name, style if job.state == "running" else ""), " ",
                                (took, "$text-muted"), gap)  # fmt: skip


def block_of(speech: Speech, folded: bool) -> Content:
    """One answer: its thinking, dimmed; its words, loosely while they stream, as understood after."""
    parts: list[Content] = []
    if speech.thinking and folded and (speech.done or speech.text):
        parts.append(plain(f"thought, {len(speech.thinking.split()):,} words", THOUGHT))
    elif speech.thinking:
        kept = speech.thinking if speech.done else speech.thinking[-LIVE_CHARACTERS:]
        parts.append(plain(kept.strip(), THOUGHT))
    if speech.told:
        parts.append(prose(speech.told))
    elif speech.text.lstrip().startswith(("{", "[")):
        parts.append(told.loosely(speech.text[-LIVE_CHARACTERS:]))
    elif speech.text:
        parts.append(prose(speech.text[-LIVE_CHARACTERS:]))
    return Content("\n").join(parts)


class PlanPanel(Panel):
    """Tool calls and the planner's words."""

    part = "plan"
    label = "Plan"
    number = 1
    HELP: ClassVar[str] = """\
### Plan
The tool calls of this iteration (`▶` running, `✔` done, `✘` failed, `×2` second attempt). Below are the
answers of the planner: its thinking (dimmed), the goal and plan that were read from it, and its decision.

`t` hides or shows the thinking, `s` steers the planner, `y` copies everything.
"""

    def __init__(self) -> None:
        super().__init__()
        self.folded = True
        self._checklist = Checklist()
        self._words = Prose(id="words")
        self._blocks: dict[int, tuple[Speech, tuple[object, ...], Content]] = {}
        self._state: RunState | None = None

    def compose(self) -> ComposeResult:
        yield self._checklist
        yield self._words

    def show(self, state: RunState) -> None:
        self._state = state
        self._checklist.show(state.jobs)
        self.note(self._note(state))
        self._words.show([self._block(speech) for speech in state.speeches if speech.task not in ELSEWHERE])

    def _block(self, speech: Speech) -> Content:
        """The block of an answer; the same object until something in it has changed."""
        size = len(speech.text) + len(speech.thinking) + speech.dropped
        key = (size, speech.done, speech.told, self.folded)
        known = self._blocks.get(id(speech))
        if known is None or known[0] is not speech or known[1] != key:
            if len(self._blocks) > 4 * MAX_SPEECHES:
                self._blocks.clear()
            known = self._blocks[id(speech)] = (speech, key, block_of(speech, self.folded))
        return known[2]

    @staticmethod
    def _note(state: RunState) -> str:
        if state.reads("plan"):
            return state.reads("plan")
        if state.doing and state.running and not state.paused:
            return state.doing
        job = next((job for job in state.jobs if job.state == "running"), None)
        job = job or next((job for job in reversed(state.jobs) if job.state == "failed"), None)
        return cut(job.note, 60) if job is not None else ""

    def fold(self) -> bool:
        """Fold the thinking, or unfold it; returns whether it is folded now."""
        self.folded = not self.folded
        if self._state is not None:
            self.show(self._state)
        return self.folded

    def focus_target(self) -> Widget:
        return self._words

    def copy_text(self) -> str:
        state = self._state
        if state is None:
            return ""
        jobs = [
            f"{MARKS[j.state][0]} {j.name} {words.duration(j.seconds)} {j.note}".rstrip() for j in state.jobs
        ]
        said = [s.told or s.text for s in state.speeches if s.task not in ELSEWHERE]
        return "\n".join(jobs) + "\n\n" + "\n\n".join(said) + "\n"
