"""`pytorch_model_assembler`: the coder writes the module, and checks decide whether it is accepted.

The code is asked for as a whole file, in stretches where the network is too long for the coder, or line by
line from a coder that needs it. The first difference that a check of the whole finds goes back to the coder,
a bounded number of times. Only code that passed is written to the output path.
"""

from __future__ import annotations

from dataclasses import dataclass
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
from mlagent_tui.llm import Answer, LanguageModel, PromptTooLong, Request, code_block, code_forms, left_out
from mlagent_tui.schemas import DEFAULT_CLASS, ModelConfig
from mlagent_tui.tools import ending, line_by_line, naming
from mlagent_tui.tools.checking import checked
from mlagent_tui.tools.context import ToolContext, current
from mlagent_tui.tools.drafting import Difference, Draft, Question
from mlagent_tui.tools.file_prompts import file_request
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
    attempts = _Attempts(context, output_script_path)
    if not any(FORMS[form](context, config, steps, attempts) for form in code_forms(context.coder())):
        raise CodeError(
            f"{attempts.problem} (after {attempts.count} attempt{'s' if attempts.count > 1 else ''})",
            "Simplify the configuration, or use a more capable coder.",
        )


@dataclass
class _Attempts:
    """Tells of every attempt, and stores the code that passed."""

    context: ToolContext
    path: str
    count: int = 0
    problem: str = ""

    def passed(self, code: str, problem: str | None) -> bool:
        """Whether the code is what was wanted: nothing is wrong with it."""
        tell, number = self.context.on_event, self.count
        tell(CodeMade(code=code, attempt=number, accepted=problem is None, path=self.path))
        if problem is None:
            self.context.folder.write(self.path, code)
            return True
        tell(CheckFailed(what="code", problem=problem, attempt=number))
        self.count, self.problem = number + 1, problem
        return False


def _as_file(
    context: ToolContext, config: ModelConfig, steps: list[shapes.Step], attempts: _Attempts
) -> bool:
    """Have the coder write the whole, or stretches of it, until it is right. False after the last attempt."""
    draft = Draft.of(steps, _room(context.coder(), config, steps))
    known: dict[str, str | None] = {}
    while True:
        code, difference = _written(context, draft, config) or _judged(context, draft, config, known)
        if attempts.passed(code, difference.what if difference else None):
            return True
        if difference is None or not draft.refuse(difference):
            return False


def _in_lines(
    context: ToolContext, config: ModelConfig, steps: list[shapes.Step], attempts: _Attempts
) -> bool:
    """Have the coder write line after line, each until it is right. False where one was not in the end."""
    written = line_by_line.write(
        context.coder(),
        steps,
        context.seed,
        lambda piece, thinking: context.on_text("code", piece, thinking),
        context.cancel,
    )
    context.on_call("code", written.answer)
    if written.answer.finish == "cancelled":
        raise Interrupted("the coder was interrupted")
    code, problem = naming.for_user(written.code, config.model_name), written.problem
    return attempts.passed(code, problem or _first_difference(context, code, config))


FORMS = {"whole": _as_file, "lines": _in_lines}
"""How code is asked for."""


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
        return coder.count_tokens(_request(coder, config, steps).messages)

    instructions = tokens([])
    described = max(tokens(steps) - instructions, 1)
    most = min((coder.context_length / 2 - instructions) / (1 + ANSWER), CODE_TOKENS / ANSWER)
    return max(int(most * length(steps) / described), 1)


def _request(
    coder: LanguageModel,
    config: ModelConfig,
    steps: list[shapes.Step],
    problem: str | None = None,
    previous: str | None = None,
    attempt: int = 0,
    seed: int = 0,
) -> Request:
    """What the coder is asked in words that suit it."""
    if coder.profile == "minnow":
        return code_request(config, steps, problem, previous, attempt, seed)
    return file_request(coder.profile, config, steps, problem, previous, attempt, seed)


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
        code = code_block(answer.text)
        if context.coder().profile != "minnow":
            code = ending.cut(code, DEFAULT_CLASS)
            question.repeated += code == question.code
        question.code, question.problem = code, None
        difference = draft.unusable(question, config.model_name)
        if difference is not None:
            return question.code, difference
    return None


def _ask(context: ToolContext, config: ModelConfig, question: Question) -> Answer:
    problem = question.problem
    if problem is not None:
        problem = naming.in_text(problem, config.model_name, DEFAULT_CLASS)
    config = config.model_copy(update={"model_name": DEFAULT_CLASS})

    coder = context.coder()
    attempt = question.repairs + question.repeated

    def ask(shown: str | None) -> Answer:
        request = _request(coder, config, question.steps, problem, shown, attempt, context.seed)
        on_text = lambda piece, thinking: context.on_text("code", piece, thinking)  # noqa: E731
        if coder.profile == "minnow":
            return coder.generate(request, on_text, context.cancel)
        return ending.heard(coder, request, DEFAULT_CLASS, on_text, context.cancel)

    try:
        return ask(None if question.repeated else question.code)
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
