"""Well-known families of models get their prompts in their own form: as llama.cpp, too, writes them.

The templates are short forms of those that come with the models: the same marks, and the same refusals.
"""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from pathlib import Path

import llama_cpp.llama_cpp as c
import pytest

from mlagent_tui.llm.base import Message
from mlagent_tui.llm.chat_format import ChatFormat
from mlagent_tui.llm.families import known_to, ready
from mlagent_tui.llm.gguf import Header, read_header
from mlagent_tui.llm.profile import PLAIN, profile_of

MODELS = os.environ.get("MLAGENT_TEST_MODELS", "")
"""A folder with models of other people's."""

TALK = (
    Message("system", "Be brief."),
    Message("user", "Hello"),
    Message("assistant", "Hi"),
    Message("user", "More"),
)
REPAIR = (*TALK[:3], Message("system", "Problem: one line."), Message("user", "More"))
"""As a repair may ask: a system message further down."""


@dataclass(frozen=True)
class Known:
    """A family: its template, what llama.cpp calls its form, and how an answer without thinking begins."""

    template: str
    form: str
    bos: str = ""
    direct: str = ""


def _roles(before: str, after: str, end: str, names: str = "m.role") -> str:
    """A template of the usual kind."""
    return (
        f"{{% for m in messages %}}{before}{{{{ {names} }}}}{after}{{{{ m.content }}}}{end}{{% endfor %}}"
        f"{{% if add_generation_prompt %}}{before}assistant{after}{{% endif %}}"
    )


REFUSES_SYSTEM = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
)
ALTERNATES = (
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
)
THINKING = (
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}"
)

FAMILIES: dict[str, Known] = {
    "Qwen 2.5, SmolLM2": Known(_roles("<|im_start|>", "{{ '\n' }}", "<|im_end|>{{ '\n' }}"), "chatml"),
    "Qwen 3, SmolLM3": Known(
        _roles("<|im_start|>", "{{ '\n' }}", "<|im_end|>{{ '\n' }}") + THINKING,
        "chatml",
        direct="<think>\n\n</think>\n\n",
    ),
    "Llama 3": Known(
        "{{ bos_token }}" + _roles("<|start_header_id|>", "<|end_header_id|>{{ '\n\n' }}", "<|eot_id|>"),
        "llama3",
        bos="<|begin_of_text|>",
    ),
    "Gemma 2": Known(
        "{{ bos_token }}" + REFUSES_SYSTEM + ALTERNATES
        + "<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}{{ '\n' }}{{ m.content | trim }}"
        "<end_of_turn>{{ '\n' }}{% endfor %}"
        "{% if add_generation_prompt %}<start_of_turn>model{{ '\n' }}{% endif %}",
        "gemma",
        bos="<bos>",
    ),
    "Phi 3.5": Known(_roles("<|", "|>{{ '\n' }}", "<|end|>{{ '\n' }}"), "phi3"),
    "Phi 4": Known(_roles("<|im_start|>", "<|im_sep|>", "<|im_end|>"), "phi4"),
    "Mistral 7B": Known(
        "{{ bos_token }}" + REFUSES_SYSTEM + ALTERNATES
        + "{% if m.role == 'user' %}[INST] {{ m.content }}[/INST]{% else %} {{ m.content }}</s>{% endif %}"
        "{% endfor %}",
        "mistral-v3",
        bos="<s>",
    ),
    "Mistral Small 3": Known(
        "{{ bos_token }}{% for m in messages %}"
        "{% if m.role == 'system' %}[SYSTEM_PROMPT] {{ m.content }}[/SYSTEM_PROMPT]"
        "{% elif m.role == 'user' %}[INST] {{ m.content }}[/INST]{% else %} {{ m.content }}</s>{% endif %}"
        "{% endfor %}",
        "mistral-v7",
        bos="<s>",
    ),
    "DeepSeek V3": Known(
        "{{ bos_token }}{% for m in messages %}"
        "{% if m.role == 'system' %}{{ m.content }}{{ '\n\n' }}{% elif m.role == 'user' %}"
        "<｜User｜>{{ m.content }}{% else %}<｜Assistant｜>{{ m.content }}<｜end▁of▁sentence｜>{% endif %}"
        "{% endfor %}{% if add_generation_prompt %}<｜Assistant｜>{% endif %}",
        "deepseek3",
        bos="<｜begin▁of▁sentence｜>",
    ),
    "Granite 4": Known(
        _roles("<|start_of_role|>", "<|end_of_role|>", "<|end_of_text|>{{ '\n' }}"), "granite-4.0"
    ),
    "Command R": Known(
        "{{ bos_token }}{% set names = {'system': 'SYSTEM', 'user': 'USER', 'assistant': 'CHATBOT'} %}"
        "{% for m in messages %}<|START_OF_TURN_TOKEN|><|{{ names[m.role] }}_TOKEN|>{{ m.content }}"
        "<|END_OF_TURN_TOKEN|>{% endfor %}<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
        "command-r",
        bos="<BOS_TOKEN>",
    ),
    "gpt-oss": Known(
        "{% for m in messages %}<|start|>{{ m.role }}<|message|>{{ m.content }}"
        "{{ '<|return|>' if m.role == 'assistant' else '<|end|>' }}{% endfor %}"
        "{# <|channel|>analysis<|message|> #}{% if add_generation_prompt %}<|start|>assistant{% endif %}",
        "gpt-oss",
        direct="<|channel|>final<|message|>",
    ),
    "Zephyr, TinyLlama": Known(_roles("<|", "|>{{ '\n' }}", "<|endoftext|>{{ '\n' }}"), "zephyr"),
    "Falcon 3": Known(_roles("<|", "|>{{ '\n' }}", "{{ '\n' }}"), "falcon3"),
    "Kimi K2": Known(
        "{% for m in messages %}<|im_{{ m.role }}|>{{ m.role }}<|im_middle|>{{ m.content }}<|im_end|>"
        "{% endfor %}<|im_assistant|>assistant<|im_middle|>",
        "kimi-k2",
    ),
}  # fmt: skip


