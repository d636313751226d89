"""The system calls that a confined program may make on Linux. Everything that is not listed is refused.

Pure data and the rules made of it: `launch` turns them into a seccomp filter.
"""

from __future__ import annotations

import errno
import signal
from typing import Any

Rules = dict[str, Any]
"""As `launch.seccomp_program` takes them; JSON can hold them."""

MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Machine to (column of the tables, AUDIT_ARCH_* of linux/audit.h)."""

# Numbers of x86-64, then of 64-bit Arm (asm/unistd_64.h, asm-generic/unistd.h). -1: does not exist there.
_FILES = {  # files, pipes and events
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "close_range": (436, 436), "stat": (4, -1),
    "fstat": (5, 80), "lstat": (6, -1), "newfstatat": (262, 79), "statx": (332, 291), "lseek": (8, 62),
    "pread64": (17, 67), "pwrite64": (18, 68), "readv": (19, 65), "writev": (20, 66), "preadv": (295, 69),
    "pwritev": (296, 70), "preadv2": (327, 286), "pwritev2": (328, 287), "access": (21, -1),
    "faccessat": (269, 48), "faccessat2": (439, 439), "dup": (32, 23), "dup2": (33, -1),
    "dup3": (292, 24), "flock": (73, 32), "fsync": (74, 82), "fdatasync": (75, 83), "syncfs": (306, 267),
    "sync_file_range": (277, 84), "truncate": (76, 45), "ftruncate": (77, 46), "fallocate": (285, 47),
    "fadvise64": (221, 223), "readahead": (187, 213), "getdents": (78, -1), "getdents64": (217, 61),
    "getcwd": (79, 17), "chdir": (80, 49), "fchdir": (81, 50), "mkdir": (83, -1), "mkdirat": (258, 34),
    "link": (86, -1), "linkat": (265, 37), "symlink": (88, -1), "symlinkat": (266, 36),
    "readlink": (89, -1), "readlinkat": (267, 78), "chown": (92, -1), "fchown": (93, 55),
    "lchown": (94, -1), "fchownat": (260, 54), "umask": (95, 166), "utime": (132, -1),
    "utimes": (235, -1), "utimensat": (280, 88), "futimesat": (261, -1), "statfs": (137, 43),
    "fstatfs": (138, 44), "getxattr": (191, 8), "lgetxattr": (192, 9), "fgetxattr": (193, 10),
    "listxattr": (194, 11), "llistxattr": (195, 12), "flistxattr": (196, 13), "setxattr": (188, 5),
    "lsetxattr": (189, 6), "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15),
    "fremovexattr": (199, 16), "sendfile": (40, 71), "copy_file_range": (326, 285), "splice": (275, 76),
    "tee": (276, 77), "poll": (7, -1), "ppoll": (271, 73), "select": (23, -1), "pselect6": (270, 72),
    "epoll_create": (213, -1), "epoll_create1": (291, 20), "epoll_ctl": (233, 21),
    "epoll_wait": (232, -1), "epoll_pwait": (281, 22), "epoll_pwait2": (441, 441), "eventfd": (284, -1),
    "eventfd2": (290, 19), "pipe": (22, -1), "pipe2": (293, 59), "inotify_init": (253, -1),
    "inotify_init1": (294, 26), "inotify_add_watch": (254, 27), "inotify_rm_watch": (255, 28),
    "unlink": (87, -1), "unlinkat": (263, 35), "rename": (82, -1), "renameat": (264, 38),
    "renameat2": (316, 276), "rmdir": (84, -1),
}  # fmt: skip
_MEMORY = {  # memory
    "munmap": (11, 215), "mprotect": (10, 226), "mremap": (25, 216), "brk": (12, 214), "msync": (26, 227),
    "mincore": (27, 232), "madvise": (28, 233), "mlock": (149, 228), "mlock2": (325, 284),
    "munlock": (150, 229), "mlockall": (151, 230), "munlockall": (152, 231), "membarrier": (324, 283),
    "mbind": (237, 235), "set_mempolicy": (238, 237), "get_mempolicy": (239, 236),
}  # fmt: skip
_TIME = {  # clocks and timers
    "nanosleep": (35, 101), "clock_nanosleep": (230, 115), "clock_gettime": (228, 113),
    "clock_getres": (229, 114), "gettimeofday": (96, 169), "time": (201, -1), "times": (100, 153),
    "alarm": (37, -1), "getitimer": (36, 102), "setitimer": (38, 103), "timer_create": (222, 107),
    "timer_settime": (223, 110), "timer_gettime": (224, 108), "timer_getoverrun": (225, 109),
    "timer_delete": (226, 111), "timerfd_create": (283, 85), "timerfd_settime": (286, 86),
    "timerfd_gettime": (287, 87),
}  # fmt: skip
_SELF = {  # the process itself
    "exit": (60, 93), "exit_group": (231, 94), "execve": (59, 221), "execveat": (322, 281),
    "wait4": (61, 260), "waitid": (247, 95), "futex": (202, 98), "futex_waitv": (449, 449),
    "set_robust_list": (273, 99), "set_tid_address": (218, 96), "rseq": (334, 293),
    "arch_prctl": (158, -1), "restart_syscall": (219, 128), "getpid": (39, 172), "getppid": (110, 173),
    "gettid": (186, 178), "getpgrp": (111, -1), "getpgid": (121, 155), "getsid": (124, 156),
    "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177),
    "getresuid": (118, 148), "getresgid": (120, 150), "getgroups": (115, 158), "capget": (125, 90),
    "capset": (126, 91), "getpriority": (140, 141), "getrlimit": (97, 163), "setrlimit": (160, 164),
    "getrusage": (98, 165), "sysinfo": (99, 179), "uname": (63, 160), "getcpu": (309, 168),
    "getrandom": (318, 278), "sched_yield": (24, 124), "sched_getaffinity": (204, 123),
    "sched_getparam": (143, 121), "sched_getscheduler": (145, 120), "sched_get_priority_max": (146, 125),
    "sched_get_priority_min": (147, 126), "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139), "rt_sigsuspend": (130, 133), "rt_sigpending": (127, 136),
    "rt_sigtimedwait": (128, 137), "sigaltstack": (131, 132), "signalfd": (282, -1),
    "signalfd4": (289, 74), "pause": (34, -1), "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445), "landlock_restrict_self": (446, 446),
}  # fmt: skip
_PROCESSES = {  # only for programs that may start others
    "fork": (57, -1), "vfork": (58, -1), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "bind": (49, 200),
    "connect": (42, 203), "listen": (50, 201), "accept": (43, 202), "accept4": (288, 242),
    "getsockname": (51, 204), "getpeername": (52, 205), "getsockopt": (55, 209), "setsockopt": (54, 208),
    "sendto": (44, 206), "recvfrom": (45, 207), "recvmsg": (47, 212), "shutdown": (48, 210),
}  # fmt: skip
_GPU = {
    "memfd_create": (319, 279),
}  # fmt: skip
_CHECKED = {  # allowed with some arguments; see `_tests`
    "clone": (56, 220), "clone3": (435, 435), "kill": (62, 129), "tgkill": (234, 131),
    "prctl": (157, 167), "prlimit64": (302, 261), "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119), "sched_setparam": (142, 118), "setpriority": (141, 140),
    "socketpair": (53, 199), "ioctl": (16, 29), "fcntl": (72, 25), "open": (2, -1), "openat": (257, 56),
    "creat": (85, -1), "chmod": (90, -1), "fchmod": (91, 52), "fchmodat": (268, 53), "mmap": (9, 222),
    "mknod": (133, -1), "mknodat": (259, 33),
}  # fmt: skip

TABLES = (_FILES, _MEMORY, _TIME, _SELF, _PROCESSES, _GPU, _CHECKED)

_NAMESPACES, _THREAD = 0x7E020000, 0x00010000  # flags of clone(2)
_SET_ID = 0o6000  # a file that runs as its owner would be a way to root for others
_TMPFILE = 0o20000000  # O_TMPFILE without O_DIRECTORY: a file that no folder lists
_DATAGRAM = 2  # in SOCK_DGRAM and SOCK_RAW, not in SOCK_STREAM nor SOCK_SEQPACKET
_SHARED_MEMORY = 0x21  # MAP_SHARED | MAP_ANONYMOUS
# TIOCSTI and TIOCLINUX type into a terminal; FIOSETOWN and SIOCSPGRP choose who gets signals.
_BAD_IOCTLS = (0x5412, 0x541C, 0x8901, 0x8902)
_BAD_FCNTLS = (8, 10, 15)  # F_SETOWN, F_SETSIG, F_SETOWN_EX: signals to others
_PDEATHSIG, _DUMPABLE = 1, 4
# PR_SET_PDEATHSIG; get: PDEATHSIG, DUMPABLE, SECCOMP, TIMERSLACK, CAPBSET, THP, NO_NEW_PRIVS; set: NAME (and
# get), SECCOMP, TIMERSLACK, NO_NEW_PRIVS, THP_DISABLE; PR_SET_VMA, which names memory.
_PRCTLS = (_PDEATHSIG, 2, 3, 15, 16, 21, 22, 23, 29, 30, 38, 39, 41, 42, 0x53564D41)
_SELF_ONLY = "self"  # `launch` puts the process's own id in its place
_ANYBODY = 0xFFFFFFFF  # kill(-1)


def allowed(machine: str, *, processes: bool, gpu: bool = False, hideable: bool = False) -> Rules:
    """Rules of a program: with `processes` it may start others and signal them.

    Without, it can neither create a file that has no name nor share memory, which would be hard to count.
    `hideable`: it may make its memory unreadable for other processes, which keeps its open files from being
    counted too. Raises `KeyError` for a machine that is not in `MACHINES`.
    """
    column, architecture = MACHINES[machine]
    plain = [_FILES, _MEMORY, _TIME, _SELF, *([_PROCESSES] if processes else []), *([_GPU] if gpu else [])]
    checks = []
    for name, tests in _tests(processes, gpu, hideable).items():
        if _CHECKED[name][column] >= 0:
            checks.append([_CHECKED[name][column], tests])
    return {
        "architecture": architecture,
        "listed": _ranges(table[name][column] for table in plain for name in table),
        "allow": True,
        "checks": checks,
    }


def without_processes(machine: str) -> Rules:
    """Rules to stack on those of a program with `processes`: what `allowed` then no longer allows.

    Programs cannot be started either.
    """
    column, architecture = MACHINES[machine]
    names = [*_PROCESSES, "socketpair", "mknod", "mknodat", "execve", "execveat"]
    every = _PROCESSES | _CHECKED | _SELF
    tests = _tests(False, False)
    kept = ("clone", "clone3", "kill", "tgkill", "open", "openat", "mmap")
    return {
        "architecture": architecture,
        "listed": _ranges(every[name][column] for name in names),
        "allow": False,
        "checks": [[_CHECKED[name][column], tests[name]] for name in kept if _CHECKED[name][column] >= 0],
    }


def _tests(processes: bool, gpu: bool, hideable: bool = False) -> dict[str, list[list[Any]]]:
    """For each call, tests of the form [error number, clause...]: refused when all clauses of one hold.

    A clause is [argument, kind, values]: `in`, `not in`, `any bit`, `no bit`, `all bits`.
    """
    eperm = errno.EPERM

    def set_id(argument: int) -> list[Any]:
        return [eperm, [argument, "any bit", [_SET_ID]]]

    def own(argument: int = 0) -> list[Any]:
        return [eperm, [argument, "not in", [0, _SELF_ONLY]]]

    tests: dict[str, list[list[Any]]] = {
        "clone": [[eperm, [0, "any bit", [_NAMESPACES]]]],
        # clone3 hides its flags in memory; told that it does not exist, the C library falls back to clone.
        "clone3": [[errno.ENOSYS]],
        "kill": [[eperm, [0, "in", [_ANYBODY]]]],
        "tgkill": [],
        "prctl": [
            [eperm, [0, "not in", [*_PRCTLS, *([_DUMPABLE] if hideable else [])]]],
            [eperm, [0, "in", [_PDEATHSIG]], [1, "not in", [int(signal.SIGKILL)]]],
        ],
        "prlimit64": [own()],
        "sched_setaffinity": [own()], "sched_setscheduler": [own()], "sched_setparam": [own()],
        "setpriority": [[eperm, [0, "not in", [0]]], own(1)],
        "ioctl": [[eperm, [1, "in", list(_BAD_IOCTLS)]]],
        "fcntl": [[eperm, [1, "in", list(_BAD_FCNTLS)]]],
        "open": [set_id(2)], "openat": [set_id(3)], "creat": [set_id(1)],
        "chmod": [set_id(1)], "fchmod": [set_id(1)], "fchmodat": [set_id(2)],
        "mmap": [],
    }  # fmt: skip
    if processes:
        # AF_UNIX, and no datagrams: those can be sent to the sockets of others, the system's log for one.
        tests["socketpair"] = [[eperm, [0, "not in", [1]]], [eperm, [1, "any bit", [_DATAGRAM]]]]
        return tests | {"mknod": [set_id(1)], "mknodat": [set_id(2)]}
    tests["clone"].append([eperm, [0, "no bit", [_THREAD]]])
    for name in ("kill", "tgkill"):
        tests[name] = [[eperm, [0, "not in", [_SELF_ONLY]]]]
    for name, flags in (("open", 1), ("openat", 2)):
        tests[name].append([errno.EOPNOTSUPP, [flags, "any bit", [_TMPFILE]]])
    if not gpu:
        tests["mmap"] = [[eperm, [3, "all bits", [_SHARED_MEMORY]]]]
    return tests


def _ranges(numbers: Any) -> list[list[int]]:
    """Sorted [first, last] of the numbers that exist."""
    found: list[list[int]] = []
    for number in sorted({number for number in numbers if number >= 0}):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found
