"""`mlagent models` and `models check`: what is printed, and where."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlagent_tui import check_results, checkup, models_command, paths
from mlagent_tui.check_results import Count, Kept, Result
from mlagent_tui.checkup import verdict
from mlagent_tui.console import width
from mlagent_tui.llm import catalog, machine
from mlagent_tui.llm.catalog import Entry, Facts
from tests.tiny_gguf import make

FACTS = Facts("Some 8B Instruct", "llama", 8_030_000_000, "Q4_K_M", 131_072, 4_920_000_000, 32, 10**9, 10**5)


@pytest.fixture(autouse=True)
def _this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "this_machine", lambda: machine.Machine(16 * 10**9, 10**10, 4e10))


def test_the_table_has_a_row_for_each_model_and_its_columns_are_aligned() -> None:
    entries = [
        Entry("/models/a.gguf", "settings", FACTS, "cpu", 6 * 10**9, 12.4),
        Entry("bundled", "bundled", Facts("Minnow 鱼", "llama", 5_463_040), "gpu", 1, 1234.5),
        Entry("/models/c.gguf", "settings", FACTS, "no", 60 * 10**9, 0.0),
    ]
    head, first, second, third = models_command.table(entries).splitlines()
    for text in ("Some 8B Instruct", "8.0B", "Q4_K_M", "131,072", "4.92 GB", "yes", "~12", "/models/a.gguf"):
        assert text in first
    assert "5.5M" in second and "~1,234" in second and "yes, on the GPU" in second
    assert "no, needs 60.0 GB" in third and "?" in third
    at = width(head[: head.index("--model")])
    assert [
        row[len(row) - len(spec) :] for row, spec in ((first, "/models/a.gguf"), (third, "/models/c.gguf"))
    ]
    assert width(first[: first.index("/models")]) == width(third[: third.index("/models")]) == at


def test_a_listing_names_usable_and_unusable_files_and_where_it_looked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = tmp_path / "odd\x1b[2J\nname"
    odd.mkdir()
    make(tmp_path / "good.gguf")
    (odd / "bad\x1b.gguf").write_bytes(b"\x1b[2J")
    assert models_command.show([tmp_path, odd]) == 0
    out, err = capsys.readouterr()
    assert "good.gguf" in out.partition("cannot be used")[0]
    assert "not a GGUF" in out.partition("cannot be used")[2]
    assert str(tmp_path) in err and "\x1b" not in out + err
    assert len(err.splitlines()) == 1


def test_the_json_has_every_fact(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(tmp_path / "good.gguf")
    models_command.show([tmp_path], as_json=True)
    listed = json.loads(capsys.readouterr().out)
    (entry,) = [entry for entry in listed if entry["spec"] == str(tmp_path / "good.gguf")]
    assert entry["facts"]["profile"] == "chat"
    assert entry["facts"]["context"] == 4096 and entry["fits"] == "cpu" and entry["speed"] > 0


def test_names_of_models_are_shown_harmlessly() -> None:
    evil = Facts("a\x1b[2Jb\nc" * 50, "fam\x07ily", 1)
    table = models_command.table([Entry("/x\x1b.gguf", "", evil, "cpu", 1, 1.0)])
    assert "\x1b" not in table and "\x07" not in table and len(table.splitlines()) == 2


def found(**fields: Any) -> Result:
    told = {
        "identity": "0" * 64, "spec": "/m/m.gguf", "name": "Model M", "profile": "chat", "context": 4096,
        "loading_seconds": 1.5, "read_speed": 800.0, "write_speed": 25.0, "memory": 512_000_000,
        "longest": 3100, "longest_step": "config", "questions": 20, "seconds": 61.0,
        "made": "2026-11-27T12:00:00+00:00",
    }  # fmt: skip
    result = Result.model_validate(told | fields)
    verdict.conclude(result)
    return result


def counted(**right: tuple[int, int]) -> dict[str, Count]:
    """Counts by step, of (right, asked); of the right ones, one after repairs."""
    return {
        step: Count(asked=asked, first=max(good - 1, 0), repaired=min(good, 1), seconds=4.0 * asked,
                    misses=["fc1: expected 2048 input features, got 1024"] * (asked - good))
        for step, (good, asked) in right.items()
    }  # fmt: skip


PLANS = {"goal": (4, 4), "plan": (2, 2), "config": (2, 3), "decision": (4, 4)}
NO_PLANS = {"goal": (1, 4), "plan": (0, 2), "config": (0, 3), "decision": (2, 4)}


def test_a_report_tells_speeds_rates_misses_and_the_verdict() -> None:
    text = models_command.report(found(steps=counted(**PLANS, code=(0, 3))))
    for part in (
        "Model M, prompts for chat, 4,096 tokens of context, loaded in 1.5 s, 0.51 GB of memory",
        "   800.0 tokens/s", "    25.0 tokens/s", "3,100 tokens with its answer, which fits",
        "got 1024 (3 times)\n", "about 16 s (12 s as planner, 4.0 s as coder)", "that is about 2 minutes",
        "asked 16 of 20 questions in 61 s",
    ):  # fmt: skip
        assert part in text
    assert re.search(r"decision +4 +3 +1 +0 +4\.0\n", text)
    assert re.search(r"code +3 +0 +0 +3 +4\.0\n", text)
    assert re.search(r"explain +0 +0 +0 +0 +-\n", text)
    assert text.endswith(
        "Model M can plan (12 of 13 right), cannot write code (0 of 3): leave --coder to Minnow.\n"
        "  mlagent run GOAL --planner /m/m.gguf --coder bundled"
    )


@pytest.mark.parametrize(
    ("plans", "code", "said", "command"),
    [
        (PLANS, (4, 5), "suits both roles: planning 12 of 13 right, code 4 of 5.", "--model /m/m.gguf"),
        (PLANS, (2, 5), "can plan (12 of 13 right), cannot write code (2 of 5): leave --coder to Minnow.",
         "--planner /m/m.gguf --coder bundled"),
        (NO_PLANS, (2, 4), "can write code (2 of 4 right), cannot plan (3 of 13): leave --planner to Minnow.",
         "--planner bundled --coder /m/m.gguf"),
        (NO_PLANS, (0, 5), "suits neither role (planning 3 of 13 right, code 0 of 5): Minnow alone does",
         "--model bundled"),
        (PLANS | {"goal": (1, 4)}, (0, 5), "suits neither role (planning 9 of 13 right", "--model bundled"),
        ({"goal": (1, 1)}, (1, 1), "not tried enough to tell whether it can plan (1 of 1 right), can",
         "--planner bundled --coder /m/m.gguf"),
        ({"goal": (0, 1)}, (1, 1), "can write code (1 of 1 right), cannot plan (0 of 1)",
         "--planner bundled --coder /m/m.gguf"),
    ],
)  # fmt: skip
def test_the_verdict_follows_from_the_counts(
    plans: dict[str, tuple[int, int]], code: tuple[int, int], said: str, command: str
) -> None:
    result = found(steps=counted(**plans, code=code))
    assert said in result.verdict
    assert result.command.startswith("mlagent run GOAL --") and result.command.endswith(command)


def test_the_bundled_model_is_not_recommended_in_place_of_itself() -> None:
    result = found(spec="bundled", steps=counted(**NO_PLANS, code=(0, 5)))
    assert "Minnow alone" not in result.verdict and "use a larger model" in result.verdict


def test_a_slow_model_and_a_short_context_are_said() -> None:
    steps = counted(**PLANS, code=(5, 5))
    steps["code"] = steps["code"].model_copy(update={"seconds": 2000.0, "late": 1})
    result = found(context=2048, steps=steps)
    assert "at least 412 s of answers for each network" in result.verdict
    text = models_command.report(result)
    assert "with this context, fewer of the past networks are shown" in text
    assert "that is at least 55 minutes" in text


def test_what_was_found_stands_below_the_model_in_the_table() -> None:
    entries = [Entry(spec, "", FACTS, "cpu", 1, 1.0) for spec in ("/a", "/b", "/c")]
    old = found(prompts="old", name="evil\x1b[2J", steps=counted(**PLANS, code=(4, 5)))
    lines = models_command.table(entries, {"/a": old, "/c": old}).splitlines()
    assert ["/a" in lines[1], "/b" in lines[3], "/c" in lines[4], len(lines)] == [True, True, True, 6]
    for line in (lines[2], lines[5]):
        assert line.startswith("    checked 2026-11-27: evil") and "suits both roles" in line
        assert "Out of date: the prompts have changed since" in line and "\x1b" not in line


def test_the_listing_tells_what_a_check_has_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(make(tmp_path / "good.gguf"))
    check_results.keep(
        found(identity=check_results.identity(model), size=check_results.size(model), spec=model)
    )
    models_command.show([tmp_path])
    assert "    checked 2026-11-27: Model M not tried enough" in capsys.readouterr().out
    models_command.show([tmp_path], as_json=True)
    told = {entry["spec"]: entry["checked"] for entry in json.loads(capsys.readouterr().out)}
    assert told["bundled"] is None
    assert told[model]["line"].startswith("checked 2026-11-27") and told[model]["outdated"]


# --- `models check` -------------------------------------------------------------------------------------


@pytest.fixture
def outcome(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., str]:
    """Lets a check end with a result; tests/functional/test_checkup.py has real ones."""

    def let(**fields: Any) -> str:
        spec = str(make(tmp_path / "m.gguf"))
        own = {"identity": check_results.identity(spec), "size": check_results.size(spec), "spec": spec}
        monkeypatch.setattr(checkup, "check", lambda spec, options, **_: found(**own, **fields))
        return spec

    return let


@pytest.mark.parametrize(("right", "status"), [(5, 0), (0, 1)])
def test_a_result_is_printed_and_kept_and_the_status_says_whether_it_suits(
    right: int, status: int, outcome: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    spec = outcome(steps=counted(**NO_PLANS, code=(right, 5)))
    assert models_command.check(spec, as_json=True) == status
    told = json.loads(capsys.readouterr().out)
    assert told["suits_coder"] is bool(right) and told["steps"]["code"]["first"] == max(right - 1, 0)
    kept = Kept().of(spec)
    assert kept is not None and kept.verdict == told["verdict"]


def test_what_was_interrupted_is_printed_and_not_kept(
    outcome: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    spec = outcome(steps=counted(goal=(1, 1)), interrupted=True)
    assert models_command.check(spec) == 130
    printed = capsys.readouterr()
    assert "asked 1 of 20 questions in 61 s: it was interrupted" in printed.out
    assert "not kept" in printed.err and Kept().of(spec) is None


def test_a_result_that_cannot_be_kept_is_printed_all_the_same(
    outcome: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    paths.checks_folder().parent.mkdir(parents=True, exist_ok=True)
    paths.checks_folder().write_text("in the way")
    assert models_command.check(outcome(steps=counted(**PLANS, code=(5, 5)))) == 0
    printed = capsys.readouterr()
    assert "suits both roles" in printed.out and "the result is not kept" in printed.err
