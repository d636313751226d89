"""The panels of the run screen: each shows a part of a run's state, wherever that comes from."""

from mlagent_tui.tui.panels.base import Panel
from mlagent_tui.tui.panels.code import CodePanel
from mlagent_tui.tui.panels.evaluation import EvaluationPanel
from mlagent_tui.tui.panels.header import Banner, Header, Moment
from mlagent_tui.tui.panels.log import LogPanel
from mlagent_tui.tui.panels.plan import PlanPanel
from mlagent_tui.tui.panels.runs import RunsPanel
from mlagent_tui.tui.panels.summary import SummaryPanel

__all__ = [
    "Banner",
    "CodePanel",
    "EvaluationPanel",
    "Header",
    "LogPanel",
    "Moment",
    "Panel",
    "PlanPanel",
    "RunsPanel",
    "SummaryPanel",
]
