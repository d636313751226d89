"""The code in README and docs works as it is printed: Python is executed, commands are parsed, YAML is read.

Only what stands for something of the reader's own (a path, a name) is replaced, by the tables below.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt

from mlagent_tui import paths, settings
from mlagent_tui.arguments import option_values, parser, with_command
from mlagent_tui.cli import _COMMANDS
from mlagent_tui.commands import Command, Listener, Reply, Steer
from mlagent_tui.tui import keys
from tests.recording import engine_at_work

CHECKOUT = Path(__file__).parents[2]
PAGES = sorted([
    CHECKOUT / "README.md", *CHECKOUT.glob("docs/*.md"), *CHECKOUT.glob("*/README.md"),
    *CHECKOUT.glob("mlagent_tui/**/README.md"),
])  # fmt: skip
CHECKED = {"python", "sh", "yaml", "json", ""}
"""The kinds of blocks that are checked here; without a kind: output, or the names of files."""

PLACEHOLDERS = {
    "/models/coder.gguf": str(paths.bundled_model()),
    "/home/me/models/large.gguf": str(paths.bundled_model()),
}
NO_DOWNLOAD = """
import inspect
from torchvision import datasets

def wanted(kind):
    return lambda *args, **named: print(inspect.signature(kind).bind(*args, **named).arguments)

for name in ("MNIST", "FashionMNIST", "CIFAR10", "CIFAR100"):
    setattr(datasets, name, wanted(getattr(datasets, name)))
"""
"""Stands in for the downloads of torchvision: a call must fit its signature."""


@dataclass(frozen=True)
class Block:
    """Code of a page: `inline` in a sentence, or a block of its own."""

    page: str
    line: int
    kind: str
    text: str
    inline: bool = False

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def code_of(page: Path) -> Iterator[Block]:
    name = page.relative_to(CHECKOUT).as_posix()
    line = 0
    tokens = MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))
    for token in tokens:
        line = token.map[0] + 1 if token.map else line
        if token.type == "fence":
            yield Block(name, line, token.info.strip(), token.content)
        elif token.type == "code_block":
            yield Block(name, line, "sh", token.content)
        for inner in token.children or ():
            if inner.type == "code_inline":
                yield Block(name, line, "sh", inner.content, inline=True)


BLOCKS = [block for page in PAGES for block in code_of(page)]


def blocks(kind: str) -> list[Block]:
    return [block for block in BLOCKS if block.kind == kind and not block.inline]


def python_of(page: str) -> str:
    """All Python of a page, as it is read: from top to bottom, in one session."""
    code = "\n".join(block.text for block in blocks("python") if block.page == page)
    for placeholder, real in PLACEHOLDERS.items():
        code = code.replace(placeholder, real)
    return code


def run_python(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:__main__", "-c", code],
        cwd=folder, capture_output=True, text=True, timeout=240, check=False,
        env={name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_block_is_of_a_kind_that_is_checked() -> None:
    assert {block.kind for block in BLOCKS} <= CHECKED
    assert len(BLOCKS) > 100


# --- Python -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tools_page(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The page about the tools, carried out with the bundled model: the folder, and what it prints."""
    folder = tmp_path_factory.mktemp("tools")
    return folder, run_python(python_of("docs/tools.md"), folder)


def test_the_page_about_the_tools_works_as_printed(tools_page: tuple[Path, str]) -> None:
    folder, said = tools_page
    assert "class TwoStage(nn.Module):" in said
    assert re.search(r"^completed 0\.\d+ qe_\d{8}_\d{6}$", said, re.MULTILINE)
    assert (folder / "demo/src/models/two_stage.py").is_file()


def test_stored_weights_are_loaded_as_the_page_about_projects_says(tools_page: tuple[Path, str]) -> None:
    (trial,) = (tools_page[0] / "demo/experiments").glob("qe_*")
    written = tools_page[0] / "demo/src/models/two_stage.py"
    (trial / paths.RUN_CODE).write_bytes(written.read_bytes())  # where a run of the agent keeps it
    code = python_of("docs/projects.md").replace("CurrentModel", "TwoStage")
    run_python(code + "\nimport torch\nassert model(torch.zeros(2, 1, 8, 8)).shape == (2, 10)", trial)


def test_a_running_engine_is_told_as_the_page_about_commands_says(tmp_path: Path) -> None:
    heard: list[Command] = []

    def answer(command: Command) -> Reply:
        heard.append(command)
        return Reply(ok=True, message="seen from iteration 2 on")

    project = tmp_path / "my-project"
    (project / paths.EXPERIMENTS).mkdir(parents=True)
    with engine_at_work(project), Listener(project, answer):
        said = run_python(python_of("docs/steering.md"), tmp_path)
    assert said == "True seen from iteration 2 on\n"
    assert [type(command) for command in heard] == [Steer]


