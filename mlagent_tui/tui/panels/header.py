"""The two lines above everything: what is wanted, and how it stands. And the line that asks for the user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from mlagent_tui.research import ranking, wording
from mlagent_tui.tui import words
from mlagent_tui.tui.panels.fitted import Fact
from mlagent_tui.tui.state import RunState
from mlagent_tui.tui.text import cut, fitted, line, sentences, visible

DOING = {
    "understand": "reading the goal", "scaffold": "setting up", "plan": "planning", "configure": "designing",
    "assemble": "writing the code", "summarise": "measuring", "evaluate": "training", "decide": "deciding",
    "report": "reporting",
}  # fmt: skip
EDITABLE = {"config": "network", "code": "code", "settings": "training settings"}
ENDINGS = {
    "achieved": ("✔ goal achieved", "$text-success"),
    "stopped": ("■ stopped", "$text-warning"),
    "interrupted": ("■ interrupted", "$text-warning"),
    "failed": ("✘ failed", "$text-error"),
}


@dataclass(frozen=True)
class Moment:
    """What the screen knows besides the state. `alive`: whether an engine works; None: not looked yet."""

    alive: bool | None = None
    elapsed: float = 0.0
    replay: str = ""
    opening: float = 1.0
    why: str = ""
    """Why the engine stopped, where its journal does not say it but its log does."""
    resuming: bool = False
    """Whether the state is still that of an engine that has ended, while another one starts."""


def status(state: RunState, moment: Moment) -> tuple[str, str]:
    """How the run stands in a few words, and their style."""
    if moment.resuming:
        return "▶ resuming", "$text-accent"
    if state.finished is not None:
        words_of_it, style = ENDINGS.get(state.finished.outcome, (line(state.finished.outcome), ""))
        unmet = state.finished.unmet
        return wording.outcome(words_of_it, unmet), "$text-warning" if unmet else style
    if moment.opening < 1:
        return f"reading the journal {moment.opening:.0%}", "$text-muted"
    if state.started is None:
        return ("starting", "$text-muted") if moment.alive else ("no run yet", "$text-muted")
    if moment.alive is False and not moment.replay:
        return "✘ the engine stopped", "$text-error"
    if state.approval is not None:
        return "? asks for approval", "$text-warning"
    if state.paused:
        before = f" before {line(state.held_before)}" if state.held_before else ""
        return f"‖ {'paused' if state.paused == 'requested' else 'held'}{before}", "$text-warning"
    if state.loading:
        return f"▶ loading {state.loading}", "$text-accent"
    doing = state.doing or DOING.get(state.step, line(state.step) or "starting")
    if state.requested:
        after = "pausing" if state.requested == "pause" else "stopping"
        return f"▶ {doing} · {after} after this step", "$text-warning"
    return f"▶ {doing}", "$text-success"


def items(state: RunState, moment: Moment) -> list[Fact]:
    """What the second line says: (importance, words, style), in the order shown."""
    said: list[Fact] = [(2, item, "") for item in words.goal_items(state.goal)]
    total = state.options.get("iterations")
    if state.iteration:
        said.append((1, f"iteration {state.iteration}{f'/{total}' if total else ''}", "bold"))
    said.append((1, words.clock(moment.elapsed), ""))
    if state.progress:
        said.append((0, state.progress, "$text-accent"))
    best = state.best
    if best is not None:
        value = words.best_value(state.aim, best)
        said.append((0, f"best {value}", f"bold {_reached(state)}"))
        if state.tested is not None and state.tested.accuracy is not None:
            said.append((2, f"test {words.percent(state.tested.accuracy)}", ""))
    said += [
        (4, line(state.device or str(state.options.get("device") or "")), ""),
        (3, f"sandbox {line(state.sandbox)}", "$text-error" if state.sandbox == "none" else "")
        if state.sandbox
        else (3, "", ""),
        (3, f"{' and '.join(state.unloaded)} unloaded" if state.unloaded and not state.loading else "", ""),
        (6, f"{' and '.join(dict.fromkeys(state.profiles.values()))} prompts" if state.profiles else "", ""),
        (3, _stood_in(state), "$text-warning"),
        (5, f"{state.tokens_per_second:,.0f} tokens/s" if state.tokens_per_second else "", ""),
        (6, f"{state.memory_mb:,.0f} MB" if state.memory_mb else "", ""),
    ]
    return [item for item in said if item[1]]


def _stood_in(state: RunState) -> str:
    if not state.replacements:
        return ""
    return f"{state.stand_in} stood in for {state.replacements} of {state.answers} answers"


def _reached(state: RunState) -> str:
    if state.best is None or state.aim.threshold is None:
        return ""
    return "$text-success" if ranking.achieved(state.aim, state.best) else "$text-warning"


class Header(Widget):
    """The goal and how the run stands, in two lines whatever the width: what matters least is left out."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._said: tuple[str, str, str, list[Fact]] = ("", "", "", [])

    def show(self, state: RunState, moment: Moment) -> None:
        """Say it in the width there is."""
        mark, style = status(state, moment)
        mark = f"{mark}{f'  {moment.replay}' if moment.replay else ''}"
        goal = line(state.started.goal_text if state.started else "")
        said = (goal, mark, style, items(state, moment))
        if said != self._said:
            self._said = said
            self.refresh()

    def render(self) -> Content:
        goal, mark, style, facts = self._said
        columns = self.content_size.width
        mark = cut(mark, columns)
        goal = cut(goal, max(0, columns - cell_len(mark) - 2))
        gap = " " * max(1, columns - cell_len(goal) - cell_len(mark))
        second = fitted(facts, columns)
        return Content.assemble((goal, "bold"), gap, (mark, f"bold {style}"), "\n", second)


