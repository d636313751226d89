"""What this machine has for language models: memory, how fast it is read, and GPUs that llama.cpp can use.

What llama.cpp finds is asked in a process of its own, once for each version of it. That and the speed of the
memory are remembered in the cache folder.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mlagent_tui import paths
from mlagent_tui.errors import ModelError
from mlagent_tui.llm.cores import physical_cores
from mlagent_tui.memory import memory

REPAIR = "Run ./scripts/run again to repair the installation."
ASK_SECONDS = 300.0
COPIED = 64 << 20
ROUNDS = 3
UNIFIED_SHARE = 0.75
"""The part of a unified memory that Metal lets a GPU use."""

GPU_BANDWIDTH: Mapping[str, float] = MappingProxyType({
    "M1 Ultra": 800e9, "M1 Max": 400e9, "M1 Pro": 200e9, "M1": 68e9,
    "M2 Ultra": 800e9, "M2 Max": 400e9, "M2 Pro": 200e9, "M2": 100e9,
    "M3 Ultra": 819e9, "M3 Max": 300e9, "M3 Pro": 150e9, "M3": 102e9,
    "M4 Max": 410e9, "M4 Pro": 273e9, "M4": 120e9,
    "B200": 8000e9, "H200": 4800e9, "H100": 3350e9, "A100": 1555e9, "L40": 864e9, "L4": 300e9,
    "RTX 5090": 1792e9, "RTX 5080": 960e9, "RTX 4090": 1008e9, "RTX 4080": 717e9, "RTX 4070": 504e9,
    "RTX 3090": 936e9, "RTX 3080": 760e9, "RTX 3060": 360e9, "RTX A6000": 768e9, "Tesla T4": 320e9,
})  # fmt: skip
"""Bytes a second by a part of the device's name, from the makers' data sheets; the slowest variant's."""


@dataclass(frozen=True)
class Gpu:
    """A device that llama.cpp can put layers on; memory in bytes."""

    name: str
    total: int
    unified: bool

    @property
    def bandwidth(self) -> float:
        """Bytes a second; 0 for a device that is not in the table."""
        known = GPU_BANDWIDTH.items()
        return next((speed for part, speed in known if re.search(rf"\b{part}\b", self.name)), 0.0)


@dataclass(frozen=True)
class Machine:
    """Memory in bytes, bandwidth of the CPU's memory in bytes a second."""

    memory: int
    available: int
    bandwidth: float
    gpus: tuple[Gpu, ...] = ()

    @property
    def unified(self) -> bool:
        """Whether its GPU works in the machine's own memory."""
        return any(gpu.unified for gpu in self.gpus)

    @property
    def gpu_memory(self) -> int:
        """Bytes that models can use on GPUs."""
        return sum(int(gpu.total * (UNIFIED_SHARE if gpu.unified else 1)) for gpu in self.gpus)

    @property
    def gpu_bandwidth(self) -> float:
        """Bytes a second of the slowest GPU; 0 when not known."""
        return min((gpu.bandwidth for gpu in self.gpus), default=0.0)


def this_machine() -> Machine:
    """The facts; takes a tenth of a second, and some seconds the first time."""
    total, available = memory()
    try:
        devices = llama_build()["devices"]
    except ModelError:
        devices = []
    gpus = tuple(
        Gpu(f"{device['description']} {device['name']}".strip(), device["total"], device["unified"])
        for device in devices
        if device["kind"] == "gpu"
    )
    return Machine(total, available, bandwidth(), gpus)


def bandwidth(*, again: bool = False) -> float:
    """Bytes a second between memory and all cores: the best measured so far; a busy hour cannot spoil it."""
    file = paths.cache_folder() / "bandwidth.json"
    best = 0.0
    with suppress(OSError, ValueError, TypeError):
        best = float(json.loads(file.read_text(encoding="utf-8")))
    if not 0 < best < math.inf:
        best, again = 0.0, True
    if again:
        best = max(best, _measured())
        _remember(file, best)
    return best


def _measured() -> float:
    """All cores copy: each byte is read once and written once."""
    threads = physical_cores()
    share = COPIED // threads
    pairs = [(ctypes.create_string_buffer(share), ctypes.create_string_buffer(share)) for _ in range(threads)]
    best = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(ROUNDS):
            began = time.perf_counter()
            # memmove lets other threads run, so that they copy at the same time
            list(pool.map(lambda pair: ctypes.memmove(pair[0], pair[1], share), pairs))
            best = min(best, time.perf_counter() - began)
    return 2 * share * threads / best


def llama_build() -> dict[str, Any]:
    """What `build.facts` says of the installed llama.cpp. Raises `ModelError` when it cannot be loaded."""
    try:
        version = metadata.version("llama-cpp-python")
    except metadata.PackageNotFoundError as error:
        raise ModelError("llama-cpp-python is not installed", REPAIR) from error
    file = paths.cache_folder() / f"llama-{version}-{sys.version_info[0]}.{sys.version_info[1]}.json"
    installed = _installed_at()
    with suppress(OSError, ValueError, KeyError):
        known: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if known["installed"] == installed:
            return known
    asked = {**ask("mlagent_tui.llm.build"), "version": version, "installed": installed}
    _remember(file, asked)
    return asked


def _remember(file: Path, value: Any) -> None:
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(value), encoding="utf-8")


def ask(module: str) -> dict[str, Any]:
    """The JSON that `python -m module` prints. Raises `ModelError` with what it said instead."""
    command = [sys.executable, "-P", "-m", module]
    search = os.pathsep.join(filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH"))))
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ASK_SECONDS,
            env={**os.environ, "PYTHONPATH": search},
            check=False,
        )
        answer = json.loads(done.stdout) if done.returncode == 0 else None
    except subprocess.TimeoutExpired as error:
        raise ModelError(
            f"loading took longer than {ASK_SECONDS:g} seconds", "Try again when the machine is less busy."
        ) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"it cannot be started: {error}", REPAIR) from error
    if not isinstance(answer, dict):
        said = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise ModelError(f"it cannot be loaded: {said}", REPAIR)
    return answer


def _installed_at() -> float:
    """When llama-cpp-python's files were written: a rebuild has the same version."""
    for file in metadata.files("llama-cpp-python") or ():
        if file.name.startswith("libllama."):
            with suppress(OSError):
                return Path(str(file.locate())).stat().st_mtime
    return 0.0
