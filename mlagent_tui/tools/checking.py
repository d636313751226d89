"""The edge of every tool: arguments of the wrong kind are refused in one sentence, before anything is done.

One rule for scripts and for plans. What a parameter takes follows from its annotation and its name.
"""

from __future__ import annotations

import functools
import inspect
import operator
import os
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from mlagent_tui import paths
from mlagent_tui.errors import ToolError

P = ParamSpec("P")
R = TypeVar("R")
SHOWN = 60


class _Unfit(Exception):
    """What was expected and, where the value does not say it, what was given."""

    def __init__(self, expected: str, got: str = "") -> None:
        super().__init__(expected)
        self.expected, self.got = expected, got


def checked(tool: Callable[P, R]) -> Callable[P, R]:
    """The tool with its arguments held against its signature.

    A path may be a `Path`, sizes may be a list, and `~` is the home folder. Anything else raises `ToolError`
    naming the argument.
    """
    signature = inspect.signature(tool)

    @functools.wraps(tool)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        _refuse_unknown(tool.__name__, signature, kwargs)
        bound = _fitted(tool.__name__, signature, args, kwargs)
        return tool(*bound.args, **bound.kwargs)

    return call


def by_name(tool: Callable[..., Any], arguments: Mapping[str, Any]) -> inspect.BoundArguments:
    """Arguments that are all given by name, `*args` as a list. Raises `ToolError` as the tool itself does."""
    signature = inspect.signature(tool)
    _refuse_unknown(tool.__name__, signature, arguments)
    several = next((key for key, p in signature.parameters.items() if _is_several(p)), None)
    more = arguments.get(several, ()) if several else ()
    if not isinstance(more, list | tuple):
        raise _error(tool.__name__, signature, several or "", "a list", _shown(more))
    named = {key: value for key, value in arguments.items() if key != several}
    bound = _fitted(tool.__name__, signature, (), named)
    if several and more:
        given = [_one(tool.__name__, signature, signature.parameters[several], value) for value in more]
        bound.arguments[several] = tuple(given)
    return bound


def _fitted(
    name: str, signature: inspect.Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> inspect.BoundArguments:
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise ToolError(f"{name}: {error}", _remedy(name, signature)) from error
    for key, value in bound.arguments.items():
        parameter = signature.parameters[key]
        if _is_several(parameter):
            bound.arguments[key] = tuple(_one(name, signature, parameter, one) for one in value)
        else:
            bound.arguments[key] = _one(name, signature, parameter, value)
    return bound


def _refuse_unknown(name: str, signature: inspect.Signature, given: Mapping[str, Any]) -> None:
    for key in given:
        if key not in signature.parameters:
            raise ToolError(f"{name} has no argument {key!r}", _remedy(name, signature))


def _one(name: str, signature: inspect.Signature, parameter: inspect.Parameter, value: Any) -> Any:
    kind = "path" if parameter.name in PATHS else parameter.annotation
    try:
        return KINDS["argument" if _is_several(parameter) else kind](value)
    except _Unfit as unfit:
        got = unfit.got or _shown(value)
        raise _error(name, signature, parameter.name, unfit.expected, got) from unfit


def _error(name: str, signature: inspect.Signature, key: str, expected: str, got: str) -> ToolError:
    return ToolError(f"{name}: {key}: expected {expected}, got {got}", _remedy(name, signature))


def _remedy(name: str, signature: inspect.Signature) -> str:
    shown = str(signature)
    for annotation in (*(p.annotation for p in signature.parameters.values()), signature.return_annotation):
        shown = shown.replace(repr(annotation), annotation)
    return f"Its signature is {name}{shown}."


def _is_several(parameter: inspect.Parameter) -> bool:
    return parameter.kind is inspect.Parameter.VAR_POSITIONAL


def _shown(value: object) -> str:
    if isinstance(value, str | int | float | None):
        text = repr(value) if isinstance(value, str | bool | None) or abs(value) < 1e15 else "a huge number"
        return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
    return f"a value of type {type(value).__name__}"


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _Unfit("text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        code = ord(value[error.start])
        got = f"a lone surrogate (U+{code:04X}) at character {error.start + 1}, which is not a character"
        raise _Unfit("text", got) from error
    return value


def _path(value: object) -> str:
    """A path as text; `~` is the home folder. A name that is not UTF-8 on disk stays as Python gives it."""
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(text, str):
        raise _Unfit("a path")
    if "\0" in text:
        raise _Unfit("a path", "a NUL character in it")
    try:
        os.fsencode(text)
    except UnicodeEncodeError as error:
        raise _Unfit("a path", f"a lone surrogate (U+{ord(text[error.start]):04X}) in it") from error
    if not text.startswith("~"):
        return text
    return str(paths.user_path(text)) + ("/" if text.endswith("/") else "")


def _argument(value: object) -> str:
    return _path(value) if isinstance(value, os.PathLike) else _text(value)


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise _Unfit("True or False")
    return value


def _sizes(value: object) -> tuple[int, ...]:
    wanted = "whole numbers such as (1, 3, 32, 32)"
    if not isinstance(value, list | tuple):
        raise _Unfit(wanted)
    try:
        if any(isinstance(one, bool) for one in value):
            raise TypeError
        return tuple(operator.index(one) for one in value)
    except TypeError as error:
        inside = ", ".join(_shown(one) for one in value[:8])
        raise _Unfit(wanted, f"({inside})"[:SHOWN]) from error


def _fields(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _Unfit("a dictionary")
    wrong = next((key for key in value if not isinstance(key, str)), None)
    if wrong is not None or None in value:
        raise _Unfit("a dictionary with names as its keys", f"the key {_shown(wrong)}")
    return dict(value)


PATHS = ("base_dir", "file_path", "model_script_path", "output_script_path", "path", "script_path")
"""The parameters that name a file or folder."""

KINDS: dict[str, Callable[[object], Any]] = {
    "path": _path,
    "argument": _argument,
    "str": _text,
    "bool": _truth,
    "tuple[int, ...]": _sizes,
    "dict[str, Any]": _fields,
}
"""What to make of a value, by the annotation of its parameter."""
