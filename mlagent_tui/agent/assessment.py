"""What a planner says about a trial, held against what it was shown and against the network that was tried.

Claims of overfitting are `research.fit`'s to judge; here it is numbers, and what the network is made of.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations

from mlagent_tui import shapes
from mlagent_tui.agent import context
from mlagent_tui.agent.context import Brief
from mlagent_tui.errors import ConfigError
from mlagent_tui.research import claims, network_facts

_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_ADVICE = re.compile(
    r"\b(?:should|could|would|may|might|must|can|will|try|tr(?:ies|ying)|add\w*|us(?:e|ing)|consider\w*|"
    r"increas\w+|reduc\w+|need\w*|next|instead|more|fewer|less|without|suggest\w*|recommend\w*|if|let)\b",
    re.IGNORECASE,
)
"""What makes of a sentence a proposal: it is about another network than the one that was tried."""


def unfounded(brief: Brief, text: str) -> list[str]:
    """The sentences with a number that the planner was not shown, or about layers that the network lacks."""
    shown, facts = _shown(brief), _facts(brief)
    return [
        sentence
        for sentence in _SENTENCE.split(text)
        if not claims.knows(shown, sentence)
        or (facts and not _ADVICE.search(sentence) and claims.misdescribes(facts, sentence))
    ]


def without(text: str, false: Sequence[str], instead: str) -> str:
    """The text with `instead` in place of the false sentences, once."""
    kept = [instead if sentence in false else sentence for sentence in _SENTENCE.split(text)]
    return " ".join(dict.fromkeys(kept))


def _shown(brief: Brief) -> set[float]:
    """Every number of the planner's prompt, as it is and in percent, and the differences of shares."""
    last = brief.history[-1]
    lines = [*context.head(brief), *context.history(brief), *context.seen(brief), *context.verdict(brief)]
    parts = [last.config.to_json() if last.config else ""]
    parts.append(last.eval_config.model_dump_json() if last.eval_config else "")
    found = set(claims.numbers_of("\n".join(lines)))
    found |= {float(n) for part in parts for n in re.findall(r"\d+(?:\.\d+)?", part)}
    shares = [n for n in found if 0 < n <= 1]
    found |= {round(abs(a - b), 6) for a, b in combinations(shares, 2)} | {1 - n for n in shares}
    return found | {100 * n for n in found if n <= 1}


def _facts(brief: Brief) -> network_facts.Facts | None:
    config = brief.history[-1].config
    try:
        steps = shapes.infer(config) if config else []
    except ConfigError:
        return None
    if config is None:
        return None
    layers = [step for step in steps if step.role in ("layer", "shortcut")]
    return network_facts.configured(
        config.model_name,
        (tuple(config.input_shape), (config.num_classes,)),
        [(step.name, step.layer.type, step.output_shape, step.parameters) for step in layers],
        sum(step.role == "open" for step in steps),
    )
