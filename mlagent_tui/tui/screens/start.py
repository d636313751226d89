"""The start screen: a goal, how to work on it, and the projects of before.

Nothing can be started that is bound to fail: what the form itself can tell is told at once, and the rest is
asked of the engine's own check, a moment after the last change and again before the start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Button, Checkbox, Input, Select, Static, TextArea

from mlagent_tui import __version__, paths
from mlagent_tui.tui import engine, form, keys
from mlagent_tui.tui.engine import Check, Problem, Request
from mlagent_tui.tui.fields import (
    ENTRIES,
    MUTED,
    OF_THE_GOAL,
    Choice,
    Field,
    Options,
    Pair,
    Text,
    entry,
    problem_text,
    ready,
    tick,
)
from mlagent_tui.tui.filters import Sifted
from mlagent_tui.tui.footer import KeyLine
from mlagent_tui.tui.messages import RunEnded
from mlagent_tui.tui.projects import look
from mlagent_tui.tui.recents import RecentList
from mlagent_tui.tui.screens.pick import Pick
from mlagent_tui.tui.screens.starting import Starting
from mlagent_tui.tui.text import plain, visible

SETTLE_SECONDS = 0.7
"""How long after the last change the engine is asked whether the run could start."""

REFRESH_SECONDS = 5.0

TAGLINE = "neural networks, designed and tried on this machine"

URL = "http://host:port/v1#model"

_UNKNOWN = Check()


class StartScreen(Starting):
    """Where a run begins."""

    HELP = """# Start a run

Say what the network should reach: **a data set and a number**, such as *"a small CNN for digits, at least
95% accuracy"*. Everything else has a default. What keeps a run from starting is said below its field.

A model is `bundled`, a .gguf file, a folder of Hugging Face weights, or `http://host:port/v1#model`. Its
options are those of the settings file: `context=8192 thinking_budget=4096 gpu_layers=20` and so on.
*Fallback* is what answers a call at which a model of yours fails: the bundled model, or none.

