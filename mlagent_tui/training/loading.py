"""Turns generated source into a module class and an instance. Runs inside a trial worker only."""

from __future__ import annotations

import linecache
import sys
import traceback
import types

import torch
from torch import nn

from mlagent_tui import python_source
from mlagent_tui.errors import CodeError
from mlagent_tui.training.code_rules import check_source

SOURCE_NAME = "<generated model>"


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
    """`TypeError: message (line 12)`, one line, the line being the generated code's."""
    text = " ".join(str(error).split())[:300]
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == SOURCE_NAME
    ]
    return f"{type(error).__name__}: {text}" + (f" (line {lines[-1]})" if lines else "")
