"""The footer: the keys of the focused panel first, then those of the screen, in the words of the moment."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.events import Resize
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from mlagent_tui.tui import keys

ALWAYS = "app.help"
"""The action that is shown at the right, however many others there are."""

NARROW = 100
"""Columns below which there is less space between the keys."""


class KeyLine(Footer):
    """One key for each action that can be taken.

    A screen may have `footer_words()`, other words for actions at this moment, and `focused_part`, the name
    of the panel that has the focus.
    """

    DEFAULT_CSS = """
    KeyLine.-compact FooterKey.-command-palette {
        margin: 0;
        padding-right: 1;
    }
    """

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
        yield from (shown for _, shown in sorted(ranked.values(), key=lambda one: one[0]))

    def on_resize(self, event: Resize) -> None:
        self.compact = event.size.width < NARROW
