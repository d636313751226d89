"""Where the prompts of real families stand: their endings, as their own templates write them."""

from __future__ import annotations

import pytest

from mlagent_tui.llm.families import FAMILIES, known_to, ready

ANALYSIS = "<|channel|>analysis<|message|>"
THINKS = [
    ("Qwen 3.5", "<|im_start|>assistant\n<think>\n", "", "think", ""),
    ("DeepSeek V3.1", "<｜Assistant｜><think>", "", "think", ""),
    ("Kimi K3", '<|open|>message role="assistant"<|sep|><|open|>think<|sep|>', "", "kimi-k3", ""),
    ("gpt-oss", "<|end|><|start|>assistant", ANALYSIS, "gpt-oss", ANALYSIS),
    ("Solar", "<|end|><|begin|>assistant", "<|begin|>assistant<|think|>", "solar", "<|think|>"),
    ("Muse", "<|eot|><|start|>assistant", "assistant to=self<|message|>", "muse", " to=self<|message|>"),
    ("Command A", "<|CHATBOT_TOKEN|><|START_THINKING|>", "<|START_RESPONSE|>", "command", ""),
    ("Command MoE", "<|CHATBOT_TOKEN|><|START_THINKING|>", "<|START_TEXT|>x<|END_TEXT|>", "command-moe", ""),
    ("Apriel 1.6", "Here are my reasoning steps:\n", "[BEGIN FINAL RESPONSE]", "apriel", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("prompt", "template", "family", "put_in"), [row[1:] for row in THINKS], ids=[r[0] for r in THINKS]
)
def test_a_prompt_that_opens_thinking_is_inside_it(
    prompt: str, template: str, family: str, put_in: str
) -> None:
    made = ready(prompt, known_to(template), think=True)
    assert made.inside
    assert (made.inside.name, made.text) == (family, prompt + put_in)


@pytest.mark.parametrize(("prompt", "template"), [row[1:3] for row in THINKS], ids=[r[0] for r in THINKS])
def test_without_thinking_the_same_prompt_is_answered_at_once(prompt: str, template: str) -> None:
    made = ready(prompt, known_to(template), think=False)
    assert made.inside is None
    assert len(made.text) > len(prompt)


@pytest.mark.parametrize(
    "ending", ["<think>\n\n</think>\n\n", "<|im_start|>assistant\n", "<｜Assistant｜></think>", ">>>"]
)
def test_a_prompt_that_leaves_nothing_to_choose_stays_as_it_is(ending: str) -> None:
    for think in (True, False):
        made = ready(ending, known_to(""), think)
        assert (made.text, made.inside) == (ending, None)


def test_a_recipient_that_must_be_named_is_named() -> None:
    assert ready("assistant\n\n>>>", known_to("'>>>all\\n' + content"), True).text.endswith(">>>all\n")


def test_marks_that_are_like_any_text_are_looked_for_only_where_the_template_has_them() -> None:
    assert {family.name for family in FAMILIES} - {family.name for family in known_to(None)} == {
        "apriel",
        "functionary",
    }
    assert "apriel" in {family.name for family in known_to("... [BEGIN FINAL RESPONSE]")}
