"""What decides what happens next: the research loop, its planner, and the numbers that have the last word."""

from mlagent_tui.agent.control import Hands
from mlagent_tui.agent.numbers import find_numbers
from mlagent_tui.agent.options import RunOptions
from mlagent_tui.agent.planner import named_datasets
from mlagent_tui.agent.recovery import Saved, last_run
from mlagent_tui.agent.run import research

__all__ = ["Hands", "RunOptions", "Saved", "find_numbers", "last_run", "named_datasets", "research"]
