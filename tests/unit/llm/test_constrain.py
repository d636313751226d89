"""Grammars made of the house's schemas accept what the types accept, and no endless numbers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llguidance import LLTokenizer

from mlagent_tui.errors import ModelError
from mlagent_tui.llm.constrain import Constrainer, bounded
from mlagent_tui.schemas import Decision, EvalConfig, Goal, ModelConfig, Plan, Value

BYTES = Constrainer(LLTokenizer("byte"), 257)


def accepted(schema: dict[str, Any], text: str) -> bool:
    constraint = BYTES.constraint(schema)
    return all(constraint.accepts(byte) for byte in text.encode()) and constraint.done


PLAN = {
    "calls": [
        {"tool": "write_file", "arguments": {"file_path": "configs/a.yaml", "content": "$model_config"}},
        {
            "tool": "pytorch_model_assembler",
            "arguments": {"model_config": "$model_config", "output_script_path": "a"},
        },
        {
            "tool": "pytorch_model_summary",
            "arguments": {"model_script_path": "a", "model_class_name": "M", "input_size": [1, 1, 8, 8]},
        },
        {
            "tool": "pytorch_quick_evaluator",
            "arguments": {
                "model_script_path": "a",
                "model_class_name": "M",
                "eval_config": {
                    "dataset": "digits",
                    "epochs": 20,
                    "learning_rate": 0.0005,
                    "weight_decay": 0.05,
                },
            },
        },
    ]
}
CONFIG = {
    "input_shape": [3, 32, 32],
    "num_classes": 10,
    "layers": [
        {"type": "conv2d", "out_channels": 32, "kernel_size": 3, "padding": 1, "bias": False},
        {"type": "repeat", "times": 2, "layers": [{"type": "residual", "layers": [{"type": "relu"}]}]},
        {"type": "elu", "alpha": 0.0001},
        {"type": "max_pool2d", "kernel_size": 2, "stride": None},
        {"type": "dropout", "p": 0.999},
        {"type": "flatten"},
        {"type": "linear", "out_features": 10},
    ],
}
GOAL = {"dataset": None, "metric": "accuracy", "comparison": ">=", "threshold": 0.975, "max_seconds": 0.5}


@pytest.mark.parametrize(
    ("type_", "fields"),
    [
        (Goal, GOAL),
        (
            Goal,
            {
                "dataset": "digits",
                "metric": "val_loss",
                "comparison": "<",
                "threshold": None,
                "wishes": 'deep, "é"',
            },
        ),
        (Plan, PLAN),
        (ModelConfig, CONFIG),
        (Decision, {"decision": "iterate", "assessment": "underfits", "changes": ["widen conv1 to 64"]}),
    ],
)
def test_what_a_type_accepts_its_grammar_accepts(type_: type[Value], fields: dict[str, Any]) -> None:
    type_.model_validate(fields)
    assert accepted(type_.model_json_schema(), json.dumps(fields, separators=(",", ":"), ensure_ascii=False))


@pytest.mark.parametrize("number", ["0.95000", "0.123456", "1e3", "00.5", "-1", "100.0001", "1" * 20])
def test_a_number_has_no_more_digits_than_its_step(number: str) -> None:
    text = json.dumps(GOAL, separators=(",", ":")).replace("0.975", number)
    assert not accepted(Goal.model_json_schema(), text)


@pytest.mark.parametrize(
    ("number", "fits"), [("0.000001", True), ("0.0000001", False), ("0.003", True), ("11", False)]
)
def test_a_smaller_minimum_gets_a_finer_step(number: str, fits: bool) -> None:
    text = f'{{"dataset":"digits","learning_rate":{number}}}'
    assert accepted(EvalConfig.model_json_schema(), text) == fits


@pytest.mark.parametrize(
    ("p", "fits"), [("0", True), ("0.9999", True), ("1", False), ("1.0", False), ("-0.1", False)]
)
def test_exclusive_limits_hold(p: str, fits: bool) -> None:
    text = f'{{"input_shape":[1,8,8],"num_classes":2,"layers":[{{"type":"dropout","p":{p}}}]}}'
    assert accepted(ModelConfig.model_json_schema(), text) == fits


@pytest.mark.parametrize(("alpha", "fits"), [("0", False), ("0.0", False), ("0.0001", True), ("10", True)])
def test_an_exclusive_minimum_of_zero_holds(alpha: str, fits: bool) -> None:
    text = f'{{"input_shape":[1,8,8],"num_classes":2,"layers":[{{"type":"elu","alpha":{alpha}}}]}}'
    assert accepted(ModelConfig.model_json_schema(), text) == fits


def test_the_schema_itself_is_left_alone() -> None:
    schema = Goal.model_json_schema()
    before = json.dumps(schema)
    bounded(schema)
    assert json.dumps(schema) == before


def test_a_schema_that_cannot_be_enforced_is_an_error() -> None:
    with pytest.raises(ModelError, match="cannot be enforced"):
        BYTES.constraint({"type": "string", "pattern": "(?=ahead)"})


@pytest.mark.parametrize(("begin", "next_"), [("\nAnswer:", "{"), ('Answer: {"decision":', '"'), ("", "{")])
def test_text_before_the_json_of_a_begun_answer_is_no_part_of_it(begin: str, next_: str) -> None:
    constraint = BYTES.constraint(Decision.model_json_schema(), begin)
    assert constraint.allowed().tolist() == [ord(next_)]
