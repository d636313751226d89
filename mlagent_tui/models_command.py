"""`mlagent models`: a table of the language models on this machine, and the results of checking one."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mlagent_tui import check_results, checkup, own_prompts, paths, prompts, streams
from mlagent_tui.check_results import STEPS, Count, Kept, Result
from mlagent_tui.checkup import Progress
from mlagent_tui.console import Terminal, clean, shorten, width
from mlagent_tui.errors import ProjectError
from mlagent_tui.llm import catalog, places
from mlagent_tui.settings import RoleOptions, Settings

NAME_WIDTH = 36
MISS_WIDTH = 160
TICK = 0.5
"""Seconds between two looks at how much of the time is used."""
INTERRUPTED = 130
USUAL_NETWORKS: int = Settings().iterations
HEAD = (
    "model", "family", "parameters", "weights", "context", "prompts", "size", "fits here", "tokens/s",
    "--model",
)  # fmt: skip
RIGHT = {2, 4, 6, 8}
"""The columns of numbers."""


def show(folders: Iterable[Path] = (), *, as_json: bool = False) -> int:
    """Print every model there is."""
    folders, kept = list(folders), Kept()
    entries = catalog.catalogue(folders)
    results = {e.spec: result for e in entries if not e.facts.problem and (result := kept.of(e.spec))}
    if as_json:
        listed = [asdict(e) | {"checked": _checked(results.get(e.spec))} for e in entries]
        print(json.dumps(listed, indent=2, ensure_ascii=False))
        return 0
    print(table([entry for entry in entries if not entry.facts.problem], results))
    unusable = [entry for entry in entries if entry.facts.problem]
    if unusable:
        print("\nThese cannot be used:")
        for entry in unusable:
            print(f"  {clean(_short(entry.spec))}\n    {clean(entry.facts.problem)}")
    looked = ", ".join(clean(_short(str(folder))) for folder in places.searched(folders))
    with suppress(streams.OutputLost):
        streams.put(sys.stderr, f"searched {looked}\n")
    return 0


def _checked(result: Result | None) -> dict[str, Any] | None:
    return None if result is None else _as_json(result) | {"line": result.line}


def table(entries: Iterable[catalog.Entry], results: Mapping[str, Result] = MappingProxyType({})) -> str:
    """The entries as aligned columns; speeds are estimates, and marked so.

    Below a model that was checked stands what was found: `results` by `spec`.
    """
    entries = list(entries)
    rows = [HEAD, *map(_row, entries)]
    widths = [max(width(row[i]) for row in rows) for i in range(len(HEAD))]
    lines = ["  ".join(_cell(row[i], i, widths[i]) for i in range(len(HEAD))).rstrip() for row in rows]
    for at in range(len(entries), 0, -1):
        if result := results.get(entries[at - 1].spec):
            lines.insert(at + 1, f"    {clean(result.line)}")
    return "\n".join(lines)


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


def check(
    spec: str, options: RoleOptions | None = None, *, seconds: float = checkup.SECONDS, as_json: bool = False
) -> int:
    """Load a model, measure it, keep the result and print it. Raises `ModelError`, `PromptError`.

    0 when the model suits a role, 1 when it does not, 130 after Ctrl-C; then nothing is kept.
    """
    terminal = Terminal(sys.stderr)

    def waiting(message: str, remedy: str) -> None:
        terminal.line(clean(f"{message}. {remedy}"))

    with _Shown(terminal) as shown, prompts.use(own_prompts.read()):
        found = checkup.check(spec, options, seconds=seconds, tell=shown.tell, waiting=waiting)
    unkept = "" if found.interrupted else _keep(found)
    print(json.dumps(_as_json(found), indent=2, ensure_ascii=False) if as_json else report(found))
    if unkept:
        terminal.line(f"mlagent: {clean(unkept)}")
    if found.interrupted:
        terminal.line("mlagent: interrupted: the result is not kept")
        return INTERRUPTED
    return 0 if found.suits_planner or found.suits_coder else 1


def _keep(found: Result) -> str:
    """Store the result; why it could not be stored, which loses nothing of what is printed."""
    try:
        check_results.keep(found)
    except ProjectError as error:
        return f"the result is not kept: {error.what}"
    return ""


class _Shown:
    """Shows what is being done, and as often as it changes how much of the time is used."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._latest: tuple[Progress, float] | None = None
        self._over = threading.Event()
        self._ticking = threading.Thread(target=self._tick, name="progress", daemon=True)

    def __enter__(self) -> _Shown:
        if self._terminal.live:
            self._ticking.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._ticking.is_alive():
            self._ticking.join()
        self._terminal.clear()

    def tell(self, progress: Progress) -> None:
        self._latest = progress, time.monotonic()

    def _tick(self) -> None:
        while not self._over.wait(TICK):
            if self._latest:
                progress, since = self._latest
                spent = progress.spent + time.monotonic() - since
                self._terminal.progress(clean(str(replace(progress, spent=spent))))


