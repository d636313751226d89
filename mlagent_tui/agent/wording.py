"""How a planner is asked: one interface, implemented for Minnow and for other people's models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel

from mlagent_tui.agent.context import Brief
from mlagent_tui.agent.reading import Reading
from mlagent_tui.llm import Message
from mlagent_tui.schemas import Decision, Goal, ModelConfig, Plan

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Question(Generic[T_co]):
    """One thing asked: the messages, the type that the answer is held to, and what is made of the answer.

    `max_tokens` is the most that an answer may have, `usual_tokens` what it is expected to need. The model
    goes on from `begin` as from the start of its own answer.
    """

    messages: tuple[Message, ...]
    answer: type[BaseModel]
    make: Callable[[Any], T_co]
    max_tokens: int
    usual_tokens: int
    begin: str = ""


@dataclass(frozen=True)
class Refused:
    """A network that was refused, None where the answer was no network, and why.

    `repeated`: it is the same as one that was refused before it.
    """

    problem: str
    config: ModelConfig | None = None
    repeated: bool = False


class Wording(Protocol):
    """What a planner is shown for each of its four tasks."""

    def goal(self, reading: Reading, doubt: str, width: int) -> Question[Goal]:
        """Which goal a text states. `doubt` is what was wrong with the answer before, empty for the first.

        At most `width` characters of the text are shown.
        """

    def plan(self, brief: Brief) -> Question[Plan]:
        """The tool calls of an iteration, with the settings of its training."""

    def config(self, brief: Brief, refused: Refused | None) -> Question[ModelConfig]:
        """A network. `refused` is the answer before, None for the first."""

    def decision(self, brief: Brief) -> Question[Decision]:
        """What to do after the last run of `brief.history`."""
