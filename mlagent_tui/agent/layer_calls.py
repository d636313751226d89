"""A network as two short lists of calls, `conv2d(16, kernel_size=3, padding=1)`: the form in which models
that were not trained on configurations read and write them.

One list has the layers that work on an image, the other those after it is flattened. The layer that flattens
and the last linear layer, with an output for each class, are not written. Everything here follows from the
fields of the layers in `schemas`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, get_args

from annotated_types import Ge, Le
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from mlagent_tui import schemas
from mlagent_tui.field_errors import first
from mlagent_tui.research.change import ACTIVATIONS
from mlagent_tui.schemas import Linear, ModelConfig, Repeat, Residual

BLOCKS: dict[str, type[BaseModel]] = {"residual": Residual, "repeat": Repeat}
SIMPLE: dict[str, type[BaseModel]] = {
    get_args(layer.model_fields["type"].annotation)[0]: layer
    for layer in get_args(get_args(schemas.SimpleLayer)[0])
}
ON_VECTORS = ("linear", "dropout", "layernorm", "groupnorm", *ACTIVATIONS)
"""What works on a vector. All but `linear` work on an image too."""
MOST_INSIDE, MOST_DIGITS = 8, 3
"""How many layers a block, and how many digits a number may have, where an answer is held to its form."""


@dataclass(frozen=True)
class Calls:
    """A network's layers before and after it is flattened."""

    image: tuple[str, ...]
    vector: tuple[str, ...]


def calls_of(config: ModelConfig) -> Calls:
    """The layers of `config` as calls."""
    layers = list(config.layers)
    if isinstance(layers[-1], Linear):
        layers.pop()
    flat = next((i for i, layer in enumerate(layers) if layer.type == "flatten"), len(layers))
    image, vector = layers[:flat], layers[flat + 1 :]
    return Calls(tuple(map(call, image)), tuple(map(call, vector)))


def call(layer: Any) -> str:
    """One layer: its name, the first field that it must have, then the others by name; no defaults."""
    said: list[str] = []
    if isinstance(layer, Repeat):
        said.append(str(layer.times))
    if isinstance(layer, Residual | Repeat):
        said += map(call, layer.layers)
    else:
        for name in _fields(type(layer)):
            value = getattr(layer, name)
            if name == _leading(type(layer)):
                said.append(_shown(value))
            elif value != type(layer).model_fields[name].default:
                said.append(f"{name}={_shown(value)}")
    return f"{layer.type}({', '.join(said)})" if said else str(layer.type)


def layers_of(calls: Calls, num_classes: int) -> list[dict[str, Any]]:
    """The layers of a `ModelConfig`, the ones that are not written among them.

    Raises `ValueError` naming the first call that is wrong.
    """
    image, vector = (list(map(_read, part)) for part in (calls.image, calls.vector))
    while vector and vector[0]["type"] == "flatten":
        vector.pop(0)
    while image and image[-1]["type"] == "flatten":
        image.pop()
    return [*image, {"type": "flatten"}, *vector, {"type": "linear", "out_features": num_classes}]


def table() -> list[str]:
    """Every layer with its fields and their defaults, where it may stand, a line each."""
    rows = ["layer | where"]
    for name, layer in SIMPLE.items():
        if name != "flatten":
            where = "vector" if name == "linear" else "image, vector" if name in ON_VECTORS else "image"
            rows.append(f"{name}{_signature(layer)} | {where}")
    return [*rows, "residual(layer, layer) | image, vector", "repeat(times, layer, layer) | image, vector"]


def pattern(part: str) -> str:
    """A regular expression for one call of `image` or `vector`."""
    names = [n for n in SIMPLE if n != "flatten" and (n in ON_VECTORS if part == "vector" else n != "linear")]
    simple = f"({'|'.join(_pattern(SIMPLE[name], name) for name in names)})"
    more = f"{{0,{MOST_INSIDE - 1}}}"
    residual = rf"residual\({simple}(, {simple}){more}\)"
    inner = f"({simple}|{residual})"
    return rf"^({simple}|{residual}|repeat\([2-9], {inner}(, {inner}){more}\))$"


# --- fields ---------------------------------------------------------------------------------------------


def _fields(layer: type[BaseModel]) -> list[str]:
    return [name for name in layer.model_fields if name != "type"]


