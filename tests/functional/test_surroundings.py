"""Commands where something around them is missing: a home, a disk, a stream, a reader."""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import mlagent_tui
from mlagent_tui import workspace
from tests.small_project import make

GOAL = "a small network for the digits, at least 95% accuracy"
PACKAGE = Path(mlagent_tui.__file__).parent
NOBODY = 54321
"""A user id that the system has no entry for."""

COMMANDS: dict[str, tuple[list[str], tuple[int, ...]]] = {
    "help": (["--help"], (0,)),
    "models": (["models"], (0,)),
    "check": (["run", GOAL, "--check"], (0, 2)),
    "runs": (["runs", "P"], (0,)),
    "report": (["report", "P"], (0, 1)),
    "missing": (["runs", "nowhere"], (1,)),
}
"""Each with the exit statuses that it may have."""

# May read everything: Python itself often lies in root's home folder.
AS_NOBODY = (
    "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
    "--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search",
)  # fmt: skip


def can_be_nobody() -> bool:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return False
    return subprocess.run([*AS_NOBODY, "true"], capture_output=True, check=False).returncode == 0


root_only = pytest.mark.skipif(not can_be_nobody(), reason="only root can be another user")


def environment(**changes: str | None) -> dict[str, str]:
    """The tests' own with `changes`; None takes a variable away."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    del kept["MPLCONFIGDIR"]
    kept |= {"PYTHONPATH": str(PACKAGE.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    kept |= {name: value for name, value in changes.items() if value is not None}
    return {name: value for name, value in kept.items() if changes.get(name, "") is not None}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the project P, open to everybody."""
    make(tmp_path)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o777)
    for path in tmp_path.rglob("*"):
        path.chmod(0o777)
    return tmp_path


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "mlagent_tui", *arguments]


def in_order(done: subprocess.CompletedProcess[str], statuses: tuple[int, ...]) -> None:
    """It worked, or said what is wrong in the form of all errors."""
    assert "Traceback" not in done.stderr
    assert "Unexpected error" not in done.stderr
    assert done.returncode in statuses, done.stderr
    if done.returncode == 1:
        assert done.stderr.startswith("mlagent: ")


