"""`mlagent models`: a table of the language models on this machine, and the results of checking one."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

from mlagent_tui import checkup, paths, streams
from mlagent_tui.checkup import Checkup, Rate
from mlagent_tui.console import Terminal, clean, shorten, width
from mlagent_tui.llm import catalog, open_model, places
from mlagent_tui.settings import RoleOptions

NAME_WIDTH = 36
HEAD = (
    "model", "family", "parameters", "weights", "context", "prompts", "size", "fits here", "tokens/s",
    "--model",
)  # fmt: skip
RIGHT = {2, 4, 6, 8}
"""The columns of numbers."""


def show(folders: Iterable[Path] = (), *, as_json: bool = False) -> int:
    """Print every model there is."""
    folders = list(folders)
    entries = catalog.catalogue(folders)
    if as_json:
        print(json.dumps([asdict(entry) for entry in entries], indent=2, ensure_ascii=False))
        return 0
    print(table([entry for entry in entries if not entry.facts.problem]))
    unusable = [entry for entry in entries if entry.facts.problem]
    if unusable:
        print("\nThese cannot be used:")
        for entry in unusable:
            print(f"  {clean(_short(entry.spec))}\n    {clean(entry.facts.problem)}")
    looked = ", ".join(clean(_short(str(folder))) for folder in places.searched(folders))
    with suppress(streams.OutputLost):
        streams.put(sys.stderr, f"searched {looked}\n")
    return 0


def table(entries: Iterable[catalog.Entry]) -> str:
    """The entries as aligned columns; speeds are estimates, and marked so."""
    rows = [HEAD, *map(_row, entries)]
    widths = [max(width(row[i]) for row in rows) for i in range(len(HEAD))]
    return "\n".join(
        "  ".join(_cell(row[i], i, widths[i]) for i in range(len(HEAD))).rstrip() for row in rows
    )


def _row(entry: catalog.Entry) -> tuple[str, ...]:
    facts = entry.facts
    return (
        shorten(clean(facts.name), NAME_WIDTH),
        clean(facts.family),
        _count(facts.parameters),
        clean(facts.quantisation),
        f"{facts.context:,}" if facts.context else "?",
        facts.profile or "?",
        _gb(facts.size),
        catalog.FITS[entry.fits] + (f", needs {_gb(entry.needs)}" if entry.fits in ("no", "busy") else ""),
        f"~{entry.speed:,.0f}" if entry.speed >= 10 else f"~{entry.speed:.1f}" if entry.speed else "?",
        clean(_short(entry.spec)),
    )


def _cell(text: str, column: int, columns: int) -> str:
    padding = " " * (columns - width(text))
    return padding + text if column in RIGHT else text + padding


def check(spec: str, options: RoleOptions | None = None, *, as_json: bool = False) -> int:
    """Load a model, measure it and print the outcome; 0 when it suits a role, else 1. Raises `ModelError`."""
    terminal = Terminal(sys.stderr)

    def tell(message: str, remedy: str) -> None:
        terminal.line(clean(f"{message}. {remedy}"))

    open_ = partial(open_model, tell=tell, **(options or RoleOptions()).model_dump())
    found = checkup.check(spec, lambda text: terminal.progress(f"{text} …"), open_)
    terminal.clear()
    if as_json:
        outcome = asdict(found) | {
            "suits_planner": found.suits_planner,
            "suits_coder": found.suits_coder,
            "verdict": found.verdict,
        }
        print(json.dumps(outcome, indent=2, ensure_ascii=False))
    else:
        print(report(found))
    return 0 if found.suits_planner or found.suits_coder else 1


def report(found: Checkup) -> str:
    """The results as text, with the mistakes below each rate."""
    context, seconds = f"{found.context_length:,}", f"{found.loading_seconds:.1f}"
    prompts = f", {found.profile} prompts" if found.profile else ""
    lines = [
        f"{clean(found.name)}, {context} tokens of context{prompts}, loaded in {seconds} s",
        f"  prompt                  {found.prompt_speed:8,.0f} tokens/s",
        f"  code                    {found.decode_speed:8,.1f} tokens/s",
        f"  JSON under a schema   {found.json_speed:8,.1f} tokens/s",
        f"  time to first token     {found.first_token_seconds:8,.2f} s",
    ]
    if found.thinks:
        lines.append("  the model thinks before it answers, which adds time to each answer")
    for name, rate in (
        ("valid JSON at once", found.valid_json),
        ("goals understood", found.goals),
        ("valid networks", found.configs),
        ("correct decisions", found.decisions),
        ("correct code at once", found.code),
    ):
        lines += _rate(name, rate)
    return "\n".join([*lines, found.verdict])


def _rate(name: str, rate: Rate) -> list[str]:
    counted = Counter(map(clean, rate.misses)).items()
    misses = [f"      {miss}{f' ({times} times)' if times > 1 else ''}" for miss, times in counted]
    return [f"  {name:<26}{rate.right} of {rate.asked}", *misses]


def _short(spec: str) -> str:
    """A path below the home folder with `~`."""
    home = str(paths.home())
    return "~" + spec.removeprefix(home) if spec.startswith(home + "/") else spec


def _count(parameters: int) -> str:
    """`7.6B`, `352M`."""
    for unit, size in (("B", 10**9), ("M", 10**6), ("k", 10**3)):
        if parameters >= size:
            value = parameters / size
            return f"{value:.1f}{unit}" if value < 100 else f"{value:.0f}{unit}"
    return str(parameters) if parameters else "?"


def _gb(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size < 10**10 else f"{size / 1e9:.1f} GB"
