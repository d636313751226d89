"""The actions of a replay: hold, faster, slower, to the end."""

from __future__ import annotations

from textual.screen import Screen

from mlagent_tui.tui.replay import Replay


class Playing(Screen[None]):
    """A screen that may play a recording; `replay` is None where it follows a run."""

    replay: Replay | None
    _dirty: set[str]

    def playing(self) -> str:
        """How the recording is played, in a few words; empty where there is none."""
        if self.replay is None:
            return ""
        doing = "held" if self.replay.held else "ended" if self.replay.ended else ""
        return f"{doing or f'replay {self.replay.progress:.0%}'} ×{self.replay.speed:g}"

    def action_replay_pause(self) -> None:
        if self.replay is not None:
            self.replay.hold()
            self._dirty.add("header")

    def action_replay_faster(self) -> None:
        self._change_speed(2.0)

    def action_replay_slower(self) -> None:
        self._change_speed(0.5)

    def _change_speed(self, factor: float) -> None:
        if self.replay is not None:
            self.replay.faster(factor)
            self._dirty.add("header")

    def action_replay_end(self) -> None:
        if self.replay is not None:
            self.replay.to_end()
