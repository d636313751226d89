"""What is wrong with fields that people or models wrote, one sentence each: what is admitted, what was given.

All that is told comes from the type itself, through its JSON Schema, so that no rule is written twice.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from mlagent_tui import yaml_text

Schema = Mapping[str, Any]
T = TypeVar("T", bound=BaseModel)
SHOWN = 60


def _no_truth_value(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticCustomError("number", "a truth value is not a number")
    return value


def _no_number(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise PydanticCustomError("truth value", "a number is not a truth value")
    return value


NUMBER = BeforeValidator(_no_truth_value)
"""For `Annotated[int, …]`: `true` is not 1. It stands last, so that the bounds stay in the schema."""
Truth = Annotated[bool, BeforeValidator(_no_number)]
"""`true` or `false`, or a word for them; 1 is not `true`."""


@dataclass(frozen=True)
class FieldError:
    """`what` says what is wrong with the field at `path`, naming it; `remedy` says what to write."""

    path: tuple[str | int, ...]
    what: str
    remedy: str


def first(
    error: ValidationError, model: type[BaseModel], whole: str = "the value", noun: str = "field"
) -> FieldError:
    """The first thing that `model` refuses; a missing field comes last, as its name may only be misspelt.

    `whole` names the value where all of it is wrong, `noun` is what people call its fields.
    """
    found = error.errors(include_url=False)
    chosen = next((one for one in found if one["type"] != "missing"), found[0])
    return _explained(chosen, model.model_json_schema(), whole, noun)


def every(
    error: ValidationError, model: type[BaseModel], whole: str = "the value", noun: str = "field"
) -> list[FieldError]:
    """All that `model` refuses, in the order of its fields."""
    schema = model.model_json_schema()
    return [_explained(one, schema, whole, noun) for one in error.errors(include_url=False)]


def from_yaml(model: type[T], text: str | bytes, whole: str = "the value", noun: str = "field") -> T:
    """The `model` that YAML of a person's describes. Raises `yaml_text.YamlError` naming the line."""
    document = yaml_text.read(text)
    try:
        return model.model_validate({} if document.value is None else document.value)
    except ValidationError as error:
        told = first(error, model, whole, noun)
        raise yaml_text.YamlError(document.line(told.path), told.what, told.remedy) from error


def dotted(path: tuple[str | int, ...]) -> str:
    """`layers.2.kernel_size`."""
    return ".".join(map(str, path))


def shown(value: object) -> str:
    """A value as YAML and JSON write it, or what kind of value it is where that would be long."""
    match value:
        case Mapping():
            return "an empty mapping" if not value else "a mapping"
        case list() | tuple() | set():
            return f"a list of {len(value)}" if value else "an empty list"
        case bool() | None:
            return json.dumps(value)
        case str() | int() | float():
            text = repr(value) if isinstance(value, str) else f"{value}"[: SHOWN + 1]
            return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
        case _:
            return f"a value of type {type(value).__name__}"


