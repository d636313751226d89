"""What a run works with while it lasts: the models, the trial workers, the project, the clock.

Opening starts the first worker and the models at the same time; closing ends every process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import TypeVar

from mlagent_tui import events, own_prompts, paths, prompts
from mlagent_tui.agent import prompting
from mlagent_tui.agent.background import Background
from mlagent_tui.agent.clock import Clock
from mlagent_tui.agent.context import Attempt
from mlagent_tui.agent.control import Control, Hands
from mlagent_tui.agent.listening import NOTICEABLE, Overheard, Timed
from mlagent_tui.agent.options import RunOptions
from mlagent_tui.agent.planner import Planner
from mlagent_tui.agent.recovery import Saved
from mlagent_tui.agent.resources import Meter
from mlagent_tui.agent.sharing import Estimate, Lending, Lent
from mlagent_tui.agent.standing_in import Attended, Models, StandIns
from mlagent_tui.commands import Listener
from mlagent_tui.errors import ConfigError, Interrupted, ProjectError, TrialError
from mlagent_tui.experiments import Project, curves, from_journal, history, report
from mlagent_tui.llm import (
    Answer,
    Awaited,
    LanguageModel,
    ServedModel,
    free_memory,
    is_bundled,
    start_bundled,
    start_models,
    wait_for_models,
)
from mlagent_tui.schemas import DataCard, DatasetName, EvalConfig, ModelConfig
from mlagent_tui.settings import RoleOptions
from mlagent_tui.tools import ToolContext, use_context
from mlagent_tui.training import TestResult, WorkerPool, data_card, expected_memory

T = TypeVar("T")
OpenModels = Callable[[str, str, RoleOptions, RoleOptions], tuple[LanguageModel, LanguageModel]]
OpenBundled = Callable[[Sequence[LanguageModel]], LanguageModel]

PARTING = 1.0
"""Seconds that a language model has to end its answer when the run stops, before its process is ended."""

LOOK_EVERY = 0.1
"""Seconds between two looks at whether the user has asked to stop."""

WORK = {
    "configure": "building the network", "assemble": "checking the code",
    "summarise": "measuring the network", "evaluate": "preparing the training",
    "report": "testing the network",
}  # fmt: skip
"""What a trial worker does in a step."""


@dataclass
class Session:
    """The parts of a running run. `saved` is what to do, and what an earlier process has done of it.

    `hands` is what the user brings to this process; `written` the code that a coder wrote last, accepted or
    not, and `written_by` that coder; `drawn` whether the report has curves, None while they are not drawn.
    """

    saved: Saved
    project: Project
    cancel: threading.Event
    hands: Hands = field(default_factory=Hands)
    open_models: OpenModels = start_models
    open_bundled: OpenBundled = start_bundled
    clock: Clock = field(default_factory=Clock)
    written: str | None = None
    written_by: str = ""
    drawn: bool | None = None

    def __post_init__(self) -> None:
        self.options = self.saved.options
        self.background: Background[events.Event] = Background(self.cancel)
        emit = self.background.emit
        self.control = Control(self.project.root, self.saved, self.hands, self.cancel, emit)
        self._closing = ExitStack()
        self.lost: ProjectError | None = None
        """Why the run cannot go on: its project is no longer in its place."""
        self._models: list[LanguageModel] = []
        self._looked: set[DatasetName] = set()
        self.step = ""
        """The step that is under way."""
        self.pool: WorkerPool
        self.prompts: prompts.Prompts
        self.lending: Lending
        self.models: Models
        """The models that the user has chosen."""
        self.stand_ins: StandIns
        self._bundled: Models | None = None

    def listen(self) -> events.Warned | None:
        """Take commands from now on; a warning where the project's folder cannot hold a socket."""
        self._closing.callback(self.control.close)
        try:
            self._closing.callback(Listener(self.project.root, self.control.take).close)
        except ProjectError as error:
            return events.Warned(message=error.what, remedy=error.remedy)
        return None

    def read_prompts(self) -> None:
        """The user's prompts as they are now are used to the end. Raises `PromptError`."""
        self.prompts = own_prompts.read(self.project.root)
        self.background.within = partial(prompts.use, self.prompts)

    def start_workers(self) -> None:
        """Start what trial workers are forked from. Raises `SandboxError`."""
        options = self.options
        self.pool = WorkerPool(
            self.project.root,
            sandbox=options.sandbox,
            data_dir=options.data_dir,
            memory_limit_mb=options.memory_limit_mb,
        )
        self.pool.starting = self._starting
        self._closing.callback(self.pool.close)
        over = threading.Event()
        self._closing.callback(over.set)
        threading.Thread(target=self._watch, args=(over,), name="watch", daemon=True).start()
        meter = Meter(self.background.emit)
        threading.Thread(target=meter.run, args=(over,), name="resources", daemon=True).start()

    @contextmanager
    def _starting(self) -> Iterator[None]:
        """Tell what a worker is for, and when it has to be waited for."""
        waiting = threading.Timer(NOTICEABLE, lambda: self._do("starting a trial worker"))
        waiting.daemon = True
        waiting.start()
        try:
            yield
        finally:
            waiting.cancel()
            waiting.join()
        self._do(WORK.get(self.step, "checking"))

    def _do(self, what: str) -> None:
        self.background.emit(events.Doing(what=what))

    def load_models(self, dataset: DatasetName | None = None) -> None:
        """Load the models of both roles and put the tools together; meanwhile, look at the data set.

        Raises `ModelError`, and what `look` raises: no model is called before the data set has been read.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="look") as aside:
            looking = aside.submit(self.look, dataset) if dataset else None
            self._load_models()
            if looking:
                looking.result()

    def _load_models(self) -> None:
        options, emit = self.options, self.background.emit
        planner, coder = self.open_models(
            options.planner, options.coder, options.planner_options, options.coder_options
        )
        for model in (planner, coder):
            self._keep(model)
        self._watch_models(planner, coder)
        if not wait_for_models((planner, coder), self.cancel):
            raise Interrupted("stopped while the language models were loading")
        models: dict[events.Role, LanguageModel] = {"planner": planner, "coder": coder}
        prompting.check_room(self.prompts, models)
        for event in prompting.told(self.prompts, models, options, self.saved.prompts, self.project.root):
            emit(event)
        self.lending = Lending(options.sharing, models, self.clock, emit, self.cancel)
        self.stand_ins = StandIns(_replaceable(options), self.saved.taken_over)
        self.models = self._in_roles(planner, options.planner, coder, options.coder)

    def bundled(self) -> Models:
        """The bundled model in both roles, loaded at the first call. Raises `ModelError`, `Interrupted`."""
        if self._bundled is None:
            with self.clock.spend("loading"):
                model = self.open_bundled(self._models)
                self._keep(model)
                if len(self.stand_ins.roles) == 2 and isinstance(model, Awaited):
                    model.watch("the bundled model's server", self._warn)
                if not wait_for_models((model,), self.cancel):
                    raise Interrupted("stopped while the bundled model was loading")
            for role in sorted(self.stand_ins.roles):
                self.lending.admit(role, model)
            self._bundled = self._in_roles(model, "bundled", model, "bundled")
        return self._bundled

    def _keep(self, model: LanguageModel) -> None:
        """Close the model with the session."""
        self._models.append(model)
        self._closing.callback(model.close)

    def _in_roles(self, planner: LanguageModel, planner_spec: str, coder: LanguageModel, spec: str) -> Models:
        """Two models as they are asked in a run: told of, timed, loaded again where they are away."""
        options, emit = self.options, self.background.emit

        def attended(model: LanguageModel, spec: str, role: events.Role) -> Attended:
            lent = Lent(Overheard(model, role, emit), model, self.lending)
            return Attended(lent, spec, self.stand_ins)

        timed = Timed(attended(coder, spec, "coder"), self.clock)
        return Models(
            Planner(
                attended(planner, planner_spec, "planner"),
                seed=options.seed,
                on_text=lambda task, text, thinking: emit(_tokens("planner", task, text, thinking)),
                on_call=lambda task, answer: emit(_called("planner", planner.name, task, answer)),
                cancel=self.cancel,
            ),
            ToolContext(
                root=self.project.root,
                coder=lambda: timed,
                pool=lambda: self.pool,
                seed=options.seed,
                sandbox=options.sandbox,
                approve=self._approve,
                on_text=lambda task, text, thinking: emit(_tokens("coder", task, text, thinking)),
                on_call=lambda task, answer: emit(_called("coder", coder.name, task, answer)),
                on_event=lambda event: self._told(event, coder.name),
                cancel=self.cancel,
            ),
        )

    def _watch_models(self, planner: LanguageModel, coder: LanguageModel) -> None:
        """Tell the user when what serves a model is waited for."""
        if isinstance(coder, Awaited):
            coder.watch("the coder's model server", self._warn)
        if isinstance(planner, Awaited):
            both = (
                isinstance(coder, ServedModel)
                and isinstance(planner, ServedModel)
                and planner.shares_with(coder)
            )
            planner.watch("the model server" if both else "the planner's model server", self._warn)

    def _warn(self, message: str, remedy: str) -> None:
        self.background.emit(events.Warned(message=message, remedy=remedy))

    def warm_up(self) -> None:
        """Import what draws the report's curves while the first worker starts: seconds, the first time.

        No daemon thread: an interpreter that ends in the middle of such an import crashes.
        """
        threading.Thread(target=curves.warm_up, name="warm-up").start()

    def data_card(self, dataset: DatasetName | None) -> DataCard:
        """What the data set is. Raises `DataError` when its files are missing."""
        assert dataset is not None
        return data_card(dataset, None, self.options.data_dir)

    def look(self, dataset: DatasetName) -> None:
        """Read all of the data set in a worker, once in a run. Raises `DataError` naming a wrong file."""
        if dataset not in self._looked:
            with self.pool.worker() as worker:
                worker.look(dataset)
            self._looked.add(dataset)

    def use(
        self, work: Callable[[], T], network: ModelConfig | None = None, tools: ToolContext | None = None
    ) -> T:
        """`work` with tools at hand; `network` is what the code they train was checked against."""
        with use_context(replace(tools or self.models.tools, network=network)):
            return work()

    def build(self, config: ModelConfig) -> None:
        """Build the configuration without weights in a trial worker. Raises `ConfigError`."""
        with self.pool.worker() as worker:
            worker.check_config(config)

    def make_room(self, config: ModelConfig, settings: EvalConfig, card: DataCard, ran_out: bool) -> None:
        """Let language models give way to a trial of `config` where the sharing policy wants it."""

        def estimate() -> Estimate | None:
            try:
                with self.pool.worker() as worker:
                    room = worker.room(settings.device)
                need = expected_memory(config, settings, card, room.device)
            except (ConfigError, TrialError):
                return None  # nobody knows: the trial itself will tell what is wrong
            free = free_memory() if room.free is None else room.free
            return Estimate(room.device, need, free, ran_out)

        self.lending.make_room(estimate)

    def test(self, best: Attempt, run_ids: list[str]) -> TestResult:
        """Scores of a stored network on the test part; meanwhile the curves of all runs are drawn.

        Raises `TrialError`, `CodeError`, and `ProjectError` when a part of it is missing.
        """
        run = self.project.layout.run(best.entry.run_id)
        for name in (paths.RUN_CODE, paths.RUN_WEIGHTS):
            if not (run / name).is_file():
                raise ProjectError(f"{best.entry.run_id}/{name} is missing")
        assert best.eval_config is not None
        with ThreadPoolExecutor(1) as aside, self.pool.worker() as worker:
            drawing = aside.submit(report.draw, self.project.root, run_ids, best.entry.run_id)
            scores = worker.test(
                run / paths.RUN_CODE, best.entry.model_name, best.eval_config, run / paths.RUN_WEIGHTS
            )
            with suppress(ProjectError):  # writing the report says it again
                self.drawn = drawing.result()
        return scores

    def report(self, ending: events.RunFinished) -> None:
        """Write the report of the run as the journal tells it, with the ending that is about to be told."""
        told = history.last_run(self.project.root)
        conclusion = from_journal(chain(told, (self.spent(), ending)))
        try:
            report.write(self.project.root, conclusion, self.drawn)
        except report.NotDrawn as error:
            self.background.emit(events.Warned(message=error.what, remedy=error.remedy))
            report.write(self.project.root, conclusion, drawn=False)

    def spent(self) -> events.TimeSpent:
        """Where the time went so far."""
        return events.TimeSpent.read({name: round(s, 3) for name, s in self.clock.totals().items()})

    def close(self) -> None:
        """End every process; a second call does nothing."""
        self._closing.close()

    def _watch(self, over: threading.Event) -> None:
        """Stop the run when its project goes away; end what works for it when it stops.

        Workers end at once, some of their work cannot be stopped in another way. Models have a moment to end
        their answer.
        """
        while not over.wait(LOOK_EVERY):
            try:
                self.project.check_place()
            except ProjectError as error:
                self.lost = error
                self.cancel.set()
            if self.cancel.is_set():
                self.pool.close()
                if not over.wait(PARTING):
                    for model in self._models:
                        model.close()
                return

    def _told(self, event: events.Event, coder: str) -> None:
        if isinstance(event, events.TrialFinished) and self.cancel.is_set():
            return  # it ended because of the interruption, which is no result
        if isinstance(event, events.CodeMade):
            event = event.but(model=coder)
            self.written, self.written_by = event.code, coder
        self.background.emit(event)

    def _approve(self, tool: str, command: str) -> bool:
        policy = self.options.bash_run if tool == "bash_run" else self.options.python_run
        return policy == "always" or (policy == "ask" and self.control.ask(tool, command))


def _tokens(role: events.Role, task: str, text: str, thinking: bool) -> events.TokensStreamed:
    return events.TokensStreamed(role=role, task=task, text=text, thinking=thinking)


def _replaceable(options: RunOptions) -> frozenset[events.Role]:
    """The roles for which the bundled model may stand in: those that it does not have itself."""
    specs: dict[events.Role, str] = {"planner": options.planner, "coder": options.coder}
    if options.fallback == "none":
        return frozenset()
    return frozenset(role for role, spec in specs.items() if not is_bundled(spec))


def _called(role: events.Role, model: str, task: str, answer: Answer) -> events.ModelCalled:
    return events.ModelCalled(
        role=role,
        task=task,
        model=model,
        prompt_tokens=answer.prompt_tokens,
        tokens=answer.tokens,
        seconds=answer.seconds,
        prompt_seconds=answer.prompt_seconds,
        finish=answer.finish,
    )
