"""A run as readable text: one line per fact, and on a terminal one line that is rewritten in place.

It only shows events; nothing here decides or stores anything. Text that a model wrote never reaches the
terminal with control characters in it.
"""

from __future__ import annotations

import os
import shutil
import textwrap
import time
import unicodedata
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TextIO

from mlagent_tui import events, streams
from mlagent_tui.research import multiply_adds, ranking, wording
from mlagent_tui.text import visible

if TYPE_CHECKING:
    from mlagent_tui.schemas import RegistryEntry

MARGIN = 11
"""Columns before the text of a step, the longest name of a step and a space."""

REFRESH = 0.1
"""Seconds between two rewritings of the line in place."""

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_SPACES = str.maketrans("\t\r\n", "   ")


def clean(text: str) -> str:
    """`text` on one line, with tabs and line ends as spaces and other control characters made visible."""
    return visible(text.translate(_SPACES))


def clean_lines(text: str) -> str:
    """`text` as lines, tabs as four spaces, other control characters made visible."""
    return "\n".join(clean(line.replace("\t", "    ")) for line in text.splitlines())


def harmless(value: Any) -> Any:
    """`value` with every string in it, however deep, without control characters other than line ends."""
    if isinstance(value, str):
        return clean_lines(value)
    if isinstance(value, dict):
        return {harmless(key): harmless(item) for key, item in value.items()}
    return [harmless(item) for item in value] if isinstance(value, list) else value


