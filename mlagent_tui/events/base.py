"""What all events have in common: a time, a number, fields of checked types, and a form that JSON can hold.

Events are dataclasses that check themselves. pydantic would check them as well, but loading it and building
forty models takes a third of a second, which whoever opens the interface would wait for every time.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from datetime import UTC, datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Self, Union, dataclass_transform, get_args, get_origin, get_type_hints

Reader = Callable[[Any], Any]
"""Returns a value as its field keeps it. Raises `ValueError` for one that is not of the field's type."""

LARGEST = 2**53
"""The largest whole number that every reader of JSON keeps exactly."""


def now() -> str:
    """The time as ISO 8601, UTC, to the millisecond: `2023-10-27T15:30:01.042Z`."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def storable(value: Any) -> Any:
    """`value` without what JSON cannot hold: lone surrogates are escaped, NaN and infinities are null."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
class _Checked:
    """Makes a dataclass of every class below it: frozen, made of keywords, its values checked."""

    def __init_subclass__(cls) -> None:
        dataclass(init=False, repr=False, eq=False)(cls)

    def __init__(self, **given: Any) -> None:
        self._fill({name: storable(value) for name, value in given.items()})
        if unknown := given.keys() - self.__dict__.keys():
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")

    def _fill(self, given: Mapping[str, Any]) -> None:
        """Take what there is a field for. Raises `ValueError`, and `TypeError` for what is missing."""
        values = self.__dict__
        for name, read, default in _plan(type(self)):
            if name in given:
                try:
                    values[name] = read(given[name])
                except ValueError as error:
                    raise ValueError(f"{type(self).__name__}.{name}: {error}") from None
            elif default is None:
                raise TypeError(f"{type(self).__name__} needs {name!r}")
            else:
                values[name] = default()

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to {name!r}")

    __delattr__ = __setattr__  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash((type(self), self.__dict__.get("time"), self.__dict__.get("seq")))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.__dict__.items())})"


class Event(_Checked):
    """Base of all events. `seq` counts up through a journal; 0 until the event is appended."""

    time: str = field(default_factory=now)
    seq: int = 0

    @classmethod
    def read(cls, values: Mapping[str, Any], *, storable_as_is: bool = False) -> Self:
        """The event with these values; those it has no field for are left out. Raises `ValueError`.

        `storable_as_is` says that JSON can hold them, which takes a while to make sure of.
        """
        event = cls.__new__(cls)
        try:
            event._fill(values if storable_as_is else storable(values))
        except TypeError as error:
            raise ValueError(str(error)) from error
        return event

    def but(self, **changes: Any) -> Self:
        """The same event with other values in some fields."""
        return type(self)(**{**self.__dict__, **changes})

    def to_json(self) -> str:
        """One line; what JSON does not know is written as its `str`."""
        return json.dumps(self.__dict__, ensure_ascii=False, separators=(",", ":"), default=str)


# --- the types of fields --------------------------------------------------------------------------------


_Plan = tuple[tuple[str, Reader, Callable[[], Any] | None], ...]
_PLANS: dict[type[Any], _Plan] = {}


def _plan(kind: type[Any]) -> _Plan:
    """Name, reader and maker of the default (None: there is none) of each field; made when first needed."""
    if kind not in _PLANS:
        _PLANS[kind] = tuple(_planned(kind))
    return _PLANS[kind]


def _planned(kind: type[Any]) -> Iterator[tuple[str, Reader, Callable[[], Any] | None]]:
    hints = get_type_hints(kind)
    for one in fields(kind):
        made: Callable[[], Any] | None = None
        if one.default_factory is not MISSING:
            made = one.default_factory
        elif one.default is not MISSING:
            made = _always(one.default)
        yield one.name, reader(hints[one.name]), made


def _always(value: Any) -> Callable[[], Any]:
    return lambda: value


@cache
def reader(kind: Any) -> Reader:
    """The reader of one type of field: strings, numbers, literals, objects, lists, and None besides."""
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Literal:
        return _among(inside)
    if origin in (Union, UnionType):
        (other,) = (one for one in inside if one is not NoneType)
        read = reader(other)
        return lambda value: None if value is None else read(value)
    if origin is list:
        item = reader(inside[0])
        return lambda value: [item(one) for one in _of(list, value)]
    if origin is dict:
        item = reader(inside[1])
        return lambda value: {_of(str, key): item(one) for key, one in _of(dict, value).items()}
    if kind is Any:
        return lambda value: value
    if kind is float:
        return lambda value: value if type(value) is float else float(_of(int, value))
    if kind is int:
        return _whole
    return lambda value: _of(kind, value)


def _of(kind: type[Any], value: Any) -> Any:
    if isinstance(value, kind) and not (isinstance(value, bool) and kind is int):
        return value
    raise ValueError(f"expected {kind.__name__}, got {type(value).__name__}")


def _whole(value: Any) -> int:
    number = int(value) if isinstance(value, float) and value.is_integer() else _of(int, value)
    if abs(number) > LARGEST:
        raise ValueError("the number is too large")
    return int(number)


def _among(values: tuple[Any, ...]) -> Reader:
    def read(value: Any) -> Any:
        if value not in values:
            raise ValueError(f"expected one of {', '.join(map(str, values))}")
        return value

    return read
