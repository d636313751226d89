"""The last step before untrusted code: limits the process that runs it, then becomes that code.

A standalone script (`python -I -S launch.py SPEC -- ARGV...`, SPEC as JSON) that needs nothing but the
standard library: resource limits everywhere; a seccomp filter and landlock rules on Linux. It fails rather
than start the code with less than SPEC asks for.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import struct
import sys
from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_PR_GET_NO_NEW_PRIVS = 39
_EPERM, _ENOSYS, _SIGKILL = 1, 38, 9
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def _syscall(number: int, *arguments: Any) -> int:
    result: int = _LIBC.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"system call {number}: {os.strerror(error)}")
    return result


def _prctl(option: int, value: Any, pointer: Any = None) -> None:
    if _LIBC.prctl(option, ctypes.c_ulong(value), pointer, ctypes.c_ulong(0), ctypes.c_ulong(0)) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option} failed")


# --- seccomp: what no confined program may ask of the kernel ----------------------------------------------

# Numbers from the kernel's tables (x86-64; then the generic one, used by 64-bit Arm). -1: does not exist.
_SYSCALLS = {
    "socket": (41, 198), "io_uring_setup": (425, 425), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pidfd_send_signal": (424, 424),
    "setsid": (112, 157), "setpgid": (109, 154), "unshare": (272, 97), "setns": (308, 268),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "open_by_handle_at": (304, 265), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "fork": (57, -1), "vfork": (58, -1), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138),
    "clone": (56, 220), "clone3": (435, 435), "kill": (62, 129), "tgkill": (234, 131),
}  # fmt: skip
_ALWAYS, _STARTS_OR_SIGNALS = tuple(_SYSCALLS)[:21], tuple(_SYSCALLS)[21:25]
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_CLONE_THREAD, _CLONE_NAMESPACES = 0x00010000, 0x7E020000
_ALLOW, _DENY, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06


def _instruction(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def _answer(action: int) -> bytes:
    return _instruction(_RETURN, action)


def _when(number: int, body: bytes) -> bytes:
    """`body` for one system call, which must end by answering; the others go on."""
    return _instruction(_EQUAL, number, no=len(body) // 8) + body if number >= 0 else b""


def seccomp_program(machine: str, *, processes: bool, pid: int) -> bytes:
    """A BPF filter: no sockets, no namespaces, no debugging of others, no leaving the process group.

    Without `processes`, no new process and no signal to any process but `pid`. Threads are always allowed.
    Raises `KeyError` for a machine whose system calls are not in the table.
    """
    column, architecture = _MACHINES[machine]
    number = {name: numbers[column] for name, numbers in _SYSCALLS.items()}
    deny, allow, first_argument = _answer(_DENY | _EPERM), _answer(_ALLOW), _instruction(_LOAD, 16)

    program = _instruction(_LOAD, 4) + _instruction(_EQUAL, architecture, yes=1) + _answer(_KILL)
    program += _instruction(_LOAD, 0)
    if machine == "x86_64":  # the x32 numbers would be a way around the list
        program += _instruction(_AT_LEAST, 0x40000000, no=1) + deny
    for name in _ALWAYS if processes else _ALWAYS + _STARTS_OR_SIGNALS:
        program += _when(number[name], deny)
    # clone3 hides its flags in memory; told that it does not exist, the C library falls back to clone.
    program += _when(number["clone3"], _answer(_DENY | _ENOSYS))
    clone = first_argument + _instruction(_ANY_BIT, _CLONE_NAMESPACES, no=1) + deny
    if not processes:
        clone += _instruction(_ANY_BIT, _CLONE_THREAD, yes=1) + deny
        own = first_argument + _instruction(_EQUAL, pid, yes=1) + deny + allow
        program += _when(number["kill"], own) + _when(number["tgkill"], own)
    return program + _when(number["clone"], clone + allow) + allow


def _install_seccomp(processes: bool) -> None:
    program = seccomp_program(os.uname().machine, processes=processes, pid=os.getpid())
    buffer = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(
        struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))  # struct sock_fprog
    )
    _prctl(_PR_SET_SECCOMP, 2, header)


# --- landlock: which files, where namespaces are not to be had --------------------------------------------

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
    except FileNotFoundError:
        return
    if not os.path.isdir(path):
        rights &= _OF_FILES
    rule = struct.pack("=Qi", rights, place)
    _syscall(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(1), rule, ctypes.c_uint32(0))
    os.close(place)


# --- limits and the start ---------------------------------------------------------------------------------


def _limit(spec: dict[str, Any]) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if spec["file_mb"]:
        size = spec["file_mb"] << 20
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        size = size if hard == resource.RLIM_INFINITY else min(size, hard)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    if spec["user_tasks"]:
        resource.setrlimit(resource.RLIMIT_NPROC, (spec["user_tasks"], spec["user_tasks"]))
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, _SIGKILL)
        with open("/proc/self/oom_score_adj", "w") as score:  # if memory runs out, this goes first
            score.write("1000")


def restrict(*, writable: list[str], processes: bool = False, parent: int = 0) -> None:
    """Confine this process further, for good: a child that a confined process forked, with one thread.

    It may write below `writable` and to devices only, and without `processes` starts and signals no other.
    It dies with `parent`. Does nothing in a process that `main` has not confined. Raises `OSError`.
    """
    if sys.platform != "linux" or _LIBC.prctl(_PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1:
        return
    _prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    if parent and os.getppid() != parent:  # it was gone before the line above
        os._exit(1)
    names = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset", "dxg", "kfd")
    places = [f"/dev/{name}" for name in (*names, *(f"nvidia{index}" for index in range(16)))]
    gpu = [place for place in places if os.path.exists(place)]
    if landlock_version():
        _install_landlock(["/"], [*writable, *_DEVICES, *gpu, *(["/proc"] if gpu else [])])
    if not processes and os.uname().machine in _MACHINES:
        _install_seccomp(False)


def main(arguments: list[str]) -> None:
    """Apply the SPEC of the command line to this process, then become ARGV."""
    spec, argv = json.loads(arguments[0]), arguments[2:]
    _limit(spec)
    if spec["seccomp"] or spec["landlock"]:
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if spec["landlock"]:
        _install_landlock(spec["readable"], spec["writable"])
    if spec["seccomp"]:
        _install_seccomp(spec["processes"])
    os.execv(argv[0], argv)


if __name__ == "__main__":
    main(sys.argv[1:])
