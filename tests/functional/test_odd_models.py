"""Model files that are whole and odd: what is missing or strange in them gives an answer or one sentence."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import gguf
import pytest

from mlagent_tui.errors import ModelError
from mlagent_tui.llm import Message, Request, open_model
from mlagent_tui.llm.gguf import read_header
from tests.damage import Trials
from tests.tiny_gguf import make

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits memory, forks")

Metadata = dict[str, gguf.GGUFValue]
Alter = Callable[[Metadata], None]
USER = "{{ messages[0].content }}"
TURN = "<|user|>{{ m.content }}"


def without(*keys: str) -> Alter:
    def alter(metadata: Metadata) -> None:
        for key in [key for key in metadata if key.startswith(keys)]:
            del metadata[key]

    return alter


def holding(key: str, value: Any, *kind: Any) -> Alter:
    def alter(metadata: Metadata) -> None:
        metadata[key] = gguf.GGUFValue(value, *(kind or [gguf.GGUFValueType.get_type(value)]))

    return alter


def vocabulary(change: Callable[[list[str]], list[str]]) -> Alter:
    def alter(metadata: Metadata) -> None:
        tokens = metadata["tokenizer.ggml.tokens"]
        tokens.value = change(list(tokens.value))

    return alter


TEXTS = (gguf.GGUFValueType.ARRAY, gguf.GGUFValueType.STRING)
ODD: dict[str, tuple[Alter, str]] = {
    "no vocabulary": (without("tokenizer."), "cannot load"),
    "no tokens": (without("tokenizer.ggml.tokens"), "cannot find tokenizer vocab"),
    "no types of tokens": (without("tokenizer.ggml.token_type"), ""),
    "no scores": (without("tokenizer.ggml.scores"), ""),
    "no merges": (holding("tokenizer.ggml.model", "gpt2"), "cannot find tokenizer merges"),
    "a tokenizer unheard of": (holding("tokenizer.ggml.model", "xyz"), "unknown tokenizer"),
    "no end": (without("tokenizer.ggml.eos"), ""),
    "no special tokens": (without(*(f"tokenizer.ggml.{name}" for name in ("eos", "bos", "unk", "pad"))), ""),
    "a beginning wanted that it has not": (holding("tokenizer.ggml.add_bos_token", True), ""),
    "an end out of range": (holding("tokenizer.ggml.eos_token_id", 10**6, gguf.GGUFValueType.UINT32), ""),
    "a control token without text": (vocabulary(lambda t: [t[0], "", *t[2:]]), ""),
    "tokens without text": (vocabulary(lambda t: [*t[:-6], *[""] * 6]), ""),
    "fewer tokens": (vocabulary(lambda t: t[:-20]), "wrong shape"),
    "no template": (without("tokenizer.chat_template"), ""),
    "a blank template": (holding("tokenizer.chat_template", " \n"), ""),
    "a number as template": (holding("tokenizer.chat_template", 7, gguf.GGUFValueType.UINT32), ""),
    "texts as template": (holding("tokenizer.chat_template", ["a", "b"], *TEXTS), ""),
    "a name that is no name": (holding("general.name", "\x1b[31m\0"), ""),
    "a context that is a text": (holding("llama.context_length", "4096"), "wrong type"),
    "a context of 4": (
        holding("llama.context_length", 4, gguf.GGUFValueType.UINT32),
        "a context of 4 tokens",
    ),
    "no context": (without("llama.context_length"), "cannot load"),
    "an architecture unheard of": (holding("general.architecture", "foo"), "unknown model architecture"),
    "no heads": (holding("llama.attention.head_count", 0, gguf.GGUFValueType.UINT32), "cannot load"),
}
TEMPLATES = {
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}"
    f"{TURN}{{% endfor %}}": "",
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('no') }}"
    f"{{% endif %}}{TURN}{{% endfor %}}": "",
    "{{ raise_exception('not for you') }}": "not for you",
    "{{ messages | no_such_filter }}": "no_such_filter",
    "{{ messages[0].content | no_such() }}": "no_such",
    f"{{{{ cycler() }}}}{USER}": "at least one item",
    f"{{% break %}}{USER}": "outside loop",
    f"{{{{ raise_exception | tojson }}}}{USER}": "chat template",
    "<|assistant|>": "it omits the user's message",
}


@pytest.fixture(scope="module")
def trials() -> Iterator[Trials]:
    trials = Trials(60, 3 << 30)
    yield trials
    trials.close()


@pytest.mark.parametrize("name", ODD)
def test_odd_metadata_gives_an_answer_or_one_sentence(name: str, trials: Trials, tmp_path: Path) -> None:
    alter, said = ODD[name]
    path = make(tmp_path / "odd.gguf", alter=alter)
    assert read_header(path).name
    outcome = trials.run(path)
    assert (outcome.what, said in outcome.said) == ("refused" if said else "answered", True), outcome
    assert "\n" not in outcome.said


@pytest.mark.parametrize("template", TEMPLATES)
def test_an_odd_template_gives_an_answer_or_one_sentence(
    template: str, trials: Trials, tmp_path: Path
) -> None:
    outcome = trials.run(make(tmp_path / "odd.gguf", template=template))
    said = TEMPLATES[template]
    assert (outcome.what, said in outcome.said) == ("refused" if said else "answered", True), outcome
    assert not said or "the model's chat template cannot be used: " in outcome.said


def test_where_llama_cpp_gives_up_it_says_so_in_a_line_and_not_in_pages(tmp_path: Path) -> None:
    twice = vocabulary(lambda tokens: [*tokens[:-6], *["a"] * 6])
    with (
        pytest.raises(ModelError) as caught,
        closing(open_model(str(make(tmp_path / "odd.gguf", alter=twice)))) as model,
    ):
        model.generate(Request((Message("user", "hello"),), max_tokens=3))
    assert "GGML_ASSERT" in caught.value.what
    assert "(it said: llama-vocab.cpp:" in caught.value.what
    assert "#1 " not in caught.value.what and "libc" not in caught.value.what
