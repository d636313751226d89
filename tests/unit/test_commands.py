"""Commands through the project's socket: the real socket, the real lock."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from mlagent_tui import commands, workspace
from mlagent_tui.commands import (
    Approve,
    Branch,
    Command,
    EditCode,
    EditConfig,
    Listener,
    Pause,
    Ping,
    Reply,
    Rerun,
    Resume,
    Steer,
    Stop,
    send,
)
from mlagent_tui.errors import ProjectError
from mlagent_tui.experiments import Project
from mlagent_tui.presence import engine_alive
from tests.waiting import eventually

EVERY: list[Command] = [
    Pause(), Resume(), Stop(), Stop(when="now"), Steer(text="größer \x1b[2J"), EditConfig(config={"a": [1]}),
    EditCode(code="x = 1\n" * 20_000), Approve(id="1", allowed=True), Branch(run_id="qe_1"),
    Rerun(run_id="qe_1", seed=3), Rerun(run_id="qe_1"), Ping(),
]  # fmt: skip


def project(folder: Path) -> Path:
    workspace.prepare(folder)
    return folder


def echo(command: Command) -> Reply:
    return Reply(ok=True, message=command.model_dump_json())


def raw(root: Path, data: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection, commands._reachable(root) as name:
        connection.settimeout(10)
        connection.connect(name)
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_every_command_arrives_as_it_was_sent(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    with Listener(root, echo):
        for command in EVERY:
            assert send(root, command).message == command.model_dump_json()


def test_only_its_owner_can_open_the_socket_and_it_goes_with_the_listener(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    with Listener(root, echo) as listener:
        assert stat.S_IMODE((root / "experiments/.socket").stat().st_mode) == 0o600
        listener.close()
    assert not (root / "experiments/.socket").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_is_turned_away_by_the_socket_itself_and_behind_it(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    for folder in (*reversed(root.parents), root, root / "experiments"):
        if folder.is_relative_to(tmp_path.parents[1]):
            folder.chmod(0o755)
    code = f"""
import os, socket
os.setuid(65534)
connection = socket.socket(socket.AF_UNIX)
try:
    connection.connect({str(root / "experiments/.socket")!r})
except PermissionError:
    print("refused")
else:
    try:
        connection.sendall(b'{{"type":"ping"}}\\n')
        print(connection.recv(100) or "nothing")
    except OSError:
        print("nothing")
