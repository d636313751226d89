"""The panels: what they make of a state, and text of others, which is shown and never obeyed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.widgets import Sparkline

from mlagent_tui import events
from mlagent_tui.tui import fold, markdown, text, told
from mlagent_tui.tui.logline import GROUPS, details, summary
from mlagent_tui.tui.markdown import prose
from mlagent_tui.tui.panels import CodePanel, Moment, Panel, PlanPanel, RunsPanel, SummaryPanel, curves
from mlagent_tui.tui.panels.code import changed_lines, streamed_code
from mlagent_tui.tui.panels.fitted import Fitted
from mlagent_tui.tui.panels.header import items, status
from mlagent_tui.tui.panels.runs import RunsTable
from mlagent_tui.tui.panels.summary import layer_cells
from mlagent_tui.tui.state import RunState
from tests import recording


def state_of(*more: events.Event) -> RunState:
    state = RunState()
    fold.apply(state, [*recording.told(), *more])
    return state


class Host(App[int]):
    """One panel alone."""

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self.panel = panel

    def compose(self) -> ComposeResult:
        yield self.panel


# --- text of others -------------------------------------------------------------------------------------


@given(st.text())
def test_visible_text_holds_no_control_characters_and_keeps_its_lines(some: str) -> None:
    shown = text.visible(some)
    assert all(c == "\n" or (ord(c) >= 32 and not 127 <= ord(c) < 160) for c in shown)
    assert not any(0xD800 <= ord(c) < 0xE000 or ord(c) in range(0x202A, 0x202F) for c in shown)
    assert shown.count("\n") == some.count("\n")
    assert "\n" not in text.line(some)


@given(st.text(), st.integers(1, 40))
def test_cut_text_fits(some: str, columns: int) -> None:
    assert cell_len(text.cut(text.line(some), columns)) <= columns


def test_what_happened_and_its_remedy_are_sentences_of_their_own() -> None:
    assert text.sentences("the disk is full", "Free some space.") == "the disk is full. Free some space."
    assert text.sentences("Is it there?", "", " Look. ") == "Is it there? Look."
    assert text.sentences("the run continues", "") == "the run continues"


@given(st.text(alphabet=st.sampled_from("[]()*_`#-> \n1.ab\x1b<|~"), max_size=200))
def test_any_markdown_becomes_text_without_control_characters(some: str) -> None:
    assert "\x1b" not in prose(some).plain


PARTS = ["word", "**Goal** ", "- ", "max_pool2d", "_x", "\n", "\n\n", " ", "1. ", "a.", "≥", "&"]


@given(
    st.lists(st.sampled_from(PARTS), max_size=8)
    .map(lambda parts: text.visible("".join(parts)))
    .filter(lambda said: markdown._simple(said) is not None)
)
def test_what_is_read_without_the_parser_is_read_as_the_parser_reads_it(said: str) -> None:
    simple, read = markdown._simple(said), markdown._read(said)
    assert simple is not None
    assert (simple.plain, simple.spans) == (read.plain, read.spans)


def test_markdown_is_understood() -> None:
    shown = prose("# Head\n\nsome **bold** and `code`\n\n- one\n- two\n  1. deep\n\n[a](http://x) <b>raw</b>")
    assert shown.plain.splitlines() == [
        "Head", "some bold and code", "• one", "• two", "  1. deep", "<http://x> a <b>raw</b>",
    ]  # fmt: skip
    assert "bold" in [span.style for span in shown.spans]


def test_json_reads_well_before_it_is_complete() -> None:
    whole = (
        '{"decision":"iterate","assessment":"It \\"underfits\\".","changes":["wider","longer"],"x":{"y":1}}'
    )
    assert told.loosely(whole).plain.splitlines() == [
        'decision iterate', 'assessment It "underfits".', "changes wider, longer", "x y 1",
    ]  # fmt: skip
    for end in range(len(whole)):
        told.loosely(whole[:end])


# --- code -----------------------------------------------------------------------------------------------


def test_code_is_followed_while_its_fence_is_still_open() -> None:
    whole = "Here it is:\n```python\nimport torch\nx = 1\n```\nDone."
    assert streamed_code(whole) == "import torch\nx = 1\n"
    seen = [streamed_code(whole[:end]) for end in range(22, len(whole) + 1)]
    assert all("import torch\nx = 1\n".startswith(code.rstrip("`")) for code in seen)


def test_changed_lines_are_those_that_are_new() -> None:
    assert changed_lines("a\nb\nc\n", "a\nB\nc\nd\n") == {1, 3}
    assert changed_lines("a\nb\nc\n", "a\nc\n") == {1}
    assert changed_lines("a\n", "a\n") == set()


# --- header ---------------------------------------------------------------------------------------------


def test_the_header_keeps_the_most_important_whatever_the_width() -> None:
    said = items(state_of(), Moment(elapsed=29))
    assert [cell_len(text.fitted(said, width).plain) <= width for width in (30, 60, 100, 200)] == [True] * 4
    assert "best 99.3 %" in text.fitted(said, 30).plain
    assert text.fitted(said, 200).plain == (
        "digits · ≥ 99.9 % · ≤ 50k params · iteration 4/5 · 0:29 · best 99.3 % · test 98.6 % · cpu · "
        "sandbox bubblewrap · 740 tokens/s"
    )


def test_a_goal_that_was_achieved_without_a_wish_is_no_plain_success() -> None:
    state = state_of()
    fold.apply(state, [events.RunFinished(outcome="achieved", wishes=["residual blocks: met"])])
    assert status(state, Moment()) == ("✔ goal achieved", "$text-success")
    unmet = ["residual blocks: not met, the network has no residual blocks"]
    fold.apply(state, [events.RunFinished(outcome="achieved", wishes=unmet, unmet=unmet)])
    assert status(state, Moment()) == ("✔ goal achieved, 1 wish not met", "$text-warning")


def test_the_goal_is_told_with_its_checked_and_its_other_wishes() -> None:
    goal = {"dataset": "digits", "metric": "accuracy", "comparison": ">=", "threshold": 0.95}
    event = events.GoalUnderstood(goal=goal, asked=["convolutional network"], unchecked=["small"])
    assert told.goal(event).endswith("asked for: convolutional network; also wished, not checked: small")
    assert "wish" not in told.goal(events.GoalUnderstood(goal=goal))


@pytest.mark.parametrize(("fields", "said"), [
    ({"explanation_source": "measurement"}, "composed from the measurement"),
    ({"explanation_source": "coder"}, "the coder's words"),
    ({"explanation_source": "coder", "explanation_dropped": ["x"]}, "the coder's words; 1 sentence left out"),
    ({}, ""),
])  # fmt: skip
def test_a_network_knows_whose_words_its_explanation_has(fields: dict[str, Any], said: str) -> None:
    state = RunState()
    summary = {"layers": [], "total_parameters": 5, "explanation": "One layer."} | fields
    fold.apply(state, [events.SummaryMade(summary=summary)])
    assert state.network.whose == said


def test_the_status_tells_an_engine_that_died_from_one_that_stands_still() -> None:
    state = RunState()
    fold.apply(state, recording.told()[:60])
    assert status(state, Moment(alive=True))[0] == "▶ training"
    assert status(state, Moment(alive=False))[0] == "✘ the engine stopped"
    assert status(state, Moment(alive=False, replay="×1"))[0] == "▶ training"
    assert status(state, Moment(alive=True, resuming=True))[0] == "▶ resuming"
    fold.apply(state, [events.Paused(before="decide")])
    assert status(state, Moment(alive=True))[0] == "‖ paused before decide"


def test_the_header_says_that_a_model_is_away_and_when_it_is_being_loaded() -> None:
    state = RunState()
    fold.apply(state, [*recording.told()[:60], events.ModelUnloaded(model="big", roles=["planner"])])
    moment = Moment(alive=True)
    assert "big unloaded" in text.fitted(items(state, moment), 200).plain
    assert status(state, moment)[0] == "▶ training"
    fold.apply(state, [events.ModelLoading(model="big", roles=["planner"])])
    assert status(state, moment)[0] == "▶ loading big"
    assert "unloaded" not in text.fitted(items(state, moment), 200).plain


# --- progress -------------------------------------------------------------------------------------------


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("task", "kind"), [("plan", PlanPanel), ("code", CodePanel), ("explain", SummaryPanel)]
)
async def test_each_panel_says_how_far_the_prompt_of_its_answer_is_read(task: str, kind: type[Panel]) -> None:
    state = state_of(events.PromptProgress(role="coder", task=task, done=1024, total=8192))
    panel = kind()
    async with Host(panel).run_test(size=(100, 30)):
        panel.show(state)
        assert str(panel.border_subtitle) == "reading the prompt 1,024 / 8,192"


# --- tables ---------------------------------------------------------------------------------------------


def column(table: RunsTable, number: int) -> list[str]:
    return [table.get_row_at(row)[number].plain for row in range(table.row_count)]


@pytest.mark.asyncio
async def test_the_runs_sort_by_every_column_and_keep_their_order_otherwise() -> None:
    panel = RunsPanel()
    async with Host(panel).run_test(size=(140, 20)) as pilot:
        panel.show(state_of())
        await pilot.pause()
        table = panel.query_one(RunsTable)
        best = state_of().best
        assert best is not None
        assert column(table, 0) == ["★ 1", "2", "3", "4"]
        table.focus()
        await pilot.press(">")  # accuracy, the best first
        assert column(table, 1) == ["99.3 ± 0.5 %", "99.3 ± 0.5 %", "99.0 ± 0.6 %", "99.0 ± 0.6 %"]
        await pilot.press(">")  # loss, the smallest first
        assert column(table, 0) == ["3", "4", "2", "★ 1"]
        await pilot.press("<", "<")
        assert column(table, 0) == ["★ 1", "2", "3", "4"]
        assert list(panel.query_one(Sparkline).data or []) == [best.accuracy] * 4
        assert panel.copy_text().splitlines()[1].split("\t")[-1] == recording.BEST


@pytest.mark.asyncio
async def test_a_row_changes_in_place_while_its_network_trains() -> None:
    panel, state = RunsPanel(), state_of()
    async with Host(panel).run_test(size=(140, 20)):
        panel.show(state)
        fold.apply(state, [events.TrialStarted(run_id="new")])
        panel.show(state)
        table = panel.query_one(RunsTable)
        assert table.get_row("new")[5].plain == "training"
        fold.apply(state, [events.EpochDone(run_id="new", epoch=1, accuracy=0.5, val_loss=1.25)])
        panel.show(state)
        assert [cell.plain for cell in table.get_row("new")][1:3] == ["50.0 %", "1.2500"]
        assert table.row_count == 5


@pytest.mark.parametrize(("layer", "kind", "output"), [
    ({"type": "Linear", "output_shape": (28, 32)}, "Linear", "28×32"),
    ({"type": "Linear", "calls": 2, "note": "weight shared with a"}, "Linear ×2, weight shared with a", ""),
    ({"type": "Linear", "calls": 0, "ran": False}, "Linear, not run", ""),
    ({"type": "Parameter", "calls": 0, "ran": False, "output_shape": (1, 8)}, "Parameter, not used", "1×8"),
    ({"type": "LSTM", "output_shape": (5, 8), "output": "(5x8, 1x2x8)"}, "LSTM", "(5x8, 1x2x8)"),
])  # fmt: skip
def test_a_layer_says_what_is_special_about_it(layer: dict[str, object], kind: str, output: str) -> None:
    assert layer_cells({"name": "fc", "parameters": 9} | layer) == ("fc", kind, output, "9")


@pytest.mark.asyncio
async def test_the_totals_say_what_was_given_and_what_is_not_counted() -> None:
    measured = {
        "layers": [{"name": "fc", "type": "Linear", "output_shape": [10], "parameters": 650}],
        "total_parameters": 650, "size_mb": 0.0026, "multiply_adds": 640, "input_shape": [1, 64],
    }  # fmt: skip
    more = {"not_counted": ["fft_r2c"], "inputs": 2, "input_type": "int64", "output": "(logits: 1x10)"}
    panel = SummaryPanel()
    async with Host(panel).run_test(size=(160, 20)) as pilot:
        for summary, words in (
            (measured, ["640 multiply-adds ·", "input 64"]),
            (measured | more, ["640 multiply-adds (not counted: fft_r2c)", "2 inputs of integers 64",
                               "output (logits: 1x10)"]),
        ):  # fmt: skip
            panel.show(state_of(events.SummaryMade(summary=summary)))
            await pilot.pause()
            said = panel.query_one(Fitted).render().plain
            assert all(word in said for word in words), said


@pytest.mark.asyncio
async def test_the_summary_shows_what_was_configured_and_then_what_was_measured() -> None:
    panel, state = SummaryPanel(), RunState()
    async with Host(panel).run_test(size=(80, 30)):
        made = next(i for i, e in enumerate(recording.told()) if isinstance(e, events.ConfigMade))
        fold.apply(state, recording.told()[: made + 1])
        panel.show(state)
        assert str(panel.border_subtitle) == "as configured"
        assert panel.copy_text().splitlines()[1] == "conv1\tconv2d\t16×8×8\t160"
        fold.apply(state, recording.told()[made + 1 :])
        panel.show(state)
        assert str(panel.border_subtitle) == "measured"
        assert "CurrentModel is a convolutional network" in panel.copy_text()


@pytest.mark.asyncio
async def test_without_the_drawing_library_curves_are_sparklines(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise ImportError("textual_plot")

    monkeypatch.setattr(curves, "_CLASSES", [])
    monkeypatch.setattr(curves, "_plotted", missing)
    kind = await curves.charts()
    assert kind is curves.Sparks
    chart = kind("loss")

    class Charts(App[int]):
        def compose(self) -> ComposeResult:
            yield chart

    async with Charts().run_test():
        chart.draw([curves.Line("val", [1, 2, 3], [3.0, float("nan"), 1.0], "first")], 3)
        assert chart.query_one(Sparkline).data == [3.0, 1.0]


# --- log ------------------------------------------------------------------------------------------------


def test_every_kind_of_event_has_a_line_and_details() -> None:
    for event in recording.told():
        time, kind, words = summary([event])
        assert len(time) == 8 and kind == getattr(event, "type", None)
        assert words and "\n" not in words
        assert details([event])
    for event in (
        events.PromptProgress(role="coder", task="code", done=1024, total=8192),
        events.ModelUnloaded(model="big", roles=["planner", "coder"], memory_mb=12_400, reason="no room"),
        events.ModelLoading(model="big", roles=["coder"]),
        events.ModelLoaded(model="big", roles=["coder"], seconds=3),
    ):
        assert any(told in summary([event])[2] for told in ("1,024 / 8,192", "big ("))
    kinds = set().union(*(group for group in GROUPS.values() if group))
    assert kinds - {"", "unreadable"} <= {
        model.__dataclass_fields__["type"].default for model in events.Event.__subclasses__()
    }