def _explained(error: ErrorDetails, schema: Schema, whole: str, noun: str) -> FieldError:
    path, field, around = _walk(schema, error["loc"])
    name = dotted(path) or whole
    kind, given = error["type"], error["input"]
    remedy = _about(path, field, around, noun)
    if kind == "extra_forbidden":
        known = list(around.get("properties", ()))
        near = difflib.get_close_matches(str(path[-1]), known, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        where = f"{dotted(path[:-1])}: " if len(path) > 1 else ""
        return FieldError(path, f"{where}there is no {noun} {shown(path[-1])}{hint}", _fields(known, noun))
    if kind == "missing":
        return FieldError(path, f"{name}: it is missing, expected {admitted(field, schema)}", remedy)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _of_no_kind(path, field, given, whole)
    if kind == "value_error":
        return FieldError(path, f"{name}: {error['msg'].removeprefix('Value error, ')}", remedy)
    if kind == "string_unicode":
        given = "text with a character that cannot be stored (a lone surrogate)"
        return FieldError(path, f"{name}: expected {admitted(field, schema)}, got {given}", remedy)
    if kind == "invalid_key":
        return FieldError(path, f"{name}: expected names that are text, got {shown(given)}", remedy)
    return FieldError(path, f"{name}: expected {admitted(field, schema)}, got {shown(given)}", remedy)


def _of_no_kind(path: tuple[str | int, ...], field: Schema, given: object, whole: str) -> FieldError:
    """A part of the union `field` that does not say which of its kinds it is, or names another."""
    key = field.get("discriminator", {}).get("propertyName", "type")
    kinds = list(field.get("discriminator", {}).get("mapping", ()))
    remedy = f"Give it the value of {key!r} that it is meant to be."
    if not isinstance(given, Mapping):
        return FieldError(
            path, f"{dotted(path) or whole}: expected a mapping with {key!r}, got {shown(given)}", remedy
        )
    path = (*path, key)
    if key not in given:
        return FieldError(path, f"{dotted(path)}: it is missing, expected one of {', '.join(kinds)}", remedy)
    near = difflib.get_close_matches(str(given[key]), kinds, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    what = f"{dotted(path)}: expected one of {', '.join(kinds)}, got {shown(given[key])}{hint}"
    return FieldError(path, what, remedy)


def _walk(schema: Schema, where: tuple[int | str, ...]) -> tuple[tuple[str | int, ...], Schema, Schema]:
    """The path of a place as people name it, its schema, and that of what it lies in."""
    path: list[str | int] = []
    here: Schema = schema
    around: Schema = schema
    for step in where:
        here = followed(here, schema)
        union = here.get("discriminator", {}).get("mapping", {})
        if step in union:
            here = {"$ref": union[step]}
            continue
        around = here
        if isinstance(step, int):
            items = here.get("prefixItems", ())
            here = items[step] if step < len(items) else here.get("items", {})
        elif step in here.get("properties", {}):
            here = here["properties"][step]
        elif here.get("additionalProperties") is False or not here:
            here = {}
        else:
            here = here.get("additionalProperties", {})
            here = here if isinstance(here, Mapping) else {}
        path.append(step)
    return tuple(path), followed(here, schema), around


def followed(schema: Schema, root: Schema) -> Schema:
    """The schema that a reference leads to, with what is said beside it; of a value or null, the value's."""
    while True:
        parts = [part for part in schema.get("anyOf", ()) if part.get("type") != "null"]
        if "$ref" in schema:
            target = root["$defs"][schema["$ref"].rpartition("/")[2]]
        elif len(parts) == 1:
            target = {**parts[0], "nullable": True}
        else:
            return schema
        schema = {**target, **{key: value for key, value in schema.items() if key not in ("$ref", "anyOf")}}


def admitted(field: Schema, root: Schema) -> str:
    """`a whole number from 1 to 1000`, `one of a, b`, …: what a field takes, in words."""
    return _words(field, root) + (" or null" if field.get("nullable") else "")


def _words(field: Schema, root: Schema) -> str:
    if "enum" in field:
        return "one of " + ", ".join(map(str, field["enum"]))
    if "const" in field:
        return repr(field["const"])
    match field.get("type"):
        case "integer":
            return "a whole number" + _range(field)
        case "number":
            return "a number" + _range(field)
        case "boolean":
            return "true or false"
        case "string":
            shortest = f"{field['minLength']} to " if "minLength" in field else "at most "
            longest = f" of {shortest}{field['maxLength']:,} characters" if "maxLength" in field else ""
            pattern = f" of the form {field['pattern']}" if "pattern" in field else ""
            return ("a path" if field.get("format") == "path" else "text") + longest + pattern
        case "array":
            return "a list" + _length(field, root)
        case "object":
            return "a mapping of names to values"
        case _:
            parts = field.get("anyOf", field.get("oneOf", ()))
            kinds = dict.fromkeys(_words(followed(part, root), root) for part in parts)
            return " or ".join(kinds) or "another value"


def _range(field: Schema) -> str:
    least, above = field.get("minimum"), field.get("exclusiveMinimum")
    most, below = field.get("maximum"), field.get("exclusiveMaximum")
    if least is not None and most is not None:
        return f" from {_number(least)} to {_number(most)}"
    parts = [
        f"{words} {_number(value)}"
        for words, value in (("at least", least), ("above", above), ("at most", most), ("below", below))
        if value is not None
    ]
    return f" {' and '.join(parts)}" if parts else ""


def _number(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:g}"


def _length(field: Schema, root: Schema) -> str:
    least, most = field.get("minItems"), field.get("maxItems")
    items = field.get("items") or next(iter(field.get("prefixItems", ())), None)
    what = _words(followed(items, root), root) if isinstance(items, Mapping) and items else "values"
    one = re.sub(r"^an? ", "", what)
    each = f", each {what}" if one != what else ""
    if least is not None and least == most:
        return f" of {least} values{each}"
    if least is not None and most is not None:
        return f" of {least} to {most} values"
    return f" of at least {least} values{each}" if least else each.replace(", each", " of values, each")


def _about(path: tuple[str | int, ...], field: Schema, around: Schema, noun: str) -> str:
    """What a field is for and what it is when it is left out."""
    name = dotted(path)
    if not name or path[-1] not in around.get("properties", {}):
        return _fields(list(around.get("properties", ())), noun)
    about = field.get("description", "").strip().rstrip(".") if "properties" not in field else ""
    parts = [f"{name}: {about}."] if about else []
    if path[-1] not in around.get("required", ()):
        empties: dict[str, Any] = {"array": [], "object": {}}
        empty = empties.get(field.get("type", ""))
        parts.append(
            f"Default: {json.dumps(field.get('default', empty), ensure_ascii=False).strip(chr(34))}."
        )
    return " ".join(parts) or _fields(list(around.get("properties", ())), noun)


def _fields(names: list[str], noun: str) -> str:
    return f"The {noun}s are: {', '.join(names)}." if names else "Correct the value."
