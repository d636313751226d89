"""A run opened: its configuration, code, summary, curves, the models' words, its differences from others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, ScrollableContainer, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import DataTable, OptionList, Static, TabbedContent, TabPane, TextArea

from mlagent_tui import commands, paths
from mlagent_tui.errors import MlagentError
from mlagent_tui.research import multiply_adds, ranking, wording
from mlagent_tui.tui import keys, lines, opened, transcript
from mlagent_tui.tui.engine import EngineLink
from mlagent_tui.tui.fields import MUTED
from mlagent_tui.tui.filters import Listed, Row, Sifted
from mlagent_tui.tui.footer import KeyLine
from mlagent_tui.tui.opened import Opened
from mlagent_tui.tui.panels.code import CodeView
from mlagent_tui.tui.panels.curves import Line, charts
from mlagent_tui.tui.panels.summary import layer_cells
from mlagent_tui.tui.screens import onward
from mlagent_tui.tui.screens.over import Under
from mlagent_tui.tui.screens.pick import Pick
from mlagent_tui.tui.text import line, plain, visible
from mlagent_tui.tui.transcript import Exchange

if TYPE_CHECKING:
    from mlagent_tui.tui.app import MlagentApp

TABS = {
    "config": "Config",
    "code": "Code",
    "summary": "Summary",
    "curves": "Curves",
    "words": "Prompts and answers",
    "diff": "Diff",
}
_FILES = {
    "config": paths.RUN_CONFIG,
    "code": paths.RUN_CODE,
    "summary": paths.RUN_SUMMARY,
    "curves": paths.RUN_RESULTS,
}


class RunBrowser(Under[None]):
    """Everything there is of one run. `against` is the run that it is compared with."""

    HELP = """# A trial

