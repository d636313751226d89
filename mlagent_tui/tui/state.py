"""What a run looks like at one moment: the values that the screen shows, and what follows from them.

`fold` makes it from events. Its size is bounded by what is shown: the words and the curves of the current
iteration, and one row for each run.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mlagent_tui import events
from mlagent_tui.research import ranking
from mlagent_tui.tui.facts import (
    BAD_USAGE,
    Approval,
    Job,
    JobState,
    Network,
    Point,
    Reading,
    Row,
    Speech,
    Trial,
    panel_of,
)

if TYPE_CHECKING:
    from mlagent_tui.schemas import RegistryEntry

MAX_SPEECHES = 12
Touched = Iterable[str]
"""Names of parts of the screen."""

ALL = frozenset({"header", "plan", "code", "summary", "evaluation", "runs", "log"})


class RunState:
    """One run of the loop. `changed` names the parts that events have touched; who shows them empties it."""

    def __init__(self) -> None:
        self.changed: set[str] = set()
        self.seq = 0
        self.last_time = 0.0
        self.previous_time = 0.0
        self.rows: dict[str, Row] = {}
        self.touched: set[str] = set()
        """The runs whose rows have changed; who shows them empties it."""
        self.damaged = 0
        self.start_over(None)

    def start_over(self, event: events.RunStarted | None) -> None:
        """A run of the loop begins; the rows of those before stay."""
        for row in self.rows.values():
            row.current = False
        self.touched.update(self.rows)
        self.started = event
        self.began = self.segment = 0.0
        self.spent_before = 0.0
        self.goal: dict[str, Any] = {}
        self.options: dict[str, Any] = event.options if event else {}
        self.sandbox = event.sandbox if event else ""
        self.device = ""
        self.pid = event.pid if event else 0
        self.iteration = 0
        self.step = ""
        self.jobs: list[Job] = []
        self._models_start_over()
        self.decision: events.DecisionMade | None = None
        self.next_change: list[str] = []
        self.change: list[str] = []
        self.config: dict[str, Any] = {}
        self.code = ""
        self.code_accepted = False
        self.code_iteration = 0
        self.previous_code = ""
        self.repairs: list[tuple[int, str]] = []
        self.network = Network()
        self.trial: Trial | None = None
        self.best_id = ""
        self.best_points: list[Point] = []
        self.course: list[float] = []
        self.tokens_per_second = 0.0
        self.chars_per_token: dict[str, float] = {}
        self.memory_mb = 0.0
        self.processes = 0
        self.doing = ""
        """What is being done within the step, in words; empty where the step says it all."""
        self.requested = ""
        """What comes after this step because the user wants it: pause or stop."""
        self.holds: list[str] = []
        self.settings: dict[str, Any] = {}
        """How the network of this iteration will be trained."""
        self.queued: dict[int, str] = {}
        """What iterations start from because the user chose it, in the words of the registry."""
        self.paused = ""
        self.held_before = ""
        self.steering: list[str] = []
        self.approval: Approval | None = None
        self.tested: events.BestTested | None = None
        self.failure: events.Failed | None = None
        self.finished: events.RunFinished | None = None
        self.warning = ""

    def _models_start_over(self) -> None:
        """What the language models say, and which of them are there."""
        self.speeches: list[Speech] = []
        self.reading: Reading | None = None
        self.loading = ""
        self.stand_in = ""
        """The model that stands in for others, once it does."""
        self.standing: dict[str, str] = {}
        """The model that stands in for a role's own one, by task, while it does."""
        self.taken: set[str] = set()
        """The tasks that it does for the rest of the run."""
        self.answers = self.replacements = 0
        """Calls of roles for which it may, and those in which it has."""
        self.unloaded: list[str] = []
        self.profiles: dict[str, str] = {}

    # --- what follows from it ---

    @property
    def elapsed(self) -> float:
        """Seconds that engines have worked on the run, up to its last event."""
        return self.spent_before + max(0.0, self.last_time - self.segment) if self.began else 0.0

    @property
    def by_loss(self) -> bool:
        """Whether the goal's metric is the loss."""
        return self.aim.metric == "val_loss"

    @property
    def aim(self) -> ranking.Target:
        """The goal as `research.ranking` takes it."""
        return ranking.aim(self.goal)

    @property
    def best(self) -> Row | None:
        return self.rows.get(self.best_id)

    @property
    def speech(self) -> Speech | None:
        """What a model is saying now."""
        return self.speeches[-1] if self.speeches and not self.speeches[-1].done else None

    def reads(self, panel: str) -> str:
        """How far a model has read the prompt of what this panel shows; empty while it reads none."""
        return str(self.reading) if self.reading and panel_of(self.reading.task) == panel else ""

    @property
    def coder_writes(self) -> str:
        """The code as it streams; empty while the coder writes none."""
        speech = self.speech
        return speech.text if speech and speech.task == "code" else ""

    @property
    def running(self) -> bool:
        """Whether the journal says that an engine is at work (it may have been killed)."""
        return self.started is not None and self.finished is None

    @property
    def resumable(self) -> bool:
        """Whether resuming the run can bring anything: not when it is over, nor when it would fail again."""
        if self.started is None or self.finished is None:
            return self.started is not None
        refused = self.finished.outcome == "failed" and self.finished.exit_status == BAD_USAGE
        return self.finished.outcome != "achieved" and not refused

    @property
    def progress(self) -> str:
        """How far the training is, in a few words; empty while nothing is trained."""
        trial = self.trial
        if not self.running or self.step != "evaluate" or trial is None or trial.status or not trial.epochs:
            return ""
        last = trial.epoch_points[-1] if trial.epoch_points else None
        accuracy = last.accuracy if last is not None else trial.accuracy
        loss = last.val_loss if last is not None else trial.loss
        value, name = (loss, "loss") if self.by_loss else (accuracy, "acc")
        return f"epoch {trial.epoch}/{trial.epochs}" + (f" {name} {value:.3g}" if value is not None else "")

    @property
    def editable(self) -> tuple[str, ...]:
        """What the user may change now: the network before it is assembled, the code and the settings of the
        training before it is evaluated.
        """
        if not self.running or not self.config:
            return ()
        settings = ("settings",) if self.settings and self.job("evaluate").state == "waiting" else ()
        if self.code_iteration == self.iteration and self.code_accepted:
            return ("code", *settings) if self.job("evaluate").state == "waiting" else ()
        return ("config", *settings) if self.job("assemble").state == "waiting" else ()

    def job(self, name: str) -> Job:
        """The line of the plan called `name`; one that waits where there is none."""
        return next((job for job in self.jobs if job.name == name), Job(name))

    # --- changing it; `fold` has one function for each event ---

    def know(self, entries: Iterable[RegistryEntry]) -> None:
        """Add the rows that the registry knows and no event has told: those of earlier runs of the loop."""
        known = {entry.run_id: row_of(entry) for entry in entries}
        for run_id, row in known.items():
            told_by_events = self.rows.get(run_id)
            row.current = told_by_events is not None and told_by_events.current
            if told_by_events is not None:
                known[run_id] = told_by_events
                told_by_events.change = row.change or told_by_events.change
                told_by_events.decision = told_by_events.decision or row.decision
        self.rows = known | {run_id: row for run_id, row in self.rows.items() if run_id not in known}
        self.touched.update(self.rows)
        self.changed.add("runs")

    def say(self, role: str, task: str) -> Speech:
        """The answer under way for this role and task; a new one where there is none."""
        last = self.speech
        if last is None or (last.role, last.task) != (role, task):
            if last is not None:
                last.done = True
            self.speeches.append(Speech(role, task))
            del self.speeches[:-MAX_SPEECHES]
        return self.speeches[-1]

    def tell(self, task: str, markdown: str, *, anew: bool = False) -> None:
        """Attach what was understood to the last answer to `task`; `anew`, let it stand alone."""
        for speech in reversed(self.speeches):
            if speech.task == task and not anew:
                speech.told = markdown
                return
        self.speeches.append(Speech("", task, done=True, told=markdown))

    def mark(self, name: str, state: JobState, seconds: float | None = None, note: str = "") -> Job:
        """Put a line of the plan into a state; a call that was not planned gets a line before `decide`."""
        wanted = ("waiting", "running") if state in ("running", "done") else ("running",)
        job = next((job for job in self.jobs if job.name == name and job.state in wanted), None)
        if job is None:
            job = Job(name)
            last = self.jobs[-1].name if self.jobs else ""
            self.jobs.insert(len(self.jobs) - (last == "decide" and name != "decide"), job)
        job.state = state
        job.seconds = seconds if seconds is not None else job.seconds
        job.note = note or job.note
        return job


def seconds_of(time: str) -> float:
    """An event's time in seconds since the epoch; 0 where it is none."""
    try:
        return datetime.fromisoformat(time).timestamp()
    except ValueError:
        return 0.0


def row_of(entry: RegistryEntry) -> Row:
    """A registry's entry as a row."""
    metrics = entry.metrics_summary
    return Row(
        entry.run_id,
        entry.iteration,
        metrics.get("accuracy"),
        entry.accuracy_noise,
        metrics.get("val_loss"),
        entry.parameters,
        entry.seconds,
        entry.seed,
        entry.status,
        entry.reason,
        list(entry.change),
        entry.decision.replace("_", " "),
        current=False,
        mark=ranking.mark(ranking.aim(entry.goal), entry),
    )
