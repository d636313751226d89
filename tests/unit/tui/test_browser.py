"""A run opened, in the real application, and what is compared and read for it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.pilot import Pilot
from textual.widgets import DataTable, OptionList, Static, TabbedContent, TextArea

from mlagent_tui import events, paths
from mlagent_tui.experiments import runs
from mlagent_tui.tui import diff, transcript
from mlagent_tui.tui.app import MlagentApp
from mlagent_tui.tui.engine import EngineLink
from mlagent_tui.tui.panels.curves import Chart
from mlagent_tui.tui.screens.browser import TABS, RunBrowser
from mlagent_tui.tui.screens.pick import Pick
from tests import small_project
from tests.recording import until

FIRST, SECOND, THIRD = small_project.RUN_IDS


@pytest.fixture(autouse=True)
def _no_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlagent_tui.tui.screens.start.SETTLE_SECONDS", 1000.0)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The notices so far."""
    said: list[str] = []
    monkeypatch.setattr(MlagentApp, "notify", lambda _, message, **__: said.append(message))
    return said


async def opened(pilot: Pilot[int], root: Path, run_id: str) -> RunBrowser:
    browser = RunBrowser(root, run_id)
    await pilot.app.push_screen(browser)
    await until(pilot, lambda: browser.run is not None and bool(browser.exchanges))
    return browser


def shown(browser: RunBrowser, selector: str) -> str:
    return str(browser.query_one(selector, Static).render())


@pytest.mark.asyncio
async def test_a_run_shows_its_facts_config_code_summary_and_words(tmp_path: Path) -> None:
    root = small_project.make(tmp_path)
    app = MlagentApp()
    async with app.run_test(size=(120, 40)) as pilot:
        browser = await opened(pilot, root, SECOND)
        assert all(word in shown(browser, "#facts") for word in (SECOND, "97.0", "3,200 parameters", "wider"))
        assert "{type: linear, out_features: 32}" in browser.query_one("#config-text", TextArea).text
        assert "width = 32" in browser.query_one("#code-text", TextArea).text
        assert browser.query_one("#layers", DataTable).get_row_at(0)[0].plain == "fc1"
        assert "Two linear layers, 32 wide." in shown(browser, "#explanation")
        assert [exchange.task for exchange in browser.exchanges] == ["plan", "code"]
        await pilot.press("5")
        said = browser.query_one("#said", TextArea)
        await until(pilot, lambda: "Plan iteration 2." in said.text)
        await pilot.press("down")
        await until(pilot, lambda: "Write width 32." in said.text and "width = 32" in said.text)


@pytest.mark.asyncio
async def test_two_runs_are_compared_by_keyboard(tmp_path: Path) -> None:
    root = small_project.make(tmp_path)
    app = MlagentApp()
    async with app.run_test(size=(80, 24)) as pilot:
        browser = await opened(pilot, root, SECOND)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await pilot.press("enter")  # the run before is offered first
        await until(pilot, lambda: browser.against is not None)
        assert browser.query_one("#tabs", TabbedContent).active == "diff"
        text = shown(browser, "#differences")
        assert f"{FIRST}  →  {SECOND}" in text
        assert "-     width = 16" in text
        assert "+     width = 32" in text
        await pilot.press("y")
        assert "width = 16" in app.clipboard
        await pilot.press("4")
        await until(pilot, lambda: len(browser.query(Chart)) == 2)


@pytest.mark.asyncio
async def test_each_trial_to_compare_with_has_one_line_that_holds_its_whole_change(tmp_path: Path) -> None:
    root = small_project.make(tmp_path)
    kept = (root / paths.REGISTRY).read_text()
    long = "sizes 256, 256 to 48, 48; learning rate 0.0003; train 40 epochs; augment with shifts"
    (root / paths.REGISTRY).write_text(kept.replace('"wider"', f'"{long}"'))
    app = MlagentApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, root, SECOND)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        trials = app.screen.query_one(OptionList)
        await until(pilot, lambda: trials.region.height == trials.option_count == 2)
        assert long in str(trials.get_option_at_index(0).prompt)


@pytest.mark.asyncio
async def test_a_failed_run_says_why_it_has_nothing_to_show(tmp_path: Path) -> None:
    root = small_project.make(tmp_path)
    app = MlagentApp()
    async with app.run_test(size=(120, 40)) as pilot:
        browser = await opened(pilot, root, THIRD)
        assert "expected 64 input features" in shown(browser, "#explanation")
        assert browser.exchanges[-1].problems == ["fc1: expected 64 input features, got 10"]
        await pilot.press("4")
        await until(pilot, lambda: "no curves" in str(browser.query_one("#charts Static", Static).render()))


@pytest.mark.asyncio
async def test_neighbours_and_the_list_open_other_runs_and_escape_goes_back(tmp_path: Path) -> None:
    root = small_project.make(tmp_path)
    app = MlagentApp()
    async with app.run_test(size=(120, 40)) as pilot:
        before = app.screen
        browser = await opened(pilot, root, FIRST)
        await pilot.press("left_square_bracket")  # there is none before
        assert browser.run_id == FIRST
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: SECOND in shown(browser, "#facts"))
        browser.query_one("#runs", OptionList).focus()
        await pilot.press("down", "enter")
        await until(pilot, lambda: THIRD in shown(browser, "#facts"))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is before)


