"""What was understood from a model's answer, as short Markdown: the goal, a plan, a network, a decision."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from textual.content import Content

from mlagent_tui import events
from mlagent_tui.research import wording
from mlagent_tui.tui import words
from mlagent_tui.tui.facts import short_tool
from mlagent_tui.tui.text import line, visible


def goal(event: events.GoalUnderstood) -> str:
    """The goal in one line, and the wishes: those that are checked, and the others."""
    wished = wording.wished(event.asked, event.unchecked)
    if not wished and event.goal.get("wishes"):
        wished = f"wishes: {event.goal['wishes']}"
    stated = " · ".join(words.goal_items(event.goal))
    return f"**Goal** {stated}" + (f" · {line(wished)}" if wished else "")


def plan(fields: Mapping[str, Any]) -> str:
    """How the network will be trained; the calls themselves are the checklist."""
    calls = [call for call in fields.get("calls", []) if isinstance(call, Mapping)]
    names = " → ".join(short_tool(line(str(call.get("tool")))) for call in calls)
    return f"**Plan** {names}"


def config(fields: Mapping[str, Any], parameters: int) -> str:
    """The layers in one line."""
    layers = [words.layer(entry) for entry in fields.get("layers", []) if isinstance(entry, Mapping)]
    return f"**Network** {parameters:,} parameters: {' → '.join(layers)}"


def decision(event: events.DecisionMade) -> str:
    """What happens next, why, what changes, and what the planner advised if it was overruled."""
    fields = event.decision
    lines = [f"**{words.verdict(fields).capitalize()}** {line(str(fields.get('assessment') or ''))}", ""]
    lines += [f"- {line(str(change))}" for change in fields.get("changes") or []]
    if event.overruled_because:
        advised = words.verdict(event.advised) or "nothing"
        lines += [
            "",
            f"*The planner suggested {advised}, but {line(event.overruled_because)}*",
        ]
    return "\n".join(lines)


_PIECES = re.compile(r'"((?:[^"\\]|\\.)*)("?)(\s*:)?|([{}\[\],])|[^\s"{}\[\],]+', re.DOTALL)
_ESCAPED = re.compile(r"\\.", re.DOTALL)
MUTED = "$text-muted"
_ESCAPES = {r"\n": "\n", r"\"": '"', r"\\": "\\", r"\t": "    "}


def loosely(text: str) -> Content:
    """JSON that is still being written, to be read: outer keys begin a line."""
    parts: list[str | tuple[str, str]] = []
    inside: list[str] = []
    unnamed = False
    for found in _PIECES.finditer(text):
        string, colon, mark = found[1], found[3], found[4]
        if mark in ("{", "["):
            inside.append(mark)
            parts += [" "] if mark == "[" and len(inside) == 2 else []
        elif mark in ("}", "]"):
            del inside[-1:]
        elif mark == ",":
            parts += [", "] if len(inside) > 1 and inside[-1] == "[" else []
        elif string is not None and colon:
            outer, unnamed = len(inside) <= 1, string == "type"
            parts += ["\n"] if outer and parts else []
            parts += (
                [] if unnamed else [(f"{'' if outer else ' '}{visible(string)}", "bold" if outer else MUTED)]
            )
        else:
            shown = found[0] if string is None else _ESCAPED.sub(_unescaped, string)
            parts.append(visible(shown) if unnamed or inside[-1:] == ["["] else f" {visible(shown)}")
            unnamed = False
    return Content.assemble(*parts)


def _unescaped(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[0], found[0])
