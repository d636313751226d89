"""What a killed engine leaves in its project is removed by the next one, and nothing else is."""

from __future__ import annotations

from pathlib import Path

from mlagent_tui import events, paths
from mlagent_tui.events import Journal
from mlagent_tui.experiments import leftovers
from tests.small_project import RUN_IDS, make

DEAD, TOLD, NOTES = "qe_20260102_000000", "qe_20260102_000001", "qe_20260102_000002"


def everything(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


def test_unfinished_trials_and_half_written_files_go_and_all_else_stays(tmp_path: Path) -> None:
    root = make(tmp_path)
    before = everything(root)
    experiments = root / "experiments"
    for run_id in (DEAD, TOLD, NOTES):
        (experiments / run_id).mkdir()
        (experiments / run_id / paths.RUN_METRICS).write_text("")
    (experiments / DEAD / paths.RUN_WEIGHTS).write_text("half")
    (experiments / NOTES / "notes.txt").write_text("a person's")
    with Journal(paths.Layout(root).journal) as journal:
        journal.append(events.TrialFinished(result={"run_id": TOLD}))
    draft = ".0123456789abcdef.tmp"
    for folder in (".", "experiments", f"experiments/{RUN_IDS[0]}", "src/models"):
        (root / folder / draft).write_text("half")
    (experiments / RUN_IDS[0] / ".model.safetensors.tmp").write_text("half")
    (root / "thesis.tmp").write_text("a person's")
    (root / "src" / draft).symlink_to(tmp_path)
    removed = leftovers.remove(root)
    assert len(removed) == 6
    kept = {f"experiments/{TOLD}", f"experiments/{NOTES}", f"experiments/{NOTES}/notes.txt", "thesis.tmp"}
    kept |= {f"experiments/{name}/{paths.RUN_METRICS}" for name in (TOLD, NOTES)} | {f"src/{draft}"}
    assert everything(root) == before | kept
    assert leftovers.remove(root) == []
