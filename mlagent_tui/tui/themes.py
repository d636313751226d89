"""Our own three themes beside Textual's, and which one a terminal starts with."""

from __future__ import annotations

from textual.theme import BUILTIN_THEMES, Theme

DARK = Theme(
    name="mlagent-dark",
    primary="#6cb6ff",
    secondary="#96a2b8",
    accent="#ffb454",
    success="#7fd88f",
    warning="#ffd166",
    error="#ff7b72",
    foreground="#d5dbe5",
    background="#0e1117",
    surface="#141922",
    panel="#1f2733",
    dark=True,
    variables={
        "border": "#6cb6ff",
        "border-blurred": "#5a6679",
        "footer-key-foreground": "#ffb454",
        "footer-background": "#141922",
        "footer-description-foreground": "#96a2b8",
        "block-cursor-text-style": "none",
        "input-selection-background": "#6cb6ff 35%",
    },
)
LIGHT = Theme(
    name="mlagent-light",
    primary="#0b63c5",
    secondary="#5b6577",
    accent="#a34e00",
    success="#1a7f37",
    warning="#8a6100",
    error="#c0262d",
    foreground="#1c2128",
    background="#f4f5f7",
    surface="#ffffff",
    panel="#e4e8ee",
    dark=False,
    variables={
        "border": "#0b63c5",
        "border-blurred": "#858e9e",
        "footer-key-foreground": "#a34e00",
        "footer-background": "#e4e8ee",
        "footer-description-foreground": "#4a5362",
        "block-cursor-text-style": "none",
        "input-selection-background": "#0b63c5 25%",
    },
)
SIXTEEN = Theme(
    name="mlagent-16",
    ansi=True,
    primary="ansi_bright_cyan",
    secondary="ansi_white",
    accent="ansi_bright_magenta",
    success="ansi_bright_green",
    warning="ansi_bright_yellow",
    error="ansi_bright_red",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    dark=True,
    variables={
        "ansi-background": "ansi_black",
        "ansi-foreground": "ansi_white",
        "border": "ansi_bright_cyan",
        "border-blurred": "ansi_white",
        "block-cursor-foreground": "ansi_black",
        "block-cursor-background": "ansi_white",
        "footer-key-foreground": "ansi_bright_yellow",
        "input-cursor-background": "ansi_white",
        "input-cursor-foreground": "ansi_black",
        "input-cursor-text-style": "none",
        "input-selection-background": "ansi_cyan",
        "input-selection-foreground": "ansi_black",
        "screen-selection-background": "ansi_cyan",
        "screen-selection-foreground": "ansi_black",
        "scrollbar": "ansi_white",
        "scrollbar-hover": "ansi_white",
        "scrollbar-active": "ansi_bright_cyan",
    },
)
"""A terminal's own sixteen colours, but blue, which cannot be read on black."""

OURS = (DARK, LIGHT, SIXTEEN)


def names() -> list[str]:
    """All themes, ours first: the order in which a key steps through them."""
    return [*(theme.name for theme in OURS), *BUILTIN_THEMES]


def first_choice(color_system: str | None) -> str:
    """The theme for who has chosen none: the terminal's own colours where it has only sixteen."""
    return SIXTEEN.name if color_system == "standard" else DARK.name
