"""What models other than Minnow are asked for a whole file of code, and again where a line of it is wrong.

The layers are told as a PyTorch user would write them down, with the sizes of their inputs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mlagent_tui import prompts
from mlagent_tui.llm import Message, Request
from mlagent_tui.prompts import Profile
from mlagent_tui.schemas import ModelConfig
from mlagent_tui.shapes import Step
from mlagent_tui.tools.astray import astray
from mlagent_tui.tools.outline import outline
from mlagent_tui.tools.prompts import CODE_TOKENS

ANSWER_TOKENS = 256
"""Tokens of an answer besides those of its layers, of which there is one for each character told of them."""
RETRY_TEMPERATURE, WARMER, WARMEST = 0.3, 0.15, 0.9


def network(config: ModelConfig, steps: Sequence[Step]) -> str:
    """The class, its layers line by line, and the order of the forward pass."""
    lines = outline(steps)
    made = [line.comment for line in lines if line.method == "__init__"]
    order = [line.comment for line in lines if line.method == "forward" and line.kind != "return"]
    return "\n".join([f"Class: {config.model_name}", "Layers:", *made, f"Forward: {', '.join(order)}"])


def file_request(
    profile: Profile,
    config: ModelConfig,
    steps: Sequence[Step],
    problem: str | None = None,
    previous: str | None = None,
    attempt: int = 0,
    seed: int = 0,
) -> Request:
    """The request for the whole file: greedy at first, then with the first difference, and warmer each time.

    `previous`, the code with that difference, is shown as the assistant's own earlier turn if it is given.
    """
    task = network(config, steps)
    messages = [Message("system", prompts.text(profile, "code")), Message("user", task)]
    if problem is not None and previous is not None:
        messages += [
            Message("assistant", f"```python\n{previous.strip()}\n```"),
            Message("user", repair(steps, problem, previous)),
        ]
    elif problem is not None:
        messages[-1] = Message("user", f"{task}\n\nMind this: {problem}")
    return Request(
        messages=tuple(messages),
        task="code",
        max_tokens=min(ANSWER_TOKENS + len(task), CODE_TOKENS),
        temperature=min(RETRY_TEMPERATURE + WARMER * (attempt - 1), WARMEST) if attempt else 0.0,
        seed=seed + attempt,
    )


def repair(steps: Sequence[Step], problem: str, previous: str) -> str:
    """What is wrong with `previous`: the first difference, the lines that hold it, and what was wanted."""
    place = astray(previous, list(steps)) or problem.partition(":")[0]
    wanted = [line for line in outline(steps) if line.step and place in (line.step.name, line.comment)]
    written = [line.strip() for line in previous.splitlines() if re.search(rf"\b{re.escape(place)}\b", line)]
    told = [f"That is not the network yet. {problem}"]
    if wanted:
        told += ["You wrote:", *(written or ["(nothing)"]), "Wanted:", *(line.comment for line in wanted)]
    return "\n".join([*told, "Write the whole class again with this corrected, as one Python code block."])
