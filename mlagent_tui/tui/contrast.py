"""Text that can be read in every theme: colours with too little contrast are moved until they have enough.

The measure is that of the Web Content Accessibility Guidelines (WCAG 2.2, 1.4.3 and 1.4.11): 4.5 to 1 for
text, 3 to 1 for lines and dots. Blocks are surfaces: they are painted in the colours of what is beside them.
What lies dimmed below a dialog cannot be used; its text has 3 to 1.
"""

from __future__ import annotations

from functools import lru_cache

from rich.color import Color, ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.color import Color as Background
from textual.filter import LineFilter, Monochrome

TEXT, LINES = 4.5, 3.0
"""The least contrast of text, and of lines, dots and marks that are not text."""

Triplet = tuple[int, int, int]

CONSOLE: tuple[Triplet, ...] = (
    (0, 0, 0), (170, 0, 0), (0, 170, 0), (170, 85, 0), (0, 0, 170), (170, 0, 170), (0, 170, 170),
    (170, 170, 170), (85, 85, 85), (255, 85, 85), (85, 255, 85), (255, 255, 85), (85, 85, 255),
    (255, 85, 255), (85, 255, 255), (255, 255, 255),
)  # fmt: skip
XTERM: tuple[Triplet, ...] = (
    (0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205),
    (229, 229, 229), (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255),
    (255, 0, 255), (0, 255, 255), (255, 255, 255),
)  # fmt: skip
PALETTES = (CONSOLE, XTERM)
"""What the sixteen colours are on a Linux console and in xterm. Which of them a terminal has is not known."""

_SYSTEMS = {
    "standard": ColorSystem.STANDARD,
    "256": ColorSystem.EIGHT_BIT,
    "truecolor": ColorSystem.TRUECOLOR,
}
_STEPS = 20


def luminance(colour: Triplet) -> float:
    """The relative luminance of an sRGB colour, 0 (black) to 1 (white), as WCAG 2.2 defines it."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ratio(one: Triplet, other: Triplet) -> float:
    """The contrast of two colours, 1 (none) to 21 (black and white)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@lru_cache(8192)
def wanted(text: str, inactive: bool = False) -> float:
    """The contrast that `text` needs; 0 where there is nothing to be read."""
    kinds = {_kind(char) for char in text if not char.isspace()}
    needed = max(kinds, default=0.0)
    return needed if not inactive else LINES if needed == TEXT else 0.0


@lru_cache(4096)
def _kind(char: str) -> float:
    code = ord(char)
    if 0x2580 <= code <= 0x259F:  # blocks
        return 0.0
    return LINES if 0x2500 <= code <= 0x257F or 0x2800 <= code <= 0x28FF else TEXT


class Greys(Monochrome):
    """Greys in place of colours, also for what has no style at all, which Textual's filter fails on."""

    def apply(self, segments: list[Segment], background: Background) -> list[Segment]:
        styled = [Segment(text, style or Style.null(), control) for text, style, control in segments]
        return super().apply(styled, background)


class Contrast(LineFilter):
    """Gives every piece of text enough contrast, as the terminal shows its colours.

    `system` is the terminal's: "standard" (sixteen colours), "256" or "truecolor". `dark` says whether its
    own background, which some themes leave as it is, is taken to be black or white. `inactive` is what cannot
    be used now.
    """

    def __init__(self, system: str | None, dark: bool = True, inactive: bool = False) -> None:
        super().__init__()
        self._system = _SYSTEMS.get(system or "", ColorSystem.TRUECOLOR)
        self._dark = dark
        self._inactive = inactive
        self._ink = lru_cache(4096)(self._readable)

    def apply(self, segments: list[Segment], background: Background) -> list[Segment]:
        done = []
        for segment in segments:
            text, style, control = segment
            if style is not None and (need := wanted(text, self._inactive)):
                ink = self._ink(style.color, style.bgcolor, need)
                if ink is not None:
                    segment = Segment(text, style + _painted(ink), control)
            done.append(segment)
        return done

    def contrast(self, ink: Color | None, ground: Color | None) -> float:
        """The contrast of two colours as the terminal shows them."""
        shown = [(one or Color.default()).downgrade(self._system) for one in (ink, ground)]
        return least(shown[0], shown[1], self._dark)

    def _readable(self, ink: Color | None, ground: Color | None, need: float) -> Color | None:
        """The colour nearest to `ink` that has enough contrast, or the best there is; None: it has enough."""
        if self.contrast(ink, ground) >= need:
            return None
        start, choice = _triplet(ink or Color.default()), self._choice(ink, ground)
        fitting = [one for one in choice if self.contrast(one, ground) >= need]
        if not fitting:
            return max(choice, key=lambda one: self.contrast(one, ground))
        return min(fitting, key=lambda one: _distance(_triplet(one), start))

    def _choice(self, ink: Color | None, ground: Color | None) -> list[Color]:
        """Colours of the same hue, lighter and darker; of sixteen, all of them."""
        own = any(one is None or one.is_default or one.is_system_defined for one in (ink, ground))
        if own or self._system is ColorSystem.STANDARD:
            return [Color.from_ansi(number) for number in range(16)]
        start = _triplet(ink or Color.default())
        shares = [(end, step / _STEPS) for end in (0, 255) for step in range(1, _STEPS + 1)]
        mixed = [[round(a + (end - a) * share) for a in start] for end, share in shares]
        return [Color.from_rgb(*colour) for colour in mixed]


@lru_cache(4096)
def _painted(ink: Color) -> Style:
    return Style(color=ink)


def least(ink: Color, ground: Color, dark: bool = True) -> float:
    """The contrast of two colours as they are shown, on the worst of the palettes.

    A terminal's own two colours are taken to be readable on each other.
    """
    if ink.is_default and ground.is_default:
        return 21.0
    return min(
        ratio(_in(palette, ink, dark, True), _in(palette, ground, dark, False)) for palette in PALETTES
    )


def _in(palette: tuple[Triplet, ...], colour: Color, dark: bool, foreground: bool) -> Triplet:
    if colour.is_default:
        return palette[7] if dark and foreground else (0, 0, 0) if dark or foreground else (255, 255, 255)
    if colour.number is not None and colour.number < 16:
        return palette[colour.number]
    return _triplet(colour)


@lru_cache(4096)
def _triplet(colour: Color) -> Triplet:
    red, green, blue = colour.get_truecolor()
    return red, green, blue


def _distance(one: Triplet, other: Triplet) -> float:
    """How unlike two colours look: their hues count most, then how light they are."""
    hues = sum((a - b) ** 2 for a, b in zip(_hue(one), _hue(other), strict=True))
    return 4 * hues + abs(luminance(one) - luminance(other))


def _hue(colour: Triplet) -> tuple[float, ...]:
    """Its parts around their mean: grey has none."""
    mean = sum(colour) / 3
    return tuple((part - mean) / 255 for part in colour)