ENVIRONMENTS: dict[str, Mapping[str, str | None]] = {
    "no HOME": {"HOME": None, "TMPDIR": None},
    "HOME=/": {"HOME": "/"},
    "an unknown home": {"HOME": "/nonexistent"},
    "no TMPDIR folder": {"TMPDIR": "/nonexistent"},
    "LANG=C": {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "an ASCII terminal": {"PYTHONIOENCODING": "ascii"},
}


@root_only
@pytest.mark.parametrize("around", ENVIRONMENTS)
def test_every_command_works_or_says_what_is_wrong_for_a_user_without_an_entry(
    around: str, project: Path
) -> None:
    commands = COMMANDS if around == "no HOME" else {"check": COMMANDS["check"]}
    for arguments, statuses in commands.values():
        done = subprocess.run(
            [*AS_NOBODY, *command(*arguments)], cwd=project, env=environment(**ENVIRONMENTS[around]),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        in_order(done, statuses)
    assert not (project / "~").exists()


@pytest.mark.parametrize("around", [
    {"PYTHONIOENCODING": "latin-1"}, {"PYTHONIOENCODING": "ascii:strict"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
])  # fmt: skip
def test_marks_that_an_encoding_lacks_are_written_as_escapes(around: dict[str, str]) -> None:
    code = "import sys\nfrom mlagent_tui import streams\nstreams.prepare()\n"
    code += "print(chr(0x2714)); streams.put(sys.stderr, chr(0x2714))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(**around), capture_output=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == (b"\\u2714\n", b"\\u2714")


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_closed_stream_is_no_reason_to_fail(number: int, project: Path) -> None:
    for arguments, statuses in (COMMANDS["runs"], COMMANDS["missing"]):
        streams = {name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")}
        del streams[("stdin", "stdout", "stderr")[number]]
        shell = f'exec "$@" {number}{"<" if number == 0 else ">"}&-'
        done = subprocess.run(
            ["sh", "-c", shell, "sh", *command(*arguments)], cwd=project, env=environment(), text=True,
            stdout=streams.get("stdout"), stderr=streams.get("stderr"), input="" if number else None,
            timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode in statuses
        assert "Traceback" not in (done.stderr or "")
    assert json.loads((project / "P/experiments/registry.json").read_text())


@pytest.mark.parametrize("arguments", [["--help"], ["report", "P"]])
def test_a_reader_that_has_seen_enough_is_no_error(arguments: list[str], project: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        command(*arguments), cwd=project, env=environment(), stdout=writing, stderr=subprocess.PIPE,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
@pytest.mark.parametrize("arguments", [["--help"], ["report", "P"]])
def test_output_to_a_full_disk_is_an_error_in_one_line(arguments: list[str], project: Path) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            command(*arguments), cwd=project, env=environment(), stdout=full, stderr=subprocess.PIPE,
            text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "mlagent: File system: the disk is full"


def test_a_current_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    shell = 'rmdir "$PWD" && exec "$@"'
    done = subprocess.run(
        ["sh", "-c", shell, "sh", *command("run", GOAL)], cwd=gone, env=environment(), capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "the current folder no longer exists" in done.stderr


def test_home_folders_are_asked_for_in_one_place() -> None:
    users = {
        file.relative_to(PACKAGE).as_posix()
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and (node.attr == "expanduser" or (node.attr == "home" and ast.unparse(node.value) == "Path"))
    }
    assert users == {"paths.py"}


# --- a run ----------------------------------------------------------------------------------------------


def end_by(how: Callable[[subprocess.Popen[str]], None], folder: Path, *more: str) -> tuple[int, str]:
    """Start a run, wait for its first event, do `how`; its exit status and what it said to stderr."""
    run = subprocess.Popen(
        command("run", GOAL, "--project", "run", "--events", "jsonl", *more), cwd=folder,
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=_heeds_a_closed_terminal,
    )  # fmt: skip
    assert run.stdout
    assert run.stderr
    try:
        assert "run_started" in run.stdout.readline()
        how(run)
        said = run.stderr.read()
        return run.wait(60), said
    finally:
        run.kill()
        run.stdout.close()
        run.stderr.close()
        run.wait()


def _heeds_a_closed_terminal() -> None:
    """The tests themselves may run under `nohup`."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def test_a_run_whose_reader_is_gone_stops_and_can_be_resumed(tmp_path: Path) -> None:
    def leave(run: subprocess.Popen[str]) -> None:
        assert run.stdout
        run.stdout.close()

    status, said = end_by(leave, tmp_path)
    assert status == 130
    assert said.startswith("mlagent: Output: the program that read the output has ended\n")
    assert "mlagent resume run" in said
    assert workspace.last_saved(mlagent_tui.paths.Layout(tmp_path / "run")) is not None


def test_a_closed_terminal_ends_a_run_in_good_order(tmp_path: Path) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    os.environ["TMPDIR"] = str(place)
    try:
        status, said = end_by(lambda run: run.send_signal(signal.SIGHUP), tmp_path)
    finally:
        del os.environ["TMPDIR"]
    assert status == 130, said
    saved = workspace.last_saved(mlagent_tui.paths.Layout(tmp_path / "run"))
    assert saved
    assert saved.finished
    assert saved.finished.outcome == "interrupted"
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_every_command_removes_its_temporary_folders_when_it_is_ended(number: int, tmp_path: Path) -> None:
    held = "import signal, sys; from mlagent_tui import cli, temporary\n"
    held += "def wait(_):\n    with temporary.folder('x'):\n        print(flush=True); signal.pause()\n"
    held += "cli._COMMANDS['doctor'] = wait; sys.exit(cli.main(['doctor']))"
    process = subprocess.Popen(
        [sys.executable, "-c", held], env=environment(TMPDIR=str(tmp_path)), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, preexec_fn=_heeds_a_closed_terminal,
    )  # fmt: skip
    assert process.stdout
    process.stdout.readline()
    assert list(tmp_path.iterdir()) != []
    process.send_signal(number)
    assert process.communicate(timeout=60) == (b"", b"")
    assert (process.returncode, list(tmp_path.iterdir())) == (128 + number, [])


@pytest.mark.skipif(sys.platform != "linux", reason="finds the server's process as Linux tells it")
def test_ctrl_c_ends_a_run_whose_model_server_hangs(tmp_path: Path) -> None:
    servers: list[Path] = []

    def hang(run: subprocess.Popen[str]) -> None:
        started = Path(f"/proc/{run.pid}/task")
        while not servers:
            children = {pid for list_ in started.glob("*/children") for pid in list_.read_text().split()}
            found = [Path("/proc") / pid for pid in children]
            servers.extend(p for p in found if b"mlagent_tui.llm.server" in (p / "cmdline").read_bytes())
        os.kill(int(servers[0].name), signal.SIGSTOP)
        run.send_signal(signal.SIGINT)

    status, said = end_by(hang, tmp_path)
    assert status == 130, said
    assert "Traceback" not in said
    assert not servers[0].exists()