"""
    taken: list[Command] = []

    def take(command: Command) -> Reply:
        taken.append(command)
        return Reply(ok=True)

    with Listener(root, take):
        told = []
        for mode in (0o600, 0o666):
            (root / "experiments/.socket").chmod(mode)
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
            told.append(done.stdout.strip())
    assert told == ["refused", "nothing"]
    assert taken == []


def test_a_project_with_a_very_long_path_can_be_told_things(tmp_path: Path) -> None:
    root = project(tmp_path / ("x" * 120) / ("y" * 120) / "p")
    with Listener(root, echo):
        assert send(root, Ping()).ok
    assert not list((root / "experiments").glob(".s*"))


def test_a_socket_left_by_a_killed_engine_is_no_engine_and_is_replaced(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    with socket.socket(socket.AF_UNIX) as dead, commands._reachable(root) as name:
        dead.bind(name)
    with pytest.raises(ProjectError, match="no engine is running") as error:
        send(root, Ping())
    assert f"mlagent {root}" in error.value.remedy
    with Listener(root, echo):
        assert send(root, Ping()).ok


def test_what_is_no_socket_is_not_removed(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    (root / "experiments/.socket").write_text("mine")
    with pytest.raises(ProjectError, match="no commands can be received"):
        Listener(root, echo)
    assert (root / "experiments/.socket").read_text() == "mine"


@pytest.mark.parametrize(
    ("line", "said"),
    [(b"nonsense\n", "JSON"), (b'{"type":"dance"}\n', "dance"), (b'{"type":"steer","text":""}\n', "text"),
     (b'{"type":"pause","now":1}\n', "now"), (b"", "JSON")],
)  # fmt: skip
def test_what_is_no_command_is_answered_in_words_and_never_taken(
    tmp_path: Path, line: bytes, said: str
) -> None:
    root = project(tmp_path / "p")
    taken: list[Command] = []

    def take(command: Command) -> Reply:
        taken.append(command)
        return Reply(ok=True)

    with Listener(root, take):
        reply = Reply.model_validate_json(raw(root, line))
    assert not reply.ok
    assert said in reply.message
    assert taken == []


def test_a_line_without_end_is_cut_off_and_the_next_command_still_taken(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    with Listener(root, echo):
        with suppress(ConnectionError):  # it is closed in the middle of this, or after it
            assert raw(root, b"x" * (commands.MAX_LINE + 2**20)) == b""
        assert send(root, Ping()).ok


def test_a_command_that_takes_long_keeps_no_other_waiting(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    stopped = threading.Event()

    def take(command: Command) -> Reply:
        if isinstance(command, Stop):
            stopped.set()
        return Reply(ok=stopped.wait(20))

    replies: list[Reply] = []
    with Listener(root, take):
        slow = threading.Thread(target=lambda: replies.append(send(root, EditCode(code="x"))))
        slow.start()
        assert send(root, Stop(when="now")).ok
        slow.join()
    assert replies[0].ok


def test_an_engine_that_does_not_answer_is_said_to_be_busy(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    let_go = threading.Event()
    with Listener(root, lambda command: Reply(ok=let_go.wait(20))):
        with pytest.raises(ProjectError, match="does not answer"):
            send(root, Ping(), timeout=0.05)
        let_go.set()


def test_an_engine_that_ends_before_it_answers_is_said_to_have_ended(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    with (
        socket.socket(socket.AF_UNIX) as engine,
        commands._reachable(root) as name,
        ThreadPoolExecutor(1) as pool,
    ):
        engine.bind(name)
        engine.listen()
        sent = pool.submit(send, root, Ping())
        engine.accept()[0].close()
        with pytest.raises(ProjectError, match="ended before it answered"):
            sent.result(10)


def test_a_defect_is_said_to_be_one_and_the_next_command_still_taken(tmp_path: Path) -> None:
    root = project(tmp_path / "p")

    def take(command: Command) -> Reply:
        if isinstance(command, Pause):
            raise KeyError("oops")
        return Reply(ok=True)

    with Listener(root, take):
        reply = send(root, Pause())
        assert (reply.ok, reply.message) == (False, "KeyError: 'oops'")
        assert "defect" in reply.remedy
        assert send(root, Ping()).ok


def test_an_engine_is_alive_exactly_while_it_holds_the_project(tmp_path: Path) -> None:
    assert not engine_alive(tmp_path / "nowhere")
    root = project(tmp_path / "p")
    assert not engine_alive(root)
    with Project(root):
        assert engine_alive(root)
    assert not engine_alive(root)


def test_looking_whether_an_engine_is_alive_never_keeps_one_from_starting(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    Project(root).close()
    over = threading.Event()
    looks = 0

    def look() -> None:
        nonlocal looks
        while not over.is_set():
            engine_alive(root)
            looks += 1

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        eventually(lambda: looks)
        for _ in range(30):
            Project(root).close()  # raises where a look holds the lock
    finally:
        over.set()
        watcher.join()
    assert looks


def held_by_another(root: Path, then: Callable[[subprocess.Popen[str]], None]) -> None:
    code = f"""
import sys
from pathlib import Path
from mlagent_tui.commands import Listener, Reply
from mlagent_tui.experiments import Project
from mlagent_tui.presence import engine_alive
with Project(Path({str(root)!r})), Listener(Path({str(root)!r}), lambda command: Reply(ok=True)):
    print("ready", flush=True)
    sys.stdin.read()
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as engine:
        assert engine.stdout is not None
        assert engine.stdout.readline() == "ready\n"
        then(engine)


def test_an_engine_that_is_killed_is_known_to_be_gone_at_once(tmp_path: Path) -> None:
    root = project(tmp_path / "p")

    def kill(engine: subprocess.Popen[str]) -> None:
        assert engine_alive(root)
        assert send(root, Ping()).ok
        engine.kill()
        engine.wait()
        assert not engine_alive(root)
        with pytest.raises(ProjectError, match="no engine is running"):
            send(root, Ping())

    held_by_another(root, kill)
