"""Where the panels of the run screen are: tabs where there is little room, a grid, or everything at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from textual import events as tevents
from textual import on
from textual.widget import Widget
from textual.widgets import Tabs

from mlagent_tui.tui.panels import Panel
from mlagent_tui.tui.screens.over import Under
from mlagent_tui.tui.state import ALL

TABS_BELOW = (100, 30)
WIDE_FROM = (165, 42)
Arrangement = Literal["tabs", "grid", "wide"]


class Arranged(Under[None]):
    """A screen of panels, of which not all can be seen where it is narrow or low."""

    panels: Mapping[str, Panel]
    _tabs: Tabs
    _dirty: set[str]
    _active: str
    _arrangement: Arrangement | None

    @on(tevents.Resize)
    def _resized(self) -> None:
        self._arrange()

    def _arrange(self) -> None:
        """Tabs where it is narrow or low, a grid of four and a table, or everything at once."""
        width, height = self.app.size
        if width < TABS_BELOW[0] or height < TABS_BELOW[1]:
            kind: Arrangement = "tabs"
        else:
            kind = "wide" if width >= WIDE_FROM[0] and height >= WIDE_FROM[1] else "grid"
        if kind != self._arrangement:
            self._arrangement = kind
            for name in ("tabs", "grid", "wide"):
                self.set_class(name == kind, f"-{name}")
            self._tabs.display = kind == "tabs"
            self._choose(self._active)
        self._dirty |= ALL

    def _choose(self, part: str) -> None:
        """Make `part` the panel that is shown where not all are."""
        self._active = part
        for name, panel in self.panels.items():
            panel.display = self._is_shown(name)
        shared = self._arrangement == "grid"
        self.panels["runs"].border_title = "5 Trials  (6 Log)" if shared else "5 Trials"
        self.panels["log"].border_title = "6 Log  (5 Trials)" if shared else "6 Log"
        self._dirty |= ALL
        if self._arrangement == "tabs" and self._tabs.is_mounted and self._tabs.active != f"tab-{part}":
            self._tabs.active = f"tab-{part}"

    def _is_shown(self, part: str) -> bool:
        if self._arrangement == "tabs":
            return part == self._active
        if self._arrangement == "grid" and part in ("runs", "log"):
            return (part == "log") == (self._active == "log")
        return True

    @on(Tabs.TabActivated)
    def _tab_chosen(self, event: Tabs.TabActivated) -> None:
        part = (event.tab.id or "").removeprefix("tab-")
        if self._arrangement == "tabs" and part in self.panels and part != self._active:
            self._choose(part)
            if not self._tabs.has_focus:
                self.panels[part].focus_target().focus()

    def on_panel_title_clicked(self, event: Panel.TitleClicked) -> None:
        """Where trials and log share one place, the title switches between them."""
        other = {"runs": "log", "log": "runs"}.get(event.part)
        if other is not None and self._arrangement == "grid" and self.maximized is None:
            self._choose(other)
            self.panels[other].focus_target().focus()

    def on_descendant_focus(self, event: tevents.DescendantFocus) -> None:
        """The panel with the focus stays in sight when the screen becomes narrow."""
        part = self._panel_of(event.widget)
        if part and part != self._active and not (self._arrangement == "grid" and self._active == "log"):
            self._active = part

    def _panel_of(self, widget: Widget | None) -> str:
        for node in widget.ancestors_with_self if widget is not None else ():
            if isinstance(node, Panel):
                return node.part
        return ""

    @property
    def focused_part(self) -> str:
        """The name of that panel."""
        return self.focused_panel.part

    @property
    def focused_panel(self) -> Panel:
        """The panel that the user is in."""
        return self.panels[self._panel_of(self.focused) or self._active]
