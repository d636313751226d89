"""A run without a user interface: signals, live text or JSON lines, approval, and the outcome."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType

from mlagent_tui import events, paths, streams
from mlagent_tui.agent import Hands, RunOptions, Saved, research
from mlagent_tui.console import Console, clean, error_text, time_table
from mlagent_tui.experiments import Project, shares
from mlagent_tui.research import ranking, wording
from mlagent_tui.schemas import EvalResult

EXIT_INTERRUPTED = 130
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK_EVERY = 0.1
"""Seconds between two looks for an answer."""

_OUTCOMES = {
    "achieved": "Goal achieved",
    "stopped": "Stopped without achieving the goal",
    "interrupted": "Interrupted",
    "failed": "Failed",
}


@dataclass
class Output:
    """What a run prints: live text to stderr and the outcome to stdout, or its events as JSON to stdout."""

    jsonl: bool = False
    quiet: bool = False
    tried: bool = False
    tested: events.BestTested | None = None
    spent: events.TimeSpent | None = None
    answers: list[events.AnswerUsed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.console = Console(sys.stderr, quiet=self.quiet or self.jsonl)

    def say(self, text: str) -> None:
        """A line of live text."""
        if not (self.quiet or self.jsonl):
            self.console.terminal.line(text)

    def event(self, event: events.Event) -> None:
        """One event of the run."""
        match event:
            case events.TrialFinished():
                self.tried = True
            case events.BestTested():
                self.tested = event
            case events.TimeSpent():
                self.spent = event
            case events.AnswerUsed():
                self.answers.append(event)
            case events.Failed():
                self.console.terminal.line(error_text(event.title, event.what, event.remedy))
            case _:
                pass
        if self.jsonl:
            streams.put(sys.stdout, event.to_json() + "\n")
        self.console.show(event)

    def finish(
        self, ending: events.RunFinished, folder: Path, best: EvalResult | None, mark: str = ""
    ) -> None:
        """The outcome on stdout, the times on stderr; `mark` is what must be said beside the best."""
        if self.spent and self.tried:
            self.say("")
            self.say(time_table(self.spent))
            self.say("")
        self.console.terminal.clear()
        if self.jsonl or ending.outcome == "failed":
            return
        lines = [f"{wording.outcome(_OUTCOMES[ending.outcome], ending.unmet)}: {clean(ending.reason)}"]
        if best:
            lines.append(f"  best     {_facts(best, self.tested)}{f' · {mark}' if mark else ''}")
        if ending.wishes:
            lines.append(f"  wishes   {' · '.join(map(clean, ending.wishes))}")
        if any(answer.instead_of for answer in self.answers):
            lines += [f"  models   {clean(sentence)}" for sentence in shares(self.answers)]
        lines.append(f"  project  {folder}")
        if ending.outcome == "interrupted":
            lines.append(f"  resume   mlagent resume {folder}")
        else:
            lines.append(f"  report   {folder / paths.REPORT}")
        streams.put(sys.stdout, "\n".join(lines) + "\n")


def _facts(best: EvalResult, tested: events.BestTested | None) -> str:
    measured = (("accuracy", best.accuracy), ("val loss", best.val_loss))
    facts = [best.run_id, *(f"{name} {value:.4f}" for name, value in measured if value is not None)]
    facts.append(f"{best.parameters:,} parameters")
    if tested and tested.accuracy is not None:
        facts.append(f"test accuracy {tested.accuracy:.4f}")
    return " · ".join(facts)


def drive(project: Project, run: RunOptions | Saved, folder: Path, output: Output, hands: Hands) -> int:
    """Carry a run out to its end, showing it; returns its exit status.

    When nobody can read its output any more, the run is stopped as by Ctrl-C: it can be resumed.
    """
    cancel = threading.Event()
    ending: events.RunFinished | None = None
    if sys.stdin.isatty() and sys.stderr.isatty():
        hands = replace(hands, look=AtTerminal())
    try:
        told = research(project, run, cancel=cancel, hands=hands)
        with _signals(cancel), closing(told):
            for event in told:
                with _stopping_when_lost(cancel, folder):
                    output.event(event)
                if isinstance(event, events.RunFinished):
                    ending = event
    except KeyboardInterrupt:
        with suppress(streams.OutputLost):
            output.console.terminal.line(f"stopped    resume it: mlagent resume {folder}")
        return EXIT_INTERRUPTED
    assert ending is not None
    failed = ending.outcome == "failed"
    best = project.load_run(ending.best_run_id).result if ending.best_run_id and not failed else None
    entries = project.registry() if best else []
    marks = [ranking.mark(ranking.aim(e.goal), e) for e in entries if e.run_id == ending.best_run_id]
    with _stopping_when_lost(cancel, folder):
        output.finish(ending, folder, best, *marks)
    return ending.exit_status


@contextmanager
def _stopping_when_lost(cancel: threading.Event, folder: Path) -> Iterator[None]:
    """Stop the run when its output cannot be written any more, and say so where that can be read."""
    try:
        yield
    except streams.OutputLost as error:
        cancel.set()
        remedy = f"The run stops. Resume it: mlagent resume {folder}"
        with suppress(streams.OutputLost):
            streams.put(sys.stderr, error_text(error.title, error.what, remedy) + "\n")


@contextmanager
def _signals(cancel: threading.Event) -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP (a closed terminal) end the run in good order; a second Ctrl-C at once.

    SIGHUP stays ignored where it is, as under `nohup`.
    """

    def stop(number: int, _: FrameType | None) -> None:
        if cancel.is_set():
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            return  # a closed terminal may send its signal twice
        cancel.set()
        with suppress(OSError):  # not through sys.stderr, which this may be interrupting in mid-write
            os.write(2, b"\nstopping   press Ctrl-C again to stop at once\n")

    known = {number: signal.signal(number, stop) for number in _heeded()}
    try:
        yield
    finally:
        for number, handler in known.items():
            signal.signal(number, handler)


def _heeded() -> list[signal.Signals]:
    return [s for s in STOPPING if s != signal.SIGHUP or signal.getsignal(s) != signal.SIG_IGN]


class AtTerminal:
    """Asks for approval here, while the answer may come from elsewhere as well."""

    def __init__(self) -> None:
        self._asked = ""

    def __call__(self, question: events.ApprovalAsked) -> bool | None:
        """Ask once, then look whether a line was typed; None while there is none."""
        if question.id != self._asked:
            self._asked = question.id
            what = f"{question.tool} wants to run: {clean(question.command)}"
            streams.put(sys.stderr, f"\n{what}\nin {clean(question.folder)}\nAllow it? [y/N] ")
        try:
            if not select.select([sys.stdin], [], [], LOOK_EVERY)[0]:
                return None
            return sys.stdin.readline().strip().lower() in ("y", "yes")
        except OSError:  # the terminal was closed
            return False
