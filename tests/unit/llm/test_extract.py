"""The answer is found in what a model wrote around it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent_tui.llm.extract import code_block, json_object

CODE = "import torch\n\n\nclass Net:\n    x = 1\n"


@pytest.mark.parametrize(
    "text",
    [
        f"```python\n{CODE}```",
        f"```python\n{CODE}",
        f"Here it is:\n```py\n{CODE}```\nI hope it helps; ```self.x``` is one.",
        f"```python\n```python\n{CODE}```\n```",
        f"```\n```python\n{CODE}```\n```\n",
        f"First:\n```python\nprint(1)\n```\nthen:\n```python\n{CODE}```",
        f"~~~python\n{CODE}~~~",
        CODE,
        f"Sure! Here is the code.\n\n{CODE}\nIt has one class, as you wanted.\nGood luck!",
        f"   ```python\n{CODE}   ```",
    ],
    ids=[
        "fenced",
        "cut",
        "prose",
        "doubled",
        "nested",
        "second",
        "tildes",
        "bare",
        "unfenced prose",
        "indented",
    ],
)
def test_the_code_is_found_whatever_is_around_it(text: str) -> None:
    assert code_block(text) == CODE


def test_code_that_does_not_parse_is_handed_on_for_the_check_to_name_the_error() -> None:
    assert code_block("```python\nclass Net(\n```") == "class Net(\n"
    assert code_block("no code at all") == "no code at all\n"
    assert code_block("") == "\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a":{"b":1}}', '{"a":{"b":1}}'),
        ('Sure: {"a":1} or rather {"a":2}, as I said', '{"a":2}'),
        ('{not json} ```json\n{"a":"}"}\n```', '{"a":"}"}'),
        ('{"a":{"b":1},"c":"cut', ""),
        ('{"a":{"b":1},', ""),
        ("none", ""),
        ("[1, 2]", ""),
    ],
)
def test_the_last_whole_object_is_the_answer(text: str, found: str) -> None:
    assert json_object(text) == found


def test_an_object_in_another_notation_is_handed_on_as_json() -> None:
    assert json_object("so {'a': None, b: [1,],}") == '{"a": null, "b": [1]}'
    assert json_object("[TOOL_CALLS]f{'a': 1") == ""


@given(value=st.dictionaries(st.text(), st.recursive(st.integers() | st.text(), st.lists, max_leaves=5)))
def test_an_object_alone_stays_as_it_is(value: dict[str, object]) -> None:
    assert json_object(json.dumps(value)) == json.dumps(value)


@given(text=st.text(alphabet='`{}[]"\\ \nclass:', max_size=80))
def test_any_text_at_all_is_survived(text: str) -> None:
    assert code_block(text).endswith("\n")
    json_object(text)