Everything that the project stores about one trial. The list on the left has all trials of the project: Enter
opens one. `d` compares two trials: measurements, configuration and code.
"""
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("browser")]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012
    AUTO_FOCUS = ""

    def __init__(self, root: Path, run_id: str) -> None:
        super().__init__()
        self.root = root
        self.run_id = run_id
        self.run: Opened | None = None
        self.against: Opened | None = None
        self.exchanges: list[Exchange] = []

    # --- what is shown ------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield Static(id="facts")
        with Horizontal(id="opened"):
            with Vertical(id="trials", classes="panel") as trials:
                trials.border_title = "Trials"
                yield Listed(id="runs")
            with TabbedContent(id="tabs"):
                with TabPane(_tab("config"), id="config"):
                    yield TextArea("", read_only=True, id="config-text", show_line_numbers=True)
                with TabPane(_tab("code"), id="code"):
                    yield CodeView(id="code-text")
                with TabPane(_tab("summary"), id="summary"), VerticalScroll(id="summary-scroll"):
                    yield DataTable(id="layers", cursor_type="row")
                    yield Static(id="explanation")
                with TabPane(_tab("curves"), id="curves"):
                    yield Vertical(id="charts")
                with TabPane(_tab("words"), id="words"), Horizontal(id="exchanges"):
                    with Vertical(id="asked-column"):
                        yield Listed(id="asked")
                    yield TextArea("", read_only=True, soft_wrap=True, id="said")
                with TabPane(_tab("diff"), id="diff"), ScrollableContainer(id="diff-scroll"):
                    yield Static(id="differences")
        yield KeyLine()

    def on_mount(self) -> None:
        table = self.query_one("#layers", DataTable)
        table.add_columns("layer", "type", "output")
        table.add_column(Text("parameters", justify="right"))
        self.query_one("#diff-scroll").can_focus = True
        self.load()

    @work(thread=True, exclusive=True, group="load", exit_on_error=False)
    def load(self) -> None:
        """Read the run, then, which may take longer, the models' words."""
        try:
            run = opened.load(self.root, self.run_id)
        except MlagentError as error:
            self.app.call_from_thread(self._nothing, f"{error.what}\n{error.remedy}")
            return
        if run is None:
            self.app.call_from_thread(self._nothing, f"{self.run_id} is not in the registry of this project.")
            return
        self.app.call_from_thread(self._show, run)
        said = transcript.read(paths.Layout(self.root).journal, self.run_id)
        self.app.call_from_thread(self._show_exchanges, said)

    def _nothing(self, why: str) -> None:
        self.query_one("#facts", Static).update(plain(why, "$text-error"))

    def _show(self, run: Opened) -> None:
        first = self.run is None
        self.run = run
        self.query_one("#facts", Static).update(lines.heading(run))
        self._show_runs(run)
        self.query_one("#config-text", TextArea).load_text(
            visible(run.config_text) or lines.absent(run, "configuration")
        )
        self.query_one("#code-text", CodeView).show(
            visible(run.code_text) or f"# {lines.absent(run, 'code')}", set()
        )
        self._show_summary(run)
        self._show_diff()
        self._curves_wanted()
        if first:
            self._focus_tab("config")

    def _show_runs(self, run: Opened) -> None:
        best = ranking.best_recorded(run.others)
        rows = [
            Row(shown := lines.run_words(entry, entry is best), entry.run_id, f"{shown} {entry.run_id}")
            for entry in run.others
        ]
        self.query_one("#runs", Listed).fill(rows, self.run_id)

    def _show_summary(self, run: Opened) -> None:
        table = self.query_one("#layers", DataTable)
        table.clear()
        summary = run.run.summary
        table.display = summary is not None
        words_of_it: list[Content] = []
        if summary is None:
            words_of_it.append(plain(lines.absent(run, "summary"), MUTED))
        else:
            for layer in summary.layers:
                *cells, count = layer_cells(layer.model_dump())
                table.add_row(*map(Text, cells), Text(count, justify="right"))
            table.styles.height = min(len(summary.layers) + 1, 400)
            taken = line(multiply_adds.told(f"{summary.multiply_adds:,}", summary.not_counted))
            totals = f" parameters · {taken} · {summary.size_mb:.3g} MB"
            words_of_it.append(Content.assemble((f"{summary.total_parameters:,}", "bold"), totals))
            whose = wording.whose(summary.explanation_source, len(summary.explanation_dropped))
            words_of_it.append(plain(f"{summary.explanation}\n({whose})", MUTED))
        self.query_one("#explanation", Static).update(Content("\n\n").join(words_of_it))

    @on(TabbedContent.TabActivated)
    def _curves_wanted(self) -> None:
        """Draw the curves when they are looked at: the library that draws them takes a while to load."""
        if self.query_one("#tabs", TabbedContent).active == "curves":
            self._show_curves()

    @work(exclusive=True, group="curves")
    async def _show_curves(self) -> None:
        place = self.query_one("#charts", Vertical)
        await place.remove_children()
        curves = [(run, run.run.result.curves) for run in (self.against, self.run) if run and run.run.result]
        if not any(points for _, points in curves):
            await place.mount(Static(plain("This trial completed no epoch, so there are no curves.", MUTED)))
            return
        chart = await charts()
        accuracy, loss = chart("accuracy", 1.0), chart("loss")
        await place.mount(accuracy, loss)
        drawn_lines: dict[str, list[Line]] = {"accuracy": [], "val_loss": []}
        for run, points in curves:
            epochs = [point.epoch for point in points]
            mine = run is self.run
            name = "this" if mine else run.entry.run_id.removeprefix("qe_")
            for metric, drawn in drawn_lines.items():
                values = [getattr(point, metric) for point in points]
                drawn.append(Line(name, epochs, values, "first" if mine else "second"))
            if mine:
                trained = [point.train_loss for point in points]
                drawn_lines["val_loss"].insert(0, Line("training", epochs, trained, "muted"))
        width = max((point.epoch for _, points in curves for point in points), default=1)
        accuracy.draw(drawn_lines["accuracy"], width)
        loss.draw(drawn_lines["val_loss"], width)

    def _show_exchanges(self, said: list[Exchange]) -> None:
        self.exchanges = said
        rows = [
            Row(shown := lines.exchange_words(exchange), str(place), f"{shown} {exchange.text}")
            for place, exchange in enumerate(said)
        ]
        self.query_one("#asked", Listed).fill(rows)
        if not said:
            self.query_one("#said", TextArea).load_text(
                "The journal of this project has no entries for this trial."
            )

    @on(OptionList.OptionHighlighted, "#asked")
    def _asked(self, event: OptionList.OptionHighlighted) -> None:
        place = int(event.option_id or len(self.exchanges))
        if place < len(self.exchanges):
            self.query_one("#said", TextArea).load_text(visible(self.exchanges[place].text))

    def _show_diff(self) -> None:
        place = self.query_one("#differences", Static)
        if self.run is None:
            return
        if self.against is None:
            place.update(plain("Press d to choose a trial to compare with.", MUTED))
        else:
            place.update(lines.differences(self.against, self.run))

    # --- actions ------------------------------------------------------------------------------------------

    def action_jump(self, tab: str) -> None:
        """Go to a tab."""
        self._focus_tab(tab)

    def _focus_tab(self, tab: str) -> None:
        self.query_one("#tabs", TabbedContent).active = tab
        self.call_after_refresh(self._focus_content, tab)

    def _focus_content(self, tab: str) -> None:
        for widget in self.query_one(f"#{tab}", TabPane).query("*"):
            if widget.focusable:
                widget.focus()
                return

    @work
    async def action_diff_with(self) -> None:
        """Compare with another run."""
        if self.run is None:
            return
        others = [entry for entry in reversed(self.run.others) if entry.run_id != self.run_id]
        if not others:
            self.app.notify("This is the only trial of the project.", severity="warning")
            return
        best = ranking.best_recorded(self.run.others)
        options = [(entry.run_id, lines.run_words(entry, entry is best, wide=True)) for entry in others]
        at = self.run.others.index(self.run.entry)
        before = self.run.others[at - 1].run_id if at else others[0].run_id
        start = next(i for i, entry in enumerate(others) if entry.run_id == before)
        title = f"Compare {self.run_id} with"
        picked = await self.app.push_screen_wait(Pick(title, options, start=start, one_line=True))
        if picked is not None:
            self.compare(picked)

    def compare(self, run_id: str) -> None:
        """Show the differences from `run_id` to this run."""
        self.against = opened.load(self.root, run_id)
        self._show_diff()
        self._curves_wanted()
        self._focus_tab("diff")

    def action_neighbour(self, step: int) -> None:
        """Open the run before or after this one."""
        if self.run is None:
            return
        place = self.run.others.index(self.run.entry) + step
        if 0 <= place < len(self.run.others):
            self._open(self.run.others[place].run_id)

    @on(OptionList.OptionSelected, "#runs")
    def _run_selected(self, event: OptionList.OptionSelected) -> None:
        if event.option_id is not None:
            self._open(event.option_id)

    def _open(self, run_id: str) -> None:
        self.run_id = run_id
        self.exchanges = []
        if self.against is not None and self.against.entry.run_id == run_id:
            self.against = None
        self.load()

    def action_copy_panel(self) -> None:
        """Copy what is shown, whole."""
        tab = self.query_one("#tabs", TabbedContent).active
        self._mlagent.copy(self.text_of(tab), TABS[tab].lower())

    def text_of(self, tab: str) -> str:
        """All of a tab as text."""
        run = self.run
        if run is None:
            return ""
        match tab:
            case "config":
                return run.config_text
            case "code":
                return run.code_text
            case "summary" if run.run.summary is not None:
                rows = [layer_cells(layer.model_dump()) for layer in run.run.summary.layers]
                table = ["\t".join(row) for row in [("layer", "type", "output", "parameters"), *rows]]
                return "\n".join([*table, "", run.run.summary.explanation]).rstrip() + "\n"
            case "curves" if run.run.result is not None:
                names = ("epoch", "train_loss", "train_accuracy", "val_loss", "accuracy", "seconds")
                points = [[str(getattr(point, name)) for name in names] for point in run.run.result.curves]
                return "".join("\t".join(row) + "\n" for row in [list(names), *points])
            case "words":
                return "\n".join(f"━━ {e.role} · {e.task} ━━\n\n{e.text}" for e in self.exchanges)
            case "diff" if self.against is not None:
                return lines.differences(self.against, run).plain + "\n"
            case _:
                return ""

    def action_open_editor(self) -> None:
        """Open the file behind the tab in the user's editor."""
        name = _FILES.get(self.query_one("#tabs", TabbedContent).active)
        path = paths.Layout(self.root).run(self.run_id) / name if name else None
        if path is None or not path.is_file():
            self.app.notify("This tab has no file.", severity="warning")
        else:
            self._mlagent.edit_file(path)

    def action_maximise(self) -> None:
        """Maximise what is focused, or show all again."""
        if self.maximized is not None:
            self.minimize()
        elif self.focused is not None:
            self.maximize(self.focused)

    def action_branch(self) -> None:
        """Let the next iteration start from this run."""
        self._start_from("branch")

    def action_rerun(self) -> None:
        """Train this run again with another seed."""
        self._start_from("rerun")

    @work(exclusive=True, group="command")
    async def _start_from(self, kind: onward.Kind) -> None:
        link = self._mlagent.engine if self._mlagent.engine.root == self.root else EngineLink(self.root)
        if not link.alive():
            await onward.one_more(self, link, kind, self.run_id)
            return
        branch = kind == "branch"
        reply = await link.send((commands.Branch if branch else commands.Rerun)(run_id=self.run_id))
        said = visible("\n".join(part for part in (reply.message or "taken", reply.remedy) if part))
        self.app.notify(said, severity="information" if reply.ok else "error", markup=False)

    def usual_list(self) -> Sifted | None:
        """The trials; what the models said while that is in sight."""
        said = self.query_one("#tabs", TabbedContent).active == "words"
        listed = self.query_one("#asked" if said else "#runs", Listed)
        return listed if said or self.query_one("#trials").display else None

    def leave(self) -> None:
        """Back to where this run was opened."""
        self.dismiss(None)

    @property
    def _mlagent(self) -> MlagentApp:
        return cast("MlagentApp", self.app)


def _tab(name: str) -> str:
    number = list(TABS).index(name) + 1
    return f"{number} {TABS[name]}"
