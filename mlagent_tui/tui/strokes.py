"""Keys are carried out one after another, in the order in which they were pressed.

Textual hands each key to the focused widget at once. A letter is taken there, but a key with a binding, such
as backspace, travels up to the application first. Of keys that arrive together (a slow connection, a macro,
keys sent by a program), letters would overtake a backspace, and go to the field that had the focus before a
tab.
"""

from __future__ import annotations

import asyncio
from collections import deque

from textual import events
from textual.app import App, ReturnType
from textual.message import Message

PATIENCE = 1.0
"""Seconds after which the next key is carried out although nothing is known of the one before: its widget may
be gone."""

Stroke = events.Key | events.Paste


class Settled(Message):
    """Follows a key from widget to widget: where this has arrived, the key was before."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class InOrder(App[ReturnType]):
    """An application that begins with a key only when it has done with the one before."""

    def __init__(self, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, **named)  # type: ignore[arg-type]
        self._waiting: deque[Stroke] = deque()
        self._number = 0
        self._follower: asyncio.TimerHandle | None = None

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, Stroke) and not event.is_forwarded:
            self._waiting.append(event)
            await self._carry_out()
        else:
            await super().on_event(event)

    async def on_settled(self, message: Settled) -> None:
        """A key has reached all who could want it."""
        if message.number == self._number and self._follower is not None:
            self._follower.cancel()
            self._follower = None
            await self._carry_out()

    async def _carry_out(self) -> None:
        """The keys that wait, up to one that is on its way through the widgets."""
        while self._waiting and self._follower is None:
            stroke = self._waiting.popleft()
            self._number += 1
            target = self.focused or self.screen
            await super().on_event(stroke)
            if stroke.is_forwarded and target.post_message(Settled(self._number)):
                late = Settled(self._number)
                self._follower = asyncio.get_running_loop().call_later(PATIENCE, self.post_message, late)
