"""Real vocabularies and templates of many families around random weights: noise, held to our schemas.

Whatever a model is, an answer under a schema is valid, or ends within its budget and says so, and no call
ends the server. `CONFORMANCE_CALLS=1000` makes this the thousand calls of a release; fewer by default.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mlagent_tui.errors import ModelError
from mlagent_tui.llm import Answer, Message, Options, Request, ServedModel
from mlagent_tui.schemas import Decision, Goal, ModelConfig, Plan, Value
from tests.vocabularies import FAMILIES, Unavailable, random_model, templates

CALLS = int(os.environ.get("CONFORMANCE_CALLS", str(4 * len(FAMILIES))))
SCHEMAS: tuple[type[Value], ...] = (Goal, Plan, ModelConfig, Decision)
ASK = (
    Message("system", "You design networks. Answer with JSON."),
    Message("user", "A small CNN for the digits, at least 95 % accuracy, ünïcödé and <think> included."),
)
THINKING, ANSWER, CONTEXT = 24, 160, 2048

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def _fetched() -> None:
    try:
        templates()
    except Unavailable as error:
        pytest.skip(f"NO CONFORMANCE TESTS: {error}")


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("family", FAMILIES)
def test_noise_under_a_schema_is_valid_or_ends_in_time(family: str, tmp_path: Path) -> None:
    path = random_model(tmp_path / f"{family}.gguf", family, width=32, layers=1)
    model = ServedModel(path, Options(context_limit=CONTEXT, thinking_tokens=THINKING))
    try:
        assert model.context_length == CONTEXT
        pid = model.pid
        outcomes: Counter[str] = Counter()
        for number in range(-(-CALLS // len(FAMILIES))):
            type_ = SCHEMAS[number % len(SCHEMAS)]
            outcomes[_call(model, type_, number)] += 1
            assert model.pid == pid, f"{type_.__name__}, seed {number}: the server died"
        print(f"{family}: {dict(outcomes)}")  # `pytest -rP` shows it
        assert outcomes["valid"], "not one answer was complete"
    finally:
        model.close()


def _call(model: ServedModel, type_: type[Value], number: int) -> str:
    """One answer, checked: `valid`, `cut` at its budget or at a repetition, or `refused` with a reason."""
    temperature = (0.0, 0.7, 1.3)[number // len(SCHEMAS) % 3]
    room = 4 * ANSWER if type_ is Goal else ANSWER  # a goal is short enough to come to its end
    request = Request(ASK, type_.model_json_schema(), room, temperature, number)
    try:
        answer = model.generate(request)
    except ModelError as error:
        assert error.what and error.remedy
        return "refused"
    assert answer.tokens <= room + THINKING + 64  # the markers around thinking are tokens as well
    if answer.finish in ("length", "repetition"):
        return "cut"
    assert answer.finish == "stop"
    _assert_valid(answer, type_)
    return "valid"


def _assert_valid(answer: Answer, type_: type[Value]) -> None:
    """Valid under the schema. What no schema can say, such as an order, `structured` asks for again."""
    value: Any = json.loads(answer.text)
    assert isinstance(value, dict)
    try:
        type_.model_validate_json(answer.text)
    except ValidationError as error:
        beyond = {fault["type"] for fault in error.errors()} - {"value_error"}
        assert not beyond, f"{answer.text}: {error}"
