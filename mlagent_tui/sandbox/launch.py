"""The last step before untrusted code: confines the process that runs it, then becomes that code.

A standalone script (`python -I -S launch.py SPEC -- ARGV...`, SPEC as JSON) that needs nothing but the
standard library: resource limits everywhere; no capabilities, landlock rules and a seccomp filter on Linux.
It fails rather than start the code with less than SPEC asks for. `restrict` confines a process further.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import struct
import sys
from typing import Any

FILTER = "{filter}"
"""Stands in ARGV for the descriptor from which bubblewrap reads its seccomp filter."""

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
GPU_DEVICES = (
    "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset", "/dev/dxg",
    "/dev/kfd", *(f"/dev/nvidia{index}" for index in range(16)),
)  # fmt: skip

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_CAPBSET_DROP = 1, 4, 22, 24
_PR_SET_NO_NEW_PRIVS, _PR_GET_NO_NEW_PRIVS = 38, 39
_EPERM, _ENOSYS, _SIGKILL = 1, 38, 9


def _syscall(number: int, *arguments: Any) -> int:
    result: int = _LIBC.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"system call {number}: {os.strerror(error)}")
    return result


def _prctl(option: int, value: int = 0, pointer: Any = None) -> int:
    none = ctypes.c_ulong(0)
    result: int = _LIBC.prctl(option, ctypes.c_ulong(value), pointer, none, none)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"prctl {option}: {os.strerror(error)}")
    return result


# --- seccomp: which system calls --------------------------------------------------------------------------

_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000  # linux/seccomp.h
_LOAD, _AND, _EQUAL, _ABOVE, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x54, 0x15, 0x25, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16  # in struct seccomp_data; 8 bytes an argument
# Calls from here on came after Linux 5.0 and have the same number on every machine. Told that one does not
# exist, the C library uses an older one.
_NEW_CALLS = 424


def _instruction(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def seccomp_program(rules: dict[str, Any], pid: int) -> bytes:
    """A BPF filter of `rules` (`syscalls` describes them), in which "self" stands for `pid`."""
    allow, refuse = _instruction(_RETURN, _ALLOW), _instruction(_RETURN, _REFUSE | _EPERM)
    listed, others = (allow, refuse) if rules["allow"] else (refuse, allow)
    program = _instruction(_LOAD, _ARCHITECTURE_AT)
    program += _instruction(_EQUAL, rules["architecture"], yes=1) + _instruction(_RETURN, _KILL)
    program += _instruction(_LOAD, _NUMBER_AT)
    for first, last in rules["listed"]:
        program += _instruction(_AT_LEAST, first, no=2) + _instruction(_ABOVE, last, yes=1) + listed
    for number, tests in rules["checks"]:
        body = b"".join(_test(test, pid) for test in tests) + allow
        program += _instruction(_EQUAL, number, no=len(body) // 8) + body
    if rules["allow"]:
        program += _instruction(_AT_LEAST, _NEW_CALLS, no=1) + _instruction(_RETURN, _REFUSE | _ENOSYS)
    return program + others


def _test(test: list[Any], pid: int) -> bytes:
    """Answers with the test's error number when all its clauses hold, and goes on behind it when not."""
    error, *clauses = test
    body = _instruction(_RETURN, _REFUSE | error)
    for argument, kind, values in reversed(clauses):
        numbers = [pid if value == "self" else value for value in values]
        body = _clause(argument, kind, numbers, past=len(body) // 8) + body
    return body


def _clause(argument: int, kind: str, values: list[int], past: int) -> bytes:
    """Goes on where it holds and skips `past` instructions where not. Only the low 32 bits are looked at."""
    code = _instruction(_LOAD, _ARGUMENTS_AT + 8 * argument)
    if kind == "any bit":
        return code + _instruction(_ANY_BIT, values[0], no=past)
    if kind == "no bit":
        return code + _instruction(_ANY_BIT, values[0], yes=past)
    if kind == "all bits":
        return code + _instruction(_AND, values[0]) + _instruction(_EQUAL, values[0], no=past)
    for left, value in zip(range(len(values) - 1, -1, -1), values, strict=True):
        if kind == "in":
            code += _instruction(_EQUAL, value, yes=left, no=0 if left else past)
        else:
            code += _instruction(_EQUAL, value, yes=left + past)
    return code


def _install_seccomp(rules: dict[str, Any]) -> None:
    program = seccomp_program(rules, os.getpid())
    buffer = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(
        struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))  # struct sock_fprog
    )
    _prctl(_PR_SET_SECCOMP, 2, header)


# --- landlock: which files --------------------------------------------------------------------------------

# https://docs.kernel.org/userspace-api/landlock.html
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE, _IOCTL_DEV = 1, 2, 4, 8, 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446


def landlock_version() -> int:
    """The kernel's landlock ABI, 0 when there is none."""
    try:
        return _syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    except OSError:
        return 0


