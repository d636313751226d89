"""The decoding loop with a model whose every token is scripted: a reasoning model would be too large."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from llguidance import LLTokenizer
from numpy.typing import NDArray

from mlagent_tui.errors import ModelError
from mlagent_tui.llm.base import Answer, PromptTooLong, Request
from mlagent_tui.llm.constrain import Constrainer
from mlagent_tui.llm.families import FAMILIES, Family, Prompt, known_to, ready
from mlagent_tui.llm.generation import Stopped, write_answer
from mlagent_tui.llm.seam import Blanks

END, BEGIN = 256, 257
SCHEMA = {
    "type": "object",
    "properties": {"size": {"enum": ["small", "deep"]}},
    "required": ["size"],
    "additionalProperties": False,
}


class Scripted:
    """Writes its script byte by byte, and `then` once a mark was put in by someone else."""

    def __init__(self, script: str, then: str = "", context_length: int = 1000) -> None:
        self.context_length = context_length
        self.vocab_size = END + 1
        self._script, self._then = list(script.encode()), list(then.encode())
        self.seen: list[int] = []
        self.fixed = 0

    def tokenize(self, text: str, fragment: bool = False) -> list[int]:
        return [*([] if fragment else [BEGIN]), *text.encode()]

    def piece(self, token: int) -> bytes:
        return bytes([token]) if token < END else b"<special>"

    def is_end(self, token: int) -> bool:
        return token == END

    def begin(
        self, prompt: Sequence[int], cancelled: Callable[[], bool], fixed: int, progress: object
    ) -> int | None:
        self.fixed = fixed
        return None if cancelled() else 0

    def append(self, tokens: Sequence[int]) -> None:
        self.seen += tokens
        expected = self._script[: len(tokens)]
        self._script = self._script[len(tokens) :] if list(tokens) == expected else self._then

    def logits(self) -> NDArray[np.float32]:
        logits = np.zeros(END + 1, np.float32)
        logits[self._script[0] if self._script else END] = 9
        return logits


def write(
    model: Scripted, schema: bool = False, prompt: str | Prompt = "?", budget: int = 50, **fields: object
) -> Answer:
    request = Request((), SCHEMA if schema else None, **fields)  # type: ignore[arg-type]
    constraint = Constrainer(LLTokenizer("byte"), END + 1).constraint(SCHEMA) if schema else None
    return write_answer(
        model,
        ready(prompt, known_to(""), True) if isinstance(prompt, str) else prompt,
        request,
        constraint,
        thinking_tokens=budget,
        emit=lambda *_: None,
        cancelled=lambda: False,
    )


def test_free_text_ends_where_the_model_ends_it() -> None:
    answer = write(Scripted("hello"))
    assert (answer.text, answer.finish, answer.tokens) == ("hello", "stop", 5)


def test_the_schema_overrules_the_model() -> None:
    answer = write(Scripted("I think it should be deep"), schema=True)
    assert json.loads(answer.text)["size"] in ("small", "deep")
    assert answer.finish == "stop"


def test_thinking_opened_by_the_prompt_is_free_and_the_answer_after_it_constrained() -> None:
    answer = write(Scripted("not json at all</think>\n\n{"), schema=True, prompt="go<think>\n")
    assert answer.thinking == "not json at all"
    assert json.loads(answer.text)


def test_thinking_that_exceeds_its_budget_is_closed() -> None:
    answer = write(
        Scripted("again and " * 30, then='{"size":"deep"}'), schema=True, prompt="<think>", budget=20
    )
    assert answer.thinking == "again and again and"
    assert json.loads(answer.text) == {"size": "deep"}


def test_thinking_that_the_model_ends_without_its_marker_is_closed() -> None:
    answer = write(Scripted("short"), schema=True, prompt="<think>")
    assert answer.thinking == "short"
    assert json.loads(answer.text)


def test_thinking_does_not_count_as_answer() -> None:
    answer = write(Scripted("<think>" + "x" * 40 + "</think>0123456789"), max_tokens=8, budget=100)
    assert (answer.text, answer.finish) == ("01234567", "length")


def test_the_context_ends_an_answer() -> None:
    answer = write(Scripted("0123456789", context_length=9), prompt="four")
    assert (answer.text, answer.finish) == ("0123", "length")


def test_a_forced_end_beyond_the_limit_counts_as_cut_short() -> None:
    assert write(Scripted("{"), schema=True, max_tokens=12).finish == "length"


def test_a_prompt_as_long_as_the_context_is_refused() -> None:
    with pytest.raises(PromptTooLong) as caught:
        write(Scripted("x", context_length=9), prompt="12345678")
    assert (caught.value.prompt_tokens, caught.value.context_length) == (9, 9)


def test_a_model_that_computes_no_numbers_is_an_error() -> None:
    model = Scripted("x")
    model.logits = lambda: np.full(END + 1, np.nan, np.float32)  # type: ignore[method-assign]
    with pytest.raises(ModelError, match="not numbers"):
        write(model)


MARKED = [family for family in FAMILIES if family.opens]


@pytest.mark.parametrize("family", MARKED, ids=lambda family: family.name)
def test_every_familys_thinking_is_closed_by_its_own_marks_when_the_budget_ends(family: Family) -> None:
    model = Scripted("on and on " * 30, then='{"size":"deep"}')
    answer = write(model, schema=True, prompt=Prompt("?", family, (family,)), budget=20)
    assert (answer.thinking, json.loads(answer.text)) == ("on and on on and on", {"size": "deep"})
    assert family.closing in bytes(model.seen).decode()


@pytest.mark.parametrize("family", MARKED, ids=lambda family: family.name)
def test_what_begins_a_familys_answer_is_put_in_after_its_thinking(family: Family) -> None:
    model = Scripted(f"hm{family.closes}", then=f"yes{family.ends}")
    model._then = list(f"yes{family.ends}".encode()) if family.answer else []
    if not family.answer:
        model._script += list(f"yes{family.ends}".encode())
    answer = write(model, prompt=Prompt("?", family, (family,)))
    assert (answer.thinking, answer.text, answer.finish) == ("hm", "yes", "stop")


def test_a_mark_that_begins_with_several_tokens_is_recognised_under_a_schema() -> None:
    model = Scripted("<", then='hm</think>{"size":"deep"}')
    answer = write(model, schema=True)
    assert (answer.thinking, json.loads(answer.text)) == ("hm", {"size": "deep"})


def test_without_a_budget_a_model_held_to_a_schema_answers_at_once() -> None:
    answer = write(Scripted("<think>hm</think>"), schema=True, budget=0)
    assert (answer.thinking, answer.finish) == ("", "stop")
    assert json.loads(answer.text)


def test_thinking_leaves_room_for_the_answer_in_a_short_context() -> None:
    model = Scripted("x" * 500, then='{"size":"deep"}', context_length=120)
    answer = write(model, schema=True, prompt="<think>", budget=1000, max_tokens=40)
    assert json.loads(answer.text) == {"size": "deep"}
    assert len(answer.thinking) <= 80


def test_what_is_put_into_the_middle_of_a_text_does_not_begin_like_a_prompt() -> None:
    model = Scripted("x" * 30, then="yes")
    write(model, prompt="<think>", budget=5)
    assert BEGIN not in model.seen


def test_as_much_of_the_prompt_as_is_fixed_is_told_to_the_backend() -> None:
    model = Scripted("yes")
    request = Request(())
    write_answer(
        model, Prompt("same, then other"), request, None, thinking_tokens=0,
        emit=lambda *_: None, cancelled=lambda: False, fixed="same, than",
    )  # fmt: skip
    assert model.fixed == 1 + len("same, th")


def test_a_backend_that_is_stopped_in_mid_token_gives_what_was_written() -> None:
    model = Scripted("hello")

    def stop(tokens: Sequence[int]) -> None:
        raise Stopped

    model.append = stop  # type: ignore[method-assign]
    answer = write(model)
    assert (answer.text, answer.finish) == ("h", "cancelled")


def test_an_answer_that_repeats_itself_is_ended_soon() -> None:
    line = "x = self.fc1(x)\n"
    answer = write(Scripted(f"def forward(self, x):\n{line * 200}"), max_tokens=5000)
    assert answer.finish == "repetition"
    assert answer.text.count(line) < 40
    assert write(Scripted(line * 20), max_tokens=5000).finish == "stop"


def begun(begin: str, **fields: object) -> Answer:
    """A model that wants to go on with `deep"}` after a begun answer under a schema."""
    constraint = Constrainer(LLTokenizer("byte"), END + 1).constraint(SCHEMA, begin)
    return write_answer(
        Scripted('deep"}'), ready("?", known_to(""), True, begin), Request((), SCHEMA, **fields), constraint,  # type: ignore[arg-type]
        thinking_tokens=50, emit=lambda *_: None, cancelled=lambda: False,
    )  # fmt: skip


def test_an_answer_under_a_schema_goes_on_from_what_was_begun() -> None:
    assert begun('{"size":"').text == 'deep"}'
    assert begun('{"size":"s').text == 'mall"}'
    assert begun('\nAnswer: {"size":"').text == 'deep"}'
    assert (begun('{"size":"deep"}').text, begun('{"size":"deep"}').finish) == ("", "stop")


def test_what_no_valid_answer_begins_with_is_refused() -> None:
    with pytest.raises(ModelError, match="no answer of this schema begins with"):
        begun('{"size":"large')


def blanks_owed(script: str, owed: int, then: str = "") -> Answer:
    model = Scripted(script, then)
    return write_answer(
        model, ready("x =", known_to(""), True), Request((), max_tokens=50), None, thinking_tokens=50,
        emit=lambda *_: None, cancelled=lambda: False, blanks=Blanks(model.piece, END + 1), owed=owed,
    )  # fmt: skip


def test_blanks_at_the_end_of_a_begun_answer_are_left_to_the_model_and_are_no_part_of_the_rest() -> None:
    assert blanks_owed(" nn.Linear(4, 2)", 1).text == "nn.Linear(4, 2)"
    assert blanks_owed("   nn.Linear(4, 2)", 2).text == " nn.Linear(4, 2)"


def test_a_model_that_would_go_on_without_the_blanks_is_held_to_them() -> None:
    answer = blanks_owed("(4)", 2, then=" nn.ReLU()")
    assert (answer.text, answer.tokens) == ("nn.ReLU()", 11)


def test_the_tokens_that_bring_blanks_are_known() -> None:
    pieces = [b"a", b" ", b" a", b"  ", b"   a", b""]
    blanks = Blanks(pieces.__getitem__, len(pieces))
    assert blanks.allowed(1).tolist() == [1, 2, 3, 4]
    assert blanks.allowed(2).tolist() == [1, 3, 4]
    assert [blanks.brought(token) for token in range(6)] == [0, 1, 1, 2, 3, 0]
