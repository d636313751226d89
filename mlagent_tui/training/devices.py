"""What torch finds on this machine, as JSON on standard output: its version, its devices and their memory.

`python -m mlagent_tui.training.devices`: a process of its own, because importing torch takes seconds. Every
device found is also used: a driver that is there and does not work is what a user wants to hear of.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import torch


def facts() -> dict[str, Any]:
    """Memory in bytes; `works` is empty, or says what went wrong on a device."""
    return {
        "version": torch.__version__,
        "cuda": torch.version.cuda or "",
        "threads": torch.get_num_threads(),
        "devices": [_facts_of(name) for name in ("cpu", *_cuda(), *_mps())],
    }


def _cuda() -> list[str]:
    return [f"cuda:{index}" for index in range(torch.cuda.device_count())]


def _mps() -> list[str]:
    return ["mps"] if torch.backends.mps.is_available() else []


def _facts_of(name: str) -> dict[str, Any]:
    free = total = 0
    title = name
    try:
        if name.startswith("cuda"):
            title = torch.cuda.get_device_name(name)
            free, total = torch.cuda.mem_get_info(name)
        elif name == "mps":
            title, total = "Apple GPU", torch.mps.recommended_max_memory()
            free = total - torch.mps.driver_allocated_memory()
        problem = _try(torch.device(name))
    except RuntimeError as error:
        problem = str(error).splitlines()[0]
    return {"name": name, "title": title, "free": free, "total": total, "problem": problem}


def _try(device: torch.device) -> str:
    """A small product on `device` against the same on the CPU; empty when they agree."""
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randn(64, 64, generator=generator) for _ in range(2))
    away = (left.to(device) @ right.to(device)).cpu()
    return "" if torch.allclose(away, left @ right, rtol=1e-2, atol=1e-2) else "it computes wrong results"


def main() -> int:
    """Print the facts; what libraries print goes to standard error."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    print(json.dumps(facts()), file=answer, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
