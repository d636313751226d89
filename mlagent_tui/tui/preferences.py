"""What the user's settings say about the interface, and about the runs that are started in it.

Where there is no settings file these are the defaults, and what reads and checks one (YAML, pydantic) is not
loaded before the first screen is painted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Literal

from mlagent_tui import paths

if TYPE_CHECKING:
    from mlagent_tui.settings import Settings


@dataclass(frozen=True)
class Preferences:
    """The settings that the interface reads; each means what it means in `settings.Settings`."""

    planner: str = "bundled"
    coder: str = "bundled"
    device: str = "auto"
    sandbox: str = "auto"
    iterations: int = 8
    patience: int = 3
    time_budget: float | None = None
    theme: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    mouse: bool = True
    notify: Literal["never", "bell", "desktop", "both"] = "both"
    notify_after: float = 30

    @classmethod
    def of(cls, said: Settings) -> Preferences:
        """Those of the whole settings."""
        return cls(**{one.name: getattr(said, one.name) for one in fields(cls)})


def load() -> Preferences:
    """The preferences in the user's settings file. Raises `UsageError` as `settings.load` does."""
    if not paths.settings_file().exists():
        return Preferences()
    from mlagent_tui import settings

    return Preferences.of(settings.load())
