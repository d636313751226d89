"""Our own two themes beside Textual's, and which one a terminal starts with."""

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
OURS = (DARK, LIGHT)


def names() -> list[str]:
    """All themes, ours first: the order in which a key steps through them."""
    return [*(theme.name for theme in OURS), *BUILTIN_THEMES]


def first_choice(color_system: str | None) -> str:
    """The theme for who has chosen none: the terminal's own colours where it has only sixteen."""
    return "ansi-dark" if color_system == "standard" else DARK.name
