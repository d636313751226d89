"""The user's commands to a running loop: they arrive on any thread; the loop obeys between steps.

What changes the course of a run becomes an event, so that a resumed process and a replay know of it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from mlagent_tui import commands, events
from mlagent_tui.agent.approval import LOOK_EVERY, Approvals, Look
from mlagent_tui.agent.context import one_line
from mlagent_tui.agent.recovery import Saved
from mlagent_tui.commands import Command, EditCode, EditConfig, EditSettings, Reply
from mlagent_tui.errors import Interrupted, MlagentError, ProjectError
from mlagent_tui.experiments import registry, runs

SENTENCES = 3
"""How many of the user's latest sentences a prompt shows."""

AnyEdit = EditConfig | EditSettings | EditCode

EDITABLE: dict[type[AnyEdit], tuple[str, ...]] = {
    EditConfig: ("assemble",),
    EditSettings: ("assemble", "summarise", "evaluate"),
    EditCode: ("summarise", "evaluate"),
}
"""Before which steps the user may put their own version in place of a model's."""

EDITED: dict[type[AnyEdit], str] = {
    EditConfig: "configuration",
    EditSettings: "settings of the training",
    EditCode: "code",
}

MORE: dict[events.QueueKind, str] = {"branch": "--branch-from", "rerun": "--rerun"}
"""The options of `mlagent resume` that ask for one more iteration."""


@dataclass(frozen=True)
class Hands:
    """What the user brings to one process of a run; the next process starts without it.

    `holds` are steps before which the loop always stands still, `steer` a first sentence for the planner,
    `branch_from` the run whose network a new run starts from. `more` is one more iteration for a run that is
    resumed, whatever its last decision was: the trial that it starts from or trains again. `waits` says that
    somebody will answer questions through the project's socket, `look` asks them elsewhere.
    """

    holds: frozenset[events.StepName] = frozenset()
    steer: str = ""
    branch_from: str = ""
    more: tuple[events.QueueKind, str] | None = None
    waits: bool = False
    look: Look | None = None


@dataclass(frozen=True)
class Edit:
    """A version of the user's; the loop sets the answer when it has checked it."""

    command: AnyEdit
    answer: Future[Reply] = field(default_factory=Future)


