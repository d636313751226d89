"""A list that is filtered: `/` shows a line above it, and of the list what has the words typed there."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option


class Sifted(Widget):
    """What is filtered by words. It lies in something vertical, where there is a line above it."""

    def sift(self, words: str) -> None:
        """Show only what has `words` in it, whatever their case; everything where there are none."""
        raise NotImplementedError

    @property
    def filter(self) -> Filter | None:
        """The line above, if it was asked for."""
        return next((one for one in self.screen.query(Filter) if one.listed is self), None)

    async def ask_words(self) -> None:
        """Let the user type what to look for."""
        field = self.filter
        if field is None:
            field = Filter(self)
            assert isinstance(self.parent, Widget)
            await self.parent.mount(field, before=self)
        field.display = True
        self.screen.set_focus(field)


class Filter(Input):
    """The line above a list. It is gone when nothing is typed in it and it has not the focus."""

    DEFAULT_CSS = """
    Filter, Filter:focus {
        height: 1;
        border: none;
        padding: 0;
        background: $panel;
    }
    """

    def __init__(self, listed: Sifted) -> None:
        super().__init__(placeholder="text to look for", compact=True, classes="filter")
        self.listed = listed

    @property
    def words(self) -> str:
        """What is looked for, in small letters."""
        return self.value.strip().lower()

    def leave(self) -> None:
        """Back to the list, which stays filtered."""
        self.display = bool(self.words)
        self.listed.focus()

    def clear_words(self) -> None:
        """Show the whole list again."""
        self.value = ""
        self.display = False

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.listed.sift(self.words)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.leave()


class Row(Option):
    """An option of a list that is filtered; `words` is what is looked through, if not its prompt."""

    def __init__(
        self, prompt: Content | str, id: str | None, words: str = "", *, disabled: bool = False
    ) -> None:
        super().__init__(prompt, id, disabled)
        self.words = words.lower()

    def has(self, words: str) -> bool:
        """Whether it has `words` in it."""
        return words in (self.words or str(self.prompt).lower())


class Listed(OptionList, Sifted):
    """A list of options that can be filtered. Options are told apart by their ids."""

    def __init__(self, rows: Sequence[Row] = (), *, id: str | None = None) -> None:
        super().__init__(*rows, id=id)
        self._rows = list(rows)
        self._words = ""

    def fill(self, rows: Sequence[Row], at: str | None = None) -> None:
        """Show other rows, `at` under the cursor."""
        self._rows = list(rows)
        self._show(at)

    def add(self, *rows: Row) -> None:
        """Show more rows, below the others."""
        self.fill([*self._rows, *rows], self.here)

    def reword(self, changed: Row) -> None:
        """Other words for the row of the same id."""
        for place, row in enumerate(self._rows):
            if row.id == changed.id:
                self._rows[place] = changed
        if changed.id and changed.id in self._id_to_option:
            self.replace_option_prompt(changed.id, changed.prompt)

    @property
    def here(self) -> str | None:
        """The id of the row under the cursor."""
        return None if self.highlighted is None else self.get_option_at_index(self.highlighted).id

    def sift(self, words: str) -> None:
        self._words = words
        self._show(self.here)

    def _show(self, at: str | None) -> None:
        kept = [row for row in self._rows if row.has(self._words)]
        nothing = (
            [Option(Content(f"nothing has “{self._words}” in it"), disabled=True)] if self._words else []
        )
        self.highlighted = None
        self.set_options(kept or nothing)
        ids = [row.id for row in kept]
        first = next((place for place, row in enumerate(kept) if not row.disabled), None)
        self.highlighted = ids.index(at) if at in ids else first
