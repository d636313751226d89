"""Rearranges the turns of a conversation for those who refuse a system message, or two turns of one role in
a row: a model's chat template, or a server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mlagent_tui.llm.base import Message

Fold = Callable[[Sequence[Message]], tuple[Message, ...]]


def as_is(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The same messages."""
    return tuple(messages)


def system_first(messages: Sequence[Message]) -> tuple[Message, ...]:
    """System messages after the first message become the user's, and roles alternate."""
    first, *rest = messages
    folded = [first]
    for message in rest:
        role = "user" if message.role == "system" else message.role
        if folded[-1].role == role:
            folded[-1] = Message(role, f"{folded[-1].content}\n\n{message.content}")
        else:
            folded.append(Message(role, message.content))
    return tuple(folded)


def no_system(messages: Sequence[Message]) -> tuple[Message, ...]:
    """System messages at the head of the first user message, and roles alternate."""
    system = "\n\n".join(message.content for message in messages if message.role == "system")
    rest = [message for message in messages if message.role != "system"]
    if system and rest:
        rest[0] = Message(rest[0].role, f"{system}\n\n{rest[0].content}")
    return system_first(rest) if rest else (Message("user", system),)
