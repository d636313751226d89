"""A run as it is opened: its entry in the registry, what its folder holds, and its facts side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlagent_tui import yaml_text
from mlagent_tui.experiments import Run, registry, runs
from mlagent_tui.schemas import RegistryEntry
from mlagent_tui.tui import words


@dataclass(frozen=True)
class Opened:
    """One run with everything that its project keeps of it. `others` are all runs of the project."""

    root: Path
    entry: RegistryEntry
    run: Run
    others: Sequence[RegistryEntry]

    @property
    def config_text(self) -> str:
        """The network and how it was trained, as YAML."""
        parts = []
        if self.run.config is not None:
            fields = {"model_name": self.run.config.model_name}
            fields |= self.run.config.model_dump(mode="json", exclude_defaults=True)
            parts.append("# the network\n" + _yaml(fields))
        if self.run.eval_config is not None:
            fields = self.run.eval_config.model_dump(mode="json", exclude_none=True)
            parts.append("# how it was trained\n" + yaml_text.dump(fields))
        return "\n".join(parts)

    @property
    def code_text(self) -> str:
        """The module."""
        return self.run.code or ""

    def facts(self) -> list[tuple[str, str]]:
        """What was measured, as names and values."""
        entry = self.entry
        accuracy, loss = (entry.metrics_summary.get(name) for name in ("accuracy", "val_loss"))
        rows = [
            ("accuracy", words.plus_minus(accuracy, entry.accuracy_noise)),
            ("validation loss", "" if loss is None else f"{loss:.4f}"),
            ("training accuracy", words.percent(entry.train_accuracy)),
            ("training loss", "" if entry.train_loss is None else f"{entry.train_loss:.4f}"),
            ("parameters", words.count(entry.parameters)),
            ("training time", words.duration(entry.seconds)),
            ("epoch kept", str(self.run.result.best_epoch or "") if self.run.result else ""),
            ("seed", str(entry.seed)),
            ("status", entry.status),
        ]
        return [(name, value) for name, value in rows if value]


def load(root: Path, run_id: str) -> Opened | None:
    """The run, or None when the project has none of that name. Raises `ProjectError`."""
    entries = registry.load(root)
    entry = next((one for one in entries if one.run_id == run_id), None)
    return None if entry is None else Opened(root, entry, runs.load(root, run_id), entries)


def _yaml(fields: dict[str, Any]) -> str:
    """YAML with a line for each layer."""
    return yaml_text.dump(fields, default_flow_style=None, width=100)
