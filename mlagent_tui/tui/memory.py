"""What the interface remembers between two times it is opened: one small JSON file, written atomically.

It holds comforts only. A file that is missing or damaged is as good as an empty one.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlagent_tui import paths

RECENT = 30
"""How many projects are remembered."""

_LARGEST = 1_000_000


@dataclass(frozen=True)
class Recent:
    """A project that was opened before."""

    root: Path
    goal: str
    opened: str
    """ISO 8601, UTC."""


class Memory:
    """The remembered state, by key. Reading never fails, and a disk that cannot be written to is no error."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or paths.state_file()
        self._state = self._read()

    def get(self, key: str, default: Any = None) -> Any:
        """What was remembered under `key`, or `default`."""
        return self._state.get(key, default)

    def text(self, key: str, default: str = "") -> str:
        """The same, where only a string will do."""
        value = self._state.get(key)
        return value if isinstance(value, str) else default

    def mapping(self, key: str) -> dict[str, Any]:
        """The same, where only a mapping will do."""
        value = self._state.get(key)
        return dict(value) if isinstance(value, dict) else {}

    def put(self, key: str, value: Any) -> None:
        """Remember a JSON value. What another interface has remembered meanwhile under other keys stays."""
        if self._state.get(key) == value:
            return
        self._state = self._read() | {key: value}
        self._write()

    # --- projects -----------------------------------------------------------------------------------------

    def recent(self) -> list[Recent]:
        """The projects opened before, the latest first."""
        entries = self._state.get("recent")
        found = [_recent(entry) for entry in entries] if isinstance(entries, list) else []
        return [entry for entry in found if entry is not None]

    def opened(self, root: Path, goal: str = "") -> None:
        """Put a project at the head of the recent ones; without `goal`, the goal known of it stays."""
        root = root.absolute()
        known = [entry for entry in self.recent() if entry.root != root]
        goal = goal or next((entry.goal for entry in self.recent() if entry.root == root), "")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._put_recent([Recent(root, goal, now), *known][:RECENT])

    def forget(self, root: Path) -> None:
        """Take a project off the list; its folder stays."""
        self._put_recent([entry for entry in self.recent() if entry.root != root])

    def _put_recent(self, entries: list[Recent]) -> None:
        self.put("recent", [{"root": str(e.root), "goal": e.goal, "opened": e.opened} for e in entries])

    # --- the file -----------------------------------------------------------------------------------------

    def _read(self) -> dict[str, Any]:
        try:
            if self.path.stat().st_size > _LARGEST:
                return {}
            state = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return state if isinstance(state, dict) else {}

    def _write(self) -> None:
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".tui-", suffix=".json", dir=self.path.parent)
            try:
                with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
                    json.dump(self._state, file, indent=1)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(name, self.path)
            except BaseException:
                with suppress(OSError):
                    os.unlink(name)
                raise


def _recent(entry: object) -> Recent | None:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("root"), str):
        return None
    return Recent(Path(entry["root"]), str(entry.get("goal", "")), str(entry.get("opened", "")))
