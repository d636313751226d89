#!/usr/bin/env python3
"""Measure the interface as its user meets it: a fresh process, its keys and its screen, in a terminal.

    scripts/bench_tui.py [--rounds 10] [--keys 400] [--events 100000]

First paint: from the start of the process until words of the first screen are written to the terminal, ours
beside Textual's own demo, in turn. Keys: a sentence typed to the planner while tokens stream at 2,000 and
batches at 200 a second, each letter timed until it is written. A long journal: how long until the run as it
stands is on the screen (its iteration, its best, how many networks it has tried, the calls of its plan), and
the memory of the process then and after a replay of all of it. Exit status 1 when something misses its bar.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import random
import re
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[1]
sys.path[:0] = [str(CHECKOUT)]

from mlagent_tui import paths
from tests import recording

COLUMNS, LINES = 120, 40
OURS = ("-m", "mlagent_tui")
DEMO = ("-m", "textual")
TOKENS, BATCHES = 2000, 200
NEAR_DEMO = 120
"""Percent of the demo's time that a first paint may take."""

MOST_MEMORY = 150
"""Megabytes that the interface may hold, whatever the length of a journal."""

BURST = 0.01
"""Seconds between two writes to the journal: an engine writes tokens in pieces, too."""

LETTERS = [chr(code) for code in range(0x410, 0x450)] + [chr(code) for code in range(0x3B1, 0x3C9)]
"""What is typed: letters that nothing else on the screen has."""

_ESCAPE = re.compile(rb"\x1b(?:\[[0-9;:?<>=]*[ -/]*[@-~]|[\]P_^][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_=>78])")


class Terminal:
    """A process in a terminal, and what it has written so far without its escape sequences."""

    def __init__(self, arguments: tuple[str, ...], home: Path) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self.raw = b""
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, *arguments], stdin=slave, stdout=slave, stderr=slave,
            cwd=home, env=environment(home), start_new_session=True,
        )  # fmt: skip
        os.close(slave)

    def write(self, keys: str) -> float:
        """Press keys; returns when."""
        at = time.perf_counter()
        os.write(self._master, keys.encode())
        return at

    def read(self, seconds: float) -> bytes:
        """What is written next, within so many seconds."""
        if not select.select([self._master], [], [], seconds)[0]:
            return b""
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:  # the process is gone
            data = b""
        if not data:
            raise RuntimeError(f"the interface has ended: {self.text[-800:]}")
        self.raw += data
        return data

    @property
    def text(self) -> str:
        """What was written, without escape sequences."""
        return _ESCAPE.sub(b"", self.raw).decode("utf-8", "replace")

    def until(self, *words: str, seconds: float = 60.0) -> float:
        """Wait for all of these words; returns when they were there."""
        limit = time.perf_counter() + seconds
        while missing := [one for one in words if one not in self.text]:
            if time.perf_counter() > limit:
                raise TimeoutError(f"no {missing} in: {self.text[-800:]}")
            self.read(0.5)
        return time.perf_counter()

    def forget(self) -> None:
        """Begin to collect anew."""
        self.raw = b""

    def drain(self, seconds: float) -> None:
        """Read whatever comes for so many seconds, as a terminal does."""
        limit = time.perf_counter() + seconds
        while (left := limit - time.perf_counter()) > 0:
            self.read(left)

    @property
    def megabytes(self) -> float:
        """Resident memory."""
        told = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(self.process.pid)], capture_output=True, text=True, check=True
        )
        return int(told.stdout) / 1024

    def close(self) -> None:
        """End the process."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        os.close(self._master)


@contextmanager
def terminal(home: Path, *arguments: str) -> Iterator[Terminal]:
    """A fresh process, ended at the end."""
    opened = Terminal(arguments, home)
    try:
        yield opened
    finally:
        opened.close()


def environment(home: Path) -> dict[str, str]:
    """Nothing of the user's, so that all start alike."""
    theirs = ("XDG_", "MLAGENT_", "NO_COLOR", "TMUX", "TEXTUAL")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
    return kept | {
        "HOME": str(home), "PYTHONPATH": str(CHECKOUT), "TERM": "xterm-256color", "COLORTERM": "truecolor",
    }  # fmt: skip


