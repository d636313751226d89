"""The run screen in the real application, fed with a run that was recorded from the real engine.

What stands in for the engine is its journal, its lock and its socket; all three are real.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, TextArea
from textual.widgets._footer import FooterKey

from mlagent_tui import commands, events, paths
from mlagent_tui.commands import Listener, Reply
from mlagent_tui.settings import Settings
from mlagent_tui.tui.app import MlagentApp, Opening
from mlagent_tui.tui.engine import EngineLink
from mlagent_tui.tui.export import export
from mlagent_tui.tui.panels.code import CodeView
from mlagent_tui.tui.panels.log import LogView
from mlagent_tui.tui.panels.runs import RunsTable
from mlagent_tui.tui.screens.browser import RunBrowser
from mlagent_tui.tui.screens.dialogs import ApproveDialog, EditDialog, SentenceDialog, TextDialog
from mlagent_tui.tui.screens.pick import Pick
from mlagent_tui.tui.screens.run import RunScreen
from tests import recording
from tests.recording import until


def shown(app: MlagentApp) -> str:
    """The text on the screen."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


def run_screen(app: MlagentApp) -> RunScreen:
    (screen,) = (screen for screen in app.screen_stack if isinstance(screen, RunScreen))
    return screen


def taken_up(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The arguments with which engines would be started."""
    started: list[list[str]] = []

    async def ready(self: EngineLink, timeout: float = 60.0) -> bool:
        return True

    monkeypatch.setattr(EngineLink, "resume", lambda self, arguments=None: started.append(arguments))
    monkeypatch.setattr(EngineLink, "ready", ready)
    return started


async def opened(pilot: Pilot[int], app: MlagentApp) -> RunScreen:
    """The run screen, once it shows all there is."""
    screen = run_screen(app)
    visible = {part for part, panel in screen.panels.items() if panel.display}
    await until(pilot, lambda: screen._settled and not screen._dirty & visible)
    return screen


class Engine:
    """Takes commands as the engine does: through the project's socket, while it holds the project's lock."""

    def __init__(self) -> None:
        self.told: list[commands.Command] = []
        self.reply = Reply(ok=True, message="taken")

    def take(self, command: commands.Command) -> Reply:
        self.told.append(command)
        return self.reply


@contextmanager
def engine(root: Path) -> Iterator[Engine]:
    one = Engine()
    with recording.engine_at_work(root), Listener(root, one.take):
        yield one


# --- eyes -----------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_the_screen_answers_the_five_questions_at_a_glance(tmp_path: Path) -> None:
    app = MlagentApp(Opening(recording.project(tmp_path)))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, app)
        await until(pilot, lambda: "┫" in shown(app))  # the curves are drawn
        text = shown(app)
    for said in (
        "a small network for the digits with at least", "■ stopped", "iteration 4/5", "best 99.3 %",
        "✔ evaluate", "Stop accuracy 0.9895 misses the goal",  # what is it trying
        "class CurrentModel(nn.Module):",  # what did it write
        "10,026 parameters", "16×8×8",  # what is that network
        "epoch 40/40", "val 0.990",  # how is it training
        "★ 1", "train 20 epochs", "within noise",  # is it getting anywhere
    ):  # fmt: skip
        assert said in text, said


@pytest.mark.asyncio
async def test_when_narrow_the_panels_are_tabs_and_come_back_when_there_is_room(tmp_path: Path) -> None:
    app = MlagentApp(Opening(recording.project(tmp_path)))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, app)
        assert [part for part, panel in screen.panels.items() if panel.display] == ["plan"]
        await pilot.press("5")
        await until(pilot, lambda: "★ 1" in shown(app))
        assert isinstance(screen.focused, RunsTable)
        await pilot.resize_terminal(200, 50)
        await until(pilot, lambda: "6 Log" in shown(app) and "class CurrentModel" in shown(app))
        assert all(panel.display for panel in screen.panels.values())
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: not screen.panels["code"].display)
        assert screen.panels["runs"].display  # where the focus is


@pytest.mark.asyncio
async def test_a_panel_is_maximised_and_copied_whole(tmp_path: Path) -> None:
    app = MlagentApp(Opening(recording.project(tmp_path)))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, app)
        await pilot.press("2")
        await until(pilot, lambda: isinstance(screen.focused, CodeView))
        await pilot.press("m")
        await until(pilot, lambda: screen.maximized is screen.panels["code"])
        assert "5 Runs" not in shown(app) and "def forward" in shown(app)
        await pilot.press("y")
        assert app.clipboard == screen.state.code
        await pilot.press("m")
        await until(pilot, lambda: screen.maximized is None)


@pytest.mark.asyncio
async def test_lines_that_changed_since_the_last_network_are_marked(tmp_path: Path) -> None:
    root = recording.project(tmp_path, upto='"type":"code_made"')
    app = MlagentApp(Opening(root))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, app)
        code = screen.state.previous_code.replace("32", "48")
        recording.append(root, events.CodeMade(code=code, accepted=True))
        view = screen.query_one(CodeView)
        await until(pilot, lambda: bool(view.marked))
        expected = {i for i, line in enumerate(code.splitlines()) if "48" in line}
        assert view.marked == expected
        first = next(strip for strip in view.render_lines(view.region.reset_offset) if "48" in strip.text)
        assert "▌" in first.text
        grounds = {style.bgcolor for _, style, _ in first if style is not None}
        assert len(grounds) == 1 and None not in grounds  # no block in another colour beside the line


@pytest.mark.asyncio
async def test_the_log_keeps_its_end_in_sight_whatever_the_size(tmp_path: Path) -> None:
    app = MlagentApp(Opening(recording.project(tmp_path)))
    async with app.run_test(size=(200, 50)) as pilot:
        screen = await opened(pilot, app)
        view = screen.query_one(LogView)
        await until(pilot, lambda: len(view.entries) > 50 and view.scroll_offset.y == view.max_scroll_y)
        await pilot.press("6")
        for size in ((120, 40), (80, 24), (200, 50)):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda: "ends      stopped" in shown(app))
        await pilot.press("home")
        await until(pilot, lambda: view.scroll_offset.y == 0)
        recording.append(screen.root, events.Warned(message="something new"))
        await until(pilot, lambda: "log" not in screen._dirty and view.line_at(-1)[1] == "warned")
        assert view.scroll_offset.y == 0


@pytest.mark.asyncio
async def test_the_facts_of_a_training_use_the_width_they_have(tmp_path: Path) -> None:
    app = MlagentApp(Opening(recording.project(tmp_path)))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, app)
        assert not screen.panels["evaluation"].display  # what is shown first is made where nothing is wide
        await pilot.press("4")
        await until(pilot, lambda: "accuracy 99.0 % · loss" in shown(app))
        assert "CurrentModel is a convolutional network" not in shown(app)
        await pilot.press("3")
        await until(pilot, lambda: "CurrentModel is a convolutional network" in shown(app))
        await until(pilot, lambda: "10,026 parameters · input 1×8×8 · 88.06k multiply-adds" in shown(app))


@pytest.mark.asyncio
async def test_the_log_filters_by_words_and_by_kind_and_opens_an_entry(tmp_path: Path) -> None:
    app = MlagentApp(Opening(recording.project(tmp_path)))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, app)
        await pilot.press("slash")
        await until(pilot, lambda: isinstance(screen.focused, Input))
        await pilot.press(*"underfits")
        view = screen.query_one(LogView)
        await until(pilot, lambda: 0 < len(view.entries) < 30)
        assert all("underfits" in view.line_at(row)[2] for row in range(len(view.entries)))
        await pilot.press("enter", "end", "enter")
        await until(pilot, lambda: isinstance(app.screen, TextDialog))
        assert "The network underfits" in app.screen.query_one(TextArea).text
        await pilot.press("escape", "slash", *["backspace"] * 9, "enter", "f", "f")
        await until(pilot, lambda: {view.line_at(r)[1] for r in range(len(view.entries))} == {
            "tool_called", "tool_finished",
        })  # fmt: skip


@pytest.mark.asyncio
async def test_enter_opens_a_run(tmp_path: Path) -> None:
    app = MlagentApp(Opening(recording.project(tmp_path)))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, app)
        await pilot.press("5", "home", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunBrowser))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)


@pytest.mark.asyncio
async def test_a_run_is_opened_and_compared_with_the_mouse_alone(tmp_path: Path) -> None:
    app = MlagentApp(Opening(recording.project(tmp_path)))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, app)
        await pilot.click("#runs", offset=(4, 0))  # the title changes to the log, and back
        await until(pilot, lambda: screen.panels["log"].display)
        await pilot.click("#log", offset=(4, 0))
        await until(pilot, lambda: screen.panels["runs"].display)
        await pilot.click("#runs-table", offset=(12, 2))  # a click chooses, another opens
        await pilot.click("#runs-table", offset=(12, 2))
        await until(pilot, lambda: isinstance(app.screen, RunBrowser) and app.screen.run is not None)
        await until(pilot, lambda: app.screen.query_one("#runs", OptionList).option_count == 4)
        await pilot.click(FooterKey)  # the first: compare
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await pilot.click(OptionList, offset=(8, 1))
        await until(pilot, lambda: "Configuration  +" in shown(app))
        explanation = app.screen.query_one("#explanation")
        assert explanation.styles.max_height is None  # styles of the run screen stay there


@pytest.mark.asyncio
async def test_what_was_looked_at_last_is_shown_when_the_project_is_opened_again(tmp_path: Path) -> None:
    root = recording.project(tmp_path)
    for expected, then in (("plan", "6"), ("log", "5")):
        app = MlagentApp(Opening(root))
        async with app.run_test(size=(80, 24)) as pilot:
            screen = await opened(pilot, app)
            assert [part for part, panel in screen.panels.items() if panel.display] == [expected]
            await pilot.press(then, "t")
    another = MlagentApp(Opening(recording.project(tmp_path / "another")))
    async with another.run_test(size=(80, 24)) as pilot:
        assert (await opened(pilot, another)).panels["plan"].display


@pytest.mark.asyncio
async def test_escape_sequences_and_markup_of_a_model_are_shown_and_never_obeyed(tmp_path: Path) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J[bold]x[/bold][link=file:///etc]y[/link]\u202e\r"
    root = recording.project(tmp_path, upto='"type":"decision_made"')
    app = MlagentApp(Opening(root))
    with recording.engine_at_work(root):
        async with app.run_test(size=(200, 50)) as pilot:
            screen = await opened(pilot, app)
            recording.append(
                root,
                events.RunStarted(goal_text=evil, sandbox=evil, planner=evil),
                events.StepStarted(step="plan", iteration=1),
                events.TokensStreamed(role="planner", task=evil, text=evil, thinking=True),
                events.TokensStreamed(role="planner", task=evil, text=evil),
                events.PlanMade(plan={"calls": [{"tool": evil, "arguments": {"command": evil}}]}),
                events.ToolCalled(tool=evil, arguments={"command": evil}),
                events.CheckFailed(what="code", problem=evil),
                events.CodeMade(code=f"x = 1  # {evil}\n"),
                events.ConfigMade(config={}, steps=[{"name": evil, "type": evil, "output_shape": [evil]}]),
                events.TrialStarted(run_id=evil, device=evil),
                events.TrialFinished(result={"run_id": evil, "status": evil, "reason": evil}),
                events.DecisionMade(decision={"decision": evil, "assessment": evil, "changes": [evil]}),
                events.ApprovalAsked(id="1", tool=evil, command=evil, folder=evil),
                events.Paused(reason=evil, before=evil),
                events.Warned(message=evil),
            )
            await until(pilot, lambda: screen.state.paused != "" and "log" not in screen._dirty)
            await opened(pilot, app)
            text = shown(app)
            leaked = [line for line in text.split("\n") if any(c in line for c in "\x1b\x07\r\u202e")]
            assert not leaked
            assert text.count("[bold]x[/bold]") > 8 and r"\x1b]0;owned\x07" in text
            await pilot.press("a")
            await until(pilot, lambda: isinstance(app.screen, ApproveDialog))
            assert "[bold]x[/bold]" in shown(app) and "\x1b" not in shown(app)


# --- a run that is going on -------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_what_the_engine_writes_is_seen_as_it_comes(tmp_path: Path) -> None:
    root = recording.project(tmp_path, upto='"task":"decision"')
    app = MlagentApp(Opening(root))
    with recording.engine_at_work(root):
        async with app.run_test(size=(120, 40)) as pilot:
            screen = await opened(pilot, app)
            assert "▶ deciding" in shown(app)
            for word in ('{"decision":"it', 'erate","assessment":"It ', "underfits badly"):
                recording.append(root, events.TokensStreamed(role="planner", task="decision", text=word))
            await until(pilot, lambda: "assessment It underfits badly" in shown(app))
            recording.append(root, events.RunFinished(outcome="achieved", reason="accuracy 0.999"))
            await until(pilot, lambda: "✔ goal achieved" in shown(app))
            assert screen.state.finished is not None
            assert "Goal achieved" in [notice.title for notice in app._notifications]


@pytest.mark.asyncio
async def test_an_engine_that_died_is_told_and_can_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resumed = taken_up(monkeypatch)
    root = recording.project(tmp_path, upto='"type":"decision_made"')
    recording.append(root, events.HoldsSet(before=["evaluate"]))
    app = MlagentApp(Opening(root))
    async with app.run_test(size=(120, 40)) as pilot:
        with recording.engine_at_work(root):
            await opened(pilot, app)
            await until(pilot, lambda: "▶ deciding" in shown(app))
        await until(pilot, lambda: "the engine stopped" in shown(app))
        assert "resume the run" in shown(app)
        await pilot.press("r")
        await until(pilot, lambda: bool(resumed))
        assert resumed == [["resume", "--quiet", "--hold=evaluate", "--", str(root)]]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("upto", "status", "offered"),
    [("plan_made", 1, True), ("plan_made", 2, False), ("run_started", 1, False)],
)
async def test_resuming_is_offered_only_where_there_is_a_run_that_would_not_end_in_the_same_way(
    tmp_path: Path, upto: str, status: int, offered: bool
) -> None:
    root = recording.project(tmp_path, upto=f'"type":"{upto}"')
    failed = events.Failed(title="Data set", what="it cannot be used", remedy="Change it.")
    ended = events.RunFinished(outcome="failed", reason="it cannot be used", exit_status=status)
    recording.append(root, failed, ended)
    app = MlagentApp(Opening(root))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, app)
        await until(pilot, lambda: screen.gone and "Change it." in shown(app))
        assert ("[r] resume" in shown(app)) is offered
        assert bool(screen.check_action("take_up", ())) is offered


@pytest.mark.asyncio
async def test_a_chart_leaves_the_run_its_keys_and_keys_of_panels_can_be_changed(tmp_path: Path) -> None:
    keys = {"runs.sort_by.1": "ctrl+f"}
    app = MlagentApp(Opening(recording.project(tmp_path)), preferences=Settings(keys=keys))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, app)
        await until(pilot, lambda: "┫" in shown(app))
        await pilot.press("5", "greater_than_sign")
        assert screen.panels["runs"].border_subtitle != "by accuracy"
        await pilot.press("ctrl+f")
        await until(pilot, lambda: screen.panels["runs"].border_subtitle == "by accuracy")
        await pilot.press("4")
        await until(pilot, lambda: screen.focused is not None and "[r] go on" in shown(app))
        before = shown(app)
        await pilot.press("plus")
        await until(pilot, lambda: shown(app) != before)
        await pilot.press("0")
        await until(pilot, lambda: shown(app) == before)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, SentenceDialog))


@pytest.mark.asyncio
async def test_a_run_that_stopped_goes_on_with_a_raised_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resumed = taken_up(monkeypatch)
    app = MlagentApp(Opening(recording.project(tmp_path)))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, app)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, SentenceDialog))
        await pilot.press("enter")
        await until(pilot, lambda: bool(resumed))
        assert resumed[0][2:4] == [
            "--iterations=9",
            "--patience=8",
        ]  # it had stopped after 3 without progress


# --- hands ------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_each_hand_sends_its_command(tmp_path: Path) -> None:
    root = recording.project(tmp_path, upto='"type":"decision_made"')
    app = MlagentApp(Opening(root))
    with engine(root) as at_work:
        async with app.run_test(size=(120, 40)) as pilot:
            screen = await opened(pilot, app)
            await until(pilot, lambda: not screen.gone)
            await pilot.press("p")
            await until(pilot, lambda: at_work.told[-1:] == [commands.Pause()])
            recording.append(root, events.Paused(reason="requested", before="decide"))
            await until(pilot, lambda: "paused before decide" in shown(app))
            await pilot.press("p")
            await until(pilot, lambda: at_work.told[-1:] == [commands.Resume()])
            await pilot.press("s")
            await until(pilot, lambda: isinstance(app.screen, SentenceDialog))
            await pilot.press(*"wider", "enter")
            await until(pilot, lambda: at_work.told[-1:] == [commands.Steer(text="wider")])
            await pilot.press("x")
            await until(pilot, lambda: isinstance(app.screen, Pick))
            await pilot.press("enter")
            await until(pilot, lambda: at_work.told[-1:] == [commands.Stop(when="step")])
            await pilot.press("X")
            await until(pilot, lambda: isinstance(app.screen, Pick))
            await pilot.press("enter")  # the run goes on
            await until(pilot, lambda: app.screen is screen)
            await pilot.press("X")
            await until(pilot, lambda: isinstance(app.screen, Pick))
            await pilot.press("down", "enter")
            await until(pilot, lambda: at_work.told[-1:] == [commands.Stop(when="now")])
            await pilot.press("5", "home", "b")
            await until(pilot, lambda: at_work.told[-1:] == [commands.Branch(run_id=recording.BEST)])
            await pilot.press("n")
            await until(pilot, lambda: at_work.told[-1:] == [commands.Rerun(run_id=recording.BEST)])
            recording.append(
                root, events.ApprovalAsked(id="7", tool="bash_run", command="ls -l", folder="/p")
            )
            await until(pilot, lambda: "bash_run wants to run: ls -l" in shown(app))
            await pilot.press("a")
            await until(pilot, lambda: isinstance(app.screen, ApproveDialog))
            assert "ls -l" in shown(app) and "in /p" in shown(app)
            await pilot.press("y")
            await until(pilot, lambda: at_work.told[-1:] == [commands.Approve(id="7", allowed=True)])


@pytest.mark.asyncio
async def test_a_configuration_is_edited_before_it_is_assembled(tmp_path: Path) -> None:
    root = recording.project(tmp_path, upto='"step":"assemble"')  # the last line that names the step: its end
    journal = root / paths.JOURNAL
    kept = journal.read_bytes()
    journal.write_bytes(kept[: kept.rfind(b'{"time"', 0, kept.rfind(b'"step":"assemble"'))])
    app = MlagentApp(Opening(root))
    with engine(root) as at_work:
        async with app.run_test(size=(120, 40)) as pilot:
            screen = await opened(pilot, app)
            await until(pilot, lambda: not screen.gone)
            assert screen.state.editable == ("config", "settings")
            await pilot.press("e")  # a run under way is asked to stand still first
            await until(pilot, lambda: at_work.told[-1:] == [commands.Pause()])
            recording.append(root, events.Paused(reason="requested", before="assemble"))
            await until(pilot, lambda: isinstance(app.screen, Pick))
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, EditDialog))
            area = app.screen.query_one(TextArea)
            assert "out_channels: 32" in area.text and "dilation" not in area.text
            area.text = area.text.replace("out_channels: 32", "out_channels: 99999999")
            at_work.reply = Reply(ok=False, message="layers.4: too large", remedy="Choose a smaller one.")
            await pilot.press("ctrl+s")
            await until(pilot, lambda: "layers.4: too large" in shown(app))
            await pilot.press("escape")  # once is not enough to lose what was typed
            await until(pilot, lambda: "unsaved changes" in shown(app))
            area.text = area.text.replace("99999999", "48")
            at_work.reply = Reply(ok=True)
            await pilot.press("ctrl+s")
            await until(pilot, lambda: at_work.told[-1:] == [commands.Resume()])
            edited = at_work.told[-2]
            assert isinstance(edited, commands.EditConfig)
            assert edited.config["layers"][4]["out_channels"] == 48
            await until(pilot, lambda: app.screen is screen)


@pytest.mark.asyncio
async def test_an_edit_is_left_with_escape_and_the_run_goes_on(tmp_path: Path) -> None:
    root = recording.project(tmp_path, upto='"type":"config_made"')
    (made,) = [e for e in recording.told() if isinstance(e, events.ConfigMade)][-1:]
    recording.append(root, made, events.StepFinished(step="configure"))
    app = MlagentApp(Opening(root))
    with engine(root) as at_work:
        async with app.run_test(size=(120, 40)) as pilot:
            screen = await opened(pilot, app)
            await until(pilot, lambda: not screen.gone)
            await pilot.press("e")
            await until(pilot, lambda: at_work.told == [commands.Pause()])
            recording.append(root, events.Paused(reason="requested", before="assemble"))
            await until(pilot, lambda: isinstance(app.screen, Pick))
            await pilot.press("down", "enter")
            await until(pilot, lambda: isinstance(app.screen, EditDialog))
            area = app.screen.query_one(TextArea)
            assert "epochs: " in area.text and "dataset" not in area.text
            area.text = area.text.replace("batch_size: 64", "batch_size: 32")
            await pilot.press("ctrl+s")
            await until(pilot, lambda: at_work.told[-1:] == [commands.Resume()])
            edited = at_work.told[-2]
            assert isinstance(edited, commands.EditSettings)
            assert edited.settings["batch_size"] == 32
            await until(pilot, lambda: app.screen is screen)


@pytest.mark.asyncio
async def test_what_comes_after_this_step_is_said_and_taken_back(tmp_path: Path) -> None:
    root = recording.project(tmp_path, upto='"type":"trial_finished"')
    app = MlagentApp(Opening(root))
    with engine(root) as at_work:
        async with app.run_test(size=(80, 24)) as pilot:
            screen = await opened(pilot, app)
            await until(pilot, lambda: not screen.gone)
            assert "▶ training" in shown(app) and "epoch 40/40 acc 0.99" in shown(app)  # on another tab
            await pilot.press("p")
            await until(
                pilot, lambda: "pausing after this step" in shown(app) and "Don't pause" in shown(app)
            )
            await pilot.press("p")
            await until(pilot, lambda: at_work.told == [commands.Pause(), commands.Resume()])
            await until(pilot, lambda: "pausing" not in shown(app) and "p Pause" in shown(app))
            await pilot.press("e")
            await until(pilot, lambda: "Don't edit" in shown(app))
            await pilot.press("e")
            await until(pilot, lambda: at_work.told[2:] == [commands.Pause(), commands.Resume()])
            recording.append(root, events.Requested(what="stop"))  # as another interface has asked for
            await until(
                pilot, lambda: "stopping after this step" in shown(app) and "Don't stop" in shown(app)
            )
            await pilot.press("x")
            await until(pilot, lambda: isinstance(app.screen, Pick))
            await pilot.press("enter")
            await until(pilot, lambda: len(at_work.told) == 5)
            assert at_work.told[-1] == commands.Resume()
            await pilot.press("h")
            await until(pilot, lambda: "  before the training (evaluate)" in shown(app))
            await pilot.press("down", "enter")
            await until(pilot, lambda: at_work.told[-1] == commands.Hold(before="evaluate"))
            recording.append(root, events.HoldsSet(before=["evaluate"]))
            recording.append(root, events.Paused(reason="before evaluate", before="evaluate"))
            await until(pilot, lambda: "held before evaluate" in shown(app))
            await until(pilot, lambda: "p Continue" in shown(app))


@pytest.mark.asyncio
async def test_an_ended_run_offers_what_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resumed = taken_up(monkeypatch)
    for outcome, status, offered in (("achieved", 0, False), ("failed", 2, False), ("failed", 1, True)):
        root = recording.project(tmp_path / f"{outcome}{status}", upto='"type":"run_finished"')
        recording.append(root, events.RunFinished(outcome=outcome, reason="why", exit_status=status))  # type: ignore[arg-type]
        app = MlagentApp(Opening(root))
        async with app.run_test(size=(120, 40)) as pilot:
            screen = await opened(pilot, app)
            await until(pilot, lambda: screen.gone)  # noqa: B023
            actions = {active.binding.action for active in screen.active_bindings.values()}
            assert ("take_up" in actions) == offered
            assert not actions & {"pause", "stop", "stop_now", "edit", "steer"}
            assert ("[r]" in shown(app)) == offered
            await pilot.press("5", "home", "n")
            await until(pilot, lambda: isinstance(app.screen, Pick))  # noqa: B023
            await pilot.press("enter")
            await until(pilot, lambda: bool(resumed))
            assert resumed.pop() == ["resume", "--quiet", f"--rerun={recording.BEST}", "--", str(root)]


@pytest.mark.asyncio
async def test_an_engine_whose_disk_was_full_is_told_with_the_words_of_its_log(tmp_path: Path) -> None:
    root = recording.project(tmp_path, upto='"type":"decision_made"')
    (root / paths.ENGINE_LOG).write_text(
        "noise\nmlagent: Project: cannot write to journal.jsonl: the disk is full\n  Free some space.\n"
    )
    app = MlagentApp(Opening(root))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, app)
        await until(pilot, lambda: "the disk is full. Free some space." in shown(app))
        assert "[r] resume the run" in shown(app)


@pytest.mark.asyncio
async def test_what_the_last_engine_did_is_not_taken_for_what_a_new_one_does(tmp_path: Path) -> None:
    root = recording.project(tmp_path, upto='"type":"tool_called","tool":"pytorch_quick_evaluator"')
    journal = root / paths.JOURNAL
    journal.write_text(
        journal.read_text().replace('"type":"run_started",', '"type":"run_started","pid":7,', 1)
    )
    recording.append(root, events.Paused(reason="before evaluate", before="evaluate"))
    app = MlagentApp(Opening(root))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, app)
        await until(pilot, lambda: "the engine stopped" in shown(app))
        with recording.engine_at_work(root):  # it starts, and has written nothing
            await until(pilot, lambda: "▶ resuming" in shown(app))
            assert "held before" not in shown(app) and "[p]" not in shown(app)
            assert not screen.check_action("pause", ())
            resumed = events.RunResumed(iteration=4, step="evaluate", pid=1)
            recording.append(root, resumed, events.Paused(reason="before evaluate", before="evaluate"))
            await until(pilot, lambda: "held before evaluate" in shown(app) and "[p] go on" in shown(app))
            assert screen.check_action("pause", ())


# --- replay -----------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_a_replay_is_held_hurried_and_takes_no_commands(tmp_path: Path) -> None:
    app = MlagentApp(Opening(recording.project(tmp_path), live=False, speed=1.0))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = run_screen(app)
        assert screen.replay is not None
        await pilot.press("space")
        await until(pilot, lambda: "held ×1" in shown(app))
        await pilot.press("plus", "plus")
        await until(pilot, lambda: "held ×4" in shown(app))
        actions = {active.binding.action for active in screen.active_bindings.values() if active.enabled}
        assert "replay_faster" in actions and not actions & {"pause", "steer", "stop", "edit", "take_up"}
        await pilot.press("space", "end")
        await until(pilot, lambda: "ended" in shown(app) and "★ 1" in shown(app))


# --- export -----------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_the_best_run_is_exported_from_the_run_screen(tmp_path: Path) -> None:
    root = recording.project(tmp_path / "p")
    (root / paths.REPORT).write_text("# Report\n")
    app = MlagentApp(Opening(root))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, app)
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, SentenceDialog))
        app.screen.query_one(Input).value = str(tmp_path / "out")
        await pilot.press("enter")
        await until(pilot, lambda: (tmp_path / "out" / "report.md").is_file())


def test_an_export_copies_the_report_and_the_run(tmp_path: Path) -> None:
    root = recording.project(tmp_path / "p")
    run = paths.Layout(root).run(recording.BEST)
    run.mkdir()
    (run / paths.RUN_CODE).write_text("x = 1\n")
    (run / paths.RUN_SUMMARY).symlink_to("/etc/hostname")
    (root / paths.REPORT).write_text("# Report\n")
    assert export(root, recording.BEST, tmp_path / "out") == ["report.md", "model_code.py"]
    assert (tmp_path / "out" / "model_code.py").read_text() == "x = 1\n"
