"""The name of the class: the coder always writes `CurrentModel`, and the wanted name is put in afterwards.

The bundled model was trained on that one name. Names are replaced token by token, so that strings,
comments and attributes stay as they were written.
"""

from __future__ import annotations

import io
import keyword
import re
import tokenize

from mlagent_tui.errors import CodeError
from mlagent_tui.schemas import DEFAULT_CLASS


def for_user(code: str, name: str) -> str:
    """`code` of the coder with its class called `name`.

    Code that is not valid Python comes back as it is: the check of the code says what is wrong with it.
    Raises `CodeError` when `name` already stands for something else in the code.
    """
    return _renamed(code, DEFAULT_CLASS, name)


def for_coder(code: str, name: str) -> str:
    """`code` with the class `name` called as the coder calls it. Raises `CodeError` as `for_user` does."""
    return _renamed(code, name, DEFAULT_CLASS)


def in_text(text: str, old: str, new: str) -> str:
    """A sentence about a class, with every whole word `old` replaced by `new`."""
    return re.sub(rf"\b{re.escape(old)}\b", new, text)


def _renamed(code: str, old: str, new: str) -> str:
    if old == new:
        return code
    names = list(_names(code))
    taken = next((token for token in names if token.string == new), None)
    if taken is not None:
        raise CodeError(
            f"line {taken.start[0]}: expected another name, this one is kept for the network's own class"
        )
    lines = io.StringIO(code).readlines()  # as the tokenizer counts them
    for token in reversed(names):
        if token.string == old:
            row, (start, end) = token.start[0] - 1, (token.start[1], token.end[1])
            lines[row] = lines[row][:start] + new + lines[row][end:]
    return "".join(lines)


def _names(code: str) -> list[tokenize.TokenInfo]:
    """The tokens of `code` that are names of their own: no keywords, and no attributes (`x.name`)."""
    before, names = "", []
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type == tokenize.NAME and before != "." and not keyword.iskeyword(token.string):
                names.append(token)
            if token.type not in (tokenize.NL, tokenize.COMMENT):
                before = token.string
    except (tokenize.TokenError, SyntaxError):
        return []
    return names
