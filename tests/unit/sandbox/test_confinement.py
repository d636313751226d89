"""Real confined processes that try to get out, at every level this machine offers."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from mlagent_tui.errors import SandboxError
from mlagent_tui.sandbox import Finished, Level, Limits, confine, levels, resolve_level, run, works

LEVELS: tuple[Level, ...] = ("seatbelt",) if sys.platform == "darwin" else ("bubblewrap", "landlock")
ROOMY = Limits(memory_mb=2000)


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> Level:
    chosen: Level = request.param
    if not works(chosen):
        pytest.skip(f"{chosen} does not work on this machine")
    return chosen


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    folder = tmp_path / "inside"
    folder.mkdir()
    return folder


def python(
    code: str, level: Level, inside: Path, *, processes: bool = True, limits: Limits = ROOMY
) -> Finished:
    command = confine([sys.executable, "-c", code], level=level, writable=inside, processes=processes)
    return run(command, seconds=30, limits=limits)


def shell(line: str, level: Level, inside: Path, *, limits: Limits = ROOMY, seconds: float = 30) -> Finished:
    return run(confine(["bash", "-c", line], level=level, writable=inside), seconds=seconds, limits=limits)


def test_it_works_in_the_writable_folder_and_reports_output_and_status(level: Level, inside: Path) -> None:
    done = shell("echo hello > note; cat note; pwd; exit 3", level, inside)
    assert (done.status, done.stopped) == (3, "")
    assert done.output.split() == ["hello", str(inside)]
    assert (inside / "note").read_text() == "hello\n"


def test_nothing_can_be_written_outside(level: Level, inside: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("as it was")
    done = shell(f"echo x > {kept}; echo x > {tmp_path}/new; rm {kept}; echo x > /usr/x", level, inside)
    assert done.status != 0
    assert kept.read_text() == "as it was"
    assert not (tmp_path / "new").exists()


def test_files_of_the_user_cannot_be_read(level: Level, inside: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2")
    (inside / "link").symlink_to(tmp_path / "secret")
    done = shell(f"cat {tmp_path}/secret link /etc/shadow; ls {Path.home()}", level, inside)
    assert done.status != 0
    assert "hunter2" not in done.output


def test_a_readable_folder_can_be_read_and_not_written(level: Level, inside: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "set").write_text("images")
    command = confine(
        ["bash", "-c", f"cat {data}/set; echo x > {data}/set"], level=level, writable=inside, readable=[data]
    )
    done = run(command, seconds=30, limits=ROOMY)
    assert done.output.startswith("images")
    assert (data / "set").read_text() == "images"


def test_secrets_of_the_environment_are_not_there(
    level: Level, inside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_TOKEN", "hunter2")
    done = shell(f"env; tr '\\0' '\\n' < /proc/{os.getpid()}/environ", level, inside)
    assert "PATH=" in done.output
    assert "hunter2" not in done.output


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"])
def test_no_socket_can_be_opened(level: Level, inside: Path, family: str) -> None:
    done = python(f"import socket; socket.socket(socket.{family}); print('open')", level, inside)
    assert done.status != 0
    assert "PermissionError" in done.output


def test_without_processes_none_can_be_started_but_threads_can(level: Level, inside: Path) -> None:
    code = """
import os, subprocess, threading
thread = threading.Thread(target=print, args=("a thread",)); thread.start(); thread.join()
for start in (os.fork, lambda: subprocess.run(["true"]), lambda: os.posix_spawn("/bin/true", ["true"], {})):
    try:
        start(); print("started")
    except OSError as error:
        print("refused")
"""
    done = python(code, level, inside, processes=False)
    assert done.output.splitlines() == ["a thread", "refused", "refused", "refused"]


def test_without_processes_nobody_else_can_be_killed(level: Level, inside: Path) -> None:
    code = f"""
import os
try:
    os.kill({os.getpid()}, 0)
except OSError:
    print("refused", flush=True)
