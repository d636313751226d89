"""Every model on this machine with what it is, whether it fits here, and how fast it should be.

What headers say is remembered in the cache folder by each file's size and time, so that a second listing
reads none of them again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from mlagent_tui import paths
from mlagent_tui.errors import ModelError
from mlagent_tui.files import atomic_write, explain
from mlagent_tui.llm.fit import Model
from mlagent_tui.llm.machine import Machine, this_machine
from mlagent_tui.llm.places import Found, find
from mlagent_tui.llm.profile import profile_of
from mlagent_tui.llm.usable import meant, read

CONTEXT = 16_384
"""Tokens of context that a model is opened with where it knows as many."""
SMALL_CONTEXT = 4_096
FORMAT = 2
"""Of what is remembered. It is another number when headers are read for more than before."""

USABLE_SHARE = 0.9
"""Of the machine's memory, when nothing else runs; the rest is the system's own."""
EFFICIENCY = 0.7
"""The share of the memory's bandwidth that decoding comes to."""
STEP_SECONDS = 40e-6
"""What a token costs in each layer beside reading weights: mostly waiting for the other threads."""

Fit = Literal["gpu", "split", "cpu", "short", "busy", "no", "unknown"]
FITS: dict[Fit, str] = {
    "gpu": "yes, on the GPU",
    "split": "yes, part of it on the GPU",
    "cpu": "yes",
    "short": f"with {SMALL_CONTEXT:,} tokens",
    "busy": "not now: memory is in use",
    "no": "no",
    "unknown": "?",
}


@dataclass(frozen=True)
class Facts:
    """What a model's own header says; sizes in bytes, 0 and empty where it does not say."""

    name: str
    family: str = ""
    parameters: int = 0
    quantisation: str = ""
    context: int = 0
    size: int = 0
    layers: int = 0
    bytes_per_token: int = 0
    """Weights that are read for each token."""
    kv_bytes_per_token: int = 0
    """Cache that each token of context takes."""
    profile: str = ""
    """Which prompts it is asked with unless a role's settings say otherwise."""
    problem: str = ""
    """Why it cannot be used; empty when it can."""


@dataclass(frozen=True)
class Entry:
    """A model of the catalogue. `spec` is what to write after `--model`."""

    spec: str
    source: str
    facts: Facts
    fits: Fit
    needs: int
    """Bytes of memory with the context it would be opened with."""
    speed: float
    """Tokens a second that are to be expected; 0 when not known."""


def catalogue(folders: Iterable[Path] = (), machine: Machine | None = None) -> list[Entry]:
    """Every model there is, the largest last; those that cannot be used say why in `facts.problem`."""
    listed = entries(find(folders), machine or this_machine(), paths.cache_folder() / "models.json")
    return sorted(listed, key=lambda e: (e.source != "bundled", bool(e.facts.problem), e.facts.size))


def entries(found: Iterable[Found], machine: Machine, memory: Path) -> list[Entry]:
    """Each of `found` with its facts; what is read is remembered in the file `memory`."""
    memo = _Memo(memory)
    listed = [_entry(model, memo.facts(model), machine) for model in found]
    memo.keep()
    return listed


def describe(path: Path, machine: Machine | None = None) -> Entry:
    """The same for one file or folder. Raises `ModelError` for one that cannot be read."""
    found = Found(meant(path), "")
    return _entry(found, _read(found), machine or this_machine())


def _entry(found: Found, facts: Facts, machine: Machine) -> Entry:
    spec = "bundled" if found.source == "bundled" else str(found.path)
    if facts.problem:
        return Entry(spec, found.source, facts, "unknown", 0, 0.0)
    fits = fit(facts, machine)
    return Entry(spec, found.source, facts, fits, needs(facts), expected_speed(facts, machine, fits))


def needs(facts: Facts, context: int = CONTEXT) -> int:
    """Bytes of memory that the model takes with a context of so many tokens, or of all it knows."""
    tokens = min(context, facts.context or context)
    cache = facts.kv_bytes_per_token
    return Model(facts.name, facts.size, facts.layers, lambda count: count * cache).need(tokens)


def fit(facts: Facts, machine: Machine) -> Fit:
    """Where the model would run."""
    need = needs(facts)
    if machine.gpus and need <= machine.gpu_memory:
        return "gpu"
    if machine.gpus and not machine.unified and need <= machine.gpu_memory + machine.available:
        return "split"
    if need <= machine.available:
        return "cpu"
    if needs(facts, SMALL_CONTEXT) <= machine.available:
        return "short"
    return "busy" if need <= USABLE_SHARE * machine.memory else "no"


def expected_speed(facts: Facts, machine: Machine, fits: Fit) -> float:
    """Tokens a second when decoding waits for memory, as it does on every machine but the fastest."""
    on_gpu = {"gpu": 1.0, "split": machine.gpu_memory / max(needs(facts), 1)}.get(fits, 0.0)
    if fits in ("no", "unknown") or (on_gpu and not machine.gpu_bandwidth):
        return 0.0
    seconds = facts.layers * STEP_SECONDS
    if on_gpu:
        seconds += on_gpu * facts.bytes_per_token / (EFFICIENCY * machine.gpu_bandwidth)
    seconds += (1 - on_gpu) * facts.bytes_per_token / (EFFICIENCY * machine.bandwidth)
    return 1 / seconds if seconds > 0 else 0.0


class _Memo:
    """Facts by path, each valid while the file keeps its size and time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[str, tuple[list[int], Facts]] = {}
        self._kept: dict[str, tuple[list[int], Facts]] = {}
        with suppress(OSError, ValueError, TypeError, AttributeError):
            stored = json.loads(file.read_text(encoding="utf-8"))
            self._known = {path: (stamp, Facts(**facts)) for path, (stamp, facts) in stored.items()}

    def facts(self, found: Found) -> Facts:
        """What is known of a model, read where it has changed or is new."""
        stamp = _stamp(found.path)
        known = self._known.get(str(found.path))
        if known and known[0] == stamp and not known[1].problem:
            facts = known[1]
        else:
            try:
                facts = _read(found)
            except (ModelError, OSError) as error:
                what = error.what if isinstance(error, ModelError) else explain(error)[0]
                facts = Facts(found.name or found.path.stem, problem=what)
        self._kept[str(found.path)] = (stamp, facts)
        return facts

    def keep(self) -> None:
        """Remember what was found this time, and nothing else."""
        if self._kept == self._known:
            return
        stored = {path: (stamp, asdict(facts)) for path, (stamp, facts) in self._kept.items()}
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(self._file, json.dumps(stored).encode())


def _stamp(path: Path) -> list[int]:
    """Format, size and time of the file, or of a folder's weights; changes when one of them is replaced."""
    files = [*sorted(path.glob("*.safetensors")), path / "config.json"] if path.is_dir() else [path]
    stamp = [FORMAT]
    for file in files:
        with suppress(OSError):
            status = file.stat()
            stamp += (status.st_size, status.st_mtime_ns)
    return stamp


def _read(found: Found) -> Facts:
    said = read(found.path)
    return Facts(
        name=found.name or said.name,
        family=said.architecture,
        parameters=said.parameters,
        quantisation=said.quantisation,
        context=said.context_length,
        size=said.size,
        layers=said.layers,
        bytes_per_token=said.bytes_per_token,
        kv_bytes_per_token=said.kv_bytes(1),
        profile=profile_of(said),
    )
