"""What a run holds of the machine's memory, and who is told."""

from __future__ import annotations

import os
import subprocess
import sys

from mlagent_tui import events, sandbox
from mlagent_tui.agent.resources import Meter


def test_only_a_notable_change_of_memory_is_told() -> None:
    told: list[events.Event] = []
    readings = iter([100, 102, 104, 106, 110, 50, 50])
    meter = Meter(told.append, lambda pid: (next(readings) * 2**20, 3))
    for _ in range(7):
        meter.look()
    assert [e.memory_mb for e in told if isinstance(e, events.Resources)] == [100, 106, 50]


def test_what_a_process_has_started_counts_as_its_own() -> None:
    alone, processes = sandbox.usage(os.getpid())
    assert alone > 5 * 2**20
    code = "x = b'x' * 50_000_000; print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        together, more = sandbox.usage(os.getpid())
        child.kill()
    assert more == processes + 1
    assert together > alone + 45_000_000
