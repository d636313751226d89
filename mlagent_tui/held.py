"""Projects that this process works in: each stays the folder that it was when the work began.

A folder that is renamed or removed meanwhile is noticed before anything is read or written by its old path.
"""

from __future__ import annotations

import fcntl
import os
import sys
from contextlib import suppress
from pathlib import Path

from mlagent_tui import paths
from mlagent_tui.errors import ProjectError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_GET_PATH = 50  # F_GETPATH of macOS, which Python has no name for
_places: dict[Path, Place] = {}


class Place:
    """The project at `root`, held from now until `release`. Raises `OSError` where there is none."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = os.open(root, _FOLDER)
        try:
            self._known = self._identity()
        except BaseException:
            os.close(self.folder)
            raise
        _places[root] = self

    def check(self) -> None:
        """Raise `ProjectError` when the project is no longer in its place, naming the new one if known."""
        with suppress(OSError):
            if self._identity() == self._known:
                return
        now = self._now()
        if now is None:
            raise ProjectError(
                f"the project {self.root} was removed while a run was working in it",
                "The run has ended, and nothing more was written. Start a new one: mlagent run GOAL",
            )
        raise ProjectError(
            f"the project {self.root} was moved to {now} while a run was working in it",
            f"The run has ended, and nothing was written to the old place. Resume it: mlagent resume {now}",
        )

    def release(self) -> None:
        """Let go; a second call does nothing."""
        if _places.get(self.root) is self:
            del _places[self.root]
            os.close(self.folder)

    def _identity(self) -> tuple[tuple[int, int], ...]:
        found = [os.stat(place) for place in (self.root, self.root / paths.EXPERIMENTS)]
        return tuple((about.st_dev, about.st_ino) for about in found)

    def _now(self) -> Path | None:
        """Where the folder is now; None when it was removed."""
        with suppress(OSError):
            if sys.platform == "darwin":
                path = os.fsdecode(fcntl.fcntl(self.folder, _GET_PATH, bytes(1024)).rstrip(b"\0"))
            else:
                path = os.readlink(f"/proc/self/fd/{self.folder}")
            if os.path.isdir(os.path.join(path, paths.EXPERIMENTS)):
                return Path(path)
        return None


def open_folder(folder: Path) -> int:
    """A descriptor of `folder`, which may be a link. Raises `OSError`, and what `Place.check` raises."""
    if place := check(folder):
        return os.open(folder.relative_to(place.root), _FOLDER, dir_fd=place.folder)
    return os.open(folder, _FOLDER)


def check(folder: Path) -> Place | None:
    """The held project that `folder` is, or lies in, if it does. Raises what `Place.check` raises."""
    for place in list(_places.values()):
        if folder == place.root or place.root in folder.parents:
            place.check()
            return place
    return None
