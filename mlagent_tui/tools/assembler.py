"""`pytorch_model_assembler`: the coder writes the module, and checks decide whether it is accepted.

The first difference that a check finds goes back to the coder, a bounded number of times. Only code that
passed is written to the output path.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from mlagent_tui import shapes
from mlagent_tui.errors import (
    CodeError,
    ConfigError,
    Interrupted,
    OutOfMemory,
    TookTooLong,
    ToolError,
    TrialError,
)
from mlagent_tui.events import CheckFailed, CodeMade
from mlagent_tui.llm import Answer, PromptTooLong, code_block
from mlagent_tui.schemas import DEFAULT_CLASS, ModelConfig
from mlagent_tui.tools import naming
from mlagent_tui.tools.context import ToolContext, current
from mlagent_tui.tools.prompts import code_request
from mlagent_tui.tools.scripts import staged

ATTEMPTS = 4


def pytorch_model_assembler(model_config: dict[str, Any], output_script_path: str) -> None:
    """Have the coder write the `nn.Module` of `model_config` to `output_script_path`.

    The class is named by the configuration's `model_name`. Raises `ConfigError` for a configuration that
    cannot be built, `CodeError` naming the first difference that remains after the last attempt, `ModelError`
    when the coder cannot answer, `ToolError` for a path that cannot be written to. A network that is too
    large for trials raises `ConfigError`, `OutOfMemory` or `TookTooLong` from its first check.
    """
    context = current()
    config = parse_config(model_config)
    steps = shapes.infer(config)
    if not output_script_path.endswith(".py"):
        raise ToolError(f"{output_script_path} is not a Python file", "Let output_script_path end in .py.")
    context.folder.exists(output_script_path)
    problem = previous = None
    for attempt in range(ATTEMPTS):
        draft = _write(context, config, steps, problem, previous, attempt)
        if draft != previous:
            code, problem = _judged(context, draft, config)
        context.on_event(
            CodeMade(code=code, attempt=attempt, accepted=problem is None, path=output_script_path)
        )
        if problem is None:
            context.folder.write(output_script_path, code)
            return
        context.on_event(CheckFailed(what="code", problem=problem, attempt=attempt))
        previous = draft
    raise CodeError(
        f"{problem} (after {ATTEMPTS} attempts)", "Simplify the configuration, or use a more capable coder."
    )


def check_code(code: str, config: ModelConfig) -> None:
    """Hold code of any author against `config`, as the coder's is. Raises `CodeError` naming a difference."""
    problem = _first_difference(current(), code, config)
    if problem is not None:
        raise CodeError(problem, "Correct the code: it must be the network of the configuration.")


def parse_config(fields: dict[str, Any]) -> ModelConfig:
    """The configuration in `fields`; raises `ConfigError` naming the first field that is wrong."""
    try:
        return ModelConfig.model_validate(fields)
    except ValidationError as error:
        raise ConfigError(first_error(error), "Correct the model_config.") from error


def first_error(error: ValidationError) -> str:
    """`layers.2.conv2d.kernel_size: Input should be ...`."""
    first = error.errors(include_url=False, include_context=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'value'}: {first['msg']}"


def _judged(context: ToolContext, draft: str, config: ModelConfig) -> tuple[str, str | None]:
    """The coder's draft under the wanted name, and what is wrong with it, if anything."""
    try:
        code = naming.for_user(draft, config.model_name)
    except CodeError as error:
        return draft, error.what
    return code, _first_difference(context, code, config)


def _write(
    context: ToolContext,
    config: ModelConfig,
    steps: list[shapes.Step],
    problem: str | None,
    previous: str | None,
    attempt: int,
) -> str:
    if problem is not None:
        problem = naming.in_text(problem, config.model_name, DEFAULT_CLASS)
    config = config.model_copy(update={"model_name": DEFAULT_CLASS})

    def ask(shown: str | None) -> Answer:
        request = code_request(config, steps, problem, shown, attempt, seed=context.seed)
        return context.coder().generate(
            request, lambda piece, thinking: context.on_text("code", piece, thinking), context.cancel
        )

    try:
        answer = ask(previous)
    except PromptTooLong:
        if previous is None:
            raise
        answer = ask(None)
    context.on_call("code", answer)
    if answer.finish == "cancelled":
        raise Interrupted("the coder was interrupted")
    return code_block(answer.text)


def _first_difference(context: ToolContext, code: str, config: ModelConfig) -> str | None:
    """What is wrong with `code`, or None; a check that it crashes is the code's fault as well.

    Raises `OutOfMemory` and `TookTooLong`.
    """
    source = code.encode(errors="backslashreplace")
    try:
        with staged("candidate.py", source) as script, context.pool().worker() as worker:
            worker.check_code(script, config.model_name, config, config.input_shape)
    except (OutOfMemory, TookTooLong):
        raise  # the network is too large, and no other wording of it is smaller
    except (CodeError, TrialError) as error:
        return error.what
    return None
