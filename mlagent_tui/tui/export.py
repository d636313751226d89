"""Copying what a run has made to a folder of the user's: report, code, configuration, curves."""

from __future__ import annotations

import shutil
from pathlib import Path

from mlagent_tui import paths
from mlagent_tui.errors import ProjectError

OF_THE_PROJECT = (paths.REPORT, paths.CURVES)
OF_THE_RUN = (
    paths.RUN_CODE, paths.RUN_CONFIG, paths.RUN_EVAL_CONFIG, paths.RUN_SUMMARY, paths.RUN_RESULTS,
    paths.RUN_METRICS, paths.RUN_WEIGHTS,
)  # fmt: skip


def export(root: Path, run_id: str, folder: Path) -> list[str]:
    """Copy the report and the files of `run_id` into `folder`, which is made; returns the names copied.

    Links are not followed. Raises `ProjectError` if there is nothing to copy, or if a file cannot be written.
    """
    run = paths.Layout(root).run(run_id)
    sources = [root / name for name in OF_THE_PROJECT] + [run / name for name in OF_THE_RUN]
    sources = [source for source in sources if source.is_file() and not source.is_symlink()]
    if not sources:
        raise ProjectError(f"{run_id} has no files to copy yet", "Wait until the evaluation has ended.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for source in sources:
            shutil.copyfile(source, folder / source.name)
    except OSError as error:
        what = f"cannot copy to {folder}: {error.strerror or error}"
        raise ProjectError(what, "Choose a folder that you can write to.") from error
    return [source.name for source in sources]
