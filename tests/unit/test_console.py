"""Live text: readable on a terminal and in a file, and safe whatever a model writes."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent_tui import events
from mlagent_tui.console import (
    Console,
    Terminal,
    clean,
    clean_lines,
    error_text,
    runs_table,
    shorten,
    time_table,
    width,
)
from mlagent_tui.schemas import RegistryEntry

EVIL = "\x1b[2Jfine\x07\r\n\x9b31m\u202edone\x7f"


class Tty(io.StringIO):
    """A terminal as far as `isatty` goes."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@given(st.text())
def test_no_control_character_survives_cleaning(text: str) -> None:
    for cleaned in (clean(text), clean_lines(text).replace("\n", "")):
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", cleaned)


@given(st.text(), st.integers(1, 30))
def test_shortened_text_fits_its_columns(text: str, columns: int) -> None:
    assert width(shorten(clean(text), columns)) <= columns


def everything() -> list[events.Event]:
    """One event of each type that is shown, with hostile text wherever a model or a file could put some."""
    result = {
        "run_id": EVIL, "status": EVIL, "reason": EVIL, "accuracy": 0.5, "val_loss": 1.0, "parameters": 9,
        "seconds": 1.0,
    }  # fmt: skip
    goal = {"metric": "accuracy", "comparison": ">=", "threshold": 0.9, "dataset": "digits", "wishes": EVIL}
    calls = [{"tool": EVIL, "arguments": {}}]
    summary = {"total_parameters": 5, "multiply_adds": 7, "explanation": EVIL}
    decision = {"decision": "iterate", "assessment": EVIL, "changes": [EVIL]}
    return [
        events.RunStarted(goal_text=EVIL, planner=EVIL, coder="b", sandbox=EVIL, options={"iterations": 3}),
        events.RunResumed(iteration=1, step=EVIL),
        events.GoalUnderstood(goal=goal),
        events.Warned(message=EVIL, remedy=EVIL),
        events.StepStarted(step="plan", iteration=1),
        events.PromptProgress(role="planner", task=EVIL, done=1024, total=8192),
        events.TokensStreamed(role="planner", task=EVIL, text=EVIL),
        events.PlanMade(plan={"calls": calls}),
        events.ConfigMade(config={}, parameters=5, steps=[{"type": EVIL}]),
        events.CheckFailed(what=EVIL, problem=EVIL),
        events.CodeMade(code=EVIL, accepted=True),
        events.SummaryMade(summary=summary),
        events.TrialStarted(run_id=EVIL, device=EVIL),
        events.ModelUnloaded(model=EVIL, roles=["planner"], memory_mb=12.5, reason=EVIL),
        events.ModelLoading(model=EVIL, roles=["planner"]),
        events.ModelLoaded(model=EVIL, roles=["planner"], seconds=1.5),
        events.BatchDone(run_id="r", epoch=1, epochs=2, batch=1, batches=3, loss=0.5, images_per_second=10.0),
        events.EpochDone(run_id="r", epoch=1, epochs=2, train_loss=1.0),
        events.TrialFinished(result=result),
        events.TrialFinished(result=result | {"accuracy": None}),
        events.DecisionMade(decision=decision, advised={"decision": EVIL}, overruled_because=EVIL),
    ]


def test_nothing_a_model_writes_reaches_a_file_as_a_control_character() -> None:
    stream = io.StringIO()
    console = Console(stream)
    for event in everything():
        console.show(event)
    assert "fine" in stream.getvalue()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", stream.getvalue())


def test_on_a_terminal_the_only_escapes_are_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("mlagent_tui.console.REFRESH", 0)
    stream = Tty()
    console = Console(stream)
    for event in everything():
        console.show(event)
    ours = re.sub(r"\x1b\[[0-9;]*m|\r\x1b\[2K", "", stream.getvalue())
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", ours)


def test_progress_is_rewritten_in_place_on_a_terminal_and_absent_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "20")
    for stream, shown in ((Tty(), "\r\x1b[2K" + "x" * 18 + "…"), (io.StringIO(), "")):
        Terminal(stream).progress("x" * 50)
        assert stream.getvalue() == shown


def test_a_line_takes_the_place_of_the_progress_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Tty()
    terminal = Terminal(stream)
    terminal.progress("busy")
    terminal.line("done")
    assert stream.getvalue() == "\r\x1b[2Kbusy\r\x1b[2Kdone\n"


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_colour_where_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(variable, value)
    assert Terminal(Tty()).style("x", "red") == "x"


def test_colour_on_a_terminal_and_none_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert Terminal(Tty()).style("x", "red") == "\x1b[31mx\x1b[0m"
    assert Terminal(io.StringIO()).style("x", "red") == "x"


