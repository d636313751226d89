"""The seccomp filter, run by a small interpreter of its own: also for machines this test does not run on."""

from __future__ import annotations

import struct

import pytest

from mlagent_tui.sandbox.launch import _MACHINES, _SYSCALLS, seccomp_program

ALLOW, KILL, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
THREAD, NEW_USER = 0x10000, 0x10000000
PID = 4242
MACHINES = sorted(_MACHINES)


def answer(
    machine: str, name: str | int, argument: int = 0, *, processes: bool, arch: int | None = None
) -> int:
    """What the filter says about one system call."""
    column, architecture = _MACHINES[machine]
    number = _SYSCALLS[name][column] if isinstance(name, str) else name
    data = {0: number, 4: architecture if arch is None else arch, 16: argument}
    program = list(struct.iter_unpack("=HBBI", seccomp_program(machine, processes=processes, pid=PID)))
    at = accumulator = 0
    while True:
        code, yes, no, value = program[at]
        if code == 0x06:
            return int(value)
        if code == 0x20:
            accumulator, at = data[value], at + 1
            continue
        holds = {
            0x15: accumulator == value,
            0x35: accumulator >= value,
            0x45: bool(accumulator & value),
        }[code]
        at += 1 + (yes if holds else no)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("processes", [True, False])
@pytest.mark.parametrize(
    "name", ["socket", "ptrace", "io_uring_setup", "unshare", "mount", "setsid", "keyctl", "bpf"]
)
def test_a_dangerous_call_is_refused(machine: str, processes: bool, name: str) -> None:
    assert answer(machine, name, processes=processes) == EPERM


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("processes", [True, False])
def test_threads_are_allowed_and_namespaces_are_not(machine: str, processes: bool) -> None:
    assert answer(machine, "clone", THREAD, processes=processes) == ALLOW
    assert answer(machine, "clone", THREAD | NEW_USER, processes=processes) == EPERM
    assert answer(machine, "clone3", processes=processes) == ENOSYS


@pytest.mark.parametrize("machine", MACHINES)
def test_processes_are_allowed_only_when_asked_for(machine: str) -> None:
    assert answer(machine, "clone", 17, processes=True) == ALLOW
    assert answer(machine, "clone", 17, processes=False) == EPERM


def test_the_old_ways_to_fork_are_covered_too() -> None:
    assert answer("x86_64", "fork", processes=True) == ALLOW
    assert answer("x86_64", "fork", processes=False) == EPERM
    assert answer("x86_64", "vfork", processes=False) == EPERM


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", ["kill", "tgkill"])
def test_without_processes_only_itself_can_be_signalled(machine: str, name: str) -> None:
    assert answer(machine, name, PID, processes=False) == ALLOW
    assert answer(machine, name, 1, processes=False) == EPERM
    assert answer(machine, name, 1, processes=True) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
def test_everyday_calls_are_allowed(machine: str) -> None:
    for number in (0, 1, 3, 9, 11, 60, 63, 64, 220 if machine == "x86_64" else 93):
        assert answer(machine, number, processes=False) == ALLOW


def test_numbers_of_another_architecture_are_no_way_around() -> None:
    assert answer("x86_64", 0, processes=True, arch=0x40000003) == KILL  # 32-bit
    assert answer("x86_64", 0x40000000 + 41, processes=True) == EPERM  # x32