class Table:
    """Prints rows as they are measured, and knows whether all bars were met."""

    def __init__(self) -> None:
        self.good = True

    def row(self, name: str, value: float, unit: str, bar: float | None = None, note: str = "") -> None:
        """One measurement; `bar` is the most it may be."""
        verdict = ""
        if bar is not None:
            met = value <= bar
            self.good &= met
            verdict = f"(<= {bar:g})  {'ok' if met else 'MISSED'}"
        print(f"{name:46}{value:9.1f} {unit:3} {verdict:18} {note}".rstrip(), flush=True)


# --- first paint --------------------------------------------------------------------------------------------


def first_paint(table: Table, home: Path, rounds: int) -> None:
    """The start screen, a run, and Textual's demo, each in a fresh process, in turn."""
    project = recording.project(home / "recorded")
    shown = {
        "start screen": ((*OURS,), "New run"),
        "a recorded run": ((*OURS, str(project)), "CurrentModel"),
        "Textual's demo": (DEMO, "What is Textual"),
    }
    took: dict[str, list[float]] = {name: [] for name in shown}
    for number in range(rounds + 1):
        for name, (arguments, words) in shown.items():
            with terminal(home, *arguments) as opened:
                seconds = opened.until(words) - opened.began
            if number:  # the first of each warms the disk
                took[name].append(1000 * seconds)
    demo = statistics.median(took["Textual's demo"])
    for name, times in took.items():
        middle = statistics.median(times)
        table.row(f"first paint, {name}", middle, "ms", note=f"{min(times):.0f} to {max(times):.0f}")
        if name != "Textual's demo":
            table.row("  as a share of the demo's", 100 * middle / demo, "%", NEAR_DEMO)


# --- keys ---------------------------------------------------------------------------------------------------