def _as_json(result: Result) -> dict[str, Any]:
    return result.model_dump(mode="json") | {"outdated": result.outdated}


def report(found: Result) -> str:
    """The result as text: speeds, a line for each step with its mistakes below, and what to expect."""
    memory = f", {_gb(found.memory)} of memory" if found.memory else ""
    lines = [
        f"{clean(found.name)}, prompts for {found.profile}, {found.context:,} tokens of context, "
        f"loaded in {found.loading_seconds:.1f} s{memory}",
        f"  reading   {_speed(found.read_speed)}",
        f"  writing   {_speed(found.write_speed)}",
    ]
    if found.thinks:
        lines.append("  The model thinks before it answers, which adds time to each answer.")
    if found.longest:
        lines.append(f"  {_longest(found)}")
    lines += ["", *_steps(found), "", *_expected(found)]
    if found.asked < found.questions:
        why = "it was interrupted" if found.interrupted else "there was no time for more"
        lines.append(f"  asked {found.asked} of {found.questions} questions in {found.seconds:.0f} s: {why}")
    return "\n".join([*lines, "", clean(found.verdict), f"  {clean(found.command)}"])


def _speed(speed: float) -> str:
    return f"{speed:8,.1f} tokens/s" if speed else "not measured: no answer in time"


def _longest(found: Result) -> str:
    tokens = f"{found.longest:,} tokens with its answer"
    whole = f"The longest prompt of a usual run ({found.longest_step}) has {tokens}"
    if found.longest <= found.context:
        return f"{whole}, which fits."
    if found.longest_step == "code":
        return f"{whole}: with this context, a large network is written in parts."
    return f"{whole}: with this context, fewer of the past networks are shown."


def _steps(found: Result) -> list[str]:
    head = ("step", "asked", "right at first", "after repairs", "by fallback", "seconds each")
    lines = ["  ".join([f"  {head[0]:<9}", *head[1:]])]
    for step in (step for steps in STEPS.values() for step in steps):
        count = found.count(step)
        each = f"{count.seconds / count.asked:.1f}" if count.asked else "-"
        cells = (count.asked, count.first, count.repaired, count.fallback, each)
        row = [f"{cell:>{len(name)}}" for name, cell in zip(head[1:], cells, strict=True)]
        lines.append("  ".join([f"  {step:<9}", *row]))
        lines += _misses(count)
    return lines


def _misses(count: Count) -> list[str]:
    counted = Counter(shorten(clean(miss), MISS_WIDTH) for miss in count.misses).items()
    return [f"      {miss}{f' ({times} times)' if times > 1 else ''}" for miss, times in counted]


def _expected(found: Result) -> list[str]:
    """How long a run takes, as far as it is the model's doing."""
    each = found.planner_seconds + found.coder_seconds
    if not each:
        return []
    at_least = "at least" if found.at_least else "about"
    shares = f"{_seconds(found.planner_seconds)} as planner, {_seconds(found.coder_seconds)} as coder"
    return [
        f"  For each network of a run, its answers take {at_least} {_seconds(each)} ({shares}).",
        f"  For a run of {USUAL_NETWORKS} networks that is {at_least} {_minutes(USUAL_NETWORKS * each)}, "
        "training not counted.",
    ]


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:,.0f} s"


def _minutes(seconds: float) -> str:
    return _seconds(seconds) if seconds < 120 else f"{seconds / 60:,.0f} minutes"


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