os.kill(os.getpid(), 9)
"""
    done = python(code, level, inside, processes=False)
    assert done.output.strip() == "refused"
    assert done.status in (-9, 137)  # itself it may


def test_too_much_memory_is_stopped_and_named(level: Level, inside: Path) -> None:
    done = python("x = bytearray(1 << 30)\nwhile True: pass", level, inside, limits=Limits(memory_mb=300))
    assert "out of memory" in done.stopped
    assert "300 MB" in done.stopped


def test_too_many_processes_are_stopped_and_nobody_survives(level: Level, inside: Path) -> None:
    # 200 and not without end: what a true bomb does to a busy machine is no test's business
    many = "echo $$ > pid; for i in $(seq 200); do sleep 60 & done; sleep 60"
    done = shell(many, level, inside, limits=Limits(2000, tasks=60))
    assert "too many processes" in done.stopped
    assert not survivors(inside)


@pytest.mark.skipif(os.getuid() == 0, reason="the kernel exempts root")
def test_a_user_can_start_only_so_many(level: Level, inside: Path) -> None:
    code = "import os, time\nfor _ in range(200):\n    if not os.fork(): time.sleep(60)"
    command = confine([sys.executable, "-c", code], level=level, writable=inside, tasks=50)
    assert "BlockingIOError" in run(command, seconds=30, limits=ROOMY).output


def test_too_much_disk_is_stopped_and_named(level: Level, inside: Path) -> None:
    done = shell("head -c 30000000 /dev/zero > big; sleep 60", level, inside, limits=Limits(2000, disk_mb=10))
    assert "too much disk" in done.stopped


def test_what_lay_in_the_folder_before_does_not_count(level: Level, inside: Path) -> None:
    (inside / "old").write_bytes(b"x" * 3_000_000)
    done = shell("sleep 1.5", level, inside, limits=Limits(2000, disk_mb=1))
    assert (done.status, done.stopped) == (0, "")


def test_a_loop_without_end_is_stopped_in_time(level: Level, inside: Path) -> None:
    started = time.monotonic()
    done = shell("while :; do :; done", level, inside, seconds=0.5)
    assert done.stopped == "took longer than 0.5 seconds"
    assert time.monotonic() - started < 20


def test_what_runs_on_in_the_background_ends_with_the_command(level: Level, inside: Path) -> None:
    done = shell("setsid sleep 600 & (sleep 601 &) ; nohup sleep 602 & echo started", level, inside)
    assert "started" in done.output
    assert not survivors(inside)


def test_a_command_that_closes_its_output_is_still_waited_for(level: Level, inside: Path) -> None:
    done = shell("echo said; exec >&- 2>&-; sleep 0.5; exit 5", level, inside)
    assert (done.status, done.output, done.stopped) == (5, "said\n", "")


def test_it_can_be_cancelled(level: Level, inside: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    command = confine(["sleep", "600"], level=level, writable=inside)
    assert run(command, seconds=60, limits=ROOMY, cancel=cancel).stopped == "cancelled"


def test_output_is_capped_and_says_so(level: Level, inside: Path) -> None:
    command = confine(["bash", "-c", "head -c 3000000 /dev/zero | tr '\\0' x"], level=level, writable=inside)
    done = run(command, seconds=60, limits=ROOMY, output_bytes=1000)
    assert done.output == "x" * 1000 + "\n[2999000 more bytes]"


def test_git_hooks_cannot_be_planted(inside: Path) -> None:
    if not works("bubblewrap"):
        pytest.skip("bubblewrap does not work on this machine")
    (inside / ".git" / "hooks").mkdir(parents=True)
    assert shell("echo evil > .git/hooks/pre-commit", "bubblewrap", inside).status != 0


def test_a_required_sandbox_that_is_missing_is_refused_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "best_level", lambda: "none")
    assert resolve_level("auto") == "none"
    with pytest.raises(SandboxError, match="bubblewrap"):
        resolve_level("required")


def test_a_level_that_confines_nothing_is_not_said_to_work() -> None:
    assert not works("none")


def survivors(inside: Path) -> list[str]:
    """Processes whose working directory is still in the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if Path(os.readlink(entry / "cwd")) == inside:
                    found.append((entry / "cmdline").read_text())
            except OSError:
                continue
    return found


def test_removed_files_that_are_still_open_count_as_disk(level: Level, inside: Path) -> None:
    code = """
import os, time
kept = []
for index in range(4):
    kept.append(open(f"f{index}", "wb"))
    os.unlink(f"f{index}")
    kept[-1].write(bytes(8 << 20)); kept[-1].flush()
time.sleep(60)
"""
    done = python(code, level, inside, processes=False, limits=Limits(2000, disk_mb=20))
    assert "too much disk" in done.stopped and "removed files" in done.stopped


def test_many_small_files_are_stopped_and_named(level: Level, inside: Path) -> None:
    done = shell("mkdir d; touch d/{1..300}; sleep 60", level, inside, limits=Limits(2000, files=200))
    assert "too many files" in done.stopped


def test_folders_too_deep_to_be_counted_are_stopped(level: Level, inside: Path) -> None:
    code = (
        "import os, time\nfor _ in range(40):\n    os.mkdir('d' * 200); os.chdir('d' * 200)\ntime.sleep(60)"
    )
    done = python(code, level, inside)
    assert "inside one another" in done.stopped


def test_shared_memory_that_nobody_has_mapped_counts(level: Level, inside: Path) -> None:
    code = """
import mmap, time
area = mmap.mmap(-1, 160 << 20)  # of no file, shared
for at in range(0, len(area), 8 << 20):
    area[at : at + (8 << 20)] = bytes(8 << 20)
    area.madvise(mmap.MADV_DONTNEED)  # no longer resident in the process, and still there
time.sleep(60)
"""
    done = python(code, level, inside, limits=Limits(memory_mb=120))
    assert "shared memory" in done.stopped


def test_everyday_commands_work(level: Level, inside: Path) -> None:
    line = """set -e
    python -c 'import subprocess as s, multiprocessing as m; s.run(["echo", "program"]);
p = m.get_context("fork").Process(target=print, args=("process",)); p.start(); p.join()'
    echo text > a; tar cf a.tar a; mkdir b; tar xf a.tar -C b; mv b/a c; rm a; cat <(cat c)
    python -m pip config list > /dev/null
    if command -v git > /dev/null; then
        git init -q .; git add c
        git -c user.name=a -c user.email=a@b commit -qm message; git log --format=%s
    else echo message; fi"""
    done = shell(line, level, inside)
    assert (done.status, done.output.split()) == (0, ["program", "process", "text", "message"]), done.output