def test_a_long_prompt_is_shown_as_it_is_read_and_a_model_that_gives_way_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Tty()
    console = Console(stream)
    console.show(events.PromptProgress(role="planner", task="config", done=1024, total=8192))
    console.show(
        events.ModelUnloaded(model="big", roles=["planner"], memory_mb=12_400, reason="it is in the way")
    )
    console.show(events.ModelLoaded(model="big", roles=["planner"], seconds=4.2))
    assert "config     reading the prompt 1,024 / 8,192" in stream.getvalue()
    lines = stream.getvalue().rpartition("\x1b[2K")[2].splitlines()
    assert lines == ["unload     big, 12.4 GB: it is in the way", "load       big again, in 4.2 s"]


def test_quiet_shows_warnings_and_nothing_else() -> None:
    stream = io.StringIO()
    console = Console(stream, quiet=True)
    for event in everything():
        console.show(event)
    assert stream.getvalue().count("\n") == 2


def test_text_that_the_stream_cannot_encode_is_escaped() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    Terminal(stream).line("≥ 70")
    assert raw.getvalue() == b"\\u2265 70\n"


def test_an_error_names_what_happened_and_what_to_do() -> None:
    assert (
        error_text("Goal", "no number", "Say one.\nOr two.")
        == "mlagent: Goal: no number\n  Say one.\n  Or two."
    )


def test_the_time_table_adds_up() -> None:
    table = time_table(events.TimeSpent(loading=1, thinking=2, checking=3, training=3, other=1))
    assert table.splitlines()[-1].split() == ["total", "10.0", "s"]
    assert "20%" in table


@pytest.mark.parametrize(("missing", "words"), [
    ([], "5 parameters · 7 multiply-adds"),
    (["fft_r2c"], "7 multiply-adds (not counted: fft_r2c)"),
    (list("abcdef"), "(not counted: a, b, c, d, …)"),
    (["all operations"], "5 parameters · multiply-adds not counted"),
])  # fmt: skip
def test_it_says_what_is_missing_from_the_multiply_adds(missing: list[str], words: str) -> None:
    stream = io.StringIO()
    Console(stream).show(
        events.SummaryMade(summary={"total_parameters": 5, "multiply_adds": 7, "not_counted": missing})
    )
    assert words in stream.getvalue()


def test_what_a_model_says_is_wrapped_to_the_terminal_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    words = "It has three convolution layers and one linear layer at the end."
    stream = Tty()
    Console(stream).show(
        events.SummaryMade(summary={"total_parameters": 5, "multiply_adds": 7, "explanation": words})
    )
    lines = re.sub(r"\x1b\[[0-9;]*[mK]", "", stream.getvalue()).splitlines()
    said = [line for line in lines if line.startswith(" ")]
    assert max(map(len, said)) <= 40
    assert " ".join(line.strip() for line in said) == words


def test_wishes_and_whose_words_an_explanation_has_are_said() -> None:
    stream = io.StringIO()
    console = Console(stream)
    goal = {"metric": "accuracy", "comparison": ">=", "threshold": 0.9, "dataset": "digits"}
    console.show(events.GoalUnderstood(goal=goal, asked=["convolutional network"], unchecked=["small"]))
    summary = {"total_parameters": 5, "multiply_adds": 7, "explanation": "One layer."}
    console.show(events.SummaryMade(summary=summary | {"explanation_source": "measurement"}))
    assert "asked for: convolutional network; also wished, not checked: small" in stream.getvalue()
    assert "One layer. (composed from the measurement)" in stream.getvalue()


def test_a_model_that_stands_in_is_said_with_the_reason() -> None:
    stream = io.StringIO()
    console = Console(stream)
    stood_in = events.StoodIn(
        role="coder", task="code", model="Minnow", instead_of="Tiny", reason="no class", for_good=True
    )
    console.show(stood_in)
    console.show(stood_in.but(task="goal", for_good=False))
    assert stream.getvalue().splitlines() == [
        "stand-in   Minnow writes the code for the rest of the run in place of Tiny: no class",
        "stand-in   Minnow reads the goal in place of Tiny: no class",
    ]


def test_the_table_of_trials_says_who_made_them_where_that_differs() -> None:
    entries = [
        RegistryEntry(
            run_id=f"qe_{number}", timestamp="", model_name="", dataset="digits", metrics_summary={},
            experiment_dir="", planner=planner, coder=coder, decision="Iterate: more",
        )
        for number, (planner, coder) in enumerate([("", ""), ("Minnow", "Minnow"), ("Tiny", "Minnow")])
    ]  # fmt: skip
    titles, *rows = runs_table(entries).splitlines()
    assert re.search(r"  made by +decision$", titles)
    assert [row.split("completed")[1].split("Iterate")[0].strip() for row in rows] == [
        "-", "Minnow", "network Tiny, code Minnow",
    ]  # fmt: skip
    assert all("made by" not in runs_table([entry]) for entry in entries)
