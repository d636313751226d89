"""`pytorch_model_assembler`: the coder writes the module, and checks decide whether it is accepted.

A network too long for the coder is asked for in stretches. The first difference that a check of the whole
finds goes back to the coder, a bounded number of times. Only code that passed is written to the output path.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from pydantic import ValidationError

from mlagent_tui import field_errors, shapes
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
from mlagent_tui.llm import Answer, LanguageModel, PromptTooLong, code_block, left_out
from mlagent_tui.schemas import DEFAULT_CLASS, ModelConfig
from mlagent_tui.tools import naming
from mlagent_tui.tools.checking import checked
from mlagent_tui.tools.context import ToolContext, current
from mlagent_tui.tools.drafting import Difference, Draft, Question
from mlagent_tui.tools.joining import PartError
from mlagent_tui.tools.prompts import CODE_TOKENS, code_request
from mlagent_tui.tools.scripts import staged
from mlagent_tui.tools.stretches import length

ANSWER = 1.25
"""Tokens of code for each token of the description, at most in most models' vocabularies."""


@checked
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
    draft = Draft.of(steps, _room(context.coder(), config, steps))
    known: dict[str, str | None] = {}
    for attempt in count():
        code, difference = _written(context, draft, config) or _judged(context, draft, config, known)
        context.on_event(
            CodeMade(code=code, attempt=attempt, accepted=difference is None, path=output_script_path)
        )
        if difference is None:
            context.folder.write(output_script_path, code)
            return
        context.on_event(CheckFailed(what="code", problem=difference.what, attempt=attempt))
        if not draft.refuse(difference):
            raise CodeError(
                f"{difference.what} (after {attempt + 1} attempts)",
                "Simplify the configuration, or use a more capable coder.",
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
        told = field_errors.first(error, ModelConfig, "model_config")
        raise ConfigError(told.what, told.remedy) from error


def _room(coder: LanguageModel, config: ModelConfig, steps: list[shapes.Step]) -> int:
    """Characters of a network's description that leave room for an answer, and for being asked again."""

    def tokens(steps: list[shapes.Step]) -> int:
        return coder.count_tokens(code_request(config, steps).messages)

    instructions = tokens([])
    described = max(tokens(steps) - instructions, 1)
    most = min((coder.context_length / 2 - instructions) / (1 + ANSWER), CODE_TOKENS / ANSWER)
    return max(int(most * length(steps) / described), 1)


def _written(context: ToolContext, draft: Draft, config: ModelConfig) -> tuple[str, Difference] | None:
    """Have the coder answer all open questions. An answer that cannot be used ends it, with the reason."""
    while question := draft.open_question:
        try:
            answer = _ask(context, config, question)
        except PromptTooLong:
            if not draft.divide(question):
                raise
            continue
        context.on_call("code", answer)
        if answer.finish == "cancelled":
            raise Interrupted("the coder was interrupted")
        if answer.finish == "length" and draft.divide(question):
            continue
        question.code, question.problem = code_block(answer.text), None
        difference = draft.unusable(question, config.model_name)
        if difference is not None:
            return question.code, difference
    return None


def _ask(context: ToolContext, config: ModelConfig, question: Question) -> Answer:
    problem = question.problem
    if problem is not None:
        problem = naming.in_text(problem, config.model_name, DEFAULT_CLASS)
    config = config.model_copy(update={"model_name": DEFAULT_CLASS})

    def ask(shown: str | None) -> Answer:
        request = code_request(config, question.steps, problem, shown, question.repairs, seed=context.seed)
        return context.coder().generate(
            request, lambda piece, thinking: context.on_text("code", piece, thinking), context.cancel
        )

    try:
        return ask(question.code)
    except PromptTooLong:
        if question.code is None:
            raise
        return ask(None)


def _judged(
    context: ToolContext, draft: Draft, config: ModelConfig, known: dict[str, str | None]
) -> tuple[str, Difference | None]:
    """The code under the wanted name, and what is wrong with it, if anything.

    `known` holds what was found of code that was checked before.
    """
    try:
        module = draft.module(config.model_name)
    except PartError as error:
        return draft.refused_part(error)
    if module.code not in known:
        found = _first_difference(context, module.code, config)
        known[module.code] = found and (left_out(module.code) or found)
    problem = known[module.code]
    return module.code, None if problem is None else draft.located(problem, module)


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
