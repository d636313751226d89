"""The seccomp filters, run by a small interpreter: also for machines and calls that no test may try."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from mlagent_tui.sandbox import syscalls
from mlagent_tui.sandbox.launch import seccomp_program

ALLOW, KILL, EPERM, ENOSYS, EOPNOTSUPP = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026, 0x0005005F
THREAD, NEW_USER, VM = 0x10000, 0x10000000, 0x100
PID = 4242
MACHINES = sorted(syscalls.MACHINES)
COUNT = 600  # more calls than any kernel has
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
# Numbers of x86-64 and 64-bit Arm. What they do could change or spy on the machine, or escape the watch.
DANGEROUS = {
    "socket": (41, 198), "ptrace": (101, 117), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "kcmp": (312, 272), "setsid": (112, 157), "setpgid": (109, 154),
    "unshare": (272, 97), "setns": (308, 268),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "swapon": (167, 224), "swapoff": (168, 225), "reboot": (169, 142), "sethostname": (170, 161),
    "setdomainname": (171, 162), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "adjtimex": (159, 171), "clock_adjtime": (305, 266), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "acct": (163, 89), "syslog": (103, 116), "quotactl": (179, 60),
    "iopl": (172, -1), "ioperm": (173, -1), "modify_ldt": (154, -1), "vhangup": (153, 58),
    "personality": (135, 92), "open_by_handle_at": (304, 265), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "add_key": (248, 217),
    "request_key": (249, 218), "keyctl": (250, 219), "shmget": (29, 194), "shmat": (30, 196),
    "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180), "memfd_create": (319, 279),
    "ioprio_set": (251, 30), "migrate_pages": (256, 238), "move_pages": (279, 239), "sendmsg": (46, 211),
    "sendmmsg": (307, 269), "fanotify_init": (300, 262), "setuid": (105, 146), "setgid": (106, 144),
    "setgroups": (116, 159), "io_setup": (206, 0), "process_madvise": (440, 440), "seccomp": (317, 277),
}  # fmt: skip
NEW = {
    "pidfd_send_signal": 424, "io_uring_setup": 425, "io_uring_enter": 426, "open_tree": 428,
    "move_mount": 429, "fsopen": 430, "fsmount": 432, "pidfd_open": 434, "clone3": 435, "openat2": 437,
    "pidfd_getfd": 438,
    "mount_setattr": 442, "memfd_secret": 447, "process_mrelease": 448, "fchmodat2": 452, "to come": 599,
}  # fmt: skip


def stacks(machine: str, processes: bool) -> list[list[bytes]]:
    """The filters that a program has. Without processes: from the start, or since `restrict`."""
    outer = seccomp_program(syscalls.allowed(machine, processes=True), PID)
    if processes:
        return [[outer]]
    alone = seccomp_program(syscalls.allowed(machine, processes=False), PID)
    return [[alone], [outer, seccomp_program(syscalls.without_processes(machine), PID)]]


def evaluate(program: bytes, number: int, arguments: tuple[int, ...], architecture: int) -> int:
    """What one filter says; every path through it must end in an answer."""
    data = {0: number, 4: architecture} | {16 + 8 * i: value for i, value in enumerate(arguments)}
    code = list(struct.iter_unpack("=HBBI", program))
    at = accumulator = 0
    while True:
        operation, yes, no, value = code[at]
        at += 1
        if operation == 0x06:
            return int(value)
        if operation == 0x20:
            accumulator = data.get(value, 0)
        elif operation == 0x54:
            accumulator &= value
        else:
            holds = {
                0x15: accumulator == value,
                0x25: accumulator > value,
                0x35: accumulator >= value,
                0x45: bool(accumulator & value),
            }[operation]
            at += yes if holds else no


def answer(
    machine: str, call: str | int, *arguments: int, processes: bool = True, arch: int | None = None
) -> int:
    """What the kernel would do: the strictest answer of all filters that a program has."""
    column, architecture = syscalls.MACHINES[machine]
    every = {name: pair for table in syscalls.TABLES for name, pair in table.items()} | DANGEROUS
    number = call if isinstance(call, int) else every[call][column]
    architecture = architecture if arch is None else arch
    found = set()
    for stack in stacks(machine, processes):
        answers = [evaluate(program, number, arguments, architecture) for program in stack]
        found.add(KILL if KILL in answers else min(answers))  # the strictest one counts: linux/seccomp.h
    assert len(found) == 1, f"restrict and the filter of a program without processes differ: {found}"
    return found.pop()


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("processes", [True, False])
def test_every_dangerous_call_is_refused(machine: str, processes: bool) -> None:
    column = syscalls.MACHINES[machine][0]
    for name, numbers in DANGEROUS.items():
        if numbers[column] >= 0:
            refusal = ENOSYS if numbers[column] >= 424 else EPERM
            assert answer(machine, name, processes=processes) == refusal, name
    for name, number in NEW.items():
        assert answer(machine, number, processes=processes) == ENOSYS, name


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("processes", [True, False])
def test_what_is_not_listed_is_refused(machine: str, processes: bool) -> None:
    column = syscalls.MACHINES[machine][0]
    listed = {pair[column] for table in syscalls.TABLES for pair in table.values()}
    for number in set(range(COUNT)) - listed:
        assert answer(machine, number, processes=processes) == (ENOSYS if number >= 424 else EPERM), number


@pytest.mark.parametrize("machine", MACHINES)
def test_everyday_calls_are_allowed(machine: str) -> None:
    column = syscalls.MACHINES[machine][0]
    for name in (
        "read",
        "openat",
        "mmap",
        "futex",
        "wait4",
        "exit_group",
        "rt_sigaction",
        "unlinkat",
        "prctl",
    ):
        first = 15 if name == "prctl" else 0  # PR_SET_NAME
        for processes in (True, False):
            assert answer(machine, name, first, processes=processes) == ALLOW, name
    assert (
        evaluate(stacks(machine, False)[0][0], syscalls._SELF["execve"][column], (), _arch(machine)) == ALLOW
    )


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("processes", [True, False])
def test_threads_are_allowed_and_namespaces_are_not(machine: str, processes: bool) -> None:
    assert answer(machine, "clone", THREAD, processes=processes) == ALLOW
    assert answer(machine, "clone", THREAD | NEW_USER, processes=processes) == EPERM
    assert answer(machine, "clone3", processes=processes) == ENOSYS


@pytest.mark.parametrize("machine", MACHINES)
def test_processes_are_allowed_only_when_asked_for(machine: str) -> None:
    for processes, said in ((True, ALLOW), (False, EPERM)):
        assert answer(machine, "clone", 17, processes=processes) == said  # fork: SIGCHLD
        assert answer(machine, "clone", 17 | VM, processes=processes) == said
        if machine == "x86_64":
            assert answer(machine, "fork", processes=processes) == said
            assert answer(machine, "vfork", processes=processes) == said
        assert answer(machine, "socketpair", 1, processes=processes) == said
    assert answer(machine, "socketpair", 2) == EPERM


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", ["kill", "tgkill"])
def test_without_processes_only_itself_can_be_signalled(machine: str, name: str) -> None:
    assert answer(machine, name, PID, processes=False) == ALLOW
    assert answer(machine, name, 1, processes=False) == EPERM
    assert answer(machine, name, 1, processes=True) == ALLOW
    assert answer(machine, "kill", 0xFFFFFFFF, processes=True) == EPERM  # -1: everybody


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("processes", [True, False])
def test_the_death_of_its_parent_stays_its_own(machine: str, processes: bool) -> None:
    assert answer(machine, "prctl", 1, 9, processes=processes) == ALLOW
    assert answer(machine, "prctl", 1, 0, processes=processes) == EPERM
    assert answer(machine, "prctl", 1, 15, processes=processes) == EPERM
    for option in (4, 8, 10, 28, 36, 47, 0x59616D61):  # DUMPABLE, KEEPCAPS, FPEMU, SECUREBITS, SUBREAPER...
        assert answer(machine, "prctl", option, processes=processes) == EPERM


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("processes", [True, False])
def test_limits_and_priorities_of_others_are_out_of_reach(machine: str, processes: bool) -> None:
    for name in ("prlimit64", "sched_setaffinity", "sched_setscheduler", "sched_setparam"):
        assert answer(machine, name, 0, processes=processes) == ALLOW
        assert answer(machine, name, PID, processes=processes) == ALLOW
        assert answer(machine, name, 1, processes=processes) == EPERM
    assert answer(machine, "setpriority", 0, 0, processes=processes) == ALLOW
    assert answer(machine, "setpriority", 0, 1, processes=processes) == EPERM
    assert answer(machine, "setpriority", 2, 0, processes=processes) == EPERM  # all of a user


@pytest.mark.parametrize("machine", MACHINES)
def test_arguments_that_harm_are_refused(machine: str) -> None:
    for request in (0x5412, 0x541C):  # TIOCSTI, TIOCLINUX
        assert answer(machine, "ioctl", 0, request) == EPERM
    assert answer(machine, "ioctl", 0, 0x5401) == ALLOW  # TCGETS
    assert answer(machine, "fcntl", 0, 8) == EPERM  # F_SETOWN
    assert answer(machine, "fchmod", 0, 0o4755) == EPERM
    assert answer(machine, "fchmod", 0, 0o755) == ALLOW
    assert answer(machine, "openat", 0, 0, 0, 0o2755) == EPERM


@pytest.mark.parametrize("machine", MACHINES)
def test_without_processes_nothing_can_be_stored_where_it_is_hard_to_count(machine: str) -> None:
    assert answer(machine, "openat", 0, 0, 0o20200002, 0o600, processes=False) == EOPNOTSUPP  # O_TMPFILE
    assert answer(machine, "mmap", 0, 4096, 3, 0x21, processes=False) == EPERM  # shared, anonymous
    assert answer(machine, "mmap", 0, 4096, 3, 0x22, processes=False) == ALLOW  # private, anonymous
    assert answer(machine, "mmap", 0, 4096, 3, 0x01, processes=False) == ALLOW  # a file


def test_numbers_of_another_architecture_are_no_way_around() -> None:
    assert answer("x86_64", 0, arch=0x40000003) == KILL  # 32-bit
    assert answer("x86_64", 0x40000000 + 41) == ENOSYS  # x32


@pytest.mark.parametrize("machine", MACHINES)
def test_the_tables_agree_with_the_kernels_headers(machine: str) -> None:
    if not HEADERS[machine].exists():
        pytest.skip("no kernel headers on this machine")
    defined = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", HEADERS[machine].read_text())
    numbers = {name: int(number) for name, number in defined}
    column = syscalls.MACHINES[machine][0]
    same = {"newfstatat": "fstatat"}  # what the generic header calls it
    for table in syscalls.TABLES:
        for name, pair in table.items():
            known = numbers.get(name, numbers.get(same.get(name, ""), -1))
            assert pair[column] == known, name


def _arch(machine: str) -> int:
    return syscalls.MACHINES[machine][1]
