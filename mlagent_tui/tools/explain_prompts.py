"""What models other than Minnow are asked for an explanation: the measured facts, short, and no code."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from mlagent_tui import prompts
from mlagent_tui.llm import Message, Request
from mlagent_tui.prompts import Profile
from mlagent_tui.research.network_facts import Facts, kind_of
from mlagent_tui.shapes import show

EXPLAIN_TOKENS = 200
ROWS, FEWER_ROWS = 12, 4
"""Layers that are shown: the largest."""
BEGIN = "Description:"
_FACT = re.compile(r"\w[\w -]{0,24}: \S(?!.*[.!?]$)")
"""`Parameters: 16420`: a fact as it is told."""
STOPS = ("\n\n", "\nClass:")
"""What follows a description that is continued by other descriptions."""


def facts_text(facts: Facts, rows: int) -> str:
    """The facts, a line each, and the `rows` layers with most parameters in their order."""
    largest = sorted(facts.own, key=lambda layer: -layer.parameters)[:rows]
    shown = [layer for layer in facts.own if layer.parameters and layer in largest]
    counts = Counter(layer.type for layer in facts.own)
    lines = [
        f"Class: {facts.name}",
        f"Kind: {kind_of(facts)}",
        f"Input: {show(facts.input_shape)}",
        f"Output: {show(facts.output_shape)}",
        f"Layers: {', '.join(f'{number} {name}' for name, number in counts.items())}",
        *(["Residual connections: yes"] if facts.is_residual else []),
        f"Parameters: {facts.parameters}",
        *(f"Largest: {layer.name} {layer.parameters}" for layer in facts.largest[:1]),
        f"Multiply-adds: {facts.multiply_adds}",
        *(f"{layer.name}: {layer.type} {show(layer.shape)} {layer.parameters}" for layer in shown),
    ]
    return "\n".join(lines)


def own_words(answer: str, profile: Profile) -> str:
    """The answer without lines that only repeat how the facts are told, as small models do."""
    if profile == "minnow":
        return answer
    lines = [line.removeprefix(BEGIN).strip() for line in answer.splitlines()]
    return "\n".join(line for line in lines if not _FACT.match(line))


def facts_requests(profile: Profile, facts: Facts, seed: int = 0) -> Iterator[Request]:
    """Requests for a few sentences, the second with fewer layers than the first."""
    for rows in (ROWS, FEWER_ROWS):
        yield Request(
            messages=(
                Message("system", prompts.text(profile, "explain").strip()),
                Message("user", facts_text(facts, rows)),
            ),
            task="explain",
            max_tokens=EXPLAIN_TOKENS,
            seed=seed,
            begin=f"\n{BEGIN}" if profile == "completion" else "",
            stops=STOPS if profile == "completion" else (),
        )
