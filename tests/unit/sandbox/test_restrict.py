"""Children forked from one confined process and restricted: none reaches another, or the parent."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from mlagent_tui import paths
from mlagent_tui.sandbox import LEVELS, Level, Limits, confine, run, works

PROGRAM = """
import json, os, signal, sys, threading
from mlagent_tui.sandbox import launch
launch.hide()
template, results = os.getpid(), {}
def tell(name, act):
    try:
        act()
        results[name] = "done"
    except OSError:
        results[name] = "refused"
def forked(folder, body):
    os.mkdir(folder)
    pid = os.fork()
    if not pid:
        launch.restrict(writable=[os.path.abspath(folder)], parent=template)
        os.chdir(folder)
        body()
        os._exit(0)
    return pid
def attack(other, name):
    for part, mode in (("mem", "r+b"), ("mem", "rb"), ("environ", "rb"), ("maps", "rb")):
        tell(f"{name} {part} {mode}", lambda: open(f"/proc/{other}/{part}", mode).read(1))
    tell(f"{name} signal", lambda: os.kill(other, 0))
def second():
    attack(sibling, "sibling")
    attack(template, "template")
    tell("sibling's folder", lambda: open("../first/x", "w"))
    tell("template's folder", lambda: open("../x", "w"))
    tell("fork", os.fork)
    tell("exec", lambda: os.execv("/bin/true", ["true"]))
    tell("own folder", lambda: open("x", "w").write("x"))
    tell("rename", lambda: os.rename("x", "y"))
    tell("own memory", lambda: open("/proc/self/maps").read() if template == 2 else None)
    tell("signal itself", lambda: os.kill(os.getpid(), 0))
    tell("thread", lambda: threading.Thread(target=int).start())
    print(json.dumps(results), flush=True)
held, let_go = os.pipe()
sibling = forked("first", lambda: os.read(held, 1))
os.waitpid(forked("second", second), 0)
os.write(let_go, b"x")
os.waitpid(sibling, 0)
"""
ALLOWED = {"own folder", "rename", "own memory", "signal itself", "thread"}


@pytest.mark.skipif(sys.platform != "linux", reason="on Linux only")
@pytest.mark.parametrize("level", LEVELS)
def test_children_of_one_process_cannot_reach_one_another(level: Level, tmp_path: Path) -> None:
    if not works(level):
        pytest.skip(f"{level} does not work on this machine")
    package = paths.package_file()
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / package.name).symlink_to(package)
    site = [Path(place) for place in sys.path if place.endswith("site-packages")]
    command = confine(
        [sys.executable, "-c", PROGRAM], level=level, writable=tmp_path, readable=[package, *site],
        env={"PYTHONPATH": str(tmp_path / "lib")},
    )  # fmt: skip
    done = run(command, seconds=60, limits=Limits(memory_mb=1000))
    results = json.loads(done.output)
    assert {name for name, said in results.items() if said == "done"} == ALLOWED
    assert len(results) == len(ALLOWED) + 14
