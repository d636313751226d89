"""How a model does at deciding what to do after a run, on forty made-up states of a search."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from mlagent_tui.agent import Brief
from mlagent_tui.agent.stopping import must_stop
from mlagent_tui.errors import ModelError
from mlagent_tui.llm import LanguageModel
from mlagent_tui.research import ranking
from mlagent_tui.schemas import Decision
from prompt_study.asking import Asked, asking
from prompt_study.rows import Row
from prompt_study.situations import situations

OUTCOMES = ((0.81, 0.83), (0.95, 0.97), (0.74, 0.95), (0.9301, 0.94))
"""Accuracy on validation and on training data, in turn; 0.93 is wanted."""


def states() -> Iterator[Brief]:
    """After each network that is changed in `situations`, twice, with other outcomes and stages."""
    changed = [one.brief for one in situations() if one.brief.history]
    for index, brief in enumerate([*changed, *changed]):
        accuracy, trained = OUTCOMES[index % len(OUTCOMES)]
        (attempt,) = brief.history
        metrics = {"accuracy": accuracy, "val_loss": round(1.2 - accuracy, 4)}
        entry = attempt.entry.model_copy(
            update={"metrics_summary": metrics, "train_accuracy": trained, "next_change": []}
        )
        stale = 3 if index % 7 == 3 else 0
        history = (replace(attempt, entry=entry),)
        yield replace(brief, history=history, iteration=8 if index % 9 == 4 else 3, stale=stale)


def decisions(model: LanguageModel, name: str, count: int, misses: int = 0) -> list[Row]:
    """How many decisions are what the numbers say: reached, to be ended, or to go on with a change."""
    asked, shown, right = Asked(), 0, [0, 0]
    planner = asking(model, asked)
    began = time.monotonic()
    listed = list(islice(states(), count))
    for brief in listed:
        before = asked.answers
        met = ranking.achieved(brief.goal, brief.history[-1].entry)
        wanted = "goal_achieved" if met else "stop" if must_stop(brief) else "iterate"
        try:
            said: Decision | str = planner.decide(brief)
        except ModelError as error:
            said = error.what
        if isinstance(said, Decision) and said.decision == wanted:
            right[asked.answers - before > 1] += 1
        elif shown < misses:
            shown += 1
            print(f"    want {wanted}: {said!r}", flush=True)
    return [Row(f"decisions, {name}", *right, len(listed), asked.tokens, time.monotonic() - began)]