def test_a_model_is_asked_as_the_page_about_models_says(tmp_path: Path) -> None:
    assert re.search(r" \d+\.\d+$", run_python(python_of("docs/models.md"), tmp_path).strip())


def test_the_data_sets_are_fetched_as_the_page_about_data_says(tmp_path: Path) -> None:
    said = run_python(NO_DOWNLOAD + python_of("docs/data.md"), tmp_path)
    assert said.count("'download': True") == 4


def test_the_python_of_every_page_is_run_by_one_of_these_tests() -> None:
    assert {block.page for block in blocks("python")} == {
        "docs/data.md", "docs/models.md", "docs/projects.md", "docs/steering.md", "docs/tools.md",
    }  # fmt: skip


# --- commands -----------------------------------------------------------------------------------------


def commands() -> Iterator[tuple[Block, list[str]]]:
    """Every command line that a page shows, split as a shell splits it. `…` and `[…]` are left out."""
    for block in BLOCKS:
        if block.kind != "sh":
            continue
        for line in block.text.replace("\\\n", " ").splitlines():
            words = [word for word in shlex.split(line, comments=True) if word != "…"]
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words.pop(0)
            if words:
                yield block, [re.sub(r"^\[(.*)\]$", r"\1", word) for word in words]


def completed(words: list[str], *, inline: bool) -> list[str]:
    """A sentence may name a command without its subject: it is given one."""
    subject = {
        "run": "GOAL",
        "resume": "PROJECT",
        "report": "PROJECT",
        "runs": "PROJECT",
        "replay": "PROJECT",
    }
    missing = inline and all(word.startswith("-") for word in words[1:2])
    return [words[0], subject[words[0]], *words[1:]] if missing and words[0] in subject else words


def of_mlagent() -> list[tuple[str, list[str]]]:
    found = [
        (str(block), completed(words[1:], inline=block.inline))
        for block, words in commands()
        if words[0] == "mlagent" and (len(words) > 1 or not block.inline)
    ]
    wrapper = [
        (str(block), ["run" if len(words) > 1 and " " in words[1] else "", *words[1:]])
        for block, words in commands()
        if words[0] == "./scripts/run"
    ]
    return found + [(place, [word for word in words if word]) for place, words in wrapper]


@pytest.mark.parametrize(
    ("place", "words"), of_mlagent(), ids=lambda value: " ".join(value) if isinstance(value, list) else value
)
def test_every_command_line_is_one_that_the_program_takes(
    place: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "PROJECT").mkdir()
    monkeypatch.chdir(tmp_path)
    wanted = [word for word in words if word not in ("--help", "--version")]
    assert set(words) - set(wanted) <= {"--help", "--version"}
    arguments = parser(_COMMANDS).parse_args(with_command(wanted or ["doctor"]))
    assert arguments.command in _COMMANDS.values()
    if arguments.command is _COMMANDS["run"]:
        assert option_values(arguments, settings.Settings()).goal_text == arguments.goal


def test_the_pages_show_many_command_lines() -> None:
    assert len(of_mlagent()) > 30


def test_the_scripts_that_pages_name_are_there_and_take_the_options_shown() -> None:
    named = [(block, words) for block, words in commands() if re.fullmatch(r"(\./)?scripts/\S+", words[0])]
    assert len(named) > 10
    for block, words in named:
        script = CHECKOUT / words[0]
        assert script.exists(), f"{block}: {words[0]}"
        if script.suffix == ".py":
            text = script.read_text(encoding="utf-8")
            missing = [word for word in words if word.startswith("--") and f'"{word}"' not in text]
            assert not missing, f"{block}: {missing}"


@pytest.mark.parametrize("block", blocks("sh"), ids=str)
def test_a_shell_takes_every_block(block: Block) -> None:
    done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# --- data ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_yaml_is_taken_as_settings(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(block.text, encoding="utf-8")
    loaded = settings.load(file)
    assert loaded.model_fields_set == set(yaml.safe_load(block.text))
    assert keys.problems(loaded.keys) == []


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json_is_json(block: Block) -> None:
    whole = block.text.lstrip().startswith(("{\n", "["))
    assert all(
        isinstance(json.loads(text), dict | list)
        for text in ([block.text] if whole else block.text.splitlines())
    )