class Control:
    """Between the commands and the loop. `take` is for the socket's threads, the rest for the loop's."""

    def __init__(
        self,
        root: Path,
        saved: Saved,
        hands: Hands,
        cancel: threading.Event,
        tell: Callable[[events.Event], None],
    ) -> None:
        self._cancel = cancel
        self._tell = tell
        self._root = root
        self._hands = hands
        self._limit = saved.options.iterations
        self._iteration = saved.current.number
        self._steered = list(saved.steered)
        self._queued = dict(saved.queued)
        self._approvals = Approvals(tell, cancel, hands.look)
        self._attended = hands.waits
        self._changed = threading.Condition()
        self._pausing = self._stopping = self._released = False
        self._holds = set(hands.holds)
        self._promised = 0
        self._standing = ""
        self._edits: deque[Edit] = deque()

    # --- commands ---------------------------------------------------------------------------------------

    def take(self, command: Command) -> Reply:
        """Do what `command` says, or leave it to the loop; the reply to an edit comes when it was checked."""
        self._attended = True
        match command:
            case commands.Ping():
                return Reply(ok=True, message=self._state())
            case commands.Pause():
                return self._pause()
            case commands.Resume():
                return self._resume()
            case commands.Stop():
                return self._stop(command.when)
            case commands.Steer():
                return self._steer(command.text)
            case commands.Hold():
                return self._hold(command)
            case EditConfig() | EditSettings() | EditCode():
                return self._edit(command)
            case commands.Approve():
                return self._approve(command)
            case commands.Branch():
                return self._queue("branch", command.run_id)
            case commands.Rerun():
                return self._queue("rerun", command.run_id, command.seed)

    def _state(self) -> str:
        with self._changed:
            if self._standing:
                return f"paused before {self._standing}"
            if self._stopping or self._cancel.is_set():
                return "stopping"
            return "pausing" if self._pausing else "running"

    def _pause(self) -> Reply:
        with self._changed:
            if self._stopping:
                remedy = "Take the stop back with Resume, then pause."
                return Reply(ok=False, message="the run is about to stop", remedy=remedy)
            if not (self._pausing or self._standing):
                self._tell(events.Requested(what="pause"))
            self._pausing = True
            here = f"before {self._standing}" if self._standing else "after this step"
        return Reply(ok=True, message=f"the run will pause {here}")

    def _resume(self) -> Reply:
        with self._changed:
            if self._cancel.is_set() or (self._stopping and self._standing):
                return Reply(ok=False, message="the run is stopping now, which cannot be taken back")
            wanted = "stop" if self._stopping else "pause" if self._pausing else ""
            stood = self._standing
            self._pausing = self._stopping = False
            self._released = bool(stood)
            if wanted and not stood:
                self._tell(events.Requested(what=""))
            self._changed.notify_all()
        if stood:
            return Reply(ok=True, message="the run continues")
        return Reply(ok=True, message=f"the {wanted} is taken back" if wanted else "the run was not paused")

    def _stop(self, when: str) -> Reply:
        with self._changed:
            if when == "step" and not (self._stopping or self._standing):
                self._tell(events.Requested(what="stop"))
            self._stopping = True
            if when == "now":
                self._cancel.set()
            self._changed.notify_all()
        return Reply(ok=True, message=f"the run will stop {'now' if when == 'now' else 'after this step'}")

    def _steer(self, text: str) -> Reply:
        text = one_line(text)
        if not text:
            return Reply(
                ok=False, message="the sentence is empty", remedy="Enter what the planner should try."
            )
        with self._changed:
            event = events.Steered(text=text, iteration=self._iteration)
            self._steered.append(event)
            self._tell(event)
        return Reply(ok=True, message="added to the prompts of the planner")

    def _hold(self, command: commands.Hold) -> Reply:
        with self._changed:
            (self._holds.add if command.wait else self._holds.discard)(command.before)
            self._tell(self._holds_set())
            here = self._standing == command.before
        if command.wait:
            return Reply(ok=True, message=f"the run pauses before {command.before} from now on")
        rest = "; continue to go on now" if here else ""
        return Reply(ok=True, message=f"the run no longer pauses before {command.before}{rest}")

    def _holds_set(self) -> events.HoldsSet:
        return events.HoldsSet(before=sorted(self._holds))

    def _edit(self, command: AnyEdit) -> Reply:
        what = EDITED[type(command)]
        places = EDITABLE[type(command)]
        edit, where = Edit(command), " or ".join(places)
        with self._changed:
            if self._standing not in places:
                return Reply(
                    ok=False,
                    message=f"the {what} can be edited only while the run is paused before {where}",
                    remedy=f"Pause it there, or let it always pause before {places[-1]}: --hold {places[-1]}",
                )
            self._edits.append(edit)
            self._changed.notify_all()
        return edit.answer.result()

    def _approve(self, command: commands.Approve) -> Reply:
        if self._approvals.answer(command.id, command.allowed):
            return Reply(ok=True, message="allowed" if command.allowed else "refused")
        what = "this question is not open: it has been answered already, or was never asked"
        return Reply(ok=False, message=what, remedy="Answer the question that is open now.")

    def _queue(self, kind: events.QueueKind, run_id: str, seed: int | None = None) -> Reply:
        try:
            check_origin(self._root, kind, run_id)
            known = registry.load(self._root)
        except MlagentError as error:
            return Reply(ok=False, message=error.what, remedy=error.remedy)
        with self._changed:
            number = max([self._iteration, *self._queued]) + 1
            if number > self._limit:
                return Reply(
                    ok=False,
                    message=f"the run ends at its limit of {self._limit} iterations",
                    remedy="When it has ended, run one more iteration: "
                    f"mlagent resume PROJECT {MORE[kind]} {run_id}",
                )
            if kind == "rerun" and seed is None:
                used = [entry.seed for entry in known] + [q.seed or 0 for q in self._queued.values()]
                seed = (max(used) + 1) % 2**31
            event = events.Queued(kind=kind, run_id=run_id, seed=seed, iteration=number)
            self._queued[number] = event
            self._tell(event)
        what = f"repeats {run_id} with seed {seed}" if kind == "rerun" else f"starts from {run_id}"
        return Reply(ok=True, message=f"iteration {number} {what}, if the run gets that far")

    # --- the loop ---------------------------------------------------------------------------------------

    def opening(self) -> list[events.Event]:
        """What the user said when they started this process, as events."""
        said: list[events.Event] = [self._holds_set()] if self._holds else []
        if self._hands.more is not None:
            self._promised = max([self._iteration, *self._queued]) + 1
            self._limit = max(self._limit, self._promised)
            reply = self._queue(*self._hands.more)
            if not reply.ok:
                raise ProjectError(reply.message, reply.remedy)
        if self._hands.branch_from:
            start = events.Queued(kind="branch", run_id=self._hands.branch_from, iteration=self._iteration)
            self._queued[self._iteration] = start
            said.append(start)
        if text := one_line(self._hands.steer):
            steered = events.Steered(text=text, iteration=self._iteration)
            self._steered.append(steered)
            said.append(steered)
        return said

    def begin(self, iteration: int) -> events.Queued | None:
        """An iteration begins; what the user has chosen for it to start from."""
        with self._changed:
            self._iteration = iteration
            return self._queued.get(iteration)

    def goes_on(self, iteration: int) -> bool:
        """Whether this process was started to do `iteration`, whatever was decided before it."""
        return iteration <= self._promised

    def steering(self) -> str:
        """What the user has said during this iteration and the one before; empty when nothing."""
        with self._changed:
            alive = (self._iteration - 1, self._iteration)
            texts = [event.text for event in self._steered if event.iteration in alive]
        return "; ".join(dict.fromkeys(texts[-SENTENCES:]))

    def arrive(self, before: events.StepName) -> str:
        """Why the loop has to stand still before a step; empty when it need not. Raises `Interrupted`."""
        with self._changed:
            if self._stopping:
                raise Interrupted("stopped on request")
            reason = "requested" if self._pausing else f"before {before}" if before in self._holds else ""
            self._standing, self._released = before if reason else "", False
            return reason

    def next_edit(self) -> Edit | None:
        """Wait, standing still, for a version of the user's; None when the loop goes on. For a background."""
        with self._changed:
            while not self._edits:
                if self._stopping or self._cancel.is_set():
                    self._standing = ""
                    raise Interrupted("stopped on request")
                if self._released:
                    self._standing = ""
                    return None
                self._changed.wait(LOOK_EVERY)
            return self._edits.popleft()

    def ask(self, tool: str, command: str) -> bool:
        """The user's word on a command; False at once when nobody is there to be asked."""
        if not (self._attended or self._approvals.can_ask):
            return False
        return self._approvals.ask(tool, command, str(self._root))

    def close(self) -> None:
        """Answer whoever still waits; a second call does nothing."""
        with self._changed:
            self._standing = ""
            while self._edits:
                self._edits.popleft().answer.set_result(Reply(ok=False, message="the run has ended"))


def check_origin(root: Path, kind: events.QueueKind, run_id: str) -> None:
    """Raise `ProjectError` unless an iteration can start from the trial `run_id`, or train it again."""
    problem = ""
    if all(entry.run_id != run_id for entry in registry.load(root)):
        problem = f"there is no trial {run_id} in this project"
    elif (run := runs.load(root, run_id)).config is None:
        problem = f"trial {run_id} has no stored configuration"
    elif kind == "rerun" and (run.code is None or run.eval_config is None):
        problem = f"trial {run_id} has no stored code"
    if problem:
        raise ProjectError(problem, "`mlagent runs PROJECT` lists the trials.")
