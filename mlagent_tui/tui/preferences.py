"""What the user's settings say about the interface, and about the runs that are started in it.

Where there is no settings file these are the defaults, and what reads and checks one (YAML, pydantic) is not
loaded before the first screen is painted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from mlagent_tui import paths

if TYPE_CHECKING:
    from mlagent_tui.settings import Settings


REST = frozenset({"bash_run", "coder_options", "data_dir", "model_folders", "planner_options", "python_run"})


@dataclass(frozen=True)
class Preferences:
    """The settings that the interface reads; each means what it means in `settings.Settings`."""

    planner: str = "bundled"
    coder: str = "bundled"
    device: str = "auto"
    sandbox: str = "auto"
    fallback: str = "bundled"
    iterations: int = 8
    patience: int = 3
    time_budget: float | None = None
    seed: int = 0
    theme: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    mouse: bool = True
    notify: Literal["never", "bell", "desktop", "both"] = "both"
    notify_after: float = 30
    whole: Settings | None = field(default=None, repr=False, compare=False)
    """All settings, where they have been read."""

    @classmethod
    def of(cls, said: Settings) -> Preferences:
        """Those of the whole settings."""
        known = [one.name for one in fields(cls) if one.name != "whole"]
        return cls(**{name: getattr(said, name) for name in known}, whole=said)

    def __getattr__(self, name: str) -> Any:
        """A setting that the first screen does not show: the settings are read when it is asked for."""
        if name not in REST:
            raise AttributeError(name)
        from mlagent_tui import settings

        return getattr(self.whole or settings.load(), name)


def load() -> Preferences:
    """The preferences in the user's settings file. Raises `UsageError` as `settings.load` does."""
    if not paths.settings_file().exists():
        return Preferences()
    from mlagent_tui import settings

    return Preferences.of(settings.load())
