"""Where the wall time of a run goes: at any moment exactly one category is running."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, get_args

Category = Literal["loading", "thinking", "checking", "training", "other"]
CATEGORIES: tuple[Category, ...] = get_args(Category)


class Clock:
    """Counts seconds by category. Spans nest: an inner one takes its time from the outer one.

    Steps of a run follow one another, on whatever thread they run, so one current category is enough.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._since = self._started = now()
        self._stood = 0.0
        self._current: Category = "other"
        self._spent: dict[Category, float] = dict.fromkeys(CATEGORIES, 0.0)

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Nothing inside counts: the run waits for its user. For between steps, where no span is open."""
        self._switch(self._current)
        stood = self._now()
        try:
            yield
        finally:
            self._since = self._now()
            self._stood += self._since - stood

    @contextmanager
    def spend(self, category: Category) -> Iterator[None]:
        """Everything inside counts as `category`."""
        outer = self._switch(category)
        try:
            yield
        finally:
            self._switch(outer)

    def totals(self) -> dict[Category, float]:
        """Seconds by category so far; they add up to `elapsed`."""
        self._switch(self._current)
        return dict(self._spent)

    @property
    def elapsed(self) -> float:
        """Seconds since the clock was made, without those of standing still."""
        return self._now() - self._started - self._stood

    def _switch(self, category: Category) -> Category:
        now, outer = self._now(), self._current
        self._spent[outer] += now - self._since
        self._since, self._current = now, category
        return outer
