"""How a model does at designing networks, in the situations of `situations`."""

from __future__ import annotations

import time
from itertools import islice

from mlagent_tui.agent import Brief, Planner
from mlagent_tui.agent.planning import (
    Unwished,
    closer,
    core_plan,
    fitted,
    refuse_pointless,
    refuse_unwished,
)
from mlagent_tui.errors import ConfigError, ModelError
from mlagent_tui.llm import LanguageModel
from mlagent_tui.research import change, wishes
from mlagent_tui.schemas import EvalConfig, ModelConfig
from mlagent_tui.shapes import infer
from prompt_study.asking import Asked, asking
from prompt_study.rows import Row
from prompt_study.situations import situations

ATTEMPTS = 4
"""As many as the loop gives a planner."""


def configs(model: LanguageModel, name: str, count: int, misses: int = 0) -> list[Row]:
    """How many networks build, are within the limit of parameters, and are not the one before again.

    The second row has those that do what was asked besides: the wishes, or the change.
    """
    asked, shown = Asked(), 0
    accepted, as_asked = [0, 0], [0, 0]
    planner = asking(model, asked)
    began = time.monotonic()
    cases = list(islice(situations(), count))
    for case in cases:
        problems, config = _designed(planner, case.brief)
        if config:
            accepted[bool(problems)] += 1
            as_asked[bool(problems)] += does_what_was_asked(case.brief, config)
        if shown < misses and problems:
            shown += 1
            print(f"    {case.name}", *problems, asked.texts[-1], sep="\n      ", flush=True)
    spent = (len(cases), asked.tokens, time.monotonic() - began)
    return [Row(f"configs, {name}", *accepted, *spent), Row("  as asked", *as_asked, *spent)]


def _designed(planner: Planner, brief: Brief) -> tuple[list[str], ModelConfig | None]:
    """The problem of each network that was refused, and the one that was accepted: as in the loop."""
    plan = core_plan(_settings(brief))
    problems: list[str] = []
    unwished: ModelConfig | None = None
    for attempt in range(ATTEMPTS):
        try:
            config = fitted(brief, planner.configure(brief, problems[-1] if problems else None, attempt))
            refuse_pointless(brief, config, infer(config), plan)
            if unwished is None:
                refuse_unwished(brief, config, plan)
        except ConfigError as error:
            problems.append(error.what)
            unwished = config if isinstance(error, Unwished) else unwished
        except ModelError as error:
            return [*problems, error.what], unwished
        else:
            return problems, closer(brief, plan, config, unwished)
    return problems, unwished


def does_what_was_asked(brief: Brief, config: ModelConfig) -> bool:
    """Whether the change that was asked for was made, or all wishes are met."""
    settings, before = _settings(brief), brief.last_config
    if before is None:
        return not wishes.unmet(wishes.check(brief.goal.asked, config, settings))
    made = change.differences(before, config, settings, settings)
    return all(any(wanted in one for one in made) for wanted in brief.changes)


def _settings(brief: Brief) -> EvalConfig:
    return brief.last_eval_config or EvalConfig(dataset="dummy")
