"""Reading YAML that people write: one strict reader for settings, configurations and what is edited.

It reads the core schema of YAML 1.2: `yes`, `on`, dates and `1:30` are text, and only `true` and `false` are
truth values. What programs read in different ways is refused with its line: a name given twice, a number
with a leading zero, tags, merge keys. What PyYAML's `safe_dump` writes is read as it was meant.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

Path = tuple[str | int, ...]

MAX_VALUES = 100_000
"""Values of a text, those that an alias repeats included."""
MAX_DEPTH = 100
_MAX_DIGITS = 400

_NULL = re.compile(r"|~|null|Null|NULL")
_TRUE, _FALSE = re.compile(r"true|True|TRUE"), re.compile(r"false|False|FALSE")
_WHOLE = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_STRING_TAGS = (None, "!", "tag:yaml.org,2002:str")

_PLAIN = (
    (r"cannot start any token", "this character cannot begin a value; indent with spaces, not with tabs"),
    (r"mapping values are not allowed", "a second colon; put text that holds a colon in quotes"),
    (r"could not find expected ':'", "a colon is missing after the name"),
    (r"found unexpected end of stream", "a quotation mark is not closed"),
    (r"expected <block end>", "the indentation does not fit the lines above"),
    (r"expected ',' or '[]}]'", "a comma or a closing bracket is missing"),
    (r"found unknown escape", "an unknown escape; use single quotes for text with a backslash"),
)
"""What PyYAML's parser says of the commonest slips, and how people say it."""


class YamlError(ValueError):
    """Text that is not the YAML that is read here; `line` counts from 1, `remedy` may be empty."""

    def __init__(self, line: int, problem: str, remedy: str = "") -> None:
        super().__init__(f"line {line}: {problem}")
        self.line, self.problem, self.remedy = line, problem, remedy


@dataclass(frozen=True)
class Document:
    """What a text says, and the line in which each of its values stands."""

    value: Any
    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """The line of the value at `path`, or of the nearest one around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def load(text: str | bytes) -> Any:
    """The value of one YAML document; None for an empty one. Raises `YamlError`."""
    return read(text).value


def read(text: str | bytes) -> Document:
    """As `load`, with the lines of all values."""
    text = _decoded(text) if isinstance(text, bytes) else text
    builder = _Builder()
    try:
        for event in yaml.parse(text.removeprefix("\ufeff"), Loader=yaml.SafeLoader):
            builder.take(event)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlError(
            line, f"it holds a character that YAML does not allow (U+{error.character:04X})"
        ) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(mark.line + 1 if mark else 1, _said(error)) from error
    return Document(builder.value, builder.lines)


class _Dumper(yaml.SafeDumper):
    """Quotes text that `read` would take for something else, and not only what YAML 1.1 would."""


for _pattern in (_WHOLE, _NUMBER, _LEADING_ZERO):
    _Dumper.add_implicit_resolver(
        "tag:mlagent,2026:number", re.compile(f"^(?:{_pattern.pattern})$"), list("-+.0123456789")
    )


def dump(value: Any, **style: Any) -> str:
    """`value` as YAML that `read` and other programs read as the same; `style` as `yaml.dump` takes it."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, **style)
    return text


def _decoded(data: bytes) -> str:
    """UTF-8, or UTF-16 where a byte order mark says so."""
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise YamlError(data.count(b"\n", 0, error.start) + 1, "it is not UTF-8 text") from error