class Stream(threading.Thread):
    """Writes a journal as a busy engine would: tokens of one answer after another, a training beside them."""

    def __init__(self, journal: Path) -> None:
        super().__init__(daemon=True)
        self._journal = journal
        self._done = threading.Event()
        self.tokens = self.batches = 0
        self.seconds = 0.0

    def run(self) -> None:
        began = time.perf_counter()
        with self._journal.open("ab", buffering=0) as file:
            while not self._done.wait(BURST):
                self.seconds = time.perf_counter() - began
                file.write(b"".join(self._due(self.seconds)))

    def _due(self, seconds: float) -> Iterator[bytes]:
        """What should have been written by now: after every ten tokens a batch."""
        while self.batches < seconds * BATCHES:
            for _ in range(TOKENS // BATCHES):
                task = ("plan", "code", "explain", "decision")[self.tokens // TOKENS % 4]
                word = "    x = self.conv(x)\n" if self.tokens % 5 == 0 else " word"
                yield self._event("tokens_streamed", role="coder", task=task, text=word)
                self.tokens += 1
                if self.tokens % TOKENS == 0:
                    yield self._event("model_called", role="coder", task=task, tokens=TOKENS, seconds=1.0)
            self.batches += 1
            epoch, batch = divmod(self.batches, 100)
            place = {
                "run_id": "qe_bench",
                "epoch": epoch + 1,
                "epochs": 99,
                "batch": batch + 1,
                "batches": 100,
            }
            yield self._event("batch_done", loss=random.random(), accuracy=0.5, **place)

    @staticmethod
    def _event(kind: str, **fields: Any) -> bytes:
        now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{int(time.time() * 1000) % 1000:03}Z"
        event = {"time": now, "seq": 0, "type": kind, **fields}
        return json.dumps(event, separators=(",", ":")).encode() + b"\n"

    def stop(self) -> None:
        """Write no more."""
        self._done.set()
        self.join()


def key_latency(table: Table, home: Path, keys: int) -> None:
    """Letters typed into the line for the planner while everything streams."""
    project = recording.project(home / "streaming", upto='"type":"trial_finished"')
    stream = Stream(project / paths.JOURNAL)
    took: list[float] = []
    with recording.engine_at_work(project), terminal(home, *OURS, str(project)) as opened:
        opened.until("CurrentModel")
        stream.start()
        opened.drain(2.0)
        opened.write("s")
        opened.until("enter: send")
        chosen = random.Random(0)
        for number in range(keys):
            opened.drain(chosen.uniform(0.02, 0.08))
            letter = LETTERS[number % len(LETTERS)]
            took.append(_echoed(opened, letter))
            if number % len(LETTERS) == len(LETTERS) - 1:
                opened.write("\x15")  # the line is emptied before letters come again
                opened.drain(0.3)
        stream.stop()
    rates = (
        f"{stream.tokens / stream.seconds:,.0f} tokens/s, {stream.batches / stream.seconds:,.0f} batches/s"
    )
    ordered = sorted(took)
    table.row(f"key to screen, median of {keys}", statistics.median(took), "ms", 50, rates)
    high = ordered[int(0.99 * (len(ordered) - 1))]
    table.row("key to screen, 99th percentile", high, "ms", 100, f"worst {ordered[-1]:.0f}")


def _echoed(opened: Terminal, letter: str) -> float:
    """Milliseconds from a key to its letter."""
    opened.forget()
    wanted = letter.encode()
    at = opened.write(letter)
    while wanted not in opened.raw:
        if time.perf_counter() - at > 10:
            raise TimeoutError(f"{letter} was not echoed")
        opened.read(1.0)
    return 1000 * (time.perf_counter() - at)


# --- a long journal -----------------------------------------------------------------------------------------


def long_journal(table: Table, home: Path, count: int, rounds: int) -> None:
    """How long a journal of `count` events takes to open and to replay, and what it costs."""
    short = recording.project(home / "short")
    project = recording.project(home / "long")
    iterations = lengthen(project / paths.JOURNAL, count)
    size = (project / paths.JOURNAL).stat().st_size / 1e6
    took: dict[Path, list[float]] = {short: [], project: []}
    memory = 0.0
    for _ in range(rounds):
        for root, last in ((short, 4), (project, iterations)):
            with terminal(home, *OURS, str(root)) as opened:
                told = (f"iteration {last}", "best 99.3", f"{last} trials", "evaluate", "decide")
                seconds = opened.until(*told) - opened.began
                took[root].append(seconds)
                if root is project:
                    opened.drain(1.0)
                    memory = opened.megabytes
    middle, bare = statistics.median(took[project]), statistics.median(took[short])
    what = f"{count:,} events, {size:.0f} MB, {iterations:,} iterations"
    table.row("a long journal opened, from process start", 1000 * middle, "ms", 1000, what)
    table.row("of which more than for a short one", 1000 * (middle - bare), "ms")
    table.row("memory, opened", memory, "MB", MOST_MEMORY)
    with terminal(home, *OURS, "replay", str(project), "--speed", "1024") as opened:
        opened.until("×1024")
        at = opened.write("\x1b[F")
        seconds = opened.until("ended", seconds=120.0) - at
        opened.drain(1.0)
        note = f"replayed in {seconds:.1f} s"
        table.row("memory, replayed to its end", opened.megabytes, "MB", MOST_MEMORY, note)


def lengthen(journal: Path, count: int) -> int:
    """Repeat the iterations of a recorded journal until it has `count` events; returns how many there are."""
    told = [json.loads(line) for line in journal.read_bytes().splitlines()]
    begin = next(i for i, event in enumerate(told) if event.get("iteration") == 1)
    end = next(i for i, event in enumerate(told) if event.get("step") == "report")
    head, body, tail = told[:begin], told[begin:end], told[end:]
    rounds = -(-(count - len(head) - len(tail)) // len(body))
    most = max(event.get("iteration") or 0 for event in body)
    with journal.open("w") as file:
        for event in head:
            file.write(json.dumps(event, separators=(",", ":")) + "\n")
        for number in range(rounds):
            for event in body:
                line = json.dumps(event | _later(event, most * number), separators=(",", ":"))
                file.write(line.replace("qe_2026", f"qe_{2026 + number}") + "\n")
        for event in tail:
            file.write(json.dumps(event, separators=(",", ":")) + "\n")
    return most * rounds


def _later(event: dict[str, Any], iterations: int) -> dict[str, Any]:
    return {"iteration": event["iteration"] + iterations} if event.get("iteration") else {}


def main() -> int:
    """Print the table; exit status 1 when something misses its bar."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("--rounds", type=int, default=10, help="fresh processes of each kind")
    parser.add_argument("--keys", type=int, default=400, help="letters that are typed")
    parser.add_argument("--events", type=int, default=100_000)
    options = parser.parse_args()
    table = Table()
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary).resolve()
        first_paint(table, home, options.rounds)
        key_latency(table, home, options.keys)
        long_journal(table, home, options.events, options.rounds)
    return 0 if table.good else 1


if __name__ == "__main__":
    sys.exit(main())
