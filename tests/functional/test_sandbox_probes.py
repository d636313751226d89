"""Small hostile programs, each trying one thing, at every level: as a trial worker and as a command.

None would change the machine if it went through: files are opened and not written, a name is set to itself.
The calls that would are evaluated, not made, in `tests/unit/sandbox/test_filter.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlagent_tui.sandbox import LEVELS, Level, Limits, confine, run, works

Results = dict[str, str]

# What is tried: `other` is a process of the same user with a secret in its environment, `call` makes a system
# call by its numbers on x86-64 and 64-bit Arm.
PROBES = {
    "read the environment of another process": "open(f'/proc/{other}/environ', 'rb').read()",
    "see the command line of another process": "open(f'/proc/{other}/cmdline', 'rb').read()",
    "open the memory of another process": "open(f'/proc/{other}/mem', 'r+b')",
    "open the memory of process 1": "open('/proc/1/mem', 'r+b')",
    "read the memory of process 1": "open('/proc/1/mem', 'rb')",
    "debug (ptrace)": "call(101, 117, 0, 0, 0, 0)",
    "read memory (process_vm_readv)": "call(310, 270, os.getpid(), None, 0, None, 0, 0)",
    "signal another process": "os.kill(other, 0)",
    "change a limit of another process": "resource.prlimit(other, resource.RLIMIT_CORE)",
    "open core_pattern for writing": "open('/proc/sys/kernel/core_pattern', 'r+b')",
    "open sysrq-trigger for writing": "open('/proc/sysrq-trigger', 'r+b')",
    "lower oom_score_adj": "open('/proc/self/oom_score_adj', 'w').write('999')",
    "raise the priority (nice -5)": "os.nice(-5)",
    "set the host name to itself": "call(170, 161, os.uname().nodename.encode(), len(os.uname().nodename))",
    "socket AF_INET": "socket.socket(socket.AF_INET)",
    "socket AF_INET6": "socket.socket(socket.AF_INET6)",
    "socket AF_UNIX": "socket.socket(socket.AF_UNIX)",
    "socket AF_NETLINK": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "socket AF_VSOCK": "socket.socket(40, socket.SOCK_STREAM)",
    "socket AF_ALG": "socket.socket(38, socket.SOCK_SEQPACKET)",
    "a pair of datagram sockets": "socket.socketpair(type=socket.SOCK_DGRAM)",
    "memory without a name (memfd_create)": "os.memfd_create('x')",
    "System V shared memory": "call(29, 194, 0, 4096, 0o1600)",
    "System V semaphores": "call(64, 190, 0, 1, 0o1600)",
    "System V messages": "call(68, 186, 0, 0o1600)",
    "leave the session (setsid)": "os.setsid()",
    "leave the process group": "os.setpgid(0, 0)",
    "outlive the engine (clear PDEATHSIG)": "prctl(1, 0)",
    "hide its files (PR_SET_DUMPABLE)": "prctl(4, 0)",
    "new user namespace": "call(272, 97, 0x10000000)",
    "enter a namespace": "call(308, 268, -1, 0)",
    "mount": "call(165, 40, b'none', b'/nowhere', b'tmpfs', 0, None)",
    "change the root": "os.chroot('/')",
    "kernel keys": "call(250, 219, 0, -2, 0)",
    "io_uring": "call(425, 425, 1, ctypes.create_string_buffer(256))",
    "bpf": "call(321, 280, -1, None, 0)",
    "perf_event_open": "call(298, 241, None, 0, -1, -1, 0)",
    "userfaultfd": "call(323, 282, 1)",
    "personality": "call(135, 92, 0xFFFFFFFF)",
    "become another user": "os.setuid(os.getuid())",
    "make a file that runs as its owner": "open('own', 'w'); os.chmod('own', 0o4755)",
    "write outside of its folder": "open(outside + '/new', 'w')",
    "write to /usr": "os.open('/usr/lib/os-release', os.O_WRONLY)",
    "read a file of the user": "open(outside + '/secret').read()",
    "read it through a link": "os.symlink(outside + '/secret', 'link'); open('link').read()",
    "read ssh keys": "os.listdir(os.path.join(home, '.ssh'))",
    "list the home folder": "os.listdir(home)",
    "read /etc/shadow": "open('/etc/shadow').read()",
    "open a disk": "os.listdir('/dev/disk') or open('/dev/vda', 'rb')",
}  # fmt: skip
# These go through where a plan's command runs, which may start processes, and are refused to trial workers.
OF_COMMANDS = {
    "start a process": "os.waitpid(os.posix_spawn('/bin/true', ['true'], {}), 0)",
    "a pair of sockets": "socket.socketpair()",
    "shared memory of no file (counted)": "mmap.mmap(-1, 4096)",
}
PROGRAM = """
import ctypes, errno, json, mmap, os, resource, socket, sys
probes, other, outside, home = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
def call(x86, arm, *arguments):
    number = x86 if os.uname().machine == "x86_64" else arm
    checked(libc.syscall(ctypes.c_long(number), *arguments))
def prctl(option, value):
    checked(libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0))
REFUSED = (errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOSYS)
MISSING = (errno.ENOENT, errno.ESRCH)
results = {}
for name, code in probes.items():
    try:
        exec(code)
        results[name] = "done"
    except OSError as error:
        missing = "not there" if error.errno in MISSING else f"error {error.errno}"
        results[name] = "refused" if error.errno in REFUSED else missing
print(json.dumps(results))
"""


@pytest.fixture(scope="module", params=LEVELS)
def tried(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Level, Results, Results]]:
    """The level; what a trial worker got; what a command got."""
    level: Level = request.param
    if not works(level) or sys.platform != "linux":
        pytest.skip(f"{level} does not work on this machine")
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret").write_text("hunter2")
    (outside / ".ssh").mkdir()
    environment = {**os.environ, "API_KEY": "hunter2"}
    with subprocess.Popen(["cat", "-", "marker"], stdin=subprocess.PIPE, env=environment) as other:
        told = json.dumps([PROBES | OF_COMMANDS, other.pid, str(outside), str(outside)])
        results = []
        for processes in (False, True):
            argv = [sys.executable, "-I", "-c", PROGRAM, told]
            folder = tmp_path_factory.mktemp("inside")
            command = confine(argv, level=level, writable=folder, processes=processes)
            done = run(command, seconds=60, limits=Limits(memory_mb=500))
            assert done.output.startswith("{"), done
            results.append(json.loads(done.output))
        other.kill()
    assert not (outside / "new").exists()
    yield level, results[0], results[1]


@pytest.mark.parametrize("probe", PROBES)
def test_it_is_refused(tried: tuple[Level, Results, Results], probe: str) -> None:
    level, worker, command = tried
    expected = {"refused", "not there"}
    assert {worker[probe], command[probe]} <= expected, (level, worker[probe], command[probe])


@pytest.mark.parametrize("probe", OF_COMMANDS)
def test_only_a_command_may(tried: tuple[Level, Results, Results], probe: str) -> None:
    _, worker, command = tried
    assert (worker[probe], command[probe]) == ("refused", "done")


def test_the_documentation_names_every_probe() -> None:
    page = Path(__file__, "../../../docs/security.md").resolve().read_text()
    for probe in PROBES:
        assert f"| {probe} | refused | refused |" in page, probe
    for probe in OF_COMMANDS:
        assert f"| {probe} | refused | allowed |" in page, probe