class Banner(Static):
    """One line that says what the run waits for, and which key answers; gone when there is nothing."""

    _shown: tuple[str, str] | None = None

    def say(self, text: str) -> None:
        """Something that has gone wrong."""
        self._shown = None
        self.display = True
        self.set_class(True, "-error")
        self.update(Content(visible(text)))

    def show(self, state: RunState, moment: Moment, keys: Callable[[], dict[str, str]]) -> None:
        """`keys` gives the keys by their action, as they are mapped; it is asked where one is named."""
        text, kind = self._said(state, moment, keys)
        if (text, kind) == self._shown:
            return
        self._shown = (text, kind)
        self.display = bool(text)
        self.set_class(kind == "error", "-error")
        self.update(Content(visible(text)))

    @staticmethod
    def _said(state: RunState, moment: Moment, keys: Callable[[], dict[str, str]]) -> tuple[str, str]:
        if moment.replay or moment.resuming:
            return "", ""
        if state.failure is not None and state.finished is not None:
            what = line(sentences(f"{state.failure.title}: {state.failure.what}", state.failure.remedy))
            again = f"[{keys()['take_up']}] resume  " if state.resumable else ""
            return f"{again}{what}{'' if again else '  Start a new run.'}", "error"
        if state.finished is not None:
            again = f"  [{keys()['take_up']}] go on" if state.resumable else ""
            more = f"  [{keys()['branch']}] [{keys()['rerun']}] one more trial" if state.rows else ""
            open_wishes = "" if state.finished.outcome == "achieved" else "; ".join(state.finished.unmet)
            reason = "; ".join(part for part in (state.finished.reason, open_wishes) if part)
            return f"{line(reason)}{again}{more}", ""
        if moment.alive is False and state.started is not None:
            again = f"[{keys()['take_up']}] resume the run"
            why = line(moment.why) or "The engine stopped without recording a reason."
            return f"{again}  {why}", "error"
        if state.approval is not None:
            asks = f"{line(state.approval.tool)} wants to run: {line(state.approval.command)}"
            return f"[{keys()['approve']}] show and answer  {asks}", "error"
        if state.paused:
            names = [EDITABLE[what] for what in state.editable]
            edit = f"  [{keys()['edit']}] edit the {' or the '.join(names)}" if names else ""
            return f"[{keys()['pause']}] go on{edit}  [{keys()['steer']}] steer", ""
        return (line(state.warning), "") if state.warning else ("", "")
