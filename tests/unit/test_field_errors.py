"""Fields that are wrong: one sentence that names the field, what it takes and what was given."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from mlagent_tui import field_errors
from mlagent_tui.agent import RunOptions
from mlagent_tui.field_errors import first, from_yaml
from mlagent_tui.schemas import EvalConfig, Goal, ModelConfig
from mlagent_tui.settings import RoleOptions, Settings
from mlagent_tui.yaml_text import YamlError

CONFIG: dict[str, Any] = {
    "input_shape": [1, 8, 8],
    "num_classes": 10,
    "layers": [{"type": "flatten"}, {"type": "linear", "out_features": 10}],
}


def layers(*found: Any) -> dict[str, Any]:
    return CONFIG | {"layers": list(found)}


def refused(model: type[BaseModel], value: Any) -> field_errors.FieldError:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(value)
    return first(caught.value, model, "the value")


@pytest.mark.parametrize(
    ("value", "what", "remedy"),
    [
        (None, "the value: expected a mapping of names to values, got null", "The fields are: model_name, "),
        ([1, 2], "the value: expected a mapping of names to values, got a list of 2", "The fields are: "),
        (CONFIG | {"num_clases": 1}, "there is no field 'num_clases'; did you mean 'num_classes'?", "layers"),
        (CONFIG | {"num_classes": True}, "num_classes: expected a whole number from 1 to 65,536, got true",
         ""),
        (CONFIG | {"num_classes": "ten"}, "a whole number from 1 to 65,536, got 'ten'", ""),
        (CONFIG | {"input_shape": 3},
         "input_shape: expected a list of 3 values, each a whole number from 1 to 65,536, got 3", "channels"),
        (CONFIG | {"input_shape": [1, 8]}, "input_shape.2: it is missing, expected a whole number", ""),
        (CONFIG | {"input_shape": [1, True, 8]}, "input_shape.1: expected a whole number", ""),
        ({"num_classes": 10}, "input_shape: it is missing, expected a list of 3 values", ""),
        (layers(), "layers: expected a list of 1 to 64 values, got an empty list", ""),
        (layers(5), "layers.0: expected a mapping of names to values, got 5", ""),
        (layers({}), "layers.0.type: it is missing, expected one of adaptive_avg_pool2d, ", "'type'"),
        (layers({"type": "conv"}), "got 'conv'; did you mean 'conv2d'?", "'type'"),
        (layers({"type": "conv2d", "out_channels": 8, "kernel": 3}),
         "layers.0: there is no field 'kernel'; did you mean 'kernel_size'?", "kernel_size, stride"),
        (layers({"type": "conv2d", "out_channels": 8}),
         "layers.0.kernel_size: it is missing, expected a whole number from 1 to 31", "kernel_size, stride"),
        (layers({"type": "relu", "inplace": True}), "layers.0: there is no field 'inplace'", "type."),
        (layers({"type": "repeat", "times": 2, "layers": [{"type": "elu", "alpha": 11}]}),
         "layers.0.layers.0.alpha: expected a number above 0 and at most 10, got 11", "Default: 1.0."),
        (layers({"type": "linear", "out_features": 1, "bias": 1}), "bias: expected true or false, got 1", ""),
        (layers({"type": "linear", "out_features": 10**500}), "got 10000000", ""),
        (CONFIG | {"model_name": "a\ud800"}, "model_name: 'a\\ud800' is not a class name", ""),
        (CONFIG | {"model_name": "None"}, "model_name: None already has a meaning in Python or PyTorch", ""),
        (CONFIG | {1: 2}, "1: expected names that are text, got 1", ""),
    ],
)  # fmt: skip
def test_a_configuration_says_what_is_wrong_where(value: Any, what: str, remedy: str) -> None:
    told = refused(ModelConfig, value)
    assert what in told.what
    assert remedy in told.remedy
    assert len(told.what) < 500


EVERY = (ModelConfig, EvalConfig, Goal, Settings, RoleOptions, RunOptions)
SAID = ("expected ", "there is no field", "already has a meaning", "is not a class name")
ODD = (None, True, -1.5, "\ud800", "010", [], [[]], {"a": 1}, {1: 2}, float("nan"), 10**400, b"x", object())


@pytest.mark.parametrize("model", EVERY)
def test_no_sentence_is_pydantics_own_and_each_names_its_field(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        for value in ODD:
            try:
                model.model_validate({field.alias or name: value})
            except ValidationError as error:
                for told in field_errors.every(error, model):
                    assert str(told.path[-1]) in told.what
                    assert any(words in told.what for words in SAID), told
                    assert "Undefined" not in told.what + told.remedy
                    assert told.remedy.endswith("."), told
                    assert len(told.what) < 500


@pytest.mark.parametrize("model", EVERY)
def test_a_truth_value_is_no_number_and_a_number_no_truth_value(model: type[BaseModel]) -> None:
    properties = model.model_json_schema()["properties"]
    for name, schema in properties.items():
        kinds = {part.get("type") for part in schema.get("anyOf", [schema])}
        for value in [True] * bool({"integer", "number"} & kinds) + [1, 0, 1.0] * ("boolean" in kinds):
            with pytest.raises(ValidationError) as caught:
                model.model_validate({name: value})
            assert name in {str(error["loc"][0]) for error in caught.value.errors()}


def test_the_line_of_the_field_is_told() -> None:
    text = "input_shape: [1, 8, 8]\nnum_classes: 10\nlayers:\n- type: flatten\n- type: linear\n  out: 10\n"
    with pytest.raises(YamlError) as caught:
        from_yaml(ModelConfig, text)
    assert caught.value.line == 6
    assert "layers.1: there is no field 'out'" in caught.value.problem
    assert "out_features" in caught.value.remedy
