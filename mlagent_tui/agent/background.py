"""Blocking work as a generator: it runs on a thread, and what it emits meanwhile is yielded."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable, Generator
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

PARTING = 10.0
"""Seconds that abandoned work has to notice that it was cancelled."""


class Background(Generic[Item]):
    """One piece of work at a time. `emit` may be called from any thread while `run` is being iterated.

    The iterating thread only waits, so that a signal handler on the main thread is served at once. A `run`
    that is abandoned half-way (closed, or interrupted) sets `cancel`, which the work is expected to watch.
    """

    def __init__(self, cancel: threading.Event) -> None:
        self._cancel = cancel
        self._items: queue.SimpleQueue[Item | None] = queue.SimpleQueue()

    def emit(self, item: Item) -> None:
        """Hand an item to whoever iterates; what nobody iterates yet is kept."""
        self._items.put(item)

    def run(self, work: Callable[[], Result]) -> Generator[Item, None, Result]:
        """Yield what `work` emits, in order; return what it returns; raise what it raises."""
        outcome: list[Result] = []
        problem: list[BaseException] = []

        def body() -> None:
            try:
                outcome.append(work())
            except BaseException as error:  # handed to the iterating thread, which raises it
                problem.append(error)
            finally:
                self._items.put(None)

        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(body,), name="step", daemon=True)
        thread.start()
        try:
            while (item := self._items.get()) is not None:
                yield item
        except BaseException:
            self._cancel.set()
            thread.join(PARTING)
            raise
        thread.join()
        if problem:
            raise problem[0]
        return outcome[0]
