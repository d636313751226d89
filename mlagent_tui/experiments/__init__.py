"""What a project keeps on disk: its registry, its journal, the folders of its trials, its report."""

from mlagent_tui.experiments import curves, history, leftovers, registry, report, runs
from mlagent_tui.experiments.conclusion import Conclusion, concluded, from_journal, shares
from mlagent_tui.experiments.history import Skipped
from mlagent_tui.experiments.project import Project
from mlagent_tui.experiments.rebuild import entry_of
from mlagent_tui.experiments.runs import NewRun, Run, new_run

__all__ = [
    "Conclusion", "NewRun", "Project", "Run", "Skipped", "concluded", "curves", "entry_of", "from_journal",
    "history", "leftovers", "new_run", "registry", "report", "runs",
    "shares",
]  # fmt: skip
