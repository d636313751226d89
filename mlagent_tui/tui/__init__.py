"""The terminal interface: it watches a run through its journal, and steers it through its socket.

Textual is imported when an interface is opened, not before.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mlagent_tui import paths
from mlagent_tui.errors import ProjectError, UsageError


def run_app(project: Path | None = None) -> int:
    """Open the interface, with `project` if one is given; returns the exit status.

    Raises `UsageError` if there is no terminal, and `ProjectError` for a folder that is not a project.
    """
    return _open(project, live=True, speed=None)


def replay_app(project: Path, speed: float = 1.0) -> int:
    """Play the recorded run of a project, `speed` times as fast as it was. Raises as `run_app` does."""
    return _open(project, live=False, speed=speed)


def _open(project: Path | None, *, live: bool, speed: float | None) -> int:
    if project is not None and not paths.Layout(project.absolute()).is_project():
        raise ProjectError(f"{project} is not a project", "Name a folder that `mlagent run` has made.")
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("the interface needs a terminal", "To work without a terminal: mlagent run GOAL")
    from mlagent_tui.tui import garbage, preferences

    garbage.starting()
    wanted = preferences.load()
    from mlagent_tui.tui.app import MlagentApp, Opening

    root = project.absolute() if project is not None else None
    app = MlagentApp(Opening(root, live, speed), preferences=wanted)
    status = app.run(mouse=wanted.mouse)
    for left in app.running():
        print(f"the run in {left} continues; open it again with: mlagent {left}", file=sys.stderr)
    return app.return_code or status or 0
