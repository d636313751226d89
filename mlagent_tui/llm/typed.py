"""Takes a value of a pydantic type from a model's text: out of what is around it, its fields by their names.

What the type's JSON Schema leaves no doubt about is put right: names in other case, a share as "95%", one
text where a list of texts is wanted. No value is guessed: what is left is refused in one sentence.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mlagent_tui import field_errors
from mlagent_tui.field_errors import Schema, followed
from mlagent_tui.llm.objects import Found, find

T = TypeVar("T", bound=BaseModel)

DEEP = 6
"""Objects and lists around an answer that are opened to find it."""
SHOWN = 300
WHOLE = "the answer"
NO_OBJECT = "the answer has no complete JSON object; answer with one JSON object"
TWO = "the answer has several JSON objects, and they differ; answer with one"

NOTHING = ("null", "none", "")
SAME_SIGNS = {"≥": ">=", "≤": "<=", "=>": ">=", "=<": "<=", "⩾": ">=", "⩽": "<="}
IN_TOOL_CALLS = {"name": "tool", "parameters": "arguments", "input": "arguments"}
"""What formats of tool calls call the parts of a call, and what ours are called."""

_SHARE = re.compile(r"([+-]?(?:\d+(?:\.\d+)?|\.\d+))\s*(?:%|percent)")
_THOUSANDS = re.compile(r"(\d+(?:\.\d+)?)\s*([kKM])")
_GROUPED = re.compile(r"\d{1,3}(?:[ _'\u00a0\u202f]\d{3})+")
_COMMAS = re.compile(r"\d{1,3}(?:,\d{3})+")
_DECIMAL_COMMA = re.compile(r"[+-]?0,\d+")
_SIZES = re.compile(r"[(\[]?\s*\d+(?:\s*[x×,]\s*\d+)+\s*,?\s*[)\]]?")


class NotUnderstood(ValueError):
    """Why an answer is not a value of the type: one sentence of what to change."""


def value_of(text: str, type_: type[T]) -> T:
    """The value that `text` holds. Raises `NotUnderstood`.

    Of an object that was cut, the complete fields are enough if the type has defaults for the others.
    """
    schema = type_.model_json_schema()
    found, problem = find(text)
    valid: list[T] = []
    problems: list[str] = []
    for fields, cut in _candidates(found, schema):
        if cut and valid:
            if _agree(fields, valid[-1]):
                continue
            raise NotUnderstood(TWO)
        try:
            value = type_.model_validate(fields)
        except ValidationError as error:
            said = _said(error, type_)
            problems.append(_cut_off(said, fields) if cut else said)
        else:
            if value not in valid:
                valid.append(value)
    if len(valid) > 1:
        raise NotUnderstood(TWO)
    if valid:
        return valid[0]
    raise NotUnderstood(problems[-1] if problems else problem or NO_OBJECT)


def _said(error: ValidationError, type_: type[BaseModel]) -> str:
    told = field_errors.first(error, type_, WHOLE)
    return f"{told.what}. {told.remedy}" if "there is no field" in told.what else told.what


def _cut_off(problem: str, fields: Mapping[str, Any]) -> str:
    """What a cut answer lacks, with what is there, so that the next one can begin alike."""
    if not fields:
        return NO_OBJECT
    there = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    shown = there if len(there) <= SHOWN else f"{there[: SHOWN - 1]}…"
    return f"the answer ended after {shown} ({problem}); give all of it, in fewer words"


def _agree(fields: Mapping[str, Any], value: BaseModel) -> bool:
    """Whether the beginning of an object says nothing that differs from a value."""
    other = value.model_dump(mode="json", by_alias=True)
    return all(other.get(name) == one for name, one in fields.items())


def _candidates(found: list[Found], schema: Schema) -> Iterator[tuple[dict[str, Any], bool]]:
    """The objects that may be meant, their fields fitted, and whether each was cut."""
    complete = [one.value for one in found if not one.open]
    inside = [fields for one in complete for fields in _inner(one, schema)]
    if not inside and complete and (name := _only_list(schema)):
        inside = [{name: _items(complete)}]
    for fields in inside or complete[-1:]:
        yield _fitted(fields, schema, schema), False
    for one in found:
        levels = [fields for fields in one.open if _has_fields(fields, schema)]
        if one.open:
            yield _fitted(levels[0] if levels else {}, schema, schema), True


def _only_list(schema: Schema) -> str:
    """The field of a type that has nothing but one list of objects: such a list may be given bare."""
    fields = schema.get("properties", {})
    if len(fields) == 1:
        name, field = next(iter(fields.items()))
        if field.get("type") == "array" and "oneOf" in followed(field.get("items", {}), schema):
            return str(name)
    return ""


def _items(found: list[dict[str, Any]]) -> list[Any]:
    """The parts of a list that was given bare, under another name, or as tool calls one after the other."""
    if len(found) == 1 and len(found[0]) == 1 and isinstance(items := next(iter(found[0].values())), list):
        found = items
    return [one.get("function", one) if isinstance(one, dict) else one for one in found]


def _inner(value: Any, schema: Schema, deep: int = 0) -> Iterator[dict[str, Any]]:
    """The objects inside `value` with fields of the type, the outermost only."""
    if isinstance(value, str) and deep:  # the arguments of a tool call are JSON inside JSON
        value = [one.value for one in find(value)[0] if not one.open] if "{" in value else ""
    if deep > DEEP:
        return
    if isinstance(value, dict) and _has_fields(value, schema):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _inner(one, schema, deep + 1)


def _has_fields(value: Mapping[str, Any], schema: Schema) -> bool:
    names = set(map(_plain, schema.get("properties", ())))
    return any(_plain(name) in names for name in value)


def _plain(name: str) -> str:
    """A name without case, spaces and signs."""
    return re.sub(r"[\W_]", "", name).casefold()


def _fitted(value: Any, field: Schema, root: Schema) -> Any:
    """`value` as `field` wants it, where there is one way only; else as it is."""
    field = followed(field, root)
    if "oneOf" in field:
        field = _kind(value, field, root)
    if isinstance(value, str):
        value = _from_text(value, field, root)
    if isinstance(value, dict) and "properties" in field:
        return {
            name: _fitted(one, field["properties"].get(name, {}), root)
            for name, one in _named(value, field["properties"]).items()
        }
    if isinstance(value, list) and field.get("type") == "array":
        return [_fitted(one, field.get("items") or {}, root) for one in value]
    if isinstance(value, list) and field.get("type") == "string" and value:
        return ", ".join(value) if all(isinstance(one, str) for one in value) else value
    return value


def _kind(value: Any, field: Schema, root: Schema) -> Schema:
    """The kind of a union that an object names by its discriminator."""
    union = field.get("discriminator", {})
    key, kinds = union.get("propertyName", ""), union.get("mapping", {})
    if not isinstance(value, dict):
        return {}
    first = followed({"$ref": next(iter(kinds.values()))}, root)
    named = _named(value, first.get("properties", {})).get(key)
    kind = _one_of(named, list(kinds)) if isinstance(named, str) else None
    return followed({"$ref": kinds[kind]}, root) if kind in kinds else {}


def _named(value: Mapping[str, Any], fields: Schema) -> dict[str, Any]:
    """`value` with its names as the type writes them; a name that would then be there twice stays."""
    right = {_plain(name): name for name in fields}
    names = dict.fromkeys(value)
    renamed: dict[str, Any] = {}
    for name, one in value.items():
        wanted = name if name in fields else right.get(_plain(name), name)
        if wanted not in fields and IN_TOOL_CALLS.get(name) in fields:
            wanted = IN_TOOL_CALLS[name]
        free = wanted not in renamed and (wanted == name or wanted not in names)
        renamed[wanted if free else name] = one
    return renamed


def _from_text(text: str, field: Schema, root: Schema) -> Any:
    """What a text stands for where another kind of value is wanted."""
    kind = field.get("type")
    choices = [*field.get("enum", ()), *([field["const"]] if "const" in field else ())]
    if field.get("nullable") and (choices or kind != "string") and text.strip().lower() in NOTHING[:2]:
        return None
    if choices:
        return _one_of(text, choices)
    if kind in ("integer", "number"):
        return _number(text.strip(), whole=kind == "integer")
    if kind == "object":
        found = [one for one in find(text)[0] if not one.open]
        return found[0].value if len(found) == 1 else text
    if kind == "array":
        items = followed(field.get("items") or next(iter(field.get("prefixItems", ())), {}), root)
        if items.get("type") == "integer" and _SIZES.fullmatch(text.strip()):
            return [int(size) for size in re.findall(r"\d+", text)]
        if items.get("type") == "string":
            return [] if text.strip().lower() in NOTHING else [text]
    return text


def _one_of(text: str, values: list[Any]) -> Any:
    """The value that a text is another way of writing, if there is exactly one."""
    written = html.unescape(text).strip()
    written = SAME_SIGNS.get(written, written)
    if written in values:
        return written
    alike = [value for value in values if _plain(str(value)) and _plain(str(value)) == _plain(written)]
    return alike[0] if len(alike) == 1 else text


def _number(text: str, whole: bool) -> Any:
    """The number that a text can only mean; 1,000 may be one, where fractions are allowed."""
    number: Decimal | None = None
    if (found := _SHARE.fullmatch(text)) and not whole:
        number = Decimal(found[1]) / 100
    elif found := _THOUSANDS.fullmatch(text):
        number = Decimal(found[1]) * (1_000_000 if found[2] == "M" else 1000)
    elif _GROUPED.fullmatch(text) or (whole and _COMMAS.fullmatch(text)):
        number = Decimal(re.sub(r"\D", "", text))
    elif _DECIMAL_COMMA.fullmatch(text) and not whole:
        number = Decimal(text.replace(",", "."))
    if number is None or (whole and number != int(number)):
        return text
    return int(number) if whole or number == int(number) else float(number)