def llama_cpps(form: str, messages: tuple[Message, ...]) -> str:
    """The prompt as llama.cpp's own code, which knows the families by name, writes it."""
    turns = [c.llama_chat_message(m.role.encode(), m.content.encode()) for m in messages]
    buffer = ctypes.create_string_buffer(4096)
    array = (c.llama_chat_message * len(turns))(*turns)
    length = c.llama_chat_apply_template(form.encode(), array, len(turns), True, buffer, len(buffer))
    assert 0 < length < len(buffer)
    return buffer.raw[:length].decode()


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_gets_its_own_form(name: str) -> None:
    known = FAMILIES[name]
    format_ = ChatFormat(known.template, known.bos)
    assert format_.render(TALK) == known.bos + llama_cpps(known.form, TALK)
    assert format_.render(TALK[1:]) == known.bos + llama_cpps(known.form, TALK[1:])


@pytest.mark.parametrize("name", FAMILIES)
def test_nothing_that_is_said_is_lost_by_a_family_that_refuses_a_role(name: str) -> None:
    known = FAMILIES[name]
    shown = ChatFormat(known.template, known.bos).render(REPAIR)
    assert all(message.content in shown for message in REPAIR)
    turns = [shown.index(message.content) for message in REPAIR if message.role != "system"]
    assert [shown.index(REPAIR[0].content), *turns] == sorted([shown.index(REPAIR[0].content), *turns])


@pytest.mark.parametrize("name", FAMILIES)
def test_without_thinking_a_family_is_begun_to_answer_at_once(name: str) -> None:
    known = FAMILIES[name]
    families = known_to(known.template)
    prompt = ChatFormat(known.template, known.bos).render(TALK, think=False)
    made = ready(prompt, families, think=False)
    assert made.inside is None
    assert made.text == known.bos + llama_cpps(known.form, TALK) + known.direct


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_with_a_template_is_asked_with_chat_prompts(name: str) -> None:
    said = {"general.name": name, "tokenizer.chat_template": FAMILIES[name].template}
    assert profile_of(Header(Path("m.gguf"), said)) == "chat"
    assert profile_of(Header(Path("m.gguf"), {"general.name": name})) == "completion"


def real(name: str) -> Header:
    path = Path(MODELS) / name
    if not MODELS or not path.is_file():
        pytest.skip(f"MLAGENT_TEST_MODELS names no folder with {name}")
    return read_header(path)


def test_smollm2_is_asked_by_its_template() -> None:
    header = real("SmolLM2-135M-Instruct.Q4_1.gguf")
    assert profile_of(header) == "chat"
    assert ChatFormat(header.chat_template).render(TALK) == llama_cpps("chatml", TALK)


def test_gemma_3_270m_is_a_base_model_and_shown_plain_text() -> None:
    header = real("gemma-3-270m-q4_k_m.gguf")
    assert profile_of(header) == "completion"
    assert ChatFormat(PLAIN).render(TALK) == "Be brief.\n\nHello\n\nHi\n\nMore"
