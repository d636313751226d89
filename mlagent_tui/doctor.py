"""Checks everything that a run needs from this machine, and says what to do about each problem.

Libraries are checked in processes of their own, so that a broken one is reported like any other problem.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Literal

from mlagent_tui import paths, sandbox, settings
from mlagent_tui.console import clean
from mlagent_tui.errors import DataError, DataMissing, MlagentError
from mlagent_tui.llm import catalog, machine
from mlagent_tui.memory import memory
from mlagent_tui.training import DATASETS, data_card

State = Literal["ok", "advice", "fault"]
MARKS: dict[State, str] = {"ok": "✔", "advice": "!", "fault": "✘"}

OLDEST_PYTHON = (3, 11)
DISK_WANTED = 2 * 10**9
MEMORY_WANTED = 2 * 10**9
COLUMNS, ROWS = 80, 24

REBUILD = (
    "To use the GPU for language models too, build llama-cpp-python again: "
    'CMAKE_ARGS="{flag}" {python} -m pip install --force-reinstall --no-deps --no-binary :all: '
    "llama-cpp-python"
)


@dataclass(frozen=True)
class Finding:
    """One line: what was checked, its state, what was found, and the remedy for a problem.

    Only a fault prevents runs from working; advice says how they would work better.
    """

    name: str
    state: State
    found: str
    remedy: str = ""


def doctor(chosen: settings.Settings, *, as_json: bool = False) -> int:
    """Print every finding; 0 when nothing is at fault, else 1."""
    findings = examine(chosen)
    faults = [finding for finding in findings if finding.state == "fault"]
    if as_json:
        report = {"mlagent": _version("mlagent-tui"), "findings": [asdict(finding) for finding in findings]}
        print(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        for finding in findings:
            print(line(finding))
    return 1 if faults else 0


def line(finding: Finding) -> str:
    """The finding as text, its remedy on a line of its own."""
    text = f"{MARKS[finding.state]} {finding.name:<12}{clean(finding.found)}"
    return f"{text}\n  {'':<12}{clean(finding.remedy)}" if finding.remedy else text


def examine(chosen: settings.Settings) -> list[Finding]:
    """Every finding; what is asked in other processes is asked at the same time."""
    checks: dict[str, Callable[[], list[Finding]]] = {
        "Python": _python,
        "torch": _torch,
        "llama.cpp": _llama,
        "sandbox": _sandbox,
        "data sets": partial(_data_sets, chosen),
        "models": partial(_models, chosen),
        "disk": _disk,
        "memory": _memory,
        "terminal": _terminal,
    }
    with ThreadPoolExecutor(len(checks)) as pool:
        return [finding for findings in pool.map(_guarded, checks, checks.values()) for finding in findings]


def _guarded(name: str, check: Callable[[], list[Finding]]) -> list[Finding]:
    """A check that fails is a finding as well: the others are still wanted."""
    try:
        return check()
    except MlagentError as error:
        return [Finding(name, "fault", error.what, error.remedy)]
    except OSError as error:
        return [Finding(name, "fault", str(error), "Check the disk and its permissions.")]


# --- the checks -----------------------------------------------------------------------------------------


def _python() -> list[Finding]:
    found = f"{platform.python_version()} on {platform.platform(terse=True)}, {platform.machine()}"
    if sys.version_info < OLDEST_PYTHON:
        return [Finding("Python", "fault", found, "Install Python 3.11 or newer.")]
    return [Finding("Python", "ok", f"{found}, in {sys.prefix}")]


def _torch() -> list[Finding]:
    try:
        facts = machine.ask("mlagent_tui.training.devices")
    except MlagentError as error:
        return [Finding("torch", "fault", error.what, error.remedy)]
    built = f" for CUDA {facts['cuda']}" if facts["cuda"] else ""
    findings = []
    for device in facts["devices"]:
        name, title, problem = device["name"], device["title"], device["problem"]
        if problem:
            remedy = "Update the driver. Until then, train on the CPU: --device cpu." if name != "cpu" else ""
            findings.append(Finding("torch", "fault", f"{name} ({title}): {problem}", remedy))
        elif name != "cpu":
            memory = f", {_gb(device['free'])} of {_gb(device['total'])} free"
            findings.append(Finding("torch", "ok", f"{name}: {title}{memory}"))
    version = f"{facts['version']}{built}, {facts['threads']} threads"
    if not findings:
        remedy = (
            "An NVIDIA driver was found, but PyTorch does not use it. Install a CUDA build of PyTorch."
            * _has_nvidia()
        )
        return [
            Finding("torch", "advice" if remedy else "ok", f"{version}; networks train on the CPU", remedy)
        ]
    return [Finding("torch", "ok", version), *findings]


def _llama() -> list[Finding]:
    try:
        facts = machine.llama_build()
    except MlagentError as error:
        return [Finding("llama.cpp", "fault", error.what, error.remedy)]
    gpus = [device for device in facts["devices"] if device["kind"] == "gpu"]
    version = f"llama-cpp-python {facts['version']}"
    if gpus:
        names = ", ".join(f"{gpu['description']} ({gpu['name']}, {_gb(gpu['total'])})" for gpu in gpus)
        return [Finding("llama.cpp", "ok", f"{version}, on {names}")]
    if facts["gpu"]:
        remedy = "Check the driver. Until then, language models run on the CPU."
        return [Finding("llama.cpp", "advice", f"{version}, built for a GPU, but no GPU was found", remedy)]
    flag = "-DGGML_METAL=on" if sys.platform == "darwin" else "-DGGML_CUDA=on" if _has_nvidia() else ""
    remedy = REBUILD.format(flag=flag, python=sys.executable) if flag else ""
    return [Finding("llama.cpp", "advice" if flag else "ok", f"{version}, built for the CPU", remedy)]


def _sandbox() -> list[Finding]:
    level = sandbox.best_level()
    if level == "none":
        found = f"none works: generated code would run with all your permissions ({sandbox.why_not()})"
        return [Finding("sandbox", "fault", found, sandbox.remedy())]
    findings = [Finding("sandbox", "ok", f"{level}: generated code is confined")]
    for stronger in sandbox.LEVELS[: sandbox.LEVELS.index(level)]:
        if failed := sandbox.failure(stronger):
            found = f"{stronger}, which is stronger, does not work: {failed.what}"
            findings.append(Finding("sandbox", "advice", found, failed.remedy))
    return findings


def _data_sets(chosen: settings.Settings) -> list[Finding]:
    there, missing, unusable = [], [], []
    for name in DATASETS:
        try:
            data_card(name, None, chosen.data_dir)
            there.append(name)
        except DataMissing:
            missing.append(name)
        except DataError as error:
            unusable.append(Finding("data sets", "fault", error.what, error.remedy))
    findings = [Finding("data sets", "ok", ", ".join(there)), *unusable]
    if missing:
        folder = chosen.data_dir or paths.data_folder()
        remedy = f"Put their files into {folder}. docs/data.md lists the files. Nothing is downloaded."
        findings.append(Finding("data sets", "advice", f"not found: {', '.join(missing)}", remedy))
    return findings


def _models(chosen: settings.Settings) -> list[Finding]:
    entries = catalog.catalogue(named_folders(chosen))
    usable = [entry for entry in entries if not entry.facts.problem]
    findings = []
    bundled = next((entry for entry in entries if entry.source == "bundled"), None)
    if bundled is None or bundled.facts.problem:
        problem = bundled.facts.problem if bundled else f"{paths.bundled_model()} is missing"
        findings.append(
            Finding("models", "fault", f"the bundled model: {problem}", "Install the package again.")
        )
    others = f" and {len(usable) - 1} more (list them with: mlagent models)" if len(usable) > 1 else ""
    if usable:
        findings.append(Finding("models", "ok", f"{usable[0].facts.name}{others}"))
    for role in ("planner", "coder"):
        findings += _named_model(role, getattr(chosen, role))
    return findings


def _named_model(role: str, spec: str) -> list[Finding]:
    """The model that the settings name for a role. A server is not asked: only a run sends requests."""
    if spec == "bundled" or "://" in spec:
        return []
    try:
        entry = catalog.describe(paths.user_path(spec))
    except MlagentError as error:
        return [Finding("models", "fault", f"the {role} in your settings: {error.what}", error.remedy)]
    if entry.fits in ("no", "busy"):
        free = memory()[1]
        found = f"the {role} in your settings needs about {_gb(entry.needs)}; {_gb(free)} are free"
        remedy = "Use a smaller model, one with fewer bits per weight, or close other programs."
        return [Finding("models", "fault" if entry.fits == "no" else "advice", found, remedy)]
    return [Finding("models", "ok", f"{role}: {entry.facts.name}, fits: {catalog.FITS[entry.fits]}")]


def named_folders(chosen: settings.Settings) -> list[Path]:
    """Folders of models that the settings name."""
    return chosen.model_folders


def _disk() -> list[Finding]:
    findings = []
    for name, folder in (("here", Path.cwd()), ("temporary", Path(os.environ.get("TMPDIR", "/tmp")))):
        try:
            free = shutil.disk_usage(folder).free
        except OSError as error:
            findings.append(Finding("disk", "fault", f"{folder}: {error.strerror}", "Choose another folder."))
            continue
        state: State = "ok" if free >= DISK_WANTED else "advice"
        remedy = "" if state == "ok" else "Free some space: trials store weights and write temporary files."
        findings.append(Finding("disk", state, f"{_gb(free)} free {name} ({folder})", remedy))
    return findings


def _memory() -> list[Finding]:
    total, available = memory()
    speed = machine.bandwidth(again=True)
    found = f"{_gb(available)} of {_gb(total)} free, read at {speed / 1e9:.0f} GB/s"
    if available < MEMORY_WANTED:
        return [Finding("memory", "advice", found, "Close other programs. A trial needs 1 to 2 GB.")]
    return [Finding("memory", "ok", found)]


def _terminal() -> list[Finding]:
    kind = os.environ.get("TERM", "")
    size = shutil.get_terminal_size((0, 0))
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if not sys.stdout.isatty():
        return [Finding("terminal", "ok", "no terminal: the output is redirected")]
    found = f"{kind or 'TERM is not set'}, {size.columns}x{size.lines}, {sys.stdout.encoding}"
    if kind in ("", "dumb"):
        return [Finding("terminal", "advice", found, "Set TERM, for example to xterm-256color.")]
    if encoding != "utf8":
        return [Finding("terminal", "advice", found, "Choose a UTF-8 locale: export LANG=C.UTF-8.")]
    if 0 < size.columns < COLUMNS or 0 < size.lines < ROWS:
        return [Finding("terminal", "advice", found, f"Make it at least {COLUMNS}x{ROWS}.")]
    return [Finding("terminal", "ok", found)]


def _has_nvidia() -> bool:
    return any(Path(device).exists() for device in ("/dev/nvidiactl", "/dev/dxg"))


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
