"""Language models on this machine and on servers that the user names: what to ask, and how to open one."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mlagent_tui.errors import ModelError
from mlagent_tui.llm import catalog, machine, places
from mlagent_tui.llm.base import (
    Answer,
    Awaited,
    Enough,
    LanguageModel,
    Message,
    OnProgress,
    OnText,
    PromptTooLong,
    Request,
    Tell,
    code_forms,
)
from mlagent_tui.llm.client import ServedModel
from mlagent_tui.llm.extract import code_block
from mlagent_tui.llm.fingerprint import fingerprint
from mlagent_tui.llm.fit import Held, size
from mlagent_tui.llm.gguf import read_header
from mlagent_tui.llm.needed_code import left_out
from mlagent_tui.llm.process import Options
from mlagent_tui.llm.roles import (
    check_options,
    check_spec,
    is_bundled,
    located,
    open_role,
    open_roles,
    start_bundled,
)
from mlagent_tui.llm.structured import structured
from mlagent_tui.memory import memory
from mlagent_tui.settings import RoleOptions

__all__ = [
    "Answer",
    "Awaited",
    "Enough",
    "Held",
    "LanguageModel",
    "Message",
    "OnProgress",
    "OnText",
    "Options",
    "PromptTooLong",
    "Request",
    "RoleOptions",
    "ServedModel",
    "catalog",
    "check_options",
    "check_spec",
    "code_block",
    "code_forms",
    "fingerprint",
    "free_memory",
    "is_bundled",
    "left_out",
    "locate",
    "machine",
    "open_model",
    "open_models",
    "places",
    "read_header",
    "size",
    "start_bundled",
    "start_models",
    "structured",
    "wait_for_models",
]


def free_memory() -> int:
    """Bytes of the machine's memory that a program may still take."""
    return memory()[1]


def locate(spec: str) -> Path:
    """The file or folder that `bundled` or a path names. Raises `ModelError` for a URL."""
    place = located(spec)
    if place.path is None:
        raise ModelError(f"{spec} is the address of a server, not a file", "Name a .gguf file, or `bundled`.")
    return place.path


def open_model(spec: str, tell: Tell | None = None, **options: Any) -> LanguageModel:
    """One model, loaded; `options` are the fields of `RoleOptions`. Raises `ModelError`.

    `tell(message, remedy)` hears when it has to be waited for, now or later.
    """
    model = open_role(spec, RoleOptions(**options))
    if tell and isinstance(model, Awaited):
        model.watch("the model server", tell)
    _loaded(model)
    return model


def open_models(
    planner_spec: str,
    coder_spec: str,
    planner_options: RoleOptions | None = None,
    coder_options: RoleOptions | None = None,
) -> tuple[LanguageModel, LanguageModel]:
    """The models of both roles, loaded at the same time, and once where it is one. Raises `ModelError`."""
    planner, coder = start_models(planner_spec, coder_spec, planner_options, coder_options)
    _loaded(planner, coder)
    return planner, coder


def start_models(
    planner_spec: str,
    coder_spec: str,
    planner_options: RoleOptions | None = None,
    coder_options: RoleOptions | None = None,
) -> tuple[LanguageModel, LanguageModel]:
    """As `open_models`, without waiting until they are loaded. Raises `ModelError`."""
    return open_roles(
        planner_spec, coder_spec, planner_options or RoleOptions(), coder_options or RoleOptions()
    )


def wait_for_models(models: Iterable[LanguageModel], cancel: threading.Event) -> bool:
    """Wait until all are loaded; False when `cancel` was set before. Raises `ModelError`."""
    for model in models:
        if isinstance(model, Awaited) and not model.load(cancel):
            return False
        assert model.context_length
    return True


def _loaded(*models: LanguageModel) -> None:
    """Waits for them; when one fails, all are closed."""
    try:
        for model in models:
            assert model.context_length
    except BaseException:
        for model in models:
            model.close()
        raise