def _said(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or error.context or "it cannot be read"
    return next((said for pattern, said in _PLAIN if re.search(pattern, problem)), problem)


@dataclass
class _Open:
    """A list or mapping that has not ended; `key` is the name whose value comes next."""

    value: list[Any] | dict[str, Any]
    path: Path
    anchor: str | None
    line: int
    key: str | None = None
    key_lines: dict[str, int] = field(default_factory=dict)
    size: int = 1


class _Builder:
    """Puts the events of a parser together, without recursion. Each is refused where it stands."""

    def __init__(self) -> None:
        self.value: Any = None
        self.lines: dict[Path, int] = {}
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._documents = 0
        self._values = 0

    def take(self, event: Any) -> None:
        """The next event of `yaml.parse`. Raises `YamlError`."""
        line = event.start_mark.line + 1
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise YamlError(line, "a second document begins; one is expected")
            case yaml.ScalarEvent():
                self._scalar(event, line)
            case yaml.AliasEvent():
                self._alias(str(event.anchor), line)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                self._begin(event, line)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                ended = self._open.pop()
                self._grow(ended.size)
                if ended.anchor is not None:
                    self._anchors[ended.anchor] = (ended.value, ended.size)

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        if event.tag not in _STRING_TAGS:
            raise YamlError(
                line, f"a tag ({_shown(event.tag)}), which is not read; write the value without it"
            )
        plain = event.tag is None and event.implicit[0]
        outer = self._open[-1] if self._open else None
        if outer is not None and isinstance(outer.value, dict) and outer.key is None:
            self._name(outer, event.value, plain, line)
            return
        value = _resolved(event.value, line) if plain else event.value
        self._put(value, line, 1)
        self._grow(1)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1)

    def _name(self, mapping: _Open, name: str, plain: bool, line: int) -> None:
        if plain and name == "<<":
            raise YamlError(line, "a merge key (<<), which is not read; write out what it stands for")
        if name in mapping.key_lines:
            raise YamlError(line, f"{name!r} is given twice, first in line {mapping.key_lines[name]}")
        mapping.key, mapping.key_lines[name] = name, line

    def _alias(self, name: str, line: int) -> None:
        if any(one.anchor == name for one in self._open):
            raise YamlError(line, f"*{name} repeats a value inside itself")
        if name not in self._anchors:
            raise YamlError(line, f"*{name} repeats a value that has no anchor &{name} above")
        value, size = self._anchors[name]
        self._put(value, line, size)
        self._grow(size)

    def _begin(self, event: Any, line: int) -> None:
        if event.tag not in (None, "!"):
            raise YamlError(
                line, f"a tag ({_shown(event.tag)}), which is not read; write the value without it"
            )
        if len(self._open) >= MAX_DEPTH:
            raise YamlError(line, f"more than {MAX_DEPTH} levels of nesting")
        value: list[Any] | dict[str, Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        path = self._put(value, line, 1)
        self._open.append(_Open(value, path, event.anchor, line))

    def _put(self, value: Any, line: int, size: int) -> Path:
        """Add a value to what is open; its path."""
        self._values += size
        if self._values > MAX_VALUES:
            raise YamlError(line, f"more than {MAX_VALUES:,} values, those that aliases repeat included")
        path: Path = ()
        if not self._open:
            self.value = value
        else:
            outer = self._open[-1]
            if isinstance(outer.value, list):
                path = (*outer.path, len(outer.value))
                outer.value.append(value)
            else:
                if outer.key is None:
                    raise YamlError(line, "the name of a value must be text")
                path = (*outer.path, outer.key)
                line = outer.key_lines[outer.key]
                outer.value[outer.key] = value
                outer.key = None
        self.lines[path] = line
        return path

    def _grow(self, size: int) -> None:
        """What is open holds `size` values more, all complete."""
        if self._open:
            self._open[-1].size += size


def _shown(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")[:40]


def _resolved(text: str, line: int) -> Any:
    """What a word without quotes stands for in YAML 1.2."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return bool(_TRUE.fullmatch(text))
    if _LEADING_ZERO.fullmatch(text):
        raise YamlError(
            line, f"{text} begins with a zero, which some programs read as octal; write {int(text)}"
        )
    if _WHOLE.fullmatch(text) or _NUMBER.fullmatch(text):
        if len(text) > _MAX_DIGITS:
            raise YamlError(line, f"a number of {len(text):,} digits")
        return int(text, 0) if _WHOLE.fullmatch(text) else float(text)
    if _SPECIAL.fullmatch(text):
        return float(text.replace(".", "", 1))
    return text
