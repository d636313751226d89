"""How the work of a forward pass is told: its multiply-adds, and what is missing from that number."""

from __future__ import annotations

from collections.abc import Sequence

EVERYTHING = "all operations"
"""Stands in a summary's `not_counted` for a network whose operations could not be followed."""

_MOST_NAMES = 4


def told(count: str, not_counted: Sequence[str]) -> str:
    """`88,064 multiply-adds`, `512 multiply-adds (not counted: fft_r2c)`; `count` is the number in words."""
    if EVERYTHING in not_counted:
        return "multiply-adds not counted"
    names = [*not_counted[:_MOST_NAMES], *["…"] * (len(not_counted) > _MOST_NAMES)]
    return f"{count} multiply-adds" + (f" (not counted: {', '.join(names)})" if names else "")
