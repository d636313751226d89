"""A root folder with a context whose coder and workers must not be needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mlagent_tui.events import Event
from mlagent_tui.llm.base import Answer, Message, OnProgress, OnText, Request
from mlagent_tui.prompts import Profile
from mlagent_tui.tools import ToolContext, use_context


def unwanted() -> object:
    raise AssertionError("this tool needs neither a coder nor a worker")


@dataclass
class ScriptedCoder:
    """Stands in for a language model: gives the answers it was told, in order, and keeps the requests."""

    answers: list[str | Exception]
    requests: list[Request] = field(default_factory=list)
    name: str = "scripted"
    context_length: int = 4096
    profile: Profile = "minnow"

    def generate(
        self,
        request: Request,
        on_text: OnText | None = None,
        cancel: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> Answer:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if cancel is not None and cancel.is_set():
            return Answer("", "", "cancelled", 1, 0, 0.0, 0.0)
        if on_text is not None:
            on_text(answer, False)
        return Answer(answer, "", "stop", 1, len(answer), 0.0, 0.0)

    def count_tokens(self, messages: tuple[Message, ...]) -> int:
        return sum(len(message.content) for message in messages)

    def close(self) -> None:
        return None


@pytest.fixture
def told() -> list[Event]:
    """The events that tools tell the context."""
    return []


@pytest.fixture
def context(tmp_path: Path, told: list[Event]) -> Iterator[ToolContext]:
    root = tmp_path / "root"
    root.mkdir()
    context = ToolContext(root, coder=unwanted, pool=unwanted, on_event=told.append)  # type: ignore[arg-type]
    with use_context(context):
        yield context


@pytest.fixture
def scripted() -> Callable[..., ScriptedCoder]:
    """Makes a coder that gives these answers; an exception among them is raised."""
    return lambda *answers: ScriptedCoder(list(answers))
