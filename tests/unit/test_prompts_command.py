"""`mlagent prompts`: which files are used, and copies that change nothing until they are changed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mlagent_tui import own_prompts, paths, prompts, workspace
from mlagent_tui.cli import main

EVERY = [(profile, name) for profile in prompts.PROFILES for name in prompts.names(profile)]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    workspace.prepare(root)
    monkeypatch.chdir(tmp_path)
    return root


def test_a_copy_of_every_shipped_file_is_told_as_the_shipped_one(project: Path) -> None:
    assert main(["prompts", "copy", "--to", "project", "--project", str(project)]) == 0
    found = own_prompts.read(project)
    for profile, name in EVERY:
        copied, original = found.get(profile, name), prompts.shipped(profile, name)
        assert copied.path == project / "prompts" / profile / f"{name}.md"
        assert copied.text == original.text
        assert not copied.changed
        comment = copied.path.read_text().partition("-->")[0]
        assert comment.startswith("<!--\n") and "Delete it to use the shipped one again." in comment


def test_what_is_copied_into_the_settings_holds_for_every_project(project: Path) -> None:
    assert main(["prompts", "copy", "--profile", "minnow"]) == 0
    assert {file.name for file in paths.prompts_folder().iterdir()} == {"minnow"}
    assert (
        own_prompts.read(project).get("minnow", "goal").path == paths.prompts_folder() / "minnow" / "goal.md"
    )


def test_a_changed_file_is_kept_unless_force(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = ["prompts", "copy", "--to", "project", "--project", str(project), "--profile", "minnow"]
    main(copy)
    mine, other = (project / "prompts" / "minnow" / f"{name}.md" for name in ("goal", "plan"))
    mine.write_text("Mine.\n")
    other.unlink()
    capsys.readouterr()
    assert main(copy) == 0
    out = capsys.readouterr().out
    assert f"kept      {mine}" in out and f"written   {other}" in out and "--force" in out
    assert mine.read_text() == "Mine.\n"
    assert main([*copy, "--force"]) == 0
    assert f"replaced  {mine}" in capsys.readouterr().out
    assert not own_prompts.read(project).get("minnow", "goal").changed


def test_the_list_names_the_file_of_every_task(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["prompts", "copy", "--to", "project", "--project", str(project)])
    mine = project / "prompts" / "minnow" / "goal.md"
    mine.write_text("Mine.\n")
    (project / "prompts" / "minnow" / "plan.md").unlink()
    (project / "prompts" / "minnow" / "goals.md").write_text("A slip.\n")
    capsys.readouterr()
    assert main(["prompts", "list", "--project", str(project)]) == 0
    table, _, slips = capsys.readouterr().out.partition("These are not used")
    rows = {tuple(row.split()[:2]): row for row in table.splitlines()[1:] if row}
    assert set(rows) == set(EVERY)
    assert rows["minnow", "goal"].endswith(f"{mine} (changed)")
    assert rows["minnow", "plan"].endswith("shipped")
    assert rows["minnow", "code"].endswith("code.md (the same text as the shipped one)")
    assert "goals.md" in slips
    assert main(["prompts", "list", "--project", str(project), "--json"]) == 0
    told = {(file["profile"], file["name"]): file for file in json.loads(capsys.readouterr().out)}
    assert told["minnow", "goal"]["text"] == "Mine.\n" and told["minnow", "plan"]["path"] == ""


def test_without_a_verb_they_are_listed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.chdir(project)
    assert main(["prompts"]) == 0
    assert "shipped" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["copy", "--to", "project"], 1, "is not a project"),
        (["copy", "--profile", "chatty"], 2, "'chatty' is not one of"),
        (["copy", "--to", "nowhere"], 2, "'nowhere' is not one of"),
    ],
)
def test_a_slip_is_one_sentence(
    arguments: list[str], status: int, said: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prompts", *arguments]) == status
    err = capsys.readouterr().err
    assert said in err and "Traceback" not in err


def test_a_file_that_cannot_be_used_is_said_by_the_list_too(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "prompts" / "minnow").mkdir(parents=True)
    (project / "prompts" / "minnow" / "goal.md").write_bytes(b"\xff")
    assert main(["prompts", "list", "--project", str(project)]) == 2
    assert "line 1, is not UTF-8 text" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_to_is_said(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "prompts").write_text("no folder")
    assert main(["prompts", "copy", "--to", "project", "--project", str(project)]) == 2
    assert "cannot write" in capsys.readouterr().err
    paths.prompts_folder().parent.mkdir(parents=True)
    paths.prompts_folder().write_text("no folder")
    assert main(["prompts", "copy"]) == 2
    assert "cannot make" in capsys.readouterr().err


EXAMPLES = "Read the goal.\n\n=== question\nText: a\n=== answer\n{}\n"
LINES = "Worked lines.\n\n## conv2d\n# conv1\nself.conv1\n\n## keep\n# keep x\nres1 = x\n"


@pytest.mark.parametrize(
    ("text", "like", "said"),
    [
        (EXAMPLES, EXAMPLES, ""),
        ("Read it.", EXAMPLES, ""),
        (EXAMPLES.replace("=== answer\n", ""), EXAMPLES, "without its `=== answer`"),
        (EXAMPLES.replace("=== question", "=== answer"), EXAMPLES, "without its `=== answer`"),
        (LINES, LINES, ""),
        (LINES + "# keep y\nres2 = y\n", LINES, ""),
        (LINES.replace("## keep", "## kept"), LINES, "lacks the heading `## keep`"),
        (LINES.replace("res1 = x\n", ""), LINES, "needs pairs of lines under `## keep`"),
    ],
)
def test_a_file_without_the_parts_that_it_is_read_by_is_said(text: str, like: str, said: str) -> None:
    assert said in own_prompts.misshaped(text, like)
    assert bool(said) == bool(own_prompts.misshaped(text, like))
