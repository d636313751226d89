"""How a model does at designing networks, in the situations of `situations`."""

from __future__ import annotations

import time
from itertools import islice

from mlagent_tui.agent import Brief, Planner
from mlagent_tui.agent.planning import core_plan, fitted, refuse_pointless
from mlagent_tui.errors import ConfigError, ModelError
from mlagent_tui.llm import LanguageModel
from mlagent_tui.schemas import EvalConfig
from mlagent_tui.shapes import infer
from prompt_study.asking import Asked, asking
from prompt_study.rows import Row
from prompt_study.situations import situations

ATTEMPTS = 4
"""As many as the loop gives a planner."""


def configs(model: LanguageModel, name: str, count: int, misses: int = 0) -> Row:
    """How many networks build, are within the limit of parameters, and are not the one before again."""
    asked, right_first, right_later, shown = Asked(), 0, 0, 0
    planner = asking(model, asked)
    began = time.monotonic()
    cases = list(islice(situations(), count))
    for case in cases:
        before = asked.answers
        problems = _designed(planner, case.brief)
        if not problems or problems[-1]:
            right = False
        else:
            right = True
            right_first += asked.answers - before == 1
            right_later += asked.answers - before > 1
        if shown < misses and (not right or len(problems) > 1):
            shown += 1
            print(f"    {case.name}", *problems, asked.texts[-1], sep="\n      ", flush=True)
    seconds = time.monotonic() - began
    return Row(f"configs, {name}", right_first, right_later, len(cases), asked.tokens, seconds)


def _designed(planner: Planner, brief: Brief) -> list[str]:
    """The problem of each attempt; the last is empty when the network was accepted."""
    settings = brief.last_eval_config or EvalConfig(dataset="dummy")
    problems: list[str] = []
    for attempt in range(ATTEMPTS):
        try:
            config = fitted(brief, planner.configure(brief, problems[-1] if problems else None, attempt))
            refuse_pointless(brief, config, infer(config), core_plan(settings))
        except ConfigError as error:
            problems.append(error.what)
        except ModelError as error:
            return [*problems, error.what]
        else:
            return [*problems, ""]
    return problems
