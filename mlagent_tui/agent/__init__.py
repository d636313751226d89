"""The research loop, its planner, and the rules that decide by measured numbers."""

from mlagent_tui.agent.configuring import CONFIG_ATTEMPTS
from mlagent_tui.agent.context import Attempt, Brief
from mlagent_tui.agent.control import Hands, check_origin
from mlagent_tui.agent.numbers import find_numbers
from mlagent_tui.agent.options import RunOptions
from mlagent_tui.agent.planner import Planner
from mlagent_tui.agent.planning import again, fitted, refuse_pointless
from mlagent_tui.agent.reading import Question, Reading, Typed, named_datasets, read, unclear
from mlagent_tui.agent.recovery import Saved, last_run
from mlagent_tui.agent.run import research
from mlagent_tui.agent.stopping import settle
from mlagent_tui.agent.wrapped import Wrapped

__all__ = [
    "CONFIG_ATTEMPTS",
    "Attempt",
    "Brief",
    "Hands",
    "Planner",
    "Question",
    "Reading",
    "RunOptions",
    "Saved",
    "Typed",
    "Wrapped",
    "again",
    "check_origin",
    "find_numbers",
    "fitted",
    "last_run",
    "named_datasets",
    "read",
    "refuse_pointless",
    "research",
    "settle",
    "unclear",
]
