"""The module as the coder writes it: highlighted, following the tokens, with what has changed marked."""

from __future__ import annotations

import difflib
import re
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import work
from textual.app import ComposeResult
from textual.content import Content
from textual.geometry import Offset
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static, TextArea
from textual.widgets.text_area import TextAreaTheme

from mlagent_tui.tui.panels import highlight
from mlagent_tui.tui.panels.base import Panel
from mlagent_tui.tui.panels.highlight import Highlights
from mlagent_tui.tui.state import RunState
from mlagent_tui.tui.text import cut, visible

_OPENING = re.compile(r"\A.*?```[^\n]*\n", re.DOTALL)
MAX_CODE = 200_000
"""Characters of a module that are shown."""


def streamed_code(text: str) -> str:
    """The code in an answer that may still be streaming: what stands in its first fenced block."""
    opened = _OPENING.match(text)
    if opened is None:
        return "" if "```".startswith(text.strip()[:3]) and len(text.strip()) < 12 else text
    code = text[opened.end() :]
    end = code.find("\n```")
    return code[: end + 1] if end >= 0 else code.removesuffix("`").removesuffix("`")


def changed_lines(before: str, after: str) -> set[int]:
    """The lines of `after`, from 0, that `before` has not; where lines are gone, the one that follows."""
    old, new = before.splitlines(), after.splitlines()
    marked: set[int] = set()
    for tag, _, _, start, end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag in ("replace", "insert"):
            marked.update(range(start, end))
        elif tag == "delete" and new:
            marked.add(min(start, len(new) - 1))
    return marked


def follow_theme(area: TextArea) -> None:
    """Syntax colours that suit the app's theme, now and after a change, on the app's own background."""

    def choose(_: object = None) -> None:
        dark = area.app.current_theme.dark
        source = TextAreaTheme.get_builtin_theme("monokai" if dark else "github_light")
        if source is not None:
            name = "code-dark" if dark else "code-light"
            area.register_theme(TextAreaTheme(name, syntax_styles=source.syntax_styles))
            area.theme = name

    area.app.theme_changed_signal.subscribe(area, choose)
    choose()


class CodeView(TextArea):
    """A read-only editor whose gutter marks some lines."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"code--changed"}

    def __init__(self, id: str | None = None) -> None:
        super().__init__(
            "",
            read_only=True,
            show_line_numbers=True,
            soft_wrap=False,
            show_cursor=False,
            placeholder="The coder has not written anything yet.",
            id=id,
        )
        self.marked: set[int] = set()

    def on_mount(self) -> None:
        follow_theme(self)
        self._highlights = Highlights(lambda: self.text)
        self.call_after_refresh(self._load_colours)

    @work(thread=True)
    def _load_colours(self) -> None:
        """Colours come after the first paint."""
        highlight.load()
        self.app.call_from_thread(self._build_highlight_map)
        self.app.call_from_thread(self.refresh)

    def _build_highlight_map(self) -> None:
        """What `TextArea` does after a change, to all of its text; here, what is in sight is coloured."""
        self._line_cache.clear()
        self._highlights.clear()

    def render_line(self, y: int) -> Strip:
        """A line, with a bar in its gutter when it is marked."""
        strip = super().render_line(y)
        if not self.marked:
            return strip
        try:
            row, _ = self.wrapped_document.offset_to_location(Offset(0, y + self.scroll_offset.y))
        except (IndexError, ValueError):
            return strip
        width = self.gutter_width
        if row not in self.marked or width < 2 or y + self.scroll_offset.y >= self.wrapped_document.height:
            return strip
        style = self.rich_style + self.get_component_rich_style("code--changed", partial=True)
        bar = Strip([Segment("▌", style + Style(bold=True))], 1)
        return Strip.join([strip.crop(0, width - 2), bar, strip.crop(width - 1)])

    def show(self, code: str, marked: set[int], *, follow: bool = False) -> None:
        """Show `code`; what only grows is appended. `follow` its end, unless the user has scrolled up."""
        shown = self.text
        grows = bool(shown) and code.startswith(shown)
        at_end = not grows or self.scroll_offset.y >= self.max_scroll_y - 1
        if marked != self.marked:
            self.marked = marked
            self._line_cache.clear()
            self.refresh()
            if marked and not self.has_focus:
                self.call_after_refresh(self._show_first_change)
        if code == shown:
            return
        if grows:
            self.insert(code[len(shown) :], self.document.end)
            self.history.clear()
        else:
            self.load_text(code)
        if follow and at_end:
            self.call_after_refresh(self.scroll_end, animate=False, immediate=True, x_axis=False)

    def _show_first_change(self) -> None:
        if self.marked:
            self.scroll_to(y=max(0, min(self.marked) - 2), animate=False, immediate=True)


class CodePanel(Panel):
    """The code, and beside it what its checks found."""

    part = "code"
    label = "Code"
    number = 2
    pace = 0.15
    HELP: ClassVar[str] = """\
### Code
The module as the coder writes it. `▌` in the gutter marks lines that are new since the previous network.
Below are the checks that failed and led to a repair.

`y` copies all of it, `o` opens it in $EDITOR, `e` edits it before it is evaluated. Select with
the mouse, `ctrl+c` copies.
"""

    def __init__(self) -> None:
        super().__init__()
        self.view = CodeView(id="source")
        self._checks = Static("", id="checks")
        self._key: tuple[str, str] = ("", "")
        self._marked: set[int] = set()
        self._state: RunState | None = None

    def compose(self) -> ComposeResult:
        yield self.view
        yield self._checks

    def on_resize(self) -> None:
        if self._state is not None:
            self._show_checks(self._state)

    def show(self, state: RunState) -> None:
        self._state = state
        writing = state.coder_writes
        code = visible(streamed_code(writing) if writing else state.code)[:MAX_CODE]
        earlier = bool(writing) or state.code_iteration == state.iteration
        base = visible(state.previous_code) if earlier else code
        marked = self._changes(base, code) if base and not writing else set()
        self.view.show(code, marked, follow=bool(writing))
        self._show_checks(state)
        self.note(self._subtitle(state, bool(writing), code, marked))

    def _changes(self, before: str, after: str) -> set[int]:
        if self._key != (before, after):
            self._key, self._marked = (before, after), changed_lines(before, after)
        return self._marked

    def _show_checks(self, state: RunState) -> None:
        self._checks.display = bool(state.repairs)
        if not state.repairs:
            return
        width = max(20, self.size.width - 6)
        accepted = state.code_accepted and state.code_iteration == state.iteration
        lines = [
            Content.assemble((f"✘ try {attempt + 1} ", "$text-error"), cut(problem, 3 * width))
            for attempt, problem in state.repairs[-4:]
        ]
        if accepted:
            lines.append(
                Content.styled(f"✔ try {state.repairs[-1][0] + 2} passes the checks", "$text-success")
            )
        self._checks.update(Content("\n").join(lines))

    @staticmethod
    def _subtitle(state: RunState, writing: bool, code: str, marked: set[int]) -> str:
        if state.reads("code"):
            return state.reads("code")
        if writing:
            return f"writing · {code.count(chr(10)) + 1} lines"
        if not code:
            return ""
        if state.code_iteration != state.iteration:
            return f"iteration {state.code_iteration}"
        checked = "passes its checks" if state.code_accepted else "fails its checks"
        changes = f" · {len(marked)} lines changed" if marked else ""
        return f"{checked}{changes}"

    def focus_target(self) -> Widget:
        return self.view

    def copy_text(self) -> str:
        return self.view.text
