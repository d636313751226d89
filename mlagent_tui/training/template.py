"""The template of trial workers: imports torch once, then forks a confined process for each request.

`python -m mlagent_tui.training.template`, itself confined. It runs no generated code, computes
nothing and touches no device, so that a fork finds no thread pool and no driver. Standard input is a socket:
each message asks for one worker and brings three descriptors with it: for requests and replies, for what
it prints, and its link (see `Template`). It ends when that socket closes.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import tempfile

from mlagent_tui.sandbox import launch
from mlagent_tui.training import worker
from mlagent_tui.training.preload import preload

MESSAGE = 4096
"""Longest message on a socket, bytes."""

DESCRIPTORS = 3
_HIGHEST = 4096  # far more descriptors than a template opens


class Template:
    """The running workers by process id, each with its link.

    A link is a socket between engine and template, one for each worker: the worker says once that it is
    there, the template says the wait status at the end, and anything that the engine sends, or its end
    of the link closing, kills the worker.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._pid = os.getpid()
        self._links: dict[int, int] = {}
        self._selector = selectors.DefaultSelector()
        self._ended, notice = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(notice, warn_on_full_buffer=False)
        self._selector.register(self._ended, selectors.EVENT_READ)
        self._selector.register(control, selectors.EVENT_READ)

    def run(self) -> None:
        """Fork, kill and reap until the engine is gone."""
        while True:
            for key, _ in self._selector.select():
                if key.fd == self._ended:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self._ended, MESSAGE)
                    self._reap()
                elif key.fd == self._control.fileno():
                    if not self._start():
                        return
                else:
                    self._kill(key.data)

    def _start(self) -> bool:
        """Fork a worker; False when the engine is gone."""
        message, descriptors, _, _ = socket.recv_fds(self._control, MESSAGE, DESCRIPTORS)
        if not message or len(descriptors) != DESCRIPTORS:
            return False
        lines, errors, link = descriptors
        try:
            child = os.fork()
        except OSError as error:  # the engine reads this as a worker that did not start
            os.write(errors, f"cannot fork: {error.strerror}\n".encode())
            child = -1
        if child == 0:
            _become_worker(json.loads(message)["folder"], self._pid, descriptors)
        for descriptor in (lines, errors):
            os.close(descriptor)
        if child < 0:
            os.close(link)
        else:
            self._links[child] = link
            self._selector.register(link, selectors.EVENT_READ, child)
        return True

    def _kill(self, child: int) -> None:
        self._selector.unregister(self._links[child])
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)

    def _reap(self) -> None:
        while self._links:
            child, status = os.waitpid(-1, os.WNOHANG)
            if child == 0:
                return
            link = self._links.pop(child)
            with contextlib.suppress(KeyError):
                self._selector.unregister(link)
            with contextlib.suppress(OSError):  # the engine no longer wants to know
                os.write(link, str(os.waitstatus_to_exitcode(status)).encode())
            os.close(link)


def _become_worker(folder: str, parent: int, descriptors: list[int]) -> None:
    """What a fork does; never returns."""
    status = 1
    try:
        lines, errors, link = descriptors
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        launch.end_with(parent)  # a fork does not inherit it
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        os.dup2(errors, 1)
        os.dup2(errors, 2)
        _close_all_but({0, 1, 2, lines, link})
        with contextlib.suppress(OSError):  # where processes may be started, they can all be killed together
            os.setsid()
        os.chdir(folder)
        os.environ.update(HOME=folder, TMPDIR=folder)
        tempfile.tempdir = None
        launch.restrict(writable=[folder], parent=parent)
        os.write(link, b"started")
        os.close(link)
        with os.fdopen(os.dup(lines), "rb") as asked, os.fdopen(lines, "wb") as answers:
            worker.serve(asked, answers)
            status = 0
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(status)


def _close_all_but(kept: set[int]) -> None:
    start = 0
    for number in [*sorted(kept), _HIGHEST]:
        if start < number:  # for an empty range, Python's closerange closes everything
            os.closerange(start, number)
        start = number + 1


def main() -> None:
    """Serve until the engine closes the socket."""
    control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, fileno=os.dup(0))
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    preload()
    gc.collect()
    gc.freeze()  # what is shared stays shared
    Template(control).run()
    os._exit(0)


if __name__ == "__main__":
    main()
