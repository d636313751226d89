"""Keys are carried out one after another, in the order in which they were pressed.

Textual hands each key to the focused widget at once. A letter is taken there, but a key with a binding, such
as backspace, travels up to the application first. Of keys that arrive together (a slow connection, a macro,
keys sent by a program), letters would overtake a backspace, and go to the field that had the focus before a
tab.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial

from textual import events
from textual.app import App, ReturnType
from textual.message import Message
from textual.message_pump import MessagePump
from textual.widget import Widget

PATIENCE = 1.0
"""Seconds after which the next key is carried out although nothing is known of the one before: its widget may
be gone."""

Stroke = events.Key | events.Paste


class Settled(Message):
    """A key was taken by a widget, or has come past all of them."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def _is_text(stroke: Stroke, target: Widget) -> bool:
    return isinstance(stroke, events.Paste) or target.check_consume_key(stroke.key, stroke.character)


class InOrder(App[ReturnType]):
    """An application that begins with a key only when it has done with the one before."""

    def __init__(self, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, **named)  # type: ignore[arg-type]
        self._waiting: deque[Stroke] = deque()
        self._number = 0
        self._follower: asyncio.TimerHandle | None = None
        self._written: tuple[Stroke, Widget] | None = None

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, Stroke) and not event.is_forwarded:
            self._waiting.append(event)
            await self._carry_out()
        else:
            await super().on_event(event)

    async def on_settled(self, message: Settled) -> None:
        """Go on with the next key."""
        if message.number == self._number and self._follower is not None:
            self._follower.cancel()
            self._follower = None
            await self._carry_out()

    async def _carry_out(self) -> None:
        """The keys that wait, up to one that is on its way through the widgets.

        Letters for a field come there in their order. They are waited for before a key that is not text.
        """
        while self._waiting and self._follower is None:
            target = self.focused or self.screen
            text = _is_text(self._waiting[0], target)
            if self._written is not None and not text:
                self._wait_for(*self._written)
                self._written = None
                continue
            stroke = self._waiting.popleft()
            await super().on_event(stroke)
            if text:
                self._written = (stroke, target)
            elif stroke.is_forwarded:
                self._wait_for(stroke, target)

    def _wait_for(self, stroke: Stroke, target: Widget) -> None:
        """Carry out nothing more until `stroke`, which was sent to `target`, is done with."""
        self._number += 1
        settled = Settled(self._number)
        if self._follow(stroke, target, settled):
            self._follower = asyncio.get_running_loop().call_later(PATIENCE, self.post_message, settled)

    def _follow(self, stroke: Stroke, node: MessagePump, settled: Settled) -> bool:
        """Look at `stroke` when `node` has had it, which comes before whatever `node` is sent from now on."""
        return node.post_message(events.Callback(partial(self._had, stroke, node, settled)))

    def _had(self, stroke: Stroke, node: MessagePump, settled: Settled) -> None:
        above = node._parent
        had_by_all = stroke._stop_propagation or node is self or above is None
        if had_by_all or above is None or not self._follow(stroke, above, settled):
            self.post_message(settled)
