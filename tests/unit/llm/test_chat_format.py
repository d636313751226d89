"""Chat templates: rendered as their authors meant, and harmless when they are not well meant."""

from __future__ import annotations

import time

import pytest

from mlagent_tui.errors import ModelError
from mlagent_tui.llm import chat_format
from mlagent_tui.llm.base import Message
from mlagent_tui.llm.chat_format import ChatFormat
from tests.tiny_gguf import TEMPLATE

TALK = (Message("system", "Be brief."), Message("user", "Hello"))


def test_a_model_without_a_template_gets_chatml() -> None:
    assert ChatFormat("").render(TALK) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_template_may_leave_the_system_message_out() -> None:
    assert ChatFormat(TEMPLATE).render(TALK) == "<|user|>Hello<|assistant|>"


def test_a_system_message_that_is_refused_moves_into_the_user_message() -> None:
    template = (
        "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}"
        "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] | trim }}{% endfor %}"
        "{% if add_generation_prompt %}[model]{% endif %}"
    )
    assert ChatFormat(template, bos="<s>").render(TALK) == "<s>[user]Be brief.\n\nHello[model]"


def test_what_templates_in_the_wild_use_is_there() -> None:
    template = (
        "{% generation %}{{ strftime_now('%Y') }}{% endgeneration %} {{ {'a': '<é>'} | tojson }}"
        "{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}{{ m.content }}{% endfor %}"
    )
    assert ChatFormat(template).render(TALK) == '2025 {"a": "<é>"}Hello'


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'always the same' }}",
        "{{ messages.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ raise_exception.__globals__.os }}",
        "{% if messages.append(1) %}{% endif %}",
        "{% for i in range(100000000) %}x{% endfor %}",
        "{{ 'x' * 10000000000 }}",
        "{{ 9 ** 9 ** 9 ** 9 }}",
        "{% for a in range(90000) %}{{ 'x' * 900 }}{% endfor %}",
        "{{ messages[7].content }}",
        "{{ 1 / 0 }}",
        "{% if %}",
        "{{ raise_exception('never') }}",
    ],
)
def test_a_template_that_fails_or_breaks_out_is_an_error(template: str) -> None:
    with pytest.raises(ModelError, match="chat template cannot be used"):
        ChatFormat(template).render(TALK)


def test_a_template_that_takes_for_ever_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_format, "MAX_SECONDS", 0.2)
    started = time.monotonic()
    with pytest.raises(ModelError, match="it ran for more than"):
        ChatFormat("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}").render(
            TALK
        )
    assert time.monotonic() - started < 10


ALTERNATES = (
    "{% for m in messages %}{% set i = loop.index0 %}"
    "{% if i and (m['role'] == 'system' or messages[i - 1]['role'] == m['role']) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}"
    "[{{ m['role'] }}]{{ m['content'] }}{% endfor %}"
)


def test_a_system_message_that_is_refused_further_down_is_said_by_the_user() -> None:
    talk = (*TALK, Message("assistant", "Hi"), Message("system", "Now in JSON."), Message("user", "Again"))
    shown = ChatFormat(ALTERNATES).render(talk)
    assert shown == "[system]Be brief.[user]Hello[assistant]Hi[user]Now in JSON.\n\nAgain"


def test_a_template_that_wants_parts_or_tools_gets_them() -> None:
    parts = "{% for m in messages %}{{ m.content[0].text }};{% endfor %}"
    assert ChatFormat(parts).render(TALK) == "Be brief.;Hello;"
    tools = "{% for t in tools %}{{ t }}{% endfor %}{% for m in messages %}{{ m.content }};{% endfor %}"
    assert ChatFormat(tools).render(TALK) == "Be brief.;Hello;"


def test_a_template_is_told_whether_to_think() -> None:
    template = "{{ messages[-1].content }}{% if enable_thinking %}<think>{% else %}<think></think>{% endif %}"
    format_ = ChatFormat(template)
    assert format_.render(TALK, think=True).endswith("<think>")
    assert format_.render(TALK, think=False).endswith("<think></think>")
