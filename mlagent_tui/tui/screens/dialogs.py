"""The questions that the run screen asks: a sentence, an edited text, a command to allow, how to stop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Click
from textual.widgets import Button, Input, Static, TextArea

from mlagent_tui.tui import keys
from mlagent_tui.tui.facts import Approval
from mlagent_tui.tui.footer import KeyLine
from mlagent_tui.tui.panels.code import follow_theme
from mlagent_tui.tui.screens.over import Over
from mlagent_tui.tui.text import plain, visible

if TYPE_CHECKING:
    from mlagent_tui.commands import Reply
    from mlagent_tui.tui.app import MlagentApp

MAX_SENTENCE = 400
Submit = Callable[[str], Awaitable["Reply"]]


def reply_words(reply: Reply) -> Content:
    """A reply that is not ok: what is wrong, and what to do about it."""
    return Content.assemble((visible(reply.message), "$text-error"), f"\n{visible(reply.remedy)}".rstrip())


class SentenceDialog(Over[str | None]):
    """Asks for one line of text; None if the user cancels."""

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("sentence")]
    FIELD_IS_ALL = True

    def __init__(self, title: str, explanation: str, value: str = "", placeholder: str = "") -> None:
        super().__init__()
        self._title, self._explanation = title, explanation
        self._input = Input(value, placeholder=placeholder, max_length=MAX_SENTENCE, id="sentence")

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = Content(visible(self._title))
            box.border_subtitle = "enter: send"
            yield Static(plain(self._explanation), classes="dialog-words")
            yield self._input
        yield KeyLine()

    def on_mount(self) -> None:
        self._input.focus()

    @on(Input.Submitted)
    def _send(self) -> None:
        text = self._input.value.strip()
        if text:
            self.dismiss(text)

    def leave(self) -> None:
        self.dismiss(None)


class EditDialog(Over[bool]):
    """An editor for a configuration or for code. Problems are shown below the text, which is kept.

    `submit` sends the text and returns the engine's reply. True if it was accepted.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("edit")]
    FIELD_IS_ALL = True

    def __init__(self, title: str, text: str, language: str | None, submit: Submit) -> None:
        super().__init__()
        self._title, self._original, self._submit = title, text, submit
        self._area = TextArea.code_editor(text, language=language, id="edited")
        self._says = Static("", id="edit-says")
        self._busy = False
        self._warned = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -tall") as box:
            box.border_title = Content(visible(self._title))
            yield self._area
            yield self._says
        yield KeyLine()

    def on_mount(self) -> None:
        follow_theme(self._area)
        self._area.focus()

    async def action_submit(self) -> None:
        if self._busy:
            return
        self._busy = True
        self._says.update(Content.styled("Checking …", "$text-muted"))
        self.run_worker(self._hand_in(self._area.text), exclusive=True)

    async def _hand_in(self, text: str) -> None:
        try:
            reply = await self._submit(text)
        finally:
            self._busy = False
        if reply.ok:
            self.dismiss(True)
        else:
            self._says.update(reply_words(reply))

    def leave(self) -> None:
        """Leave at once when nothing was changed, else on the second press."""
        if self._area.text == self._original or self._warned:
            self.dismiss(False)
            return
        self._warned = True
        self._says.update(
            Content.styled("You have unsaved changes. Cancel again to discard them.", "$text-warning")
        )


class ApproveDialog(Over[bool | None]):
    """Shows exactly what would run and where; None when the user has not decided."""

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("approve")]

    def __init__(self, approval: Approval, sandbox: str) -> None:
        super().__init__()
        self._approval, self._sandbox = approval, sandbox

    def compose(self) -> ComposeResult:
        asked = self._approval
        with Vertical(classes="dialog") as box:
            box.border_title = "Allow this command?"
            yield Static(plain(f"{asked.tool} wants to run this once:"), classes="dialog-words")
            with VerticalScroll(id="asked-command", can_focus=False):
                yield Static(plain(asked.command, "bold"))
            where = f"in {asked.folder or 'the project folder'}\nsandbox: {self._sandbox or 'none'}"
            yield Static(plain(where, "$text-muted"), classes="dialog-words")
            with Horizontal(classes="dialog-buttons"):
                yield Button("Refuse", id="refuse", compact=True)
                yield Button("Allow", id="allow", variant="warning", compact=True)
        yield KeyLine()

    def on_mount(self) -> None:
        self.query_one("#refuse", Button).focus()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "allow")

    def action_answer(self, allowed: bool) -> None:
        self.dismiss(allowed)

    def leave(self) -> None:
        self.dismiss(None)


class TextDialog(Over[None]):
    """A text to be read whole, such as an entry of the log."""

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("text")]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text
        self._area = TextArea(visible(text), read_only=True, show_cursor=False, soft_wrap=True, id="whole")

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -tall") as box:
            box.border_title = Content(visible(self._title))
            yield self._area
        yield KeyLine()

    def on_mount(self) -> None:
        self._area.focus()

    def action_copy_text(self) -> None:
        cast("MlagentApp", self.app).copy(self._text, "entry")

    def leave(self) -> None:
        self.dismiss(None)

    def on_click(self, event: Click) -> None:
        if event.widget is self:  # beside the dialog
            self.dismiss(None)
