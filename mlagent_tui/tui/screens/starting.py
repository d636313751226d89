"""From a filled-in form to an engine at work: the last check, the process, and what to do when that fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual import work
from textual.content import Content
from textual.widgets import Button, Input, Static
from textual.worker import Worker

from mlagent_tui.errors import ProjectError
from mlagent_tui.tui import form
from mlagent_tui.tui.engine import EngineLink, Problem, Request
from mlagent_tui.tui.fields import problem_text
from mlagent_tui.tui.projects import look
from mlagent_tui.tui.screens.over import Under
from mlagent_tui.tui.screens.pick import Pick
from mlagent_tui.tui.text import plain

if TYPE_CHECKING:
    from mlagent_tui.tui.app import MlagentApp


class Starting(Under[None]):
    """The part of the start screen that starts."""

    base: Path
    checked: Request | None

    def values(self) -> form.Form:
        """The fields as they stand."""
        raise NotImplementedError

    def problems(self) -> list[Problem]:
        """What is known to keep the form from being started."""
        raise NotImplementedError

    def up_to_date(self) -> bool:
        """Whether the engine has been asked about the form as it stands."""
        raise NotImplementedError

    def ask_engine(self) -> Worker[None]:
        """Ask it."""
        raise NotImplementedError

    @property
    def host(self) -> MlagentApp:
        """The application, as what it is."""
        return cast("MlagentApp", self.app)

    def say(self, words: Content | str) -> None:
        """Say something beside the start button."""
        self.query_one("#state", Static).update(words)

    @work(exclusive=True, group="start")
    async def start(self) -> None:
        """Ask the engine once more where needed, then start, or say what is in the way."""
        button = self.query_one("#start", Button)
        button.disabled = True
        try:
            if not self.up_to_date():
                await self.ask_engine().wait()
            blocking = self.problems()
            if blocking and blocking[0].field == "project" and self._is_project():
                await self._offer(blocking[0])
            elif blocking:
                self.focus_first_problem()
            else:
                await self._launch(self.values().request(self.base))
        finally:
            button.disabled = False

    async def _launch(self, request: Request) -> None:
        link = EngineLink(request.project)
        if not await self._begin(link, lambda: link.start(request)):
            return
        self.host.memory.opened(request.project, request.goal)
        self.query_one("#project", Input).value = ""
        self.checked = None
        self.host.open_project(request.project, engine=link)

    async def _begin(self, link: EngineLink, launch: Callable[[], None]) -> bool:
        """Launch an engine and wait until it writes its journal; whether it does. Says why not."""
        began = time.monotonic()

        def tell() -> None:
            self.say(f"starting the engine… {time.monotonic() - began:.0f} s")

        telling = self.set_interval(1.0, tell)
        tell()
        try:
            launch()
            if await link.ready():
                return True
            told = link.why_ended()
            self.say(problem_text(told if told.message else Problem("", "The engine ended.")))
        except ProjectError as error:
            self.say(problem_text(Problem("", error.what, error.remedy)))
        finally:
            telling.stop()
        link.close()
        return False

    async def _offer(self, problem: Problem) -> None:
        folder = self.values().folder(self.base)
        deeds = [
            ("resume", Content("Go on with the run that is there")),
            ("another", Content("Start another run in the same project")),
            ("cancel", Content("Neither")),
        ]
        deed = await self.app.push_screen_wait(Pick("The project has a run", deeds, plain(problem.message)))
        if deed == "resume":
            await self.resume(folder)
        elif deed == "another":
            await self._launch(self.values().request(self.base, another=True))

    async def resume(self, root: Path) -> None:
        """Go on with a project's run in an engine of its own, unless one is at work on it already."""
        link = self.host.background.get(root.absolute()) or EngineLink(root)
        if not link.alive() and not await self._begin(link, link.resume):
            return
        self.host.open_project(root, engine=link)

    def _is_project(self) -> bool:
        return look(self.values().folder(self.base)).standing != "gone"

    def focus_first_problem(self) -> bool:
        """Put the cursor where something is to be corrected; whether there is such a place."""
        for problem in self.problems():
            if problem.field == "project" and self._is_project():
                continue  # there is a way to go on, which is offered
            for widget in self.query(f"#{problem.field}" if problem.field else "#start"):
                widget.focus()
            for words in self.query(f"#problem-{problem.field}" if problem.field else "#state"):
                self.call_after_refresh(words.scroll_visible, animate=False)
            return True
        return False

    @work(exclusive=True, group="start")
    async def take_up(self, root: Path) -> None:
        """Go on with the run of a recent project."""
        await self.resume(root)