def _leading(layer: type[BaseModel]) -> str:
    """The field whose name is not written: the first that a layer must have."""
    return next((name for name in _fields(layer) if layer.model_fields[name].is_required()), "")


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _signature(layer: type[BaseModel]) -> str:
    said = []
    for name in _fields(layer):
        field = layer.model_fields[name]
        if field.is_required() or field.default is None:
            said.append(name)
        else:
            said.append(f"{name}={_shown(field.default)}")
    return f"({', '.join(said)})" if said else ""


def _pattern(layer: type[BaseModel], name: str) -> str:
    """The call of one layer: what it must have, then what may be left out, each at most once."""
    said = ""
    for one in _fields(layer):
        field = layer.model_fields[one]
        value = _value(field)
        if one == _leading(layer):
            said += value
        elif field.is_required():
            said += f", {one}={value}"
        else:
            said += f"(, {one}={value})?" if said else f"({one}={value})?"
    return rf"{name}\({said}\)" if _leading(layer) else name


def _value(field: FieldInfo) -> str:
    kinds = [kind for kind in (*get_args(field.annotation), field.annotation) if kind in (bool, int, float)]
    if bool in kinds:
        return "(True|False)"
    if float in kinds:
        return r"0\.\d{1,3}"
    bounds = {type(bound): bound for bound in field.metadata}
    most = bounds[Le].le if Le in bounds else MOST_DIGITS * "9"
    more = min(len(str(most)), MOST_DIGITS) - 1
    nothing = "0|" if Ge in bounds and bounds[Ge].ge == 0 else ""
    return rf"({nothing}[1-9]\d{{0,{more}}})"


# --- reading --------------------------------------------------------------------------------------------


def _read(text: str) -> dict[str, Any]:
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f'"{text[:60]}" is not a layer: write it as in the table') from None
    return _layer(tree, text)


def _layer(node: ast.expr, text: str) -> dict[str, Any]:
    given = node.args if isinstance(node, ast.Call) else []
    named = node.keywords if isinstance(node, ast.Call) else []
    called = node.func if isinstance(node, ast.Call) else node
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    name = _known(name, text)
    if name in BLOCKS:
        times = {}
        if name == "repeat":
            times, given = {"times": _constant(given[0], text)} if given else {}, given[1:]
        return {"type": name} | times | {"layers": [_layer(inner, text) for inner in given]}
    fields = _fields(SIMPLE[name])
    if len(given) > len(fields):
        raise ValueError(f'"{text[:60]}": {name} takes {len(fields)} values at most')
    said = dict(zip(fields, (_constant(value, text) for value in given), strict=False))
    said |= {keyword.arg or "": _constant(keyword.value, text) for keyword in named}
    _check(SIMPLE[name], {"type": name} | said, text)
    return {"type": name} | said


def _known(name: str, text: str) -> str:
    """A layer's name, also as PyTorch writes it: `MaxPool2d` is `max_pool2d`."""
    plain = {re.sub("_", "", known): known for known in (*SIMPLE, *BLOCKS)}
    found = plain.get(re.sub("_", "", name).lower())
    if not found:
        raise ValueError(f'"{text[:60]}": there is no layer {name[:20]}; use those of the table')
    return found


def _constant(node: ast.expr, text: str) -> Any:
    if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float | NoneType):
        return node.value
    raise ValueError(f'"{text[:60]}": write the values of a layer as numbers')


def _check(layer: type[BaseModel], said: dict[str, Any], text: str) -> None:
    try:
        layer.model_validate(said)
    except ValidationError as error:
        wrong = first(error, layer)
        raise ValueError(f'"{text[:60]}": {wrong.what}. {wrong.remedy}') from None


def network(image: Sequence[str], vector: Sequence[str], inputs: Iterable[int], classes: int) -> ModelConfig:
    """The configuration of these calls on images of shape `inputs`.

    Raises `ValueError` naming the first call that is wrong.
    """
    layers = layers_of(Calls(tuple(image), tuple(vector)), classes)
    fields = {"input_shape": tuple(inputs), "num_classes": classes, "layers": layers}
    try:
        return ModelConfig.model_validate(fields)
    except ValidationError as error:
        wrong = first(error, ModelConfig)
        raise ValueError(f"{wrong.what}. {wrong.remedy}") from None