def _install_landlock(readable: list[str], writable: list[str]) -> None:
    """One more layer. Processes in it can neither debug nor (ABI 6) signal those outside of it."""
    version = landlock_version()
    if version < 1:
        raise OSError(_ENOSYS, "this kernel has no landlock")
    handled = (1 << (13 + (version >= 2) + (version >= 3))) - 1
    if version >= 5:
        handled |= _IOCTL_DEV
    fields = [handled] + [0b11] * (version >= 4) + [0b11] * (version >= 6)  # no TCP; no signals to outside
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = _syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    for paths, rights in ((readable, _EXECUTE | _READ_FILE | _READ_DIR), (writable, handled)):
        for path in paths:
            _allow(ruleset, path, rights & handled)
    _syscall(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):  # what this user cannot reach needs no rule
        return
    if not os.path.isdir(path):
        rights &= _OF_FILES
    rule = struct.pack("=Qi", rights, place)
    _syscall(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(1), rule, ctypes.c_uint32(0))
    os.close(place)


# --- capabilities, limits and the end of the parent -------------------------------------------------------

_CAPABILITIES_V3 = 0x20080522  # linux/capability.h


def _drop_capabilities() -> None:
    """Of root's powers none is left. With no_new_privs no program can bring one back."""
    for capability in range(64):  # those that the kernel does not know, or that are gone already, fail
        with contextlib.suppress(OSError):
            _prctl(_PR_CAPBSET_DROP, capability)
    header, nothing = struct.pack("=Ii", _CAPABILITIES_V3, 0), bytes(24)
    if _LIBC.capset(header, nothing) != 0:  # the ambient ones go with them
        raise OSError(ctypes.get_errno(), "capabilities cannot be dropped")


def _limit(spec: dict[str, Any]) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if spec["file_mb"]:
        size = spec["file_mb"] << 20
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        size = size if hard == resource.RLIM_INFINITY else min(size, hard)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    if spec["user_tasks"]:
        resource.setrlimit(resource.RLIMIT_NPROC, (spec["user_tasks"], spec["user_tasks"]))


def end_with(parent: int) -> None:
    """Make this process die with `parent`; 0: with whoever is its parent now."""
    _prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    if parent and os.getppid() != parent:  # it was gone before the line above
        os._exit(1)


def restrict(*, writable: list[str], processes: bool = False, parent: int = 0) -> None:
    """Confine this process further, for good. For a child forked by a confined process that lives on.

    What it may read stays the same. It may write only below `writable` and to devices such as /dev/null. It
    can neither debug nor signal its parent or its parent's other children. Without `processes` it cannot
    start programs or processes; threads are allowed. It dies with its parent; give the `parent`'s process
    id, taken before the fork. Call it while the process has one thread.

    Does nothing on macOS, and in a process that `main` has not confined. Raises `OSError` when the kernel
    supports a part of this and refuses it.
    """
    if sys.platform != "linux" or _prctl(_PR_GET_NO_NEW_PRIVS) != 1:
        return
    from mlagent_tui.sandbox import syscalls  # not above: as a script this file stands alone

    end_with(parent)
    if landlock_version():
        gpu = [device for device in GPU_DEVICES if os.path.exists(device)]
        # CUDA names its threads in /proc; the layer below this one says whether that is allowed.
        _install_landlock(["/"], [*writable, *DEVICES, *gpu, *(["/proc"] if gpu else [])])
    hide()
    machine = os.uname().machine
    if not processes and machine in syscalls.MACHINES:
        _install_seccomp(syscalls.without_processes(machine))


def hide() -> None:
    """Where there is no landlock, keep other processes of this user from reading this one's memory.

    For a process that forks children and calls `restrict` in them; call it before the first fork.
    """
    if sys.platform == "linux" and _prctl(_PR_GET_NO_NEW_PRIVS) == 1 and not landlock_version():
        _prctl(_PR_SET_DUMPABLE, 0)


def _handed_on(rules: dict[str, Any]) -> int:
    """A descriptor from which the filter can be read after exec."""
    source, sink = os.pipe()
    os.write(sink, seccomp_program(rules, 0))  # some 2 kB: a pipe holds them
    os.close(sink)
    os.set_inheritable(source, True)
    return source


def main(arguments: list[str]) -> None:
    """Apply the SPEC of the command line to this process, then become ARGV."""
    spec, argv = json.loads(arguments[0]), arguments[2:]
    _limit(spec)
    if sys.platform == "linux":
        end_with(spec["parent"])
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
            score.write("1000")  # if memory runs out, this goes first
    if spec["confined"]:
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        _drop_capabilities()
    if spec["landlock"]:
        _install_landlock(spec["readable"], spec["writable"])
    if spec["handed_on"]:
        filter_ = str(_handed_on(spec["handed_on"]))
        argv = [filter_ if part == FILTER else part for part in argv]
    if spec["seccomp"]:
        _install_seccomp(spec["seccomp"])
    os.execv(argv[0], argv)


if __name__ == "__main__":
    main(sys.argv[1:])
