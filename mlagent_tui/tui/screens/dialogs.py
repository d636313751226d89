"""The questions that the run screen asks: a sentence, an edited text, a command to allow, how to stop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Input, Static, TextArea

from mlagent_tui.tui.facts import Approval
from mlagent_tui.tui.screens.over import Over
from mlagent_tui.tui.text import plain, visible

if TYPE_CHECKING:
    from mlagent_tui.commands import Reply

MAX_SENTENCE = 400
Submit = Callable[[str], Awaitable["Reply"]]


def reply_words(reply: Reply) -> Content:
    """A reply that is not ok: what is wrong, and what to do about it."""
    return Content.assemble((visible(reply.message), "$text-error"), f"\n{visible(reply.remedy)}".rstrip())


class SentenceDialog(Over[str | None]):
    """Asks for one line of text; None when the user thinks better of it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel")]

    def __init__(self, title: str, explanation: str, value: str = "", placeholder: str = "") -> None:
        super().__init__()
        self._title, self._explanation = title, explanation
        self._input = Input(value, placeholder=placeholder, max_length=MAX_SENTENCE, id="sentence")

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = Content(visible(self._title))
            box.border_subtitle = "enter: send · escape: cancel"
            yield Static(plain(self._explanation), classes="dialog-words")
            yield self._input

    def on_mount(self) -> None:
        self._input.focus()

    @on(Input.Submitted)
    def _send(self) -> None:
        text = self._input.value.strip()
        if text:
            self.dismiss(text)


class EditDialog(Over[bool]):
    """An editor for a configuration or for code; what is wrong with it is said below, and nothing is lost.

    `submit` hands the text in and returns the engine's reply. True when it was accepted.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "submit", "Hand in", priority=True),
        Binding("escape", "leave", "Cancel"),
    ]

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
            box.border_subtitle = "ctrl+s: hand in · escape: cancel"
            yield self._area
            yield self._says

    def on_mount(self) -> None:
        self._area.focus()

    async def action_submit(self) -> None:
        if self._busy:
            return
        self._busy = True
        self._says.update(Content.styled("The engine checks it …", "$text-muted"))
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

    def action_leave(self) -> None:
        """Leave at once when nothing was changed, else on the second press."""
        if self._area.text == self._original or self._warned:
            self.dismiss(False)
            return
        self._warned = True
        self._says.update(
            Content.styled("Your changes are lost: press escape again to leave.", "$text-warning")
        )


class ApproveDialog(Over[bool | None]):
    """Shows exactly what would run and where; None when the user has not decided."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "Allow"),
        Binding("n", "dismiss(False)", "Refuse"),
        Binding("escape", "dismiss(None)", "Later"),
    ]

    def __init__(self, approval: Approval, sandbox: str) -> None:
        super().__init__()
        self._approval, self._sandbox = approval, sandbox

    def compose(self) -> ComposeResult:
        asked = self._approval
        with Vertical(classes="dialog") as box:
            box.border_title = "May this run?"
            box.border_subtitle = "y: allow · n: refuse · escape: decide later"
            yield Static(plain(f"{asked.tool} would run this, once:"), classes="dialog-words")
            with VerticalScroll(id="asked-command", can_focus=False):
                yield Static(plain(asked.command, "bold"))
            where = f"in {asked.folder or 'the project folder'}\nsandbox: {self._sandbox or 'none'}"
            yield Static(plain(where, "$text-muted"), classes="dialog-words")
            with Horizontal(classes="dialog-buttons"):
                yield Button("Refuse", id="refuse", compact=True)
                yield Button("Allow", id="allow", variant="warning", compact=True)

    def on_mount(self) -> None:
        self.query_one("#refuse", Button).focus()

    @on(Button.Pressed)
    def _answer(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "allow")


class TextDialog(Over[None]):
    """A text to be read whole, such as an entry of the log."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss(None)", "Close"),
        Binding("y", "copy_text", "Copy"),
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text
        self._area = TextArea(visible(text), read_only=True, show_cursor=False, soft_wrap=True, id="whole")

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -tall") as box:
            box.border_title = Content(visible(self._title))
            box.border_subtitle = "y: copy · escape: close"
            yield self._area

    def on_mount(self) -> None:
        self._area.focus()

    def action_copy_text(self) -> None:
        self.app.copy_to_clipboard(self._text)
