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
from mlagent_tui.research.layer_kinds import CLASSES
from mlagent_tui.research.network_facts import Code, Facts, Layer
from mlagent_tui.research.quantities import NUMBER, numbers_of, value
from mlagent_tui.research.sentences import Sentence

_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_ADVICE = re.compile(
    r"\b(?:should|could|would|may|might|must|can|will|try|tr(?:ies|ying)|add\w*|us(?:e|ing)|consider\w*|"
    r"increas\w+|reduc\w+|need\w*|next|instead|more|fewer|less|without|suggest\w*|recommend\w*|if|let)\b",
    re.IGNORECASE,
)
"""What makes of a sentence a proposal: it is about another network than the one that was tried."""
SMALL = 10
"""Whole numbers up to this count things that nobody can look up: two reasons, three steps."""


def unfounded(brief: Brief, text: str) -> list[str]:
    """The sentences with a number that the planner was not shown, or about layers that the network lacks."""
    shown, facts = _shown(brief), _facts(brief)
    return [
        sentence
        for sentence in _SENTENCE.split(text)
        if not _known(sentence, shown)
        or (facts and not _ADVICE.search(sentence) and Sentence(facts, sentence).misdescribes())
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
    found = set(numbers_of("\n".join(lines)))
    found |= {float(n) for part in parts for n in re.findall(r"\d+(?:\.\d+)?", part)}
    shares = [n for n in found if 0 < n <= 1]
    found |= {round(abs(a - b), 6) for a, b in combinations(shares, 2)} | {1 - n for n in shares}
    return found | {100 * n for n in found if n <= 1}


def _known(sentence: str, shown: set[float]) -> bool:
    for match in NUMBER.finditer(sentence):
        said, step = value(match)
        small = said == int(said) and said <= SMALL
        if not small and not any(abs(said - n) <= step / 2 + 1e-9 * max(1.0, n) for n in shown):
            return False
    return True


def _facts(brief: Brief) -> Facts | None:
    config = brief.history[-1].config
    try:
        steps = shapes.infer(config) if config else []
    except ConfigError:
        return None
    if config is None:
        return None
    layers = [step for step in steps if step.role in ("layer", "shortcut")]
    return Facts(
        name=config.model_name,
        input_shape=tuple(config.input_shape),
        output_shape=(config.num_classes,),
        parameters=shapes.count_parameters(steps),
        layers=tuple(Layer(s.name, CLASSES[s.layer.type], s.output_shape, s.parameters) for s in layers),
        code=Code(additions=sum(step.role == "open" for step in steps)),
    )
