"""Every answer of the table is understood, or refused in the sentence that the model is told."""

from __future__ import annotations

import pytest

from mlagent_tui.errors import CodeError
from mlagent_tui.llm import Message, Request, structured
from mlagent_tui.llm.extract import code_block
from mlagent_tui.llm.needed_code import left_out
from mlagent_tui.schemas import Value
from mlagent_tui.training import check_source
from tests.canned import Canned
from tests.model_answers import CASES, TYPES, Case

RIGHT = {case.kind: case for case in reversed(CASES) if case.gives}
VALUES = [case for case in CASES if case.kind != "code"]
CODES = [case for case in CASES if case.kind == "code"]


def ids(case: Case) -> str:
    return f"{case.kind}: {case.name}"


def test_the_table_has_every_kind_and_no_name_twice() -> None:
    assert len(CASES) >= 60
    assert len({ids(case) for case in CASES}) == len(CASES)
    assert set(RIGHT) == {*TYPES, "code"}
    assert all(bool(case.gives) != bool(case.says) for case in CASES)


@pytest.mark.parametrize("case", VALUES, ids=ids)
def test_a_value_is_understood_or_asked_for_again_in_one_sentence(case: Case) -> None:
    model = Canned(Canned.said(case.text, case.finish), Canned.said(RIGHT[case.kind].text))
    type_: type[Value] = TYPES[case.kind]
    value = structured(model, Request((Message("user", "ask"),)), type_)
    told = [request.messages[-1].content.partition("Problem: ")[2] for request in model.asked[1:]]
    assert told == ([case.says] if case.says else [])
    assert value == type_.model_validate(case.gives or RIGHT[case.kind].gives)


@pytest.mark.parametrize("case", CODES, ids=ids)
def test_code_is_found_or_refused_in_one_sentence(case: Case) -> None:
    code = code_block(case.text)
    problem = left_out(code)
    try:
        check_source(code, "CurrentModel")
    except CodeError as error:
        problem = problem or error.what
    assert problem == case.says
    assert case.says or code == case.gives
