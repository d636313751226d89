"""Blocking work as a generator: it runs on a thread, and what it emits meanwhile is yielded."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, nullcontext
from typing import Generic, TypeVar

from mlagent_tui.errors import Interrupted

Item = TypeVar("Item")
Result = TypeVar("Result")

PARTING = 1.5
"""Seconds that work has to end once it was cancelled; then it is left behind."""

LOOK_EVERY = 0.1
"""Seconds between two looks at whether the work was cancelled."""


class Background(Generic[Item]):
    """One piece of work at a time. `emit` may be called from any thread while `run` is being iterated.

    The iterating thread only waits, so that a signal handler on the main thread is served at once. A `run`
    that is abandoned half-way (closed, or interrupted) sets `cancel`, which the work is expected to watch.
    Work that does not, such as a request to a server that hangs, is left behind: nobody waits for it.
    All work is done `within` the context that this makes.
    """

    def __init__(self, cancel: threading.Event) -> None:
        self.within: Callable[[], AbstractContextManager[object]] = nullcontext
        self._cancel = cancel
        self._items: queue.SimpleQueue[Item | None] = queue.SimpleQueue()

    def emit(self, item: Item) -> None:
        """Hand an item to whoever iterates; what nobody iterates yet is kept."""
        self._items.put(item)

    def run(self, work: Callable[[], Result]) -> Generator[Item, None, Result]:
        """Yield what `work` emits, in order; return what it returns; raise what it raises.

        Raises `Interrupted` when it has not ended `PARTING` seconds after `cancel` was set.
        """
        outcome: list[Result] = []
        problem: list[BaseException] = []

        def body() -> None:
            try:
                with self.within():
                    outcome.append(work())
            except BaseException as error:  # handed to the iterating thread, which raises it
                problem.append(error)
            finally:
                self._items.put(None)

        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(body,), name="step", daemon=True)
        thread.start()
        try:
            while (item := self._next()) is not None:
                yield item
        except BaseException:
            self._cancel.set()
            thread.join(PARTING)
            raise
        thread.join()
        if problem:
            raise problem[0]
        return outcome[0]

    def _next(self) -> Item | None:
        """The next item; None when the work has ended."""
        left = PARTING
        while True:
            try:
                return self._items.get(timeout=LOOK_EVERY)
            except queue.Empty:
                left -= LOOK_EVERY if self._cancel.is_set() else 0
                if left <= 0:
                    raise Interrupted("stopped on request") from None
