"""Confinement of untrusted programs: what they may see, what they may use, how they end."""

from mlagent_tui.sandbox import launch
from mlagent_tui.sandbox.confinement import Confined, Level, confine
from mlagent_tui.sandbox.levels import (
    LEVELS,
    Failure,
    Policy,
    best_level,
    failure,
    remedy,
    resolve_level,
    why_not,
    works,
)  # fmt: skip
from mlagent_tui.sandbox.limits import OUT_OF_MEMORY, Guard, Limits, default_memory_mb, usage
from mlagent_tui.sandbox.running import Finished, run

__all__ = [
    "LEVELS", "OUT_OF_MEMORY", "Confined", "Failure", "Finished", "Guard", "Level", "Limits", "Policy",
    "best_level", "confine", "default_memory_mb", "failure", "launch", "remedy", "resolve_level", "run",
    "usage", "why_not", "works",
]  # fmt: skip