@pytest.mark.asyncio
async def test_without_an_engine_a_branch_starts_one_which_says_why_it_cannot(
    tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []

    def launch(self: EngineLink, arguments: list[str]) -> None:
        started.append(arguments)
        (self.root / paths.ENGINE_LOG).write_text(
            "mlagent: Usage: the time budget is used up\n  Give more.\n"
        )

    async def ready(self: EngineLink, timeout: float = 60.0) -> bool:
        return False

    monkeypatch.setattr(EngineLink, "resume", launch)
    monkeypatch.setattr(EngineLink, "ready", ready)
    root = small_project.make(tmp_path)
    app = MlagentApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, root, SECOND)
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await pilot.press("enter")
        await until(pilot, lambda: "Usage: the time budget is used up. Give more." in told)
    assert started == [["resume", "--quiet", f"--branch-from={SECOND}", "--", str(root)]]


@pytest.mark.asyncio
async def test_a_run_that_there_is_not_is_said(tmp_path: Path) -> None:
    root = small_project.make(tmp_path)
    app = MlagentApp()
    async with app.run_test(size=(80, 24)) as pilot:
        browser = RunBrowser(root, "qe_nothing")
        await app.push_screen(browser)
        await until(pilot, lambda: "not in the registry" in shown(browser, "#facts"))
        await pilot.press("d", "y", "right_square_bracket")


@pytest.mark.asyncio
async def test_escape_sequences_and_markup_of_a_model_are_shown_not_obeyed(tmp_path: Path) -> None:
    root = small_project.make(tmp_path)
    runs.save(root, SECOND, code="x = '\x1b]0;owned\x07 [red]y[/red]'\n")
    app = MlagentApp()
    async with app.run_test(size=(120, 40)) as pilot:
        browser = await opened(pilot, root, SECOND)
        assert r"\x1b]0;owned\x07 [red]y[/red]" in browser.query_one("#code-text", TextArea).text
        browser.compare(FIRST)
        await pilot.pause()
        assert r"\x1b]0;owned\x07 [red]y[/red]" in shown(browser, "#differences")
        assert "\x1b" not in browser.text_of("diff")


def test_every_tab_has_its_key() -> None:
    from mlagent_tui.tui import keys

    jumps = [key for key in keys.TABLE if key.scope == "browser" and key.action.startswith("jump")]
    assert [(key.keys, key.action) for key in jumps] == [
        (str(number), f"jump('{name}')") for number, name in enumerate(TABS, 1)
    ]


# --- the words of a run, out of a journal -----------------------------------------------------------------


def test_the_first_run_begins_with_how_its_goal_was_understood(tmp_path: Path) -> None:
    root = small_project.make(tmp_path)
    journal = paths.Layout(root).journal
    assert [e.task for e in transcript.read(journal, FIRST)] == ["goal", "plan", "code"]
    assert [e.prompt for e in transcript.read(journal, THIRD)] == ["Plan iteration 3.", "Write width 48."]
    assert transcript.read(journal, "qe_nothing") == []
    assert transcript.read(tmp_path / "no journal", FIRST) == []


def test_a_run_in_a_journal_of_many_megabytes_is_found_quickly(tmp_path: Path) -> None:
    root = small_project.make(tmp_path)
    journal = paths.Layout(root).journal
    told = journal.read_bytes()
    noise = events.TokensStreamed(role="coder", task="code", text="y" * 900).to_json().encode() + b"\n"
    journal.write_bytes(noise * 60_000 + told + noise * 20_000)
    began = time.monotonic()
    assert [e.task for e in transcript.read(journal, SECOND)] == ["plan", "code"]
    assert time.monotonic() - began < 10


def test_an_answer_that_is_json_is_laid_out() -> None:
    told = [
        events.TokensStreamed(role="planner", task="plan", text='{"a":'),
        events.TokensStreamed(role="planner", task="plan", text="hm", thinking=True),
        events.TokensStreamed(role="planner", task="plan", text="[1]}"),
        events.ModelCalled(role="planner", task="plan", tokens=4),
        events.TokensStreamed(role="coder", task="code", text="print()"),
    ]
    plan, code = transcript.exchanges(told)
    assert (plan.answer, plan.thinking, plan.tokens, code.answer) == ('{"a":[1]}', "hm", 4, "print()")
    assert '{\n  "a": [\n    1\n  ]\n}' in plan.text


# --- differences ------------------------------------------------------------------------------------------

LINES = st.lists(st.sampled_from(["a", "b = 1", "b = 2", "", "[red]c[/red]"]), max_size=12).map("\n".join)


@given(LINES, LINES)
def test_the_counts_of_a_comparison_are_the_lines_it_shows(before: str, after: str) -> None:
    compared, added, removed = diff.compare(before, after)
    signs = [line[5:6] for line in compared.plain.split("\n")]
    assert (signs.count("+"), signs.count("-")) == (added, removed)
    assert len(after.split("\n")) - len(before.split("\n")) == added - removed
    assert (before == after) == (added == removed == 0)
