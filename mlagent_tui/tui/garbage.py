"""When Python looks for garbage in cycles: never while the first screen is made, seldom afterwards.

A full collection looks at every object there is, which stops the screen for a tenth of a second once Textual
and the drawing library are loaded. They stay to the end, and are set aside.
"""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 10_000, 5, 1_000
"""How many new objects call for a collection of the youngest; every so many of them, of the next older."""


def starting() -> None:
    """Collect nothing: all that is made now is kept."""
    gc.disable()


def started() -> None:
    """Set aside what there is, and collect what is made from now on."""
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    gc.enable()


def idle() -> None:
    """Nobody waits for the screen: collect everything that is not set aside."""
    gc.collect()
