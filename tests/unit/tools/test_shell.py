"""`bash_run` and `python_run`: output, failure, limits, approval, and nothing left running."""

from __future__ import annotations

import dataclasses
import threading
import time
from pathlib import Path
from typing import Literal

import pytest

from mlagent_tui import sandbox
from mlagent_tui.errors import Interrupted, ToolError
from mlagent_tui.tools import ToolContext, bash_run, python_run, use_context

confined = pytest.mark.skipif(sandbox.best_level() == "none", reason="this machine offers no sandbox")


def running(marker: str) -> list[str]:
    """The processes of this machine that have `marker` in their command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if marker.encode() in line:
            found.append(line.decode(errors="replace"))
    return found


def test_bash_run_returns_what_was_printed_in_the_root(context: ToolContext) -> None:
    assert bash_run("pwd; echo oops >&2") == f"{context.root}\noops\n"


def test_bash_run_writes_in_the_root(context: ToolContext) -> None:
    bash_run("mkdir -p made && echo text > made/file")
    assert (context.root / "made" / "file").read_text() == "text\n"


def test_a_failure_holds_the_exit_status_and_the_output(context: ToolContext) -> None:
    with pytest.raises(ToolError) as caught:
        bash_run("echo before; exit 7")
    assert "exit status 7" in caught.value.what and "before" in caught.value.what


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
@pytest.mark.parametrize("policy", ["auto", "none"])
@pytest.mark.parametrize("start", ["sleep {m} & sleep {m}", "(bash -c 'sleep {m} & sleep {m}') & wait"])
def test_a_command_that_takes_too_long_ends_with_all_it_started(
    context: ToolContext, start: str, policy: Literal["auto", "none"]
) -> None:
    marker = f"9{time.monotonic_ns() % 10**9}"
    hurried = dataclasses.replace(context, timeout=0.5, sandbox=policy)
    with use_context(hurried), pytest.raises(ToolError, match="longer than"):
        bash_run(start.format(m=marker))
    assert running(f"sleep\0{marker}") == []


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_what_a_finished_command_left_in_the_background_is_ended(context: ToolContext) -> None:
    marker = f"8{time.monotonic_ns() % 10**9}"
    assert bash_run(f"sleep {marker} & echo done") == "done\n"
    assert running(f"sleep\0{marker}") == []


def test_a_cancelled_command_is_an_interruption(context: ToolContext) -> None:
    timer = threading.Timer(0.3, context.cancel.set)
    timer.start()
    with pytest.raises(Interrupted):
        bash_run("sleep 60")
    timer.join()


def test_endless_output_is_capped(context: ToolContext) -> None:
    with use_context(dataclasses.replace(context, timeout=3.0)), pytest.raises(ToolError) as caught:
        bash_run("yes")
    assert len(caught.value.what) < 10_000
    assert len(bash_run("head -c 3000000 /dev/zero | tr '\\0' x")) < 300_000


@confined
def test_a_command_cannot_write_outside_of_the_root_nor_reach_the_network(
    context: ToolContext, tmp_path: Path
) -> None:
    with pytest.raises(ToolError):
        bash_run(f"echo escaped > {tmp_path}/outside")
    assert not (tmp_path / "outside").exists()
    with pytest.raises(ToolError):
        bash_run("exec 3<>/dev/tcp/127.0.0.1/1 || exit 5")


def test_a_command_does_not_see_the_secrets_of_the_environment(
    context: ToolContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "very-secret")
    assert "very-secret" not in bash_run("env")


def test_what_is_not_approved_does_not_run(context: ToolContext) -> None:
    asked = []

    def approve(tool: str, command: str) -> bool:
        asked.append((tool, command))
        return False

    (context.root / "a.py").write_text("print(1)")
    with use_context(dataclasses.replace(context, approve=approve)):
        with pytest.raises(ToolError, match="not approved"):
            bash_run("touch made")
        with pytest.raises(ToolError, match="not approved"):
            python_run("a.py", "two words")
    assert asked == [("bash_run", "touch made"), ("python_run", "python a.py 'two words'")]
    assert not (context.root / "made").exists()


def test_python_run_runs_a_script_of_the_root_under_this_python(context: ToolContext) -> None:
    (context.root / "src").mkdir()
    (context.root / "src" / "a.py").write_text(
        "import sys, pydantic; print(sys.argv[1:], sys.version_info[:2])"
    )
    printed = python_run("src/a.py", "one", "--two=3")
    assert printed.startswith("['one', '--two=3'] (3, ")


def test_python_run_refuses_scripts_outside_and_says_what_fails(context: ToolContext, tmp_path: Path) -> None:
    (tmp_path / "out.py").write_text("print('out')")
    for path in ("../out.py", str(tmp_path / "out.py"), "missing.py", "."):
        with pytest.raises(ToolError):
            python_run(path)
    (context.root / "bad.py").write_text("raise ValueError('bad thing')")
    with pytest.raises(ToolError, match="ValueError: bad thing"):
        python_run("bad.py")


def test_a_nul_in_a_command_is_refused(context: ToolContext) -> None:
    with pytest.raises(ToolError, match="NUL"):
        bash_run("echo \0")
