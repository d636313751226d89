"""The real interface with the real engine, the bundled model and a real sandbox, from the goal to the end."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from mlagent_tui import events, paths, presence
from mlagent_tui.tui.app import MlagentApp, Opening
from mlagent_tui.tui.engine import EngineLink, Request
from mlagent_tui.tui.screens.run import RunScreen
from tests.recording import until
from tests.waiting import eventually

pytestmark = pytest.mark.slow

GOAL = "a small CNN for digits, at least 90% accuracy"
CHECKOUT = Path(__file__).parents[2]
CTRL_R = b"\x12"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that the interface is opened in. No engine is left behind in it."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for journal in tmp_path.glob(f"*/{paths.JOURNAL}"):
        if presence.engine_alive(root_of(journal)):
            kill(begun(journal).pid)


def root_of(journal: Path) -> Path:
    return journal.parents[len(Path(paths.JOURNAL).parts) - 1]


def begun(journal: Path) -> events.RunStarted | events.RunResumed:
    """What the engine of now has said of itself."""
    told, _ = events.read(journal)
    return [e for e in told if isinstance(e, events.RunStarted | events.RunResumed)][-1]


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def shown(app: MlagentApp) -> str:
    """The text on the screen."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


def run_screen(app: MlagentApp) -> RunScreen:
    (screen,) = (screen for screen in app.screen_stack if isinstance(screen, RunScreen))
    return screen


async def achieved(pilot: Pilot[int], app: MlagentApp) -> RunScreen:
    """The run screen, once the run has achieved its goal. An engine that ends before that is told at once."""
    screen = run_screen(app)
    try:
        await until(pilot, lambda: screen.state.finished is not None or screen.gone, 200)
        await until(pilot, lambda: screen.state.finished is not None, 5)  # what it wrote last is read
        await until(pilot, lambda: "✔ goal achieved" in shown(app))
    except AssertionError as error:
        raise AssertionError(f"{shown(app)}\n{app.engine.log_tail()}") from error
    return screen


async def started(root: Path, *hold: str) -> EngineLink:
    """An engine at work on the goal."""
    link = EngineLink(root)
    link.start(Request(GOAL, root, hold=hold, iterations=3))
    assert await link.ready(), link.log_tail()
    link.close()
    return link


@pytest.mark.asyncio
async def test_a_goal_is_typed_started_steered_and_watched_to_its_end(desk: Path) -> None:
    app = MlagentApp()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press(*GOAL)
        await until(pilot, lambda: "can start" in str(app.screen.query_one("#state", Static).render()), 100)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(app.screen, RunScreen), 100)
        await pilot.press("s")
        await until(pilot, lambda: app.screen.is_modal)
        await pilot.press(*"use few channels", "enter")
        screen = await achieved(pilot, app)
        state = screen.state
        assert state.goal["threshold"] == 0.9
        assert state.steering == ["use few channels"]
        assert "class CurrentModel" in state.code
        assert state.network.measured
        assert state.best is not None and (state.best.accuracy or 0) >= 0.9
        assert "★ 1" in shown(app)
        root = screen.root
        await until(pilot, lambda: not app.engine.alive())
    assert root.parent == desk
    assert (root / paths.REPORT).is_file()


@pytest.mark.asyncio
async def test_an_engine_that_is_killed_is_told_within_two_seconds_and_can_be_resumed(desk: Path) -> None:
    root = desk / "p"
    link = await started(root, "evaluate")
    app = MlagentApp(Opening(root))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "held before evaluate" in shown(app), 100)
        kill(begun(root / paths.JOURNAL).pid)
        await until(pilot, lambda: "✘ the engine stopped" in shown(app), 2.0)
        assert "[r] resume the run" in shown(app)
        await until(pilot, lambda: link.status() == -signal.SIGKILL)
        await pilot.press("r")
        await until(pilot, lambda: "held before evaluate" in shown(app), 100)
        await pilot.press("p")
        screen = await achieved(pilot, app)
        assert not screen.state.paused
        await until(pilot, lambda: not app.engine.alive())
    told, _ = events.read(root / paths.JOURNAL)
    assert sum(isinstance(event, events.RunResumed) for event in told) == 1


class Terminal:
    """A process in a terminal of its own: a leader of its session, as a shell's window has it."""

    def __init__(self, *command: str, size: tuple[int, int] = (120, 40)) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.output = b""
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        )  # fmt: skip
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with suppress(OSError):
            while data := os.read(self.master, 65536):
                self.output += data

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def wait(self, holds: Callable[[], bool], seconds: float = 100.0) -> None:
        def said() -> str:
            return self.output[-2000:].decode(errors="replace")

        def there() -> bool:
            assert self.process.poll() is None, said()
            return holds()

        eventually(there, seconds, said)

    def kill(self) -> None:
        """The window is closed, and with it what ran in it."""
        self.process.kill()
        self.process.wait()
        self._reader.join()
        os.close(self.master)


@pytest.mark.asyncio
async def test_an_interface_that_is_killed_leaves_the_engine_at_work_and_another_one_attaches(
    desk: Path,
) -> None:
    terminal = Terminal(sys.executable, "-m", "mlagent_tui")
    try:
        terminal.wait(lambda: b"Recent" in terminal.output)
        terminal.type(GOAL.encode())
        terminal.wait(lambda: b"can start" in terminal.output)
        terminal.type(CTRL_R)
        terminal.wait(lambda: any(desk.glob(f"*/{paths.JOURNAL}")))
        (journal,) = desk.glob(f"*/{paths.JOURNAL}")
        root = root_of(journal)
        terminal.wait(lambda: presence.engine_alive(root) and b"1 Plan" in terminal.output)
    finally:
        terminal.kill()
    assert presence.engine_alive(root)
    pid = begun(journal).pid
    app = MlagentApp(Opening(root))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await achieved(pilot, app)
        assert screen.state.pid == pid
        assert screen.state.rows


def test_keys_sent_at_once_are_read_in_order_and_ctrl_z_suspends(desk: Path, home: Path) -> None:
    terminal = Terminal(sys.executable, "-m", "mlagent_tui")
    try:
        terminal.wait(lambda: b"Recent" in terminal.output)
        terminal.type(b"abcd\x7f\x7fxz\x1b[Dy")
        form = home / ".local/state/mlagent/tui.json"
        terminal.wait(lambda: form.is_file() and '"goal": "abxyz"' in form.read_text())
        assert terminal.process.poll() is None
        stopped = Path(f"/proc/{terminal.process.pid}/stat")
        seen = len(terminal.output)
        terminal.type(b"\x1b")  # out of the goal, where Ctrl-Z undoes
        terminal.wait(lambda: b" ? " in terminal.output[seen:])  # a key that a field would take
        terminal.type(b"\x1a")
        terminal.wait(lambda: stopped.read_text().rpartition(")")[2].split()[0] == "T")
        seen = len(terminal.output)
        os.kill(terminal.process.pid, signal.SIGCONT)
        terminal.wait(lambda: b"Planner" in terminal.output[seen:])
    finally:
        terminal.kill()
