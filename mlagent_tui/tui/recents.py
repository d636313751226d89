"""The list of recent projects: each with its goal and how it stands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList

from mlagent_tui import paths
from mlagent_tui.tui import keys
from mlagent_tui.tui.fields import MUTED
from mlagent_tui.tui.filters import Listed, Row
from mlagent_tui.tui.memory import Recent
from mlagent_tui.tui.projects import Glance, ago
from mlagent_tui.tui.text import cut, line, plain

_MARKS = {
    "running": ("●", "$text-accent"),
    "held": ("‖", "$text-accent"),
    "achieved": ("✔", "$text-success"),
    "stopped": ("◦", "$text-warning"),
    "interrupted": ("‖", "$text-warning"),
    "ended early": ("‖", "$text-warning"),
    "failed": ("✗", "$text-error"),
    "empty": ("·", MUTED),
    "gone": ("✗", MUTED),
}
_WORDS = {
    "running": "running now",
    "held": "held: waits for you",
    "stopped": "not achieved",
    "ended early": "can be resumed",
    "interrupted": "can be resumed",
    "gone": "folder is gone",
}


class RecentList(Listed):
    """Projects opened before. Posts what is to be done with one."""

    HELP = """# Recent projects

Every project that was opened here, the latest first, and how its last run stands:
● running · ‖ held, or can be resumed · ✔ goal achieved · ◦ not achieved · ✗ failed.
"""
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("recent")]

    @dataclass
    class Chosen(Message):
        """Something is to be done with a project."""

        root: Path
        deed: str
        """open, resume, again or forget."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._entries: list[Recent] = []
        self._glances: dict[Path, Glance] = {}

    def show(self, entries: list[Recent]) -> None:
        """The projects to list, the cursor on one that came to the head. How they stand is told later."""
        heads = [listed[0].root if listed else None for listed in (self._entries, entries)]
        self._entries = entries
        self.fill([self._row(entry) for entry in entries], self.here if heads[0] == heads[1] else None)
        if self.parent is not None:
            self.parent.set_class(not entries, "-empty")

    def tell(self, root: Path, glance: Glance) -> None:
        """How a project stands."""
        self._glances[root] = glance
        for entry in self._entries:
            if entry.root == root:
                self.reword(self._row(entry))
        self.refresh_bindings()

    def glance(self, root: Path) -> Glance | None:
        """How a project stood when it was last looked at."""
        return self._glances.get(root)

    def goal(self, root: Path) -> str:
        """The goal of a project, as far as it is known."""
        told = self._glances.get(root)
        known = next((entry.goal for entry in self._entries if entry.root == root), "")
        return (told.goal if told else "") or known

    def on_resize(self) -> None:
        for entry in self._entries:
            self.reword(self._row(entry))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._post("open")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be resumed is."""
        if action == "resume":
            told = self.glance(Path(self.here)) if self.here else None
            return told is not None and told.resumable
        return super().check_action(action, parameters)

    def on_option_list_option_highlighted(self) -> None:
        self.refresh_bindings()

    def action_resume(self) -> None:
        """Go on with the highlighted project's run."""
        self._post("resume")

    def action_again(self) -> None:
        """Take its goal for a new run."""
        self._post("again")

    @work
    async def action_forget(self) -> None:
        """Take it off the list, after a question."""
        from mlagent_tui.tui.screens.pick import Pick

        choices = [("no", Content("Keep it")), ("yes", Content("Remove it from the list; its files stay"))]
        root = self.here
        if (
            root
            and await self.app.push_screen_wait(Pick("Remove from the list?", choices, plain(root))) == "yes"
        ):
            self.post_message(self.Chosen(Path(root), "forget"))

    def _post(self, deed: str) -> None:
        if self.here:
            self.post_message(self.Chosen(Path(self.here), deed))

    def _row(self, entry: Recent) -> Row:
        """A project: its goal and how it stands. Its whole goal and path can be looked for."""
        prompt = self._prompt(entry)
        return Row(prompt, str(entry.root), f"{prompt} {self.goal(entry.root)} {entry.root}")

    def _prompt(self, entry: Recent) -> Content:
        glance = self._glances.get(entry.root)
        mark, style = _MARKS[glance.standing] if glance else ("·", MUTED)
        width = max(20, self.scrollable_content_region.width - 2)
        title = cut(line(self.goal(entry.root) or entry.root.name), width - 2)
        facts = _facts(glance) if glance else []
        under = " · ".join([*facts, ago(entry.opened), home_short(entry.root)])
        return Content.assemble(
            (f"{mark} ", style), (title, "bold"), "\n  ", (cut(line(under), width - 2), MUTED)
        )


def _facts(glance: Glance) -> list[str]:
    runs = f"{glance.runs} run{'s' * (glance.runs != 1)}" if glance.runs else ""
    best = f"best {glance.best}" if glance.best else ""
    return [word for word in (_WORDS.get(glance.standing, glance.standing), best, runs) if word]


def home_short(path: Path) -> str:
    """`~/x` for a path below the home folder."""
    try:
        return str(Path("~") / path.relative_to(paths.home()))
    except ValueError:
        return str(path)
