"""Language models on this machine: what to ask of one, and how to open one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlagent_tui import paths
from mlagent_tui.errors import ModelError
from mlagent_tui.llm.base import Answer, LanguageModel, Message, OnText, PromptTooLong, Request
from mlagent_tui.llm.client import Options, ServedModel
from mlagent_tui.llm.structured import structured

__all__ = [
    "Answer",
    "LanguageModel",
    "Message",
    "OnText",
    "Options",
    "PromptTooLong",
    "Request",
    "ServedModel",
    "locate",
    "open_model",
    "open_models",
    "structured",
]


def locate(spec: str) -> Path:
    """The model file that `bundled` or a path names. Raises `ModelError` for what cannot be served."""
    if spec == "bundled":
        return paths.bundled_model()
    if spec.partition("://")[1]:
        raise ModelError(
            f"{spec}: models behind a URL are not supported yet", "Name a .gguf file, or `bundled`."
        )
    path = Path(spec).expanduser().absolute()
    if path.is_dir():
        raise ModelError(
            f"{path} is a folder; only single .gguf files are supported yet", "Name the .gguf file in it."
        )
    return path


def open_model(spec: str, **options: Any) -> ServedModel:
    """One model, loaded; `options` are the fields of `Options`. Raises `ModelError`."""
    model = ServedModel(locate(spec), Options(**options))
    _loaded(model)
    return model


def open_models(planner_spec: str, coder_spec: str, **options: Any) -> tuple[ServedModel, ServedModel]:
    """The models of both roles, loaded at the same time; one and the same object when it is the same file."""
    planner_path, coder_path = locate(planner_spec), locate(coder_spec)
    planner = ServedModel(planner_path, Options(**options))
    try:
        same = planner_path.samefile(coder_path) if coder_path.exists() else False
        coder = planner if same else ServedModel(coder_path, Options(**options))
    except BaseException:
        planner.close()
        raise
    _loaded(planner, coder)
    return planner, coder


def _loaded(*models: ServedModel) -> None:
    """Waits for them; when one fails, all are closed."""
    try:
        for model in models:
            assert model.context_length
    except BaseException:
        for model in models:
            model.close()
        raise
