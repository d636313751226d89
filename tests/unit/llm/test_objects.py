"""Objects are found in any text and read as they were meant, or not at all."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent_tui.llm.objects import find

SCALARS = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=12)
VALUES = st.recursive(
    SCALARS | st.floats(-1e6, 1e6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=6), VALUES, min_size=1, max_size=4)


def only(text: str) -> dict[str, object]:
    found, problem = find(text)
    assert (len(found), problem) == (1, "")
    assert not found[0].open
    return found[0].value


@given(value=OBJECTS, indent=st.sampled_from([None, 0, 4]))
def test_json_is_read_as_json(value: dict[str, object], indent: int | None) -> None:
    assert only(f"So: {json.dumps(value, indent=indent)} it is.") == value
    assert only(json.dumps(value, ensure_ascii=False)) == json.loads(json.dumps(value))


@given(
    value=st.dictionaries(
        st.text("abc'\"é \n", max_size=6), SCALARS.filter(lambda one: one != "\\"), min_size=1
    )
)
def test_what_python_prints_is_read_or_refused_but_never_read_as_something_else(
    value: dict[str, object],
) -> None:
    found, problem = find(repr(value))
    assert [one.value for one in found] == ([value] if found else [])
    assert found or problem


@given(value=OBJECTS, share=st.floats(0, 1))
def test_of_a_cut_object_the_fields_are_those_that_were_written(
    value: dict[str, object], share: float
) -> None:
    text = json.dumps(value)
    found, _ = find(text[: int(share * (len(text) - 1))])
    assert all(
        one.open and one.value.items() <= value.items()
        for one in found
        if all(map(_hashable, value.values()))
    )
    assert all(one.value[name] == value[name] for one in found for name in one.value)


def _hashable(value: object) -> bool:
    return not isinstance(value, list | dict)


@given(text=st.text(alphabet="{}[]()\"'“”\\ \n:,.#/*&ab1-", max_size=80))
def test_any_text_at_all_is_survived(text: str) -> None:
    found, _ = find(text)
    assert all(text.count("{") for _ in found)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            "{'a': 'it\\'s', b: +1, c: -.5, d: 1_000, e: 2e3}",
            {"a": "it's", "b": 1, "c": -0.5, "d": 1000, "e": 2000.0},
        ),
        ('{"a": "a \\_b\\_ \\n \\u00e9"}', {"a": "a _b_ \n é"}),
        ('{"a": [1, (2, 3,), {"b": TRUE}], # so\n}', {"a": [1, [2, 3], {"b": True}]}),
        ("{'a': '''x\n'y' \"z\"'''}", {"a": "x\n'y' \"z\""}),
        ("{„a“: ‘b’}", {"a": "b"}),
        ('{\\"a\\": \\"b\\"}', {"a": "b"}),
        ("{&quot;a&quot;: &#34;b&#34;}", {"a": "b"}),
        ('{"a": "&quot;"}', {"a": "&quot;"}),
    ],
)
def test_other_ways_of_writing_are_read(text: str, value: dict[str, object]) -> None:
    assert only(f"don't {{say}}: {text} {{}}".replace(" {}", "")) == value


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": 1 "b": 2}', 'a comma or } is missing before "b": 2}'),
        ('{"a": [1 2]}', "a comma or ] is missing before 2]}"),
        ('{"a": }', "a value is missing before }"),
        ('{"a": "c:\\dir"}', 'the text "c:\\dir" has a backslash that stands alone: write \\\\'),
        ('{"a": 1, "b"}', 'a colon is missing after "b"'),
        ('{"a": 1e400}', "a is too large a number"),
    ],
)
def test_what_has_no_reading_is_said_in_a_sentence(text: str, problem: str) -> None:
    assert find(text) == ([], problem)
    assert find(f'{text} and {{"c": 1}}')[0][0].value == {"c": 1}


def test_what_is_inside_an_object_that_cannot_be_read_is_not_taken_for_the_answer() -> None:
    assert find('{"a": NaN, "b": {"c": 1}}')[0] == []
