"""What the models were asked and answered for one run: read out of that stretch of the journal only."""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mlagent_tui import events

MOST_BYTES = 8 * 2**20
"""Of a longer stretch of the journal, the first part is read."""

_LONGEST = 200_000
_PLAN = b'"type":"step_started","step":"plan"'
_UNDERSTAND = b'"type":"step_started","step":"understand"'
_DECISION = b'"type":"decision_made"'
_STARTED = b'"type":"run_started"'


@dataclass
class Exchange:
    """One question to a model, and what it answered.

    `prompt` and `model`, its name, are empty where the journal does not keep them.
    """

    role: str
    task: str
    prompt: str = ""
    thinking: str = ""
    answer: str = ""
    tokens: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    model: str = ""

    @property
    def text(self) -> str:
        """All of it, under headings."""
        parts = [("Prompt", self.prompt), ("Thinking", self.thinking), ("Answer", _laid_out(self.answer))]
        parts += [("Problem found by the check", problem) for problem in self.problems]
        return "\n\n".join(f"── {name} ──\n\n{said.strip()}" for name, said in parts if said.strip()) + "\n"


def read(journal: Path, run_id: str) -> list[Exchange]:
    """The exchanges that led to `run_id`, in order; none when the journal does not tell of it."""
    try:
        with events.open_plain(journal) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            start, end = _stretch(data, run_id)
            block = data[start : min(end, start + MOST_BYTES)]
    except (OSError, ValueError):  # an empty file cannot be mapped
        return []
    return exchanges(events.parse(line) for line in block.split(b"\n") if line.strip())


def exchanges(told: Iterable[events.Event]) -> list[Exchange]:
    """The exchanges in a stretch of events."""
    found: list[Exchange] = []
    open_one: Exchange | None = None
    for event in told:
        match event:
            case events.ModelAsked():
                open_one = Exchange(event.role, event.task, event.prompt[:_LONGEST], model=event.model)
                found.append(open_one)
            case events.TokensStreamed():
                if open_one is None or (open_one.role, open_one.task) != (event.role, event.task):
                    open_one = Exchange(event.role, event.task)
                    found.append(open_one)
                name = "thinking" if event.thinking else "answer"
                setattr(open_one, name, (getattr(open_one, name) + event.text)[:_LONGEST])
            case events.ModelCalled() if open_one is not None:
                open_one.tokens, open_one.seconds = event.tokens, event.seconds
                open_one = None
            case events.CheckFailed() if found:
                found[-1].problems.append(event.problem)
            case _:
                pass
    return found


def _laid_out(answer: str) -> str:
    """An answer that is JSON, with its members on lines of their own; any other as it is."""
    try:
        return json.dumps(json.loads(answer), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return answer


def _stretch(data: mmap.mmap, run_id: str) -> tuple[int, int]:
    """Where the iteration of `run_id` begins and ends. Raises `ValueError` when it is not there."""
    named = data.find(f'"run_id":"{run_id}"'.encode())
    if named < 0:
        raise ValueError(f"the journal has no entries for {run_id}")
    run = max(0, data.rfind(_STARTED, 0, named))
    plan = data.rfind(_PLAN, run, named)
    first = plan >= 0 and data.rfind(_PLAN, run, plan) < 0
    begin = data.find(_UNDERSTAND, run, plan) if first else plan
    begin = begin if begin >= 0 else max(plan, run)
    decision = data.find(_DECISION, named)
    end = data.find(b"\n", decision) + 1 if decision >= 0 else len(data)
    return data.rfind(b"\n", 0, begin) + 1, end or len(data)
