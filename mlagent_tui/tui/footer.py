"""The footer: the keys of the focused panel first, then those of the screen, in the words of the moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from mlagent_tui.tui import keys

ALWAYS = "app.help"
"""The action that is shown at the right, however many others there are."""

NARROW = 100
"""Columns below which there is less space between the keys."""


class KeyLine(Footer):
    """One key for each action that can be taken, as many as fit: none is cut off.

    A screen may have `footer_words()`, other words for actions at this moment, and `focused_part`, the name
    of the panel that has the focus.
    """

    DEFAULT_CSS = """
    KeyLine.-compact FooterKey.-command-palette {
        margin: 0;
        padding-right: 1;
    }
    """

    _columns = 0
    """The width that was composed for last."""

    def compose(self) -> ComposeResult:
        if not self._bindings_ready:
            return
        renamed: dict[str, str] = getattr(self.screen, "footer_words", dict)()
        part: str = getattr(self.screen, "focused_part", "")
        ranked: dict[str, tuple[bool, FooterKey]] = {}
        for node, binding, enabled, tooltip in self.screen.active_bindings.values():
            key = keys.BY_ID.get(binding.id or "")
            panel = key.panel if key is not None else ""
            if binding.action in ranked or not binding.show or (panel and part not in panel.split(",")):
                continue
            far = not panel and node in (self.screen, self.app)
            shown = FooterKey(
                binding.key,
                self.app.get_key_display(binding),
                renamed.get(binding.action, binding.description),
                binding.action,
                disabled=not enabled,
                tooltip=tooltip,
                classes="-command-palette" if binding.action == ALWAYS else "",
            ).data_bind(compact=Footer.compact)
            ranked[binding.action] = (far, shown)
        yield from self._fitting([shown for _, shown in sorted(ranked.values(), key=lambda one: one[0])])

    def _fitting(self, shown: Sequence[FooterKey]) -> Iterator[FooterKey]:
        """The first keys that have room beside the one at the right, and that one."""
        last = [key for key in shown if key.action == ALWAYS]
        edges = 1 if self.compact else 2  # the line before that key, and a space behind it
        left = (self._columns or self.app.size.width) - sum(self._width(key) + edges for key in last)
        for key in shown:
            if key.action == ALWAYS:
                continue
            left -= self._width(key)
            if left < -1:  # the space behind the last one need not be there
                break
            yield key
        yield from last

    def _width(self, key: FooterKey) -> int:
        """Columns of a key, its description and the spaces around them."""
        return cell_len(key.key_display) + cell_len(key.description) + (2 if self.compact else 3)

    def on_mount(self) -> None:
        self.screen.screen_layout_refresh_signal.subscribe(self, self._laid_out)

    def _laid_out(self, _: Screen[object]) -> None:
        """Show the keys for another width. (Where a help panel takes it, Textual 8.2 tells no `Resize`.)"""
        if self.size.width != self._columns:
            self._columns = self.size.width
            self.compact = self._columns < NARROW
            if self._bindings_ready:
                self.call_after_refresh(self.recompose)
