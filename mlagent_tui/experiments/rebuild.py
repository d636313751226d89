"""The registry as the journal and the trials' folders tell it, for when `registry.json` is lost or damaged.

The journal keeps each entry whole (`trial_recorded`). What older journals and the folders hold gives an entry
without some of its details.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mlagent_tui import events, paths
from mlagent_tui.errors import ProjectError
from mlagent_tui.experiments import history, runs
from mlagent_tui.schemas import DEFAULT_CLASS, EvalResult, RegistryEntry

_RUN_ID = re.compile(r"qe_(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)(\d\d)(_\d+)?")


def entry_of(result: EvalResult, timestamp: str, **fields: Any) -> RegistryEntry:
    """The registry's entry of a trial with this result; `fields` are those that the result does not tell."""
    both = {"accuracy": result.accuracy, "val_loss": result.val_loss}
    known: dict[str, Any] = {
        "run_id": result.run_id,
        "timestamp": timestamp,
        "model_name": DEFAULT_CLASS,
        "dataset": result.dataset,
        "metrics_summary": {name: value for name, value in both.items() if value is not None},
        "experiment_dir": f"{paths.EXPERIMENTS}/{result.run_id}/",
        "status": result.status,
        "reason": result.reason,
        "parameters": result.parameters or None,
        "seconds": result.seconds,
        "train_loss": result.train_loss,
        "train_accuracy": result.train_accuracy,
        "accuracy_noise": result.accuracy_noise,
        "seed": result.seed,
        "sandbox": result.sandbox,
    }
    return RegistryEntry.model_validate(known | fields)


@dataclass
class Told:
    """What the journal tells of all trials. `pending` are those whose iteration is still under way."""

    entries: dict[str, RegistryEntry] = field(default_factory=dict)
    pending: set[str] = field(default_factory=set)
    problem: str = ""
    _iteration: int = 0
    _goal: dict[str, Any] = field(default_factory=dict)
    _config: dict[str, Any] = field(default_factory=dict)
    _wanted: list[str] = field(default_factory=list)
    _last: str = ""

    def take(self, event: events.Event) -> None:
        """Take one event in."""
        match event:
            case events.RunStarted():
                self._iteration, self._config, self._wanted, self._last = 0, {}, [], ""
                self._goal = {}
                self.pending.clear()
            case events.GoalUnderstood():
                self._goal = event.goal
            case events.StepStarted(iteration=number) if number > self._iteration:
                self._iteration, self._config = number, {}
            case events.ConfigMade():
                self._config = {"model_name": event.config.get("model_name", DEFAULT_CLASS)}
                self._config["parameters"] = event.parameters or None
            case events.TrialFinished():
                self._finished(event)
            case events.TrialRecorded():
                entry = RegistryEntry.model_validate(event.entry)
                self.entries[entry.run_id] = entry
                self.pending.discard(entry.run_id)
            case events.DecisionMade():
                self._decided(event)
            case events.RunFinished() if self._last in self.entries and event.outcome != "interrupted":
                self._ended(event)
            case _:
                pass

    def _finished(self, event: events.TrialFinished) -> None:
        result = EvalResult.model_validate(event.result)
        self._last = result.run_id
        fields = {"iteration": self._iteration, "change": self._wanted, "goal": self._goal, **self._config}
        if result.parameters:
            fields["parameters"] = result.parameters
        self.entries[result.run_id] = entry_of(result, event.time[:19] + "Z", **fields)
        self.pending.add(result.run_id)

    def _decided(self, event: events.DecisionMade) -> None:
        verdict = str(event.decision.get("decision", ""))
        self._wanted = [str(change) for change in event.decision.get("changes") or []]
        if self._last in self.entries:
            text = f"{verdict.replace('_', ' ').title()}: {'; '.join(self._wanted)}"
            update = {"decision": text, "next_change": self._wanted}
            self.entries[self._last] = self.entries[self._last].model_copy(update=update)
            self.pending.discard(self._last)

    def _ended(self, event: events.RunFinished) -> None:
        """The reason of a last decision, which only the end of the run tells."""
        entry = self.entries[self._last]
        if entry.decision.endswith(": "):
            self.entries[self._last] = entry.model_copy(update={"decision": entry.decision + event.reason})


def entries(root: Path) -> tuple[list[RegistryEntry], str]:
    """Every trial that the journal or a folder knows, oldest first, but for the one still under way.

    The second value says why the journal could not be read; empty when it could.
    """
    told = _from_journal(root)
    found = {run_id: entry for run_id, entry in told.entries.items() if run_id not in told.pending}
    lost = [name for name in folders(root) if name not in told.entries]
    found |= {entry.run_id: entry for name in lost if (entry := _from_folder(root, name))}
    order = sorted(found, key=_age) if lost else list(found)
    return [found[run_id] for run_id in order], told.problem


def folders(root: Path) -> list[str]:
    """The names of the folders that trials have left, oldest first; none where they cannot be listed."""
    try:
        with os.scandir(paths.Layout(root).experiments) as found:
            names = [entry.name for entry in found if _RUN_ID.fullmatch(entry.name)]
    except OSError:
        return []
    return sorted(names, key=_age)


def _from_journal(root: Path) -> Told:
    told = Told()
    try:
        for event in history.whole(root):
            try:
                told.take(event)
            except (ValidationError, TypeError, AttributeError):
                continue  # a value of another version costs what it would have told
    except ProjectError as error:
        told.problem = error.what
    return told


def _from_folder(root: Path, run_id: str) -> RegistryEntry | None:
    run = runs.load(root, run_id)
    made = _RUN_ID.fullmatch(run_id)
    if run.result is None or run.result.run_id != run_id or made is None:
        return None
    year, month, day, hour, minute, second, _ = made.groups()
    fields: dict[str, Any] = {} if run.config is None else {"model_name": run.config.model_name}
    if run.summary is not None and not run.result.parameters:
        fields["parameters"] = run.summary.total_parameters
    return entry_of(run.result, f"{year}-{month}-{day}T{hour}:{minute}:{second}Z", **fields)


def _age(run_id: str) -> tuple[str, int, str]:
    """Sorts names by the second of their making, then by number."""
    found = _RUN_ID.fullmatch(run_id)
    return (run_id[:18], int((found[7] or "_1")[1:]), "") if found else (run_id, 0, run_id)
