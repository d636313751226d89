"""Standard input, output and error as they are found: closed, on a full disk, or with no reader any more.

The one place that decides what happens when text cannot be written.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

from mlagent_tui.errors import MlagentError
from mlagent_tui.files import explain


class OutputLost(MlagentError):
    """Standard output or error cannot be written to; what is written from now on is dropped."""

    title = "Output"


def prepare() -> None:
    """Make the three streams usable, whatever they are; to be called before any file is opened.

    A closed one becomes the null device, so that no file takes its number and receives what is printed.
    Characters that the terminal's encoding lacks are written as escapes.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            _nothing_at(number)
            mode = "r" if number == 0 else "w"
            stream = os.fdopen(number, mode, encoding="utf-8", errors="replace", closefd=False)
            setattr(sys, name, stream)
        elif number > 0 and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def put(stream: TextIO, text: str) -> None:
    """Write `text` and hand it on at once. Raises `OutputLost`, once: later texts are dropped."""
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except OSError as error:
        drop(stream)
        raise lost(error) from error


def lost(error: OSError) -> OutputLost:
    """The error for people that says why an output was lost."""
    if isinstance(error, BrokenPipeError):
        return OutputLost("the program that read the output has ended")
    return OutputLost(f"the output cannot be written: {explain(error)[0]}", explain(error)[1])


def drop(stream: TextIO) -> None:
    """Let `stream` lead to the null device, so that nothing fails later, at exit for instance."""
    with suppress(OSError, ValueError):
        _nothing_at(stream.fileno())
    with suppress(OSError, ValueError):
        stream.flush()


def _nothing_at(number: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    if nothing != number:
        os.dup2(nothing, number)
        os.close(nothing)
