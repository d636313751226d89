"""The research loop, its planner, and the rules that decide by measured numbers."""

from mlagent_tui.agent.context import Attempt, Brief
from mlagent_tui.agent.control import Hands
from mlagent_tui.agent.numbers import find_numbers
from mlagent_tui.agent.options import RunOptions
from mlagent_tui.agent.planner import Planner, named_datasets
from mlagent_tui.agent.recovery import Saved, last_run
from mlagent_tui.agent.run import research

__all__ = [
    "Attempt",
    "Brief",
    "Hands",
    "Planner",
    "RunOptions",
    "Saved",
    "find_numbers",
    "last_run",
    "named_datasets",
    "research",
]
