"""The text of a Python file, decoded as Python does: by a byte order mark, or by the coding it declares."""

from __future__ import annotations

import io
import tokenize

from mlagent_tui.errors import CodeError


def decoded(data: bytes) -> str:
    """`data` as text, its lines ended by newlines. Raises `CodeError` where it is not what it declares."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise CodeError(
            f"line {line}: expected {error.encoding} text, got byte 0x{data[error.start]:02x}",
            "Save the file as UTF-8.",
        ) from error
    except (SyntaxError, LookupError, ValueError) as error:  # of its first two lines
        raise CodeError(f"line 1: expected Python text, got {error}", "Save the file as UTF-8.") from error
    return text_of(text)


def text_of(text: str) -> str:
    """`text` without the mark that some programs put first, its lines ended by newlines."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def lines(text: str) -> list[str]:
    """The lines as Python counts them: only a newline ends one, a form feed does not."""
    return io.StringIO(text).readlines()
