"""What all panels share: a frame with a number and a title, showing when visible, being copied from."""

from __future__ import annotations

from typing import ClassVar

from textual.containers import Vertical
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widget import Widget

from mlagent_tui.tui.state import RunState
from mlagent_tui.tui.text import visible


class Panel(Vertical):
    """A framed part of the run screen. `part` is its name in `RunState.changed`."""

    ALLOW_MAXIMIZE = True
    part: ClassVar[str] = ""
    label: ClassVar[str] = ""
    number: ClassVar[int] = 0
    pace: ClassVar[float] = 0.0
    """Seconds between two showings at least."""

    class TitleClicked(Message):
        """The mouse was pressed on the title of a panel."""

        def __init__(self, part: str) -> None:
            super().__init__()
            self.part = part

    def __init__(self) -> None:
        super().__init__(id=self.part, classes="panel")
        self.border_title = f"{self.number} {self.label}"

    def note(self, text: str) -> None:
        """Say something short in the frame; words of others are shown as they are."""
        wanted = Content(visible(text))
        if str(self.border_subtitle or "") != wanted.markup:
            self.border_subtitle = wanted

    def on_click(self, event: Click) -> None:
        if event.widget is self and event.y == 0:
            self.post_message(self.TitleClicked(self.part))

    def show(self, state: RunState) -> None:
        """Show this part of `state`. Called only while the panel can be seen, and after it has changed."""
        raise NotImplementedError

    def focus_target(self) -> Widget:
        """What gets the focus when the user goes to this panel."""
        raise NotImplementedError

    def copy_text(self) -> str:
        """All of what the panel shows, as text."""
        raise NotImplementedError
