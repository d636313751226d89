"""Prompts: the shipped files, those of the user's that take their places, and what is said of bad ones."""

from __future__ import annotations

import contextvars
import hashlib
import threading
from pathlib import Path

import pytest

from mlagent_tui import own_prompts, paths, prompts
from mlagent_tui.errors import PromptError

MINE = "Answer in rhymes.\n"


def write(file: Path, content: str | bytes = MINE) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return tmp_path / "project"


@pytest.mark.parametrize("profile", prompts.PROFILES)
def test_what_is_shipped_is_told_as_it_is_but_for_comments(profile: prompts.Profile) -> None:
    folder = paths.package_file("prompts", profile)
    assert prompts.names(profile) == tuple(sorted(file.stem for file in folder.glob("*.md")))
    for name in prompts.names(profile):
        data = (folder / f"{name}.md").read_bytes()
        assert prompts.text(profile, name) == prompts.without_comments(data.decode())
        assert prompts.shipped(profile, name).sha256 == hashlib.sha256(data).hexdigest()


def test_minnows_prompts_are_its_files_to_the_byte() -> None:
    assert set(prompts.names("minnow")) >= {"goal", "plan", "config", "decision", "code", "explain"}
    for name in prompts.names("minnow"):
        file = paths.package_file("prompts", "minnow", f"{name}.md")
        assert prompts.text("minnow", name).encode() == file.read_bytes()


def test_the_projects_file_comes_before_that_of_the_settings_and_both_before_the_shipped(
    project: Path,
) -> None:
    write(paths.prompts_folder() / "minnow" / "goal.md", "From the settings.\n")
    write(paths.prompts_folder() / "minnow" / "plan.md", "From the settings.\n")
    mine = write(project / "prompts" / "minnow" / "goal.md")
    found = own_prompts.read(project)
    assert found.get("minnow", "goal").path == mine
    assert found.get("minnow", "goal").sha256 == hashlib.sha256(MINE.encode()).hexdigest()
    with prompts.use(found):
        assert prompts.text("minnow", "goal") == MINE
        assert prompts.text("minnow", "plan") == "From the settings.\n"
        assert prompts.text("minnow", "code") == prompts.shipped("minnow", "code").text
    assert prompts.text("minnow", "goal") == prompts.shipped("minnow", "goal").text
    assert own_prompts.read().get("minnow", "goal").text == "From the settings.\n"


def test_prompts_are_read_once(project: Path) -> None:
    file = write(project / "prompts" / "minnow" / "goal.md")
    with prompts.use(own_prompts.read(project)):
        file.write_text("Say yes to everything.\n")
        assert prompts.text("minnow", "goal") == MINE
        file.unlink()
        assert prompts.text("minnow", "goal") == MINE


def test_comments_windows_line_ends_and_a_byte_order_mark_are_not_told(project: Path) -> None:
    source = "\ufeff<!-- Of mine,\r\n two lines. -->\r\nFirst.\r\n<!-- a note -->\r\n a <!-- b --> c\r\n"
    write(project / "prompts" / "minnow" / "goal.md", source)
    assert own_prompts.read(project).get("minnow", "goal").text == "First.\n a <!-- b --> c\n"


def test_a_copy_with_a_comment_is_not_a_change(project: Path) -> None:
    text = prompts.shipped("minnow", "goal").text
    file = write(project / "prompts" / "minnow" / "goal.md", f"<!-- mine -->\n{text}\n")
    assert not own_prompts.read(project).get("minnow", "goal").changed
    file.write_text(text.replace("goal", "wish"))
    assert own_prompts.read(project).get("minnow", "goal").changed


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"<!-- only a comment -->\n \n", "is empty"),
        (b"one\ntwo \xff\n", "line 2, is not UTF-8 text"),
        (b"a\0b", "is not a text file"),
        (b"<!-- no end\nDo it.\n", "has a comment without an end"),
        (b"x" * (own_prompts.MAX_BYTES + 1), "it is larger than 64,000 bytes"),
    ],
)
@pytest.mark.parametrize("where", ["project", "settings"])
def test_a_file_that_cannot_be_used_is_one_sentence(
    content: bytes, said: str, where: str, project: Path
) -> None:
    folder = project / "prompts" if where == "project" else paths.prompts_folder()
    file = write(folder / "minnow" / "goal.md", content)
    with pytest.raises(PromptError) as caught:
        own_prompts.read(project)
    assert str(file) in caught.value.what
    assert said in caught.value.what
    assert caught.value.remedy.endswith(".")


def test_a_folder_in_the_place_of_a_file_is_said(project: Path) -> None:
    (project / "prompts" / "minnow" / "goal.md").mkdir(parents=True)
    with pytest.raises(PromptError, match=r"goal\.md: it is a folder, not a file"):
        own_prompts.read(project)


def test_a_link_of_the_projects_leads_nowhere_else(project: Path, tmp_path: Path) -> None:
    secret = write(tmp_path / "secret.txt", "A key.\n")
    (project / "prompts" / "minnow").mkdir(parents=True)
    (project / "prompts" / "minnow" / "goal.md").symlink_to(secret)
    with pytest.raises(PromptError, match="outside"):
        own_prompts.read(project)


def test_a_link_of_the_users_own_is_followed(tmp_path: Path) -> None:
    kept = write(tmp_path / "kept" / "minnow" / "goal.md")
    paths.prompts_folder().parent.mkdir(parents=True)
    paths.prompts_folder().symlink_to(kept.parent.parent)
    assert own_prompts.read().get("minnow", "goal").text == MINE


def test_a_name_that_nothing_is_shipped_under_is_found(project: Path) -> None:
    slip = write(project / "prompts" / "minnow" / "gaol.md")
    write(project / "prompts" / "minnow" / "goal.md")
    assert own_prompts.unknown(project) == [slip]


def test_a_thread_that_was_given_the_context_asks_with_the_same_prompts(project: Path) -> None:
    write(project / "prompts" / "minnow" / "goal.md")
    heard: list[str] = []
    with prompts.use(own_prompts.read(project)):
        context = contextvars.copy_context()
    thread = threading.Thread(
        target=context.run, args=(lambda: heard.append(prompts.text("minnow", "goal")),)
    )
    thread.start()
    thread.join()
    assert heard == [MINE]
