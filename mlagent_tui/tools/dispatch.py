"""Calling a tool by name, as a plan does: arguments checked by its signature, the call told as events."""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from mlagent_tui.errors import MlagentError, ToolError
from mlagent_tui.events import ToolCalled, ToolFinished
from mlagent_tui.schemas import ModelConfig, ToolCall
from mlagent_tui.tools.assembler import pytorch_model_assembler
from mlagent_tui.tools.checking import by_name
from mlagent_tui.tools.context import current
from mlagent_tui.tools.evaluator import pytorch_quick_evaluator
from mlagent_tui.tools.files import list_directory, read_file, write_file
from mlagent_tui.tools.scaffold import create_pytorch_project_scaffold
from mlagent_tui.tools.shell import bash_run, python_run
from mlagent_tui.tools.summary import pytorch_model_summary

Tool = Callable[..., Any]
TOOLS: dict[str, Tool] = {
    tool.__name__: tool
    for tool in (
        read_file,
        write_file,
        bash_run,
        python_run,
        list_directory,
        create_pytorch_project_scaffold,
        pytorch_model_assembler,
        pytorch_model_summary,
        pytorch_quick_evaluator,
    )
}
MODEL_CONFIG = "$model_config"
EXCERPT = 2000


def call(name: str, arguments: Mapping[str, Any]) -> Any:
    """Run the tool `name` and return what it returns; the context is told of the call and of its end.

    Arguments go by name, `python_run`'s `args` as a list. Raises `ToolError` for a tool or arguments that do
    not exist or fit, and what the tool raises.
    """
    bound = bind(name, arguments)
    context = current()
    context.on_event(ToolCalled(tool=name, arguments=dict(arguments)))
    began = time.monotonic()

    def finished(ok: bool, result: str) -> None:
        seconds = time.monotonic() - began
        context.on_event(ToolFinished(tool=name, seconds=seconds, ok=ok, result=result[:EXCERPT]))

    try:
        result = TOOLS[name](*bound.args, **bound.kwargs)
    except BaseException as error:
        finished(False, error.what if isinstance(error, MlagentError) else repr(error))
        raise
    finished(True, result if isinstance(result, str) else json.dumps(result, ensure_ascii=False))
    return result


def validate_call(planned: ToolCall) -> None:
    """Check a planned call against its tool's signature. Raises `ToolError` naming the wrong argument."""
    bind(planned.tool, arguments_of(planned, None))


def arguments_of(planned: ToolCall, config: ModelConfig | None) -> dict[str, Any]:
    """A planned call's arguments, `$model_config` replaced by the dictionary, or by YAML in a file.

    Without a configuration empty values stand in for it.
    """
    arguments = planned.arguments.model_dump(mode="json", by_alias=True)
    if arguments.get("model_config") == MODEL_CONFIG:
        arguments["model_config"] = config.model_dump(mode="json", exclude_defaults=True) if config else {}
    if planned.tool == "write_file" and arguments["content"] == MODEL_CONFIG:
        arguments["content"] = config.to_yaml() if config else ""
    return arguments


def bind(name: str, arguments: Mapping[str, Any]) -> inspect.BoundArguments:
    """The arguments as the tool's signature takes them. Raises `ToolError`."""
    if name not in TOOLS:
        raise ToolError(f"there is no tool {name!r}", f"The tools are: {', '.join(TOOLS)}.")
    return by_name(TOOLS[name], arguments)
