"""`mlagent models` and `models check`: what is printed, and where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlagent_tui import models_command
from mlagent_tui.checkup import Checkup, Rate
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


def test_a_report_tells_speeds_rates_misses_and_the_verdict() -> None:
    found = Checkup("m", "Model M", 4096, 1.5, 800.0, 25.0, 22.0, 0.31, profile="chat")
    for rate in (found.valid_json, found.goals, found.configs, found.decisions):
        rate.note()
    for _ in range(3):
        found.code.note("fc1: expected 2048 input features, got 1024")
    text = models_command.report(found)
    for part in (
        "Model M",
        "4,096",
        "800",
        "25.0",
        "22.0",
        "0.31",
        "chat prompts",
        "0 of 3",
        "got 1024 (3 times)\n",
        "1 of 1",
    ):
        assert part in text
    assert text.endswith("Suitable as planner.")


@pytest.mark.parametrize(
    ("json_", "plans", "code", "said"),
    [
        (1.0, 1.0, 1.0, "Suitable as planner and coder."),
        (0.8, 1.0, 1.0, "Suitable as coder."),
        (1.0, 0.5, 0.0, "Not suitable for either role."),
    ],
)
def test_the_verdict_follows_from_the_rates(json_: float, plans: float, code: float, said: str) -> None:
    def rate(share: float) -> Rate:
        return Rate(round(20 * share), 20)

    found = Checkup("m", valid_json=rate(json_), goals=rate(plans), code=rate(code), decode_speed=30)
    assert found.verdict == said
    assert (
        found.verdict
        in Checkup("m", valid_json=rate(json_), goals=rate(plans), code=rate(code), decode_speed=1).verdict
    )
