"""Python's `multiprocessing` and torch's data loader in commands, at every level. No files stay behind."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path

import pytest

from mlagent_tui.sandbox import LEVELS, Level, works
from mlagent_tui.tools import ToolContext, python_run, use_context

SCRIPT = """
import json, queue, sys, time
import multiprocessing as mp
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import shared_memory


def square(number):
    return number * number


def count(lock, total, times):
    for _ in range(times):
        with lock:
            total.value += 1


def wait(event, answers):
    answers.put(event.wait(20))


def work(tasks):
    while tasks.get() is not None:
        tasks.task_done()


def locks():
    lock, total = mp.RLock(), mp.Value("i", 0, lock=False)
    each = [mp.Process(target=count, args=(lock, total, 200)) for _ in range(3)]
    [one.start() for one in each], [one.join() for one in each]
    return total.value


def limits():
    bounded, refused = mp.BoundedSemaphore(1), []
    for wrong in (bounded.release, mp.RLock().release):
        try:
            wrong()
        except (ValueError, AssertionError) as error:
            refused.append(type(error).__name__)
    began = time.monotonic()
    taken = [mp.Semaphore(2).acquire(), mp.Semaphore(0).acquire(timeout=0.1), mp.Lock().acquire(False)]
    return [*taken, time.monotonic() - began < 5, *refused]


def queues():
    small, large = mp.Queue(1), mp.Queue()
    small.put(1)
    try:
        small.put(2, timeout=0.1)
    except queue.Full:
        large.put(3)
    sizes = [large.qsize(), large.get(timeout=20), large.qsize(), small.get(timeout=20)]
    tasks = mp.JoinableQueue()
    worker = mp.Process(target=work, args=(tasks,))
    worker.start()
    [tasks.put(number) for number in range(3)]
    tasks.join(), tasks.put(None), worker.join()
    return [*sizes, worker.exitcode]


def events():
    event, answers = mp.Event(), mp.Queue()
    waiting = mp.Process(target=wait, args=(event, answers))
    waiting.start(), event.set()
    heard = answers.get(timeout=20)
    waiting.join()
    return [heard, mp.Barrier(1).wait()]


def pools():
    with mp.get_context("spawn").Pool(2) as spawned, ProcessPoolExecutor(2, mp.get_context("fork")) as forked:
        return [spawned.map(square, [1, 2, 3]), list(forked.map(square, [4]))]


def managers():
    with mp.Manager() as manager:
        squares = manager.dict()
        each = [mp.Process(target=squares.update, args=({number: number**2},)) for number in range(3)]
        [one.start() for one in each], [one.join() for one in each]
        return sum(squares.values())


def memory():
    ours = shared_memory.SharedMemory(create=True, size=8)
    ours.buf[0] = 7
    again = shared_memory.SharedMemory(ours.name)
    found = again.buf[0]
    again.close(), ours.close(), ours.unlink()
    return found


if __name__ == "__main__":
    print(json.dumps([locks(), limits(), queues(), events(), pools(), managers(), memory()]))
"""
ANSWER = [
    600, [True, False, True, True, "ValueError", "AssertionError"], [1, 3, 0, 1, 0], [True, 0],
    [[1, 4, 9], [16]], 5, 7,
]  # fmt: skip

TORCH = """
import torch, torch.multiprocessing as mp
from torch.utils.data import DataLoader, TensorDataset


def add(model, queue, done):
    with torch.no_grad():
        model.weight += 1
    queue.put(model.weight.detach())
    done.wait(20)


if __name__ == "__main__":
    data = TensorDataset(torch.arange(100.0).reshape(50, 2), torch.arange(50))
    print(sum(float(images.sum()) for images, _ in DataLoader(data, batch_size=5, num_workers=2)))
    model, queue, done = torch.nn.Linear(2, 2), mp.Queue(), mp.Event()
    before = model.share_memory().weight.detach().clone()
    process = mp.Process(target=add, args=(model, queue, done))
    process.start()
    sent = queue.get(timeout=60)
    done.set(), process.join()
    print(torch.equal(model.weight, before + 1), torch.equal(sent, model.weight))
    try:
        mp.get_context("spawn").Process(target=print, args=(model.weight,)).start()
    except RuntimeError as error:
        print(str(error)[-15:])
"""


@pytest.fixture(params=LEVELS)
def commands(request: pytest.FixtureRequest, tmp_path: Path) -> ToolContext:
    level: Level = request.param
    if not works(level) or sys.platform != "linux":
        pytest.skip(f"{level} does not work on this machine")

    def unwanted() -> object:
        raise AssertionError("a command needs neither a coder nor a worker")

    return ToolContext(tmp_path, coder=unwanted, pool=unwanted, sandbox=level, timeout=120)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("script", "answer"),
    [(SCRIPT, json.dumps(ANSWER)), (TORCH, "4950.0\nTrue True\nif it is forked")],
    ids=["multiprocessing", "torch"],
)
def test_processes_share_work_and_leave_nothing_behind(
    commands: ToolContext, script: str, answer: str
) -> None:
    (commands.root / "s.py").write_text(script)
    with use_context(commands):
        assert python_run("s.py").strip() == answer
    assert os.listdir(commands.root) == ["s.py"]


def test_what_needs_sockets_says_so(commands: ToolContext) -> None:
    (commands.root / "s.py").write_text(
        "import multiprocessing as m\ntry:\n    m.get_context('forkserver')\nexcept ValueError as error:\n"
        "    print(error)\n"
    )
    with use_context(dataclasses.replace(commands, timeout=60)):
        assert "forkserver" in python_run("s.py")