def width(text: str) -> int:
    """Columns that `text` takes on a terminal."""
    return sum(_columns(c) for c in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def shorten(text: str, columns: int) -> str:
    """`text` cut to at most `columns` columns, an ellipsis at its end where something was cut."""
    if width(text) <= columns:
        return text
    kept, used = "", 0
    for character in text:
        used += _columns(character)
        if used > columns - 1:
            break
        kept += character
    return kept + "…"


def error_text(title: str, what: str, remedy: str) -> str:
    """An error in words: what happened, and what to do about it."""
    lines = [f"mlagent: {title}: {clean_lines(what)}"]
    return "\n".join([*lines, *(f"  {line}" for line in clean_lines(remedy).splitlines())])


class Terminal:
    """Lines on a stream; styles and the line in place only where the stream is a capable terminal."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        capable = os.environ.get("TERM", "") not in ("", "dumb")
        self.live = stream.isatty() and capable
        self._coloured = self.live and not os.environ.get("NO_COLOR")
        self._pending = False
        self._shown = 0.0

    def style(self, text: str, *styles: str) -> str:
        """`text` in the given styles, or as it is where there are none."""
        codes = ";".join(_STYLES[s] for s in styles)
        return f"\x1b[{codes}m{text}\x1b[0m" if self._coloured and codes else text

    def line(self, text: str = "") -> None:
        """A line that stays."""
        self.clear()
        self._write(text + "\n")

    def wrap(self, text: str, margin: int) -> list[str]:
        """`text` as lines that leave `margin` columns; as it is where no terminal shows it."""
        columns = shutil.get_terminal_size((80, 24)).columns
        return textwrap.wrap(text, max(20, columns - margin)) if self.live else [text]

    def progress(self, text: str) -> None:
        """Show `text` in place of the previous progress, at most every `REFRESH` seconds; terminals only."""
        if not self.live or time.monotonic() - self._shown < REFRESH:
            return
        columns = shutil.get_terminal_size((80, 24)).columns
        self._write("\r\x1b[2K" + self.style(shorten(text, columns - 1), "dim"))
        self._pending, self._shown = True, time.monotonic()

    def clear(self) -> None:
        """Remove the line in place."""
        if self._pending:
            self._write("\r\x1b[2K")
            self._pending = False

    def _write(self, text: str) -> None:
        streams.put(self.stream, text)


class Console:
    """Shows a run's events as they come. `quiet` leaves warnings and nothing else."""

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self.terminal = Terminal(stream)
        self._quiet = quiet
        self._iterations = 0
        self._tail = ""
        self._tokens = 0

    def show(self, event: events.Event) -> None:
        """Print one event; events without a text are skipped."""
        shower: Callable[[Any], None] | None = getattr(self, f"_{getattr(event, 'type', '')}", None)
        if shower is not None and (not self._quiet or isinstance(event, events.Warned)):
            shower(event.but(**harmless(event.__dict__)))

    # --- the run ---

    def _run_started(self, event: events.RunStarted) -> None:
        self._iterations = int(event.options.get("iterations", 0))
        self._words("goal", event.goal_text, "bold")
        self._facts(
            "", _models(event), f"seed {event.seed}", f"sandbox {event.sandbox}" if event.sandbox else ""
        )

    def _run_resumed(self, event: events.RunResumed) -> None:
        where = f"iteration {event.iteration}, {event.step}" if event.iteration else event.step
        self._step("resume", f"from {where}")

    def _prompts_chosen(self, event: events.PromptsChosen) -> None:
        self._facts("prompts", wording.prompts(event.profiles, event.files))

    def _goal_understood(self, event: events.GoalUnderstood) -> None:
        goal = event.goal
        limits = [
            f"{name.removeprefix('max_')} ≤ {goal[name]:,}"
            for name in ("max_parameters", "max_seconds")
            if goal.get(name) is not None
        ]
        wanted = f"{goal['metric']} {goal['comparison']} {goal['threshold']} on {goal['dataset']}"
        wished = wording.wished(event.asked, event.unchecked) or goal.get("wishes") or ""
        self._facts("understood", wanted, *limits, wished)

    def _warned(self, event: events.Warned) -> None:
        self._step("warning", self.terminal.style(clean(event.message), "yellow"))
        if event.remedy:
            self._step("", clean(event.remedy))

    def _step_started(self, event: events.StepStarted) -> None:
        self._tail, self._tokens = "", 0
        if event.step == "plan":
            limit = f" of {self._iterations}" if self._iterations else ""
            self.terminal.line()
            self.terminal.line(self.terminal.style(f"Iteration {event.iteration}{limit}", "bold"))
        self.terminal.progress(f"{event.step:<{MARGIN}}…")

    # --- what models say ---

    def _prompt_progress(self, event: events.PromptProgress) -> None:
        self.terminal.progress(f"{event.task:<{MARGIN}}reading the prompt {event.done:,} / {event.total:,}")

    def _tokens_streamed(self, event: events.TokensStreamed) -> None:
        self._tail = (self._tail + clean(event.text))[-400:]
        self._tokens += 1
        columns = max(20, shutil.get_terminal_size((80, 24)).columns - MARGIN - 2)
        verb = "thinks: " if event.thinking else ""
        self.terminal.progress(f"{event.task:<{MARGIN}}{verb}{self._tail[-(columns // 2) :]}")

    def _plan_made(self, event: events.PlanMade) -> None:
        self._step("plan", " → ".join(_short(call["tool"]) for call in event.plan["calls"]))

    def _config_made(self, event: events.ConfigMade) -> None:
        layers = " ".join(clean(str(step.get("type", "?"))) for step in event.steps)
        self._facts("configure", f"{event.parameters:,} parameters", layers)
        if event.change:
            self._facts("", f"changed: {'; '.join(event.change)}")

    def _check_failed(self, event: events.CheckFailed) -> None:
        self._step("check", self.terminal.style(f"{event.what}: {clean(event.problem)}", "yellow"))

    def _code_made(self, event: events.CodeMade) -> None:
        if event.accepted:
            lines = event.code.count("\n") + 1
            repairs = f", repaired {event.attempt} times" if event.attempt else ""
            self._step("assemble", f"{lines} lines, checked against the configuration{repairs}")

    def _summary_made(self, event: events.SummaryMade) -> None:
        summary = event.summary
        taken = multiply_adds.told(f"{summary['multiply_adds']:,}", summary.get("not_counted", ()))
        self._facts("summarise", f"{summary['total_parameters']:,} parameters", clean(taken))
        if summary.get("explanation"):
            dropped = len(summary.get("explanation_dropped") or ())
            whose = wording.whose(summary.get("explanation_source"), dropped)
            self._words("", f"{summary['explanation']}{f' ({whose})' if whose else ''}", "dim")

    def _stood_in(self, event: events.StoodIn) -> None:
        said = wording.stood_in(event.task, event.model, event.instead_of, event.reason, event.for_good)
        self._step("stand-in", self.terminal.style(clean(said), "yellow"))

    # --- trials and decisions ---

    def _trial_started(self, event: events.TrialStarted) -> None:
        images = f"{event.train_size:,} images" if event.train_size else ""
        self._facts(
            "evaluate",
            event.run_id,
            event.device,
            f"sandbox {event.sandbox}" if event.sandbox else "",
            images,
        )

    def _batch_done(self, event: events.BatchDone) -> None:
        done = (event.epoch - 1 + event.batch / max(event.batches, 1)) / max(event.epochs, 1)
        bar = "▓" * round(20 * done) + "░" * (20 - round(20 * done))
        speed = f" · {event.images_per_second:,.0f} images/s" if event.images_per_second else ""
        loss = "" if event.loss is None else f" · loss {event.loss:.4f}"
        self.terminal.progress(f"{'':<{MARGIN}}epoch {event.epoch}/{event.epochs} {bar}{loss}{speed}")

    def _epoch_done(self, event: events.EpochDone) -> None:
        parts = [f"{name} {value:.4f}" for name, value in (
            ("train loss", event.train_loss), ("val loss", event.val_loss), ("accuracy", event.accuracy),
        ) if value is not None]  # fmt: skip
        self._facts("", f"epoch {event.epoch}{f'/{event.epochs}' if event.epochs else ''}", *parts)

    def _trial_finished(self, event: events.TrialFinished) -> None:
        result = event.result
        status, reason = result["status"], clean(result.get("reason") or "")
        if result.get("accuracy") is None:
            self._step("result", self.terminal.style(f"{status}: {reason}", "red"))
            return
        metrics = [f"accuracy {result['accuracy']:.4f}", f"val loss {result['val_loss']:.4f}"]
        cost = (f"{result['parameters']:,} parameters", f"{result['seconds']:.1f} s")
        kept, done = result.get("best_epoch"), len(result.get("curves") or [])
        metrics += [f"epoch {kept} of {done}"] if kept and kept != done else []
        self._facts("result", *metrics, *cost, "" if status == "completed" else f"{status} {reason}")

    def _trial_recorded(self, event: events.TrialRecorded) -> None:
        """Said once, before the decision: it is recorded again with that."""
        from mlagent_tui.schemas import RegistryEntry

        entry = RegistryEntry.model_validate(event.entry)
        goal = ranking.aim(entry.goal)
        if not entry.decision and ranking.over_limit(goal, entry):
            self._step("", self.terminal.style(ranking.OVER, "yellow"))

    def _decision_made(self, event: events.DecisionMade) -> None:
        decision = event.decision
        verdict = str(decision["decision"])
        colour = {"goal_achieved": "green", "stop": "red"}.get(verdict, "cyan")
        changes = f": {clean('; '.join(decision['changes']))}" if decision.get("changes") else ""
        self._step("decide", self.terminal.style(verdict.replace("_", " "), "bold", colour) + changes)
        if decision.get("assessment"):
            self._words("", decision["assessment"], "dim")
        if event.overruled_because:
            advised = event.advised.get("decision", "nothing")
            self._step("", f"the planner suggested {advised}, but {clean(event.overruled_because)}")

    # --- memory ---

    def _model_unloaded(self, event: events.ModelUnloaded) -> None:
        size = f"{event.memory_mb / 1000:.1f} GB" if event.memory_mb >= 100 else f"{event.memory_mb:.0f} MB"
        self._step("unload", f"{clean(event.model)}, {size}: {clean(event.reason)}")

    def _model_loading(self, event: events.ModelLoading) -> None:
        self.terminal.progress(f"{'load':<{MARGIN}}{event.model} …")

    def _model_loaded(self, event: events.ModelLoaded) -> None:
        self._step("load", f"{clean(event.model)} again, in {event.seconds:.1f} s")

    # --- what the user changes ---

    def _doing(self, event: events.Doing) -> None:
        self.terminal.progress(f"{'':<{MARGIN}}{event.what} …")

    def _requested(self, event: events.Requested) -> None:
        what = {"pause": "a pause after this step", "stop": "a stop after this step"}
        self._step("requested", what.get(event.what, "nothing: it was taken back"))

    def _paused(self, event: events.Paused) -> None:
        why = "" if event.reason == "requested" else " (--hold)"
        self._step("paused", self.terminal.style(f"before {event.before}{why}", "yellow"))

    def _continued(self, event: events.Continued) -> None:
        self._step("continued", "")

    def _steered(self, event: events.Steered) -> None:
        self._words("steer", event.text, "bold")

    def _edited(self, event: events.Edited) -> None:
        self._step("edit", f"{event.what} edited by the user, checked and accepted")

    def _queued(self, event: events.Queued) -> None:
        what = f"{event.run_id} again, seed {event.seed}" if event.kind == "rerun" else f"from {event.run_id}"
        self._step("next", f"iteration {event.iteration}: {what}")

    def _approval_given(self, event: events.ApprovalGiven) -> None:
        self._step("approval", "allowed" if event.allowed else "refused")

    # --- layout ---

    def _facts(self, name: str, *facts: str) -> None:
        self._step(name, " · ".join(clean(fact) for fact in facts if fact))

    def _words(self, name: str, text: str, style: str) -> None:
        """Text of a person or a model, as lines that fit the terminal."""
        for line in self.terminal.wrap(clean(text), MARGIN):
            self._step(name, self.terminal.style(line, style))
            name = ""

    def _step(self, name: str, text: str) -> None:
        self.terminal.line(self.terminal.style(f"{name:<{MARGIN}}", "cyan") + text)


def _models(event: events.RunStarted) -> str:
    planner, coder = map(_model, (event.planner, event.coder))
    return f"model {planner}" if event.planner == event.coder else f"planner {planner} · coder {coder}"


def _model(spec: str) -> str:
    """The last part of a path, or the name behind a URL, or the URL without its scheme."""
    _, is_url, address = spec.partition("://")
    return address.rpartition("#")[2] if is_url else spec.rpartition("/")[2]


def _short(tool: str) -> str:
    return tool.removeprefix("pytorch_")


def runs_table(entries: Iterable[RegistryEntry]) -> str:
    """The registry as aligned columns; ★ is the best of the last search.

    Where not the same model has made all networks and code, a column says which did.
    """
    entries = list(entries)
    best = ranking.best_recorded(entries)
    made = [wording.made_by(entry.planner, entry.coder) for entry in entries]
    several = len(set(made)) > 1
    rows = [
        ("run", "accuracy", "loss", "parameters", "status", *(["made by"] if several else []), "decision")
    ]
    for entry, makers in zip(entries, made, strict=True):
        metrics = entry.metrics_summary
        rows.append((
            f"{entry.run_id} ★" if entry is best else entry.run_id,
            f"{metrics['accuracy']:.4f}" if "accuracy" in metrics else "-",
            f"{metrics['val_loss']:.4f}" if "val_loss" in metrics else "-",
            "-" if entry.parameters is None else f"{entry.parameters:,}",
            ranking.mark(ranking.aim(entry.goal), entry) or entry.status,
            *([clean(makers) or "-"] if several else []),
            clean(entry.decision or entry.reason),
        ))  # fmt: skip
    columns = [max(width(cell) for cell in column) for column in list(zip(*rows, strict=True))[:-1]]
    return "\n".join(
        "  ".join([*(clean(cell).ljust(columns[i]) for i, cell in enumerate(row[:-1])), row[-1]]).rstrip()
        for row in rows
    )


def time_table(spent: events.TimeSpent) -> str:
    """Where the wall time went, a line a category, with its share."""
    rows = {n: getattr(spent, n) for n in ("loading", "thinking", "checking", "training", "other")}
    total = sum(rows.values())
    lines = [f"{name:<10}{seconds:>9.1f} s{seconds / total:>7.0%}" for name, seconds in rows.items() if total]
    return "\n".join([*lines, f"{'total':<10}{total:>9.1f} s"])