The run goes on in a process of its own: closing this program does not end it.
"""
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("start")]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (38, "-high")]  # noqa: RUF012
    AUTO_FOCUS = ""

    def __init__(self, focus: str = "#goal") -> None:
        super().__init__()
        self._focus_first = focus
        self.base = paths.new_projects().absolute()
        self.checked: Request | None = None
        self.check = _UNKNOWN
        self.tried = False
        self._settling: Timer | None = None

    # --- what is shown ------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        at_first = self._remembered()
        yield Static(
            Content.assemble(
                (" ◆ mlagent ", "bold $accent"),
                ("neural networks, designed and tried on this machine", MUTED),
            ),
            id="brand",
        )
        with Horizontal(id="columns"):
            with Vertical(id="new", classes="panel") as panel:
                panel.border_title = "New run"
                panel.border_subtitle = f"mlagent {__version__}"
                with VerticalScroll(id="form", can_focus=False):
                    yield from self._fields(at_first)
                with Horizontal(id="go"):
                    yield Button("▶ Start", id="start", variant="primary", compact=True)
                    yield Static(id="state")
            with Vertical(id="projects", classes="panel") as projects:
                projects.border_title = "Recent projects"
                yield RecentList(id="recent")
        yield KeyLine()

    def _fields(self, at: form.Form) -> ComposeResult:
        goal = Text(
            at.goal,
            id="goal",
            soft_wrap=True,
            tab_behavior="focus",
            compact=True,
            highlight_cursor_line=False,
            placeholder="What should the network reach? A data set and a number.\n"
            f"{form.EXAMPLES[0]}\nF4 offers more examples.",
        )
        yield Field("goal", "Goal", goal, classes="-goal")
        for role, label, key in (("planner", "Planner", "F2"), ("coder", "Coder", "F3")):
            tip = f"bundled, a .gguf file, a folder of weights, or {URL}. {key} picks one."
            pick = Button(f"pick {key}", id=f"pick-{role}", classes="pick", compact=True)
            yield Field(role, label, entry(role, getattr(at, role), f"bundled, a path, or {URL}", tip), pick)
            name, tip = f"{role}_options", f"How the {role} uses it: context=8192 gpu_layers=20, for example."
            yield Field(name, "  options", entry(name, getattr(at, name), self._usual_options(name), tip))
        choices: dict[str, tuple[str, Options]] = {
            "dataset": ("Data set", self._datasets()),
            "metric": ("Metric", [("as in the goal", ""), *((name, name) for name in form.METRICS)]),
            "device": ("Device", [(name, name) for name in form.DEVICES]),
            "sandbox": ("Sandbox", self._sandboxes()),
            "fallback": ("Fallback", [(name, name) for name in form.FALLBACKS]),
        }
        for pair in (
            ("dataset", "metric"),
            ("threshold", "max_parameters"),
            ("max_seconds", "time_budget"),
            ("iterations", "patience"),
            ("device", "sandbox"),
            ("fallback", "seed"),
        ):
            yield Pair(*(self._field(name, at, choices) for name in pair))
        waits = Horizontal(
            tick("hold_assemble", "code is written", at.hold_assemble, "Edit the configuration, then go on."),
            tick("hold_evaluate", "training", at.hold_evaluate, "Read or edit the code, then go on."),
            classes="ticks",
        )
        yield Field("hold", "Wait before", waits)
        yield Field("project", "Folder", entry("project", at.project, "", "A new folder, or a project."))

    def _field(self, name: str, at: form.Form, choices: Mapping[str, tuple[str, Options]]) -> Field:
        if name in choices:
            label, options = choices[name]
            return Field(name, label, Choice(options, getattr(at, name), name))
        label, tip = ENTRIES[name]
        usual = "as in the goal" if name in OF_THE_GOAL else self._usual(name)
        return Field(name, label, entry(name, getattr(at, name), usual, tip))

    def on_mount(self) -> None:
        self._show_folder()
        self.query_one("#goal", TextArea).select_all()  # so that typing begins another
        self.set_focus(self.query_one(self._focus_first))
        self._list_recent()
        self._changed()
        self.set_interval(REFRESH_SECONDS, self._look_at_recent)

    def on_screen_resume(self) -> None:
        self._list_recent()
        self._show_folder()
        self._show_problems()

    def on_descendant_focus(self) -> None:
        """The recent projects are in sight while one is chosen."""
        self.set_class(self.query_one("#recent").has_focus, "-choosing")

    def on_run_ended(self, _: RunEnded) -> None:
        self._look_at_recent()

    # --- the form -----------------------------------------------------------------------------------------

    def values(self) -> form.Form:
        """The fields as they stand."""
        texts = (
            "planner", "coder", "planner_options", "coder_options", *ENTRIES, "project",
        )  # fmt: skip
        choices = ("dataset", "metric", "device", "sandbox", "fallback")
        return form.Form(
            goal=self.query_one("#goal", TextArea).text,
            **{name: self.query_one(f"#{name}", Input).value for name in texts},
            **{name: str(self.query_one(f"#{name}", Choice).value) for name in choices},
            hold_assemble=self.query_one("#hold_assemble", Checkbox).value,
            hold_evaluate=self.query_one("#hold_evaluate", Checkbox).value,
        )

    def _remembered(self) -> form.Form:
        usual = self.host.settings
        defaults = form.Form(
            planner=usual.planner,
            coder=usual.coder,
            device=usual.device,
            sandbox=usual.sandbox,
            fallback=usual.fallback,
        )
        return form.remembered(self.host.memory.mapping("form"), defaults)

    @on(Input.Changed)
    @on(TextArea.Changed)
    @on(Select.Changed)
    @on(Checkbox.Changed)
    def _changed(self) -> None:
        """Say what is wrong at once, and ask the engine when the user has stopped typing."""
        self._show_folder()
        self._show_problems()
        if self._settling is not None:
            self._settling.stop()
        self._settling = self.set_timer(SETTLE_SECONDS, self._settled)

    def _settled(self) -> None:
        now = self.values()
        self.host.memory.put("form", now.remembered())
        if not self.up_to_date():
            self.ask_engine()

    def _request(self, now: form.Form) -> Request:
        """What to check: what is not yet filled in properly is left at its default."""
        wrong = {problem.field for problem in now.problems(self.base)}
        defaults = form.Form(goal=form.EXAMPLES[0])
        fitting = replace(now, **{name: getattr(defaults, name) for name in wrong})
        return fitting.request(self.base)

    def up_to_date(self) -> bool:
        """Whether the engine has been asked about the form as it stands."""
        return self.checked is not None and self.checked == self._request(self.values())

    @work(exclusive=True, group="check")
    async def ask_engine(self) -> None:
        request = self._request(self.values())
        self.say("checking…")
        try:
            self.check = await engine.check(request)
        except OSError as error:
            self.check = Check((Problem("", f"The engine cannot be started: {error}"),))
        self.checked = request
        self.query_one("#dataset", Choice).relabel(self._datasets())
        self._show_problems()

    def problems(self) -> list[Problem]:
        """What keeps the form as it stands from being started, as far as it is known."""
        now = self.values()
        own = now.problems(self.base)
        told = {problem.field for problem in own}
        asked = self.check.problems if self.up_to_date() else ()
        here = (replace(problem, remedy=form.here(problem.remedy)) for problem in asked)
        return own + [problem for problem in here if problem.field not in told]

    def _show_problems(self) -> None:
        found = self.problems()
        by_field = {problem.field: problem for problem in reversed(found)}
        shown = 0
        for field in self.query(Field):
            name = (field.id or "").removeprefix("field-")
            problem = by_field.pop(name, None)
            if name == "goal" and problem and not self.tried and not self.values().goal.strip():
                problem = None  # nobody has done anything wrong by not having typed yet
            field.show(problem, gently=name in OF_THE_GOAL and not self.tried, note=self._note(name))
            shown += problem is not None
        others = [problem for problem in found if problem.field in by_field]
        if others:
            self.say(problem_text(others[0]))
        elif shown:
            self.say(Content.styled(f"{shown} field{'s' * (shown > 1)} to correct", "$text-error"))
        elif not self.up_to_date():
            self.say("")
        elif not self.values().goal.strip():
            self.say(plain("Say what the network should reach.", MUTED))
        else:
            self.say(ready(self.check))

    def _note(self, name: str) -> str:
        """What is known of a field as it stands, and is not wrong: how its model did in a check."""
        if not self.up_to_date():
            return ""
        slow = self.check.slow if name == "time_budget" else ""
        return f"Time: {slow}" if slow else self.check.models.get(name, "")

    def _show_folder(self) -> None:
        folder = self.query_one("#project", Input)
        named = form.default_folder(self.query_one("#goal", TextArea).text, self.base)
        folder.placeholder = f"./{named.name}"

    def _datasets(self) -> list[tuple[str | Content, str]]:
        missing = self.check.datasets
        rows: list[tuple[str | Content, str]] = [("as in the goal", "")]
        for name in form.DATASETS:
            lacks = missing.get(name, "")
            said = " — files missing" if lacks.startswith(f"{name} is not in") else " — files cannot be used"
            words = Content.assemble(name, (said, "$text-error")) if lacks else name
            rows.append((words, name))
        return rows

    def _sandboxes(self) -> list[tuple[str | Content, str]]:
        words = {"auto": "best there is", "none": "none (unconfined)"}
        return [(words.get(name, name), name) for name in form.SANDBOXES]

    def _usual(self, name: str) -> str:
        value = getattr(self.host.settings, name, None)
        return "no limit" if value is None else f"{value:g}"

    def _usual_options(self, name: str) -> str:
        """Those of the settings file, which hold where the field says nothing."""
        if self.host.settings.whole is None:
            return "defaults"  # there is no such file; to read its schema takes a sixth of the first paint
        usual = getattr(self.host.settings, name).model_dump(mode="json")
        return " ".join(f"{key}={value}" for key, value in usual.items()) or "defaults"

    # --- starting -----------------------------------------------------------------------------------------

    @on(Button.Pressed, "#start")
    def action_start(self) -> None:
        """Start the run, unless something is known to keep it from running."""
        self.tried = True
        self._show_problems()
        if self.focus_first_problem():
            return
        self.start()

    # --- actions ------------------------------------------------------------------------------------------

    @work
    async def action_examples(self) -> None:
        """Pick a goal."""
        options = [(str(index), Content(goal)) for index, goal in enumerate(form.EXAMPLES)]
        picked = await self.app.push_screen_wait(Pick("Examples", options))
        if picked is not None:
            goal = self.query_one("#goal", TextArea)
            goal.text = form.EXAMPLES[int(picked)]
            goal.move_cursor(goal.document.end)
            goal.focus()

    @work
    async def action_pick_model(self, role: str) -> None:
        """Pick the model of a role."""
        from mlagent_tui.tui.screens.models import ModelPicker

        field = self.query_one(f"#{role}", Input)
        picked = await self.app.push_screen_wait(ModelPicker(role, field.value))
        if picked is not None:
            field.value = picked

    @on(Button.Pressed, ".pick")
    def _pick_pressed(self, event: Button.Pressed) -> None:
        self.action_pick_model((event.button.id or "").removeprefix("pick-"))

    def usual_list(self) -> Sifted | None:
        recent = self.query_one("#recent", RecentList)
        return recent if recent.focusable else None

    def action_recent(self) -> None:
        """Go to the recent projects, and back to the goal."""
        recent = self.query_one("#recent", RecentList)
        (self.query_one("#goal") if recent.has_focus else recent).focus()

    @work
    async def action_open_folder(self) -> None:
        """Open a project that is not on the list."""
        from mlagent_tui.tui.screens.models import FolderPicker

        picked = await self.app.push_screen_wait(FolderPicker(self.base))
        if picked is not None:
            self.host.open_project(Path(picked))

    # --- recent projects ----------------------------------------------------------------------------------

    def _list_recent(self) -> None:
        self.query_one("#recent", RecentList).show(self.host.memory.recent())
        self._look_at_recent()

    @work(thread=True, exclusive=True, group="recent", exit_on_error=False)
    def _look_at_recent(self) -> None:
        recent = self.query_one("#recent", RecentList)
        for project in self.host.memory.recent():
            glance = look(project.root)
            if glance != recent.glance(project.root):
                self.app.call_from_thread(recent.tell, project.root, glance)

    @on(RecentList.Chosen)
    def _chosen(self, event: RecentList.Chosen) -> None:
        recent = self.query_one("#recent", RecentList)
        standing = look(event.root)
        match event.deed:
            case "again":
                self.query_one("#goal", TextArea).text = recent.goal(event.root)
                self.query_one("#goal").focus()
            case "forget":
                self.host.memory.forget(event.root)
                self._list_recent()
            case _ if standing.standing == "gone":
                words = f"{visible(str(event.root))} is no longer there. Delete takes it off the list."
                self.app.notify(words, severity="warning", markup=False)
            case "resume" if standing.resumable:
                self.take_up(event.root)
            case "resume" if standing.standing not in ("running", "held"):
                self.app.notify("The last run of this project has ended.", severity="warning", markup=False)
            case _:
                self.host.open_project(event.root)
