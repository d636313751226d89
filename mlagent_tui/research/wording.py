"""How results of the rules are said, for console, screen and report alike."""

from __future__ import annotations


def whose(source: object, dropped: int = 0) -> str:
    """Whose words an explanation has, for people; empty where that was not recorded."""
    if source == "measurement":
        return "composed from the measurement"
    if source != "coder":
        return ""
    left_out = f"; {dropped} sentence{'s' if dropped > 1 else ''} left out" if dropped else ""
    return f"the coder's words{left_out}"
