"""What the installed llama.cpp was built for and which devices it finds, as JSON on standard output.

`python -m mlagent_tui.llm.build`: a process of its own, because loading the library takes a second and a
broken driver may end it.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from pathlib import Path
from typing import Any

from mlagent_tui.llm import llama_cpp

KINDS = {0: "cpu", 1: "gpu", 2: "gpu", 3: "accelerator"}
"""`enum ggml_backend_dev_type`; 2 is a GPU that shares the machine's memory."""
_INTEGRATED = 2


def facts() -> dict[str, Any]:
    """`gpu`: whether layers can go to one; `system`: llama.cpp's own line; `devices`, memory in bytes."""
    c: Any = llama_cpp.c  # type: ignore[attr-defined]
    c.llama_backend_init()
    return {
        "gpu": bool(c.llama_supports_gpu_offload()),
        "system": c.llama_print_system_info().decode(errors="replace").strip(),
        "devices": _devices(Path(c.__file__).parent / "lib"),
    }


def _devices(folder: Path) -> list[dict[str, Any]]:
    base, registry = (_library(folder, name) for name in ("ggml-base", "ggml"))
    if base is None or registry is None:
        return []
    registry.ggml_backend_dev_count.restype = ctypes.c_size_t
    registry.ggml_backend_dev_get.restype = ctypes.c_void_p
    base.ggml_backend_dev_name.restype = base.ggml_backend_dev_description.restype = ctypes.c_char_p
    found = []
    for index in range(registry.ggml_backend_dev_count()):
        device = ctypes.c_void_p(registry.ggml_backend_dev_get(ctypes.c_size_t(index)))
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        base.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(total))
        kind = base.ggml_backend_dev_type(device)
        found.append({
            "name": base.ggml_backend_dev_name(device).decode(errors="replace"),
            "description": base.ggml_backend_dev_description(device).decode(errors="replace").strip(),
            "kind": KINDS.get(kind, "other"),
            "unified": kind == _INTEGRATED or sys.platform == "darwin",
            "free": free.value,
            "total": total.value,
        })  # fmt: skip
    return found


def _library(folder: Path, name: str) -> ctypes.CDLL | None:
    """One of llama.cpp's own libraries, which are loaded already; None in a build that has no such file."""
    suffix = "dylib" if sys.platform == "darwin" else "so"
    file = folder / f"lib{name}.{suffix}"
    return ctypes.CDLL(str(file)) if file.exists() else None


def main() -> int:
    """Print the facts; what libraries print goes to standard error."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    print(json.dumps(facts()), file=answer, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
