"""Copying: through the terminal (OSC 52, which also works over SSH), and through the desktop's own program.

Terminals do not say whether they have obeyed, and some ask for a permission first; so both ways are taken
where both exist.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping

_SECONDS = 3.0
_PROGRAMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("WAYLAND_DISPLAY", ("wl-copy",)),
    ("DISPLAY", ("xclip", "-selection", "clipboard")),
    ("DISPLAY", ("xsel", "--clipboard", "--input")),
)


def programs(environ: Mapping[str, str] | None = None) -> list[tuple[str, ...]]:
    """The commands that take what is copied on their standard input: of this desk, never of an SSH host's."""
    environ = os.environ if environ is None else environ
    found: list[tuple[str, ...]] = []
    if environ.get("TMUX"):
        found.append(("tmux", "load-buffer", "-w", "-"))
    if not environ.get("SSH_CONNECTION"):
        desktop = [("pbcopy",), *(command for name, command in _PROGRAMS if environ.get(name))]
        found += [command for command in desktop if shutil.which(command[0])][:1]
    return [command for command in found if shutil.which(command[0])]


def hand_over(text: str) -> None:
    """Give `text` to every such program. Blocks: call it in a thread. What fails, fails silently."""
    for command in programs():
        try:
            subprocess.run(
                command,
                input=text.encode("utf-8", "replace"),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.SubprocessError):
            continue
