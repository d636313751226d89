"""Python's syntax colours for the lines in sight, asked for one stretch of lines at a time.

`TextArea` with a language reads its text through a Python function for every name that it colours, and
colours all of the text again for every piece that is added: a tenth of a second for a module that streams.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import resources

from tree_sitter import Language, Parser, Query, QueryCursor, Tree

Span = tuple[int, int | None, str]
"""From and to (None: the line's end) in bytes of a line, and what it is."""

STRETCH = 64
"""Lines that are coloured together."""


@lru_cache(maxsize=1)
def load() -> tuple[Parser, Query]:
    """The parser, and the query that names what is coloured: some 20 ms the first time."""
    import tree_sitter_python

    language = Language(tree_sitter_python.language())
    source = resources.files("textual").joinpath("tree-sitter", "highlights", "python.scm")
    return Parser(language), Query(language, source.read_text(encoding="utf-8"))


class Highlights(dict[int, list[Span]]):
    """The spans of each line of a module, found when a line is first asked for; none before `load`."""

    def __init__(self, text: Callable[[], str]) -> None:
        super().__init__()
        self._text = text
        self._source = b""
        self._tree: Tree | None = None
        self._stale = True

    def __bool__(self) -> bool:
        return True

    def clear(self) -> None:
        """The text has changed."""
        super().clear()
        self._stale = True

    def __missing__(self, row: int) -> list[Span]:
        if not load.cache_info().currsize:
            return []
        if self._stale:
            self._parse()
        first = row - row % STRETCH
        self.update({line: [] for line in range(first, first + STRETCH)})
        if self._tree is not None:
            self._colour(self._tree, first, first + STRETCH)
        return self[row]

    def _parse(self) -> None:
        """Read the text; where it has only grown, what is known of its beginning is kept."""
        parser, _ = load()
        source, before, tree = self._text().encode("utf-8", "replace"), self._source, self._tree
        if tree is not None and source.startswith(before):
            size, end = len(before), _end(before)
            tree.edit(size, size, len(source), end, end, _end(source))
            self._tree = parser.parse(source, tree)
        else:
            self._tree = parser.parse(source)
        self._source, self._stale = source, False

    def _colour(self, tree: Tree, first: int, last: int) -> None:
        cursor = QueryCursor(load()[1])
        cursor.set_point_range((first, 0), (last, 0))
        for name, nodes in cursor.captures(tree.root_node).items():
            for node in nodes:
                (top, left), (bottom, right) = node.start_point, node.end_point
                for row in range(max(top, first), min(bottom + 1, last)):
                    begin = left if row == top else 0
                    self[row].append((begin, right if row == bottom else None, name))


def _end(source: bytes) -> tuple[int, int]:
    """Row and column behind the last byte."""
    return source.count(b"\n"), len(source) - source.rfind(b"\n") - 1
