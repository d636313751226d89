"""A bell and a desktop notice through the terminal: it reaches the user's desk over SSH, too.

Which escape sequence a terminal understands is told by its environment; one that understands none gets the
bell only.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal

Notify = Literal["never", "bell", "desktop", "both"]

_BELL = "\a"
_NO_SEQUENCES = ("linux", "dumb", "vt100", "vt220")


def notice(title: str, body: str, how: Notify, environ: Mapping[str, str] | None = None) -> str:
    """What to write to the terminal; nothing when the user wants none."""
    environ = os.environ if environ is None else environ
    desktop = _sequence(_plain(title), _plain(body), environ) if how in ("desktop", "both") else ""
    if desktop and environ.get("TMUX"):
        # tmux passes on what is wrapped like this, where `allow-passthrough` is on
        desktop = "\x1bPtmux;" + desktop.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return desktop + (_BELL if how in ("bell", "both") else "")


def _sequence(title: str, body: str, environ: Mapping[str, str]) -> str:
    term = environ.get("TERM", "")
    if not term or term in _NO_SEQUENCES:
        return ""
    if term == "xterm-kitty":
        return f"\x1b]99;i=mlagent:d=0;{title}\x1b\\\x1b]99;i=mlagent:p=body;{body}\x1b\\"
    if environ.get("TERM_PROGRAM") in ("iTerm.app", "WezTerm", "ghostty") or "WT_SESSION" in environ:
        return f"\x1b]9;{title}: {body}\x1b\\"
    return f"\x1b]777;notify;{title};{body}\x1b\\"


def _plain(text: str) -> str:
    """Nothing that could end the sequence, or begin another."""
    return "".join(c if c.isprintable() and c != ";" else " " for c in text)[:200]
