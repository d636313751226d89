"""Text from models, generated code, files and journals, made safe for a terminal, a report and a prompt.

One rule for all: control characters and characters that cannot be seen are removed, or shown as escapes.
"""

from __future__ import annotations

import re

# Bidirectional marks and overrides, zero-width characters, line and paragraph separators, fillers that
# show as nothing, variation selectors, and tag characters, which can carry hidden text.
_UNSEEN = (
    0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), *range(0x200B, 0x2010),
    *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0x3164, *range(0xFE00, 0xFE10), 0xFEFF, 0xFFA0,
    *range(0xFFF0, 0xFFFC), *range(0x1D173, 0x1D17B), *range(0xE0000, 0xE1000),
)  # fmt: skip
_CONTROLS = (*range(32), *range(127, 160))
_SURROGATES = re.compile("[\ud800-\udfff]")


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65_536 else f"\\U{code:08x}"


_KEPT: dict[int, str] = {ord("\t"): "    ", ord("\n"): "\n"}
_PRESENTATION = dict.fromkeys((0xFE0E, 0xFE0F), "")  # as text or as a picture: common beside emoji
_VISIBLE = {code: _escape(code) for code in (*_CONTROLS, *_UNSEEN)} | _KEPT | _PRESENTATION
_REMOVED: dict[int, str] = {code: "" for code in (*_CONTROLS, *_UNSEEN)} | _KEPT


def clean(text: str) -> str:
    """`text` with its line ends, tabs as four spaces, and no other control or unseen character."""
    return _SURROGATES.sub("\ufffd", text.replace("\r\n", "\n").translate(_REMOVED))


def visible(text: str) -> str:
    """As `clean`, with each such character shown as an escape instead."""
    text = text.replace("\r\n", "\n").translate(_VISIBLE)
    return _SURROGATES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
