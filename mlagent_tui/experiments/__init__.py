"""What a project keeps on disk: its registry, the folders of its runs, its report."""

from mlagent_tui.experiments import curves, leftovers, registry, report, runs
from mlagent_tui.experiments.project import Project
from mlagent_tui.experiments.report import Conclusion
from mlagent_tui.experiments.runs import NewRun, Run, new_run

__all__ = [
    "Conclusion", "NewRun", "Project", "Run", "curves", "leftovers", "new_run", "registry", "report", "runs",
]  # fmt: skip
