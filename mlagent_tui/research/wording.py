"""How results of the rules are said, for console, screen and report alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def whose(source: object, dropped: int = 0, model: str = "") -> str:
    """Whose words an explanation has, for people; empty where that was not recorded.

    `model` is the one that has explained in the coder's place, if one has.
    """
    if source == "measurement":
        return "composed from the measurement"
    if source != "coder":
        return ""
    left_out = f"; {dropped} sentence{'s' if dropped > 1 else ''} left out" if dropped else ""
    words = f"the words of {model}" if model else "the coder's words"
    return f"{words}{left_out}"


def wished(asked: Sequence[str], unchecked: Sequence[str]) -> str:
    """What a goal asks of the network besides its numbers; empty where it asks for nothing."""
    parts = [f"asked for: {', '.join(asked)}"] if asked else []
    parts += [f"also wished, not checked: {', '.join(unchecked)}"] if unchecked else []
    return "; ".join(parts)


def outcome(words: str, unmet: Sequence[str]) -> str:
    """How a run ended, and that its best network leaves wishes open: `Goal achieved, 1 wish not met`."""
    return f"{words}, {len(unmet)} wish{'es' if len(unmet) > 1 else ''} not met" if unmet else words


def prompts(profiles: Mapping[str, Any], files: Iterable[Mapping[str, Any]]) -> str:
    """Which prompts the models of the roles are asked with, and those of the user's: `planner: chat`."""
    roles: dict[str, list[str]] = {}
    for role, profile in profiles.items():
        roles.setdefault(str(profile), []).append(str(role))
    parts = [f"{' and '.join(names)}: {profile}" for profile, names in roles.items()]
    changed = changed_prompts(files)
    return "; ".join([*parts, *([f"changed: {', '.join(changed)}"] if changed else [])])


def changed_prompts(files: Iterable[Mapping[str, Any]]) -> list[str]:
    """`chat/code`: the prompts of a run that are not the shipped ones."""
    return [f"{file['profile']}/{file['name']}" for file in files if file.get("changed")]


def share(role: str, own: str, given: int, other: str, replaced: int) -> str:
    """Whose answers were used in a role: `given` of its own model, `replaced` of the other in its place."""
    if not replaced:
        return f"As the {role}, {own} gave all {given} answers."
    return (
        f"As the {role}, {own} gave {given} of {given + replaced} answers; {other} stood in for {replaced}."
    )


def stood_in(task: str, model: str, instead_of: str, reason: str, for_good: bool) -> str:
    """That another model answers in place of a role's own, and why."""
    what = TASKS.get(task, task)
    until = " for the rest of the run" if for_good else ""
    return f"{model} {what}{until} in place of {instead_of}: {reason}"


TASKS = {
    "goal": "reads the goal", "plan": "plans", "config": "designs the network", "code": "writes the code",
    "explain": "explains the network", "decision": "decides",
}  # fmt: skip
"""What a language model does for a task."""


def made_by(planner: str, coder: str) -> str:
    """Which models proposed a network and wrote its code; empty where that is not known of either."""
    if planner == coder:
        return planner
    named = (("network", planner), ("code", coder))
    return ", ".join(f"{what} {model}" for what, model in named if model)
