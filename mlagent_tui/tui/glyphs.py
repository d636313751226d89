"""What the font of the Linux console has, and what is drawn there instead of the rest.

A text console has 256 or 512 glyphs: those of code page 437, whatever else its font holds. Other characters
come out as one and the same square.
"""

from __future__ import annotations

import os
from functools import lru_cache

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

DINGBATS = "☺☻♥♦◆♣♠•◘○◙♂♀♪♫☼¤►▶◄◀↕‼¶§▬↨↑↓→←∟↔▲▼⌂"
LATIN = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»"
BOXES = "░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀"
SIGNS = "αβßΓπΣσµμτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0"
FONT = frozenset(map(chr, range(32, 127))) | frozenset(DINGBATS + LATIN + BOXES + SIGNS)
"""The characters of code page 437, as the kernel's own font has them (drivers/tty/vt/cp437.uni)."""

_INSTEAD = {
    "╭╮╰╯": "┌┐└┘",
    "━┃┏┓┗┛┣┫┳┻╋": "═║╔╗╚╝╠╣╦╩╬",
    "┝┥┰┸╂┿": "├┤┬┴┼┼",
    "╍╌┅┄┉┈╸╺╴╶╾╼": "─---··══────",
    "╷╵╻╹╎┆┊╏┇┋": "││║║│││║║║",
    "▁▂▃▅▆▇▔▕▏▎▍▋▊▉": "_▄▄███▀││▌▌███",
    "▖▗▘▙▚▛▜▝▞▟": "▄▄▀█▀█▀▀▄█",
    "✔✓✗✘✕×": "√√xxxx",
    "★☆●◉◎◌◦◇‖": "**••○○○◆║",
    "▸▹▷▾▿▽◂◃▴▵": "►►►▼▼▼◄◄▲▲",
    "…⋯—–−‐‑": "..-----",
    "‘’“”„‚": '\'\'""",',
    "⋮∣⏎↵↳↲⇥": ":│←←└←→",
    "⏵⏸⏹⏺⟳↻": "►║■•oo",
}
INSTEAD = {ord(a): b for those, these in _INSTEAD.items() for a, b in zip(those, these, strict=True)}
"""What the font lacks, by what comes nearest to it; all of them are one column wide."""


def console_font() -> bool:
    """Whether this is a text console of Linux, with its small font."""
    return os.environ.get("TERM", "").startswith("linux")


class ConsoleFont(LineFilter):
    """Draws what the font of a Linux console has in place of what it lacks, whoever draws it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(_drawn(text), style, control) for text, style, control in segments]


@lru_cache(4096)
def _drawn(text: str) -> str:
    return text if text.isascii() else text.translate(INSTEAD)
