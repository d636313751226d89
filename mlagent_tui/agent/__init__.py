"""What decides what happens next: the research loop, its planner, and the numbers that have the last word."""

from mlagent_tui.agent.options import RunOptions
from mlagent_tui.agent.recovery import Saved, last_run
from mlagent_tui.agent.run import research

__all__ = ["RunOptions", "Saved", "last_run", "research"]
