"""Turns generated source into a module class and an instance. Runs inside a trial worker only."""

from __future__ import annotations

import linecache
import re
import resource
import sys
import traceback
import types

import torch
from torch import nn

from mlagent_tui import python_source
from mlagent_tui.errors import CodeError, OutOfMemory
from mlagent_tui.training.code_rules import check_source

SOURCE_NAME = "<generated model>"
SMALLER = "Use fewer channels or features, a smaller batch, or a higher memory_limit_mb."
_SHORTAGES = (
    "can't allocate memory",
    "unable to mmap",
    "bad_alloc",
    "out of memory",
    "size calculation overflowed",
)
_ASKED = re.compile(r"allocate (\d+) bytes|allocate ([\d.]+ [KMGT]i?B)", re.IGNORECASE)


def load_model(source: str, class_name: str, seed: int = 0) -> nn.Module:
    """An instance of the class, built on the CPU. Raises `CodeError`."""
    check_source(source, class_name)
    module = types.ModuleType("generated_model")
    sys.modules[module.__name__] = module
    linecache.cache[SOURCE_NAME] = (len(source), None, python_source.lines(source), SOURCE_NAME)
    try:
        exec(compile(source, SOURCE_NAME, "exec", dont_inherit=True), module.__dict__)
        found = getattr(module, class_name)
    except Exception as error:
        raise CodeError(f"import: expected a module, got {describe(error)}") from None
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise CodeError(f"{class_name}: expected a subclass of nn.Module, got {type(found).__name__}")
    torch.manual_seed(seed)
    try:
        model = found()
    except Exception as error:
        raise CodeError(f"{class_name}(): expected a module, got {describe(error)}") from None
    return model


def load_trainable(source: str, class_name: str, seed: int = 0) -> nn.Module:
    """As `load_model`, of a class that has parameters. Raises `CodeError`."""
    model = load_model(source, class_name, seed)
    if not any(True for _ in model.parameters()):
        raise CodeError(f"{class_name}: expected layers with parameters, got none")
    return model


def describe(error: BaseException) -> str:
    """`TypeError: message (line 12)`, one line, the line being the generated code's.

    Raises `OutOfMemory` for a shortage of memory: it says how large a network is, and nothing about its code.
    """
    lacking = shortage(error)
    if lacking:
        raise OutOfMemory(lacking, SMALLER) from None
    text = " ".join(str(error).split())[:300]
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == SOURCE_NAME
    ]
    return f"{type(error).__name__}: {text}" + (f" (line {lines[-1]})" if lines else "")


def shortage(error: BaseException) -> str:
    """What to say when `error` is one of missing memory, else empty."""
    text = str(error)
    known = isinstance(error, MemoryError | torch.OutOfMemoryError) or any(
        sign in text for sign in _SHORTAGES
    )
    if not known:
        return ""
    asked = _ASKED.search(text)
    if not asked:
        return "out of memory"
    size = f"{int(asked[1]) / 1e9:,.1f} GB" if asked[1] else asked[2]
    return f"out of memory: it tried to allocate {size} more, and had used {_used() / 1e9:.1f} GB"


def _used() -> int:
    """Bytes of the machine's memory that this process has had at most."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
