"""`pytorch_model_summary`: facts measured on the built module, and the coder's explanation apart."""

from __future__ import annotations

from typing import Any

from mlagent_tui import python_source
from mlagent_tui.errors import CodeError, Interrupted, ModelError
from mlagent_tui.events import SummaryMade, Warned
from mlagent_tui.schemas import DEFAULT_CLASS, Summary
from mlagent_tui.text import clean
from mlagent_tui.tools import naming
from mlagent_tui.tools.checking import checked
from mlagent_tui.tools.context import ToolContext, current
from mlagent_tui.tools.prompts import explain_request
from mlagent_tui.tools.scripts import staged_copy


@checked
def pytorch_model_summary(
    model_script_path: str, model_class_name: str, input_size: tuple[int, ...]
) -> dict[str, Any]:
    """The fields of `schemas.Summary` for a class of the script, on an input of `input_size` (batch first).

    All but `explanation` is measured. A coder that cannot answer leaves that empty, with a warning.
    Raises `CodeError` when the class cannot be built or run, `TrialError` when the worker ends early,
    `MachineError` when none can be started.
    """
    context = current()
    with staged_copy(context, model_script_path) as script:
        code = python_source.decoded(script.read_bytes())
        with context.pool().worker() as worker:
            measured = worker.measure(script, model_class_name, input_size)
    summary = measured.model_copy(update={"explanation": _explain(context, code, measured)})
    context.on_event(SummaryMade(summary=summary.model_dump(mode="json")))
    return summary.model_dump(mode="json")


def _explain(context: ToolContext, code: str, summary: Summary) -> str:
    name = summary.class_name
    try:
        asked = explain_request(
            naming.for_coder(code, name),
            summary.model_copy(update={"class_name": DEFAULT_CLASS}),
            seed=context.seed,
        )
    except CodeError:  # the code uses the coder's name for something else: it is shown as it is
        name, asked = DEFAULT_CLASS, explain_request(code, summary, seed=context.seed)
    try:
        answer = context.coder().generate(
            asked,
            lambda piece, thinking: context.on_text("explain", piece, thinking),
            context.cancel,
        )
    except ModelError as error:
        context.on_event(Warned(message=f"no explanation: {error.what}", remedy=error.remedy))
        return ""
    context.on_call("explain", answer)
    if answer.finish == "cancelled":
        raise Interrupted("the coder was interrupted")
    return naming.in_text(clean(answer.text).strip(), DEFAULT_CLASS, name)
