"""A run that has ended goes on: as it was, with a higher limit, or with a trial made from a known one."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from textual.content import Content
from textual.screen import Screen

from mlagent_tui.errors import MlagentError
from mlagent_tui.tui import words
from mlagent_tui.tui.engine import EngineLink
from mlagent_tui.tui.screens.dialogs import SentenceDialog
from mlagent_tui.tui.screens.pick import Pick
from mlagent_tui.tui.state import RunState
from mlagent_tui.tui.text import plain, sentences, visible

MORE_TRIALS = 4
LONGEST = 1000
_TIME = re.compile(r"([0-9]+(\.[0-9]+)?[smhd])+", re.IGNORECASE)
Kind = Literal["branch", "rerun"]


@dataclass(frozen=True)
class Onward:
    """How a run is resumed, as `mlagent resume` takes it; None and empty leave things as they were."""

    iterations: int | None = None
    patience: int | None = None
    time_budget: str = ""
    hold: tuple[str, ...] = ()
    branch_from: str = ""
    rerun: str = ""

    def arguments(self, root: Path) -> list[str]:
        """The arguments of `mlagent`."""
        said = (
            ("--iterations", self.iterations),
            ("--patience", self.patience),
            ("--time-budget", self.time_budget),
            ("--branch-from", self.branch_from),
            ("--rerun", self.rerun),
            *(("--hold", point) for point in self.hold),
        )
        return ["resume", "--quiet", *(f"{name}={value}" for name, value in said if value), "--", str(root)]


async def limits(screen: Screen[Any], state: RunState) -> Onward | None:
    """What a run needs to go on: nothing after an interruption, else a higher limit, which is asked for.

    None: the user has decided otherwise, or has typed something that is not a limit.
    """
    finished = state.finished
    if finished is None or finished.outcome != "stopped":
        return Onward()
    if "time budget" in finished.reason:
        return await _more_time(screen, state)
    asked = f"The run stopped: {finished.reason}. How many trials may it run in total?"
    suggestion = str(max(state.iteration, int(state.options.get("iterations") or 0)) + MORE_TRIALS)
    answer = await screen.app.push_screen_wait(SentenceDialog("Resume", asked, suggestion))
    if answer is None:
        return None
    if not answer.isdecimal() or not state.iteration < int(answer) <= LONGEST:
        told = f"Enter a number of trials from {state.iteration + 1} to {LONGEST:,}."
        screen.notify(told, severity="error", markup=False)
        return None
    total = int(answer)
    patience = int(state.options.get("patience") or 0)
    return Onward(iterations=total, patience=min(LONGEST, patience + total - state.iteration))


async def _more_time(screen: Screen[Any], state: RunState) -> Onward | None:
    budget = float(state.options.get("time_budget") or state.elapsed)
    asked = f"The time budget of {words.clock(budget)} is used up. How long may the run take in total?"
    suggestion = f"{max(1, round(budget / 30))}m"
    answer = await screen.app.push_screen_wait(SentenceDialog("Resume", asked, suggestion))
    if answer is None:
        return None
    if not _TIME.fullmatch(answer.replace(" ", "")):
        screen.notify("Enter a time, such as 90s, 30m or 1h30m.", severity="error", markup=False)
        return None
    return Onward(time_budget=answer.replace(" ", ""))


async def one_more(
    screen: Screen[Any], link: EngineLink, kind: Kind, run_id: str, hold: tuple[str, ...] = ()
) -> bool:
    """Offer to go on with a run that has no engine, with an iteration that starts from `run_id`.

    Returns whether an engine is at work on it now.
    """
    deed = f"changes the network of {run_id}" if kind == "branch" else f"trains {run_id} again"
    told = f"No engine is at work on this run. Resume it with one more iteration, which {deed}?"
    choices = [("go", Content("Resume the run with this iteration")), ("no", Content("Do nothing"))]
    title = "Branch" if kind == "branch" else "Rerun"
    if await screen.app.push_screen_wait(Pick(title, choices, plain(told))) != "go":
        return False
    how = Onward(hold=hold)
    how = replace(how, branch_from=run_id) if kind == "branch" else replace(how, rerun=run_id)
    return await resumed(screen, link, how)


async def resumed(screen: Screen[Any], link: EngineLink, how: Onward) -> bool:
    """Resume the run of `link`, and wait until its engine writes; says why where it does not."""
    try:
        link.resume(how.arguments(link.root))
    except MlagentError as error:
        screen.notify(
            visible(sentences(error.what, error.remedy)), severity="error", timeout=10, markup=False
        )
        return False
    screen.notify("The run is being resumed.", markup=False)
    if await link.ready():
        return True
    problem = link.why_ended()
    told = visible(sentences(problem.message, problem.remedy))
    screen.notify(told, title="The run was not resumed", severity="error", timeout=15, markup=False)
    return False
