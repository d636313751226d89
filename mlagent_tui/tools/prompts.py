"""What the coder is asked: a network described line by line, and code with its measured facts.

No prompt holds rendered code of the network: the model writes it. The instructions are files of
`mlagent_tui/prompts`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from mlagent_tui import prompts
from mlagent_tui.llm import Message, Request
from mlagent_tui.schemas import ModelConfig, Summary
from mlagent_tui.shapes import Step, show
from mlagent_tui.tools.astray import astray
from mlagent_tui.tools.excerpt import views

_NORMS = ("batchnorm2d", "groupnorm", "layernorm")
CODE_TOKENS = 4096
EXPLAIN_TOKENS = 400
RETRY_TEMPERATURE = 0.4
MOST_ROWS, FEWEST_ROWS = 24, 12
"""Layers that a shortened request for an explanation shows: the largest."""
AROUND = 2
"""Steps shown again before and after the one that went wrong."""


def describe(steps: list[Step]) -> str:
    """The unrolled network, a line a step, with names, shapes and arguments."""
    return "\n".join(_line(step) for step in steps)


def _line(step: Step) -> str:
    if step.role == "open":
        return f"{step.name}: residual {show(step.input_shape)} -> {show(step.output_shape)}"
    if step.role == "close":
        changed = step.input_shape != step.output_shape
        return f"{step.name}: add {'shortcut' + step.name.removeprefix('res') if changed else 'input'}"
    parts = [f"{step.name}: {step.layer.type}"]
    if step.layer.type in _NORMS:
        parts.append(show(step.input_shape))
    elif step.input_shape != step.output_shape or step.layer.type in ("conv2d", "linear"):
        parts.append(f"{show(step.input_shape)} -> {show(step.output_shape)}")
    arguments = step.layer.model_dump(exclude={"type"}, exclude_defaults=True)
    return " ".join([*parts, *(f"{name}={value}" for name, value in arguments.items())])


def order(steps: list[Step]) -> list[str]:
    """The names in the order of the forward pass; `resN` ends with its `shortcutN`, or with `+ resN`."""
    names = []
    for before, step in pairwise([None, *steps]):
        assert step is not None
        if step.role != "close":
            names.append(step.name)
        elif before is None or before.role != "shortcut":
            names.append(f"+ {step.name}")
    return names


def code_prompt(
    config: ModelConfig, steps: list[Step], problem: str | None = None, place: str | None = None
) -> str:
    """The coder's task; `problem` is the first difference found in its previous attempt.

    The lines about the layer `place` are repeated then: a small model slips where layers are alike.
    """
    lines = [
        "Task: code",
        f"Class: {config.model_name}",
        "Network:",
        describe(steps),
        f"Order: {', '.join(order(steps))}",
    ]
    if problem:
        lines.append(f"Problem: {problem}")
    names = [step.name for step in steps]
    if problem and place in names:
        at = names.index(place)
        start = max(at - AROUND, 0)
        start -= steps[start].role == "close"  # its shortcut, if there is one, belongs to it
        around = steps[start : at + AROUND + 1]
        lines += ["Look again:", describe(around), f"Order there: {', '.join(order(around))}"]
    return "\n".join(lines)


def code_request(
    config: ModelConfig,
    steps: list[Step],
    problem: str | None = None,
    previous: str | None = None,
    attempt: int = 0,
    seed: int = 0,
) -> Request:
    """Greedy at first; a repair sees the first difference and is sampled, each attempt with its own seed.

    `previous`, the code with that difference, is shown as the assistant's own earlier turn.
    """
    task = Message("user", code_prompt(config, steps))
    messages = [Message("system", prompts.text("minnow", "code"))]
    if previous is not None and problem is not None:
        messages += [task, Message("assistant", f"```python\n{previous}\n```")]
        place = astray(previous, steps) or problem.partition(":")[0]
        task = Message("user", code_prompt(config, steps, problem, place))
    return Request(
        messages=(*messages, task),
        task="code",
        max_tokens=CODE_TOKENS,
        temperature=RETRY_TEMPERATURE if attempt else 0.0,
        seed=seed + attempt,
    )


def explain_prompt(code: str, summary: Summary, rows: int | None = None) -> str:
    """The code, and what was measured on it: all layers that have parameters, or the `rows` largest."""
    weighted = [row for row in summary.layers if row.parameters]
    largest = sorted(weighted, key=lambda row: row.parameters, reverse=True)
    shown = weighted if rows is None else [row for row in weighted if row in largest[:rows]]
    lines = [
        "Task: explain",
        f"Class: {summary.class_name}",
        f"Input: {show(summary.input_shape[1:])}",
        f"Output: {show(summary.output_shape[1:])}",
        f"Parameters: {summary.total_parameters}",
        f"Multiply-adds: {summary.multiply_adds}",
        *([f"Largest: {largest[0].name} {largest[0].parameters}"] if largest else []),
        "Layers with parameters:",
        *(f"{row.name}: {row.type} {show(row.output_shape)} {row.parameters}" for row in shown),
        *([f"and {len(weighted) - len(shown)} smaller ones"] if len(shown) < len(weighted) else []),
        *(["Code:", code.strip()] if code.strip() else []),
    ]
    return "\n".join(lines)


def explain_requests(code: str, summary: Summary, seed: int = 0) -> Iterator[Request]:
    """Asks for a few sentences of plain text: first with the whole code, then with less and less of it."""
    texts = [explain_prompt(code, summary)]
    texts += [explain_prompt(view, summary, MOST_ROWS) for view in views(code, summary.class_name)]
    texts += [explain_prompt("", summary, FEWEST_ROWS)]
    shortest = len(texts[0]) + 1
    for prompt in texts:
        if len(prompt) >= shortest:
            continue
        shortest = len(prompt)
        yield Request(
            messages=(Message("system", prompts.text("minnow", "explain")), Message("user", prompt)),
            task="explain",
            max_tokens=EXPLAIN_TOKENS,
            seed=seed,
        )
