"""`pytorch_model_summary`: facts measured on the built module, and apart from them an explanation in words.

The words are the coder's as far as the measurement bears them out; else they are composed from it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from mlagent_tui import python_source
from mlagent_tui.errors import CodeError, Interrupted, ModelError
from mlagent_tui.events import SummaryMade, Warned
from mlagent_tui.llm import Answer, LanguageModel, PromptTooLong, Request
from mlagent_tui.prompts import Profile
from mlagent_tui.research import claims, network_facts
from mlagent_tui.schemas import DEFAULT_CLASS, Summary
from mlagent_tui.text import clean
from mlagent_tui.tools import excerpt, naming
from mlagent_tui.tools.checking import checked
from mlagent_tui.tools.context import ToolContext, current
from mlagent_tui.tools.explain_prompts import facts_requests, own_words
from mlagent_tui.tools.prompts import explain_requests
from mlagent_tui.tools.scripts import staged_copy

EXPLAIN_ROOM = 200
"""Tokens that an explanation usually needs; the prompt is shortened until they are left."""
SENTENCES, SENTENCE = 12, 300
"""Dropped sentences that are kept for the record, and characters of each."""


@checked
def pytorch_model_summary(
    model_script_path: str, model_class_name: str, input_size: tuple[int, ...]
) -> dict[str, Any]:
    """The fields of `schemas.Summary` for a class of the script, on an input of `input_size` (batch first).

    All but `explanation` is measured. `explanation_source` says whether its words are the coder's.
    Raises `CodeError` when the class cannot be built or run, `TrialError` when the worker ends early,
    `MachineError` when none can be started.
    """
    context = current()
    with staged_copy(context, model_script_path) as script:
        code = python_source.decoded(script.read_bytes())
        with context.pool().worker() as worker:
            measured = worker.measure(script, model_class_name, input_size)
    summary = measured.model_copy(update=_explained(context, code, measured))
    context.on_event(SummaryMade(summary=summary.model_dump(mode="json")))
    return summary.model_dump(mode="json")


def _explained(context: ToolContext, code: str, measured: Summary) -> dict[str, Any]:
    """The coder's sentences that the measurement bears out, or sentences composed from it."""
    facts = network_facts.facts_of(measured, excerpt.needed(code, measured.class_name))
    try:
        answer, name = _asked(context, code, measured)
    except ModelError as error:
        context.on_event(
            Warned(
                message=f"the coder gave no explanation: {error.what}; it is composed from the measurement",
                remedy=error.remedy,
            )
        )
        return {"explanation": network_facts.describe(facts), "explanation_source": "measurement"}
    if answer.finish == "cancelled":
        raise Interrupted("the coder was interrupted")
    said = own_words(clean(answer.text), context.coder().profile)
    words = naming.in_text(said.strip(), DEFAULT_CLASS, name)
    text, own, dropped = claims.explained(facts, words, cut_off=answer.finish != "stop")
    return {
        "explanation": text,
        "explanation_source": "coder" if own else "measurement",
        "explanation_dropped": [f"{one.sentence[:SENTENCE]} ({one.why})" for one in dropped[:SENTENCES]],
    }


def _asked(context: ToolContext, code: str, summary: Summary) -> tuple[Answer, str]:
    """The coder's answer to the longest request that fits, and the class that its default name stands for."""
    name = summary.class_name
    try:
        code, shown = naming.for_coder(code, name), summary.model_copy(update={"class_name": DEFAULT_CLASS})
    except CodeError:  # the code uses the coder's name for something else: it is shown as it is
        name, shown = DEFAULT_CLASS, summary
    coder = context.coder()
    requests = deque(_requests(coder.profile, code, shown, context.seed))
    while len(requests) > 1 and not _fits(coder, requests[0]):
        requests.popleft()
    while True:
        try:
            answer = coder.generate(
                requests.popleft(),
                lambda piece, thinking: context.on_text("explain", piece, thinking),
                context.cancel,
            )
        except PromptTooLong:
            if not requests:
                raise
        else:
            context.on_call("explain", answer)
            return answer, name


def _requests(profile: Profile, code: str, summary: Summary, seed: int) -> Iterator[Request]:
    """What to ask a model of the profile, the longest first."""
    if profile == "minnow":
        return explain_requests(code, summary, seed)
    facts = network_facts.facts_of(summary, excerpt.needed(code, summary.class_name))
    return facts_requests(profile, facts, seed)


def _fits(coder: LanguageModel, request: Request) -> bool:
    return coder.count_tokens(request.messages) + EXPLAIN_ROOM <= coder.context_length
