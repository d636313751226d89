"""Confinement of untrusted programs: what they may see, what they may use, how they end."""

from mlagent_tui.sandbox.confinement import Confined, Level, Policy, best_level, confine, resolve_level, works
from mlagent_tui.sandbox.limits import Guard, Limits, default_memory_mb, usage
from mlagent_tui.sandbox.running import Finished, run

__all__ = [
    "Confined", "Finished", "Guard", "Level", "Limits", "Policy",
    "best_level", "confine", "default_memory_mb", "resolve_level", "run", "usage", "works",
]  # fmt: skip
