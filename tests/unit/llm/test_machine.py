"""What this machine is: real numbers of the real machine, remembered where they are slow to get."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlagent_tui import paths
from mlagent_tui.errors import ModelError
from mlagent_tui.llm import machine
from mlagent_tui.llm.machine import Gpu, Machine
from mlagent_tui.sandbox import default_memory_mb


def test_memory_is_some_and_what_is_free_is_less() -> None:
    total, available = machine.memory()
    assert 10**8 < available <= total < 10**14


def test_a_containers_limit_bounds_what_trials_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    contents = {
        "/proc/meminfo": "MemAvailable: 50000000 kB\n",
        "/sys/fs/cgroup/memory.max": f"{2 << 30}\n",
        "/sys/fs/cgroup/memory.current": f"{1 << 30}\n",
    }
    real = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda path, *a: contents.get(str(path)) or real(path, *a))
    assert machine.memory() == (2 << 30, 1 << 30)
    assert default_memory_mb() == 819


def test_the_bandwidth_is_measured_once_and_only_ever_rises(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = iter([5e9, 3e9, 8e9])
    monkeypatch.setattr(machine, "_measured", lambda: next(measured))
    assert [machine.bandwidth(), machine.bandwidth(), machine.bandwidth(again=True)] == [5e9, 5e9, 5e9]
    assert machine.bandwidth(again=True) == 8e9


def test_copying_gives_a_plausible_bandwidth() -> None:
    assert 1e7 < machine.bandwidth() < 1e14


@pytest.mark.parametrize("content", ["", "{}", "null", "[1]", "-1", "NaN"])
def test_a_damaged_memory_of_the_bandwidth_is_measured_anew(
    monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    file = paths.cache_folder() / "bandwidth.json"
    file.parent.mkdir(parents=True)
    file.write_text(content)
    monkeypatch.setattr(machine, "_measured", lambda: 7e9)
    assert machine.bandwidth() == 7e9


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Apple M3 Max Metal", 300e9),
        ("Apple M3 Metal", 102e9),
        ("NVIDIA H200 CUDA0", 4800e9),
        ("RTX A1000", 0),
    ],
)
def test_a_gpus_bandwidth_is_looked_up_by_a_part_of_its_name(name: str, expected: float) -> None:
    assert Gpu(name, 1, False).bandwidth == expected


def test_a_gpu_in_unified_memory_may_use_a_share_of_it() -> None:
    unified = Machine(16, 10, 1.0, (Gpu("Apple M1", 1000, True),))
    assert unified.unified and unified.gpu_memory == 750
    assert Machine(16, 10, 1.0, (Gpu("A", 1000, False), Gpu("B", 500, False))).gpu_memory == 1500


def test_what_the_real_llama_cpp_was_built_for_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = machine.llama_build()
    assert {"gpu", "system", "devices", "version"} <= facts.keys()
    assert any(device["kind"] == "cpu" and device["total"] > 10**8 for device in facts["devices"])
    monkeypatch.setattr(machine, "ask", lambda module: pytest.fail("asked again"))
    assert machine.llama_build() == facts


def test_a_library_that_cannot_be_loaded_is_an_error_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.py").write_text("raise ImportError('libcuda.so.1: cannot open')")
    (tmp_path / "silent.py").write_text("import os; os._exit(7)")
    (tmp_path / "odd.py").write_text("print(1)")
    (tmp_path / "fine.py").write_text(f"print({json.dumps(json.dumps({'a': 1}))})")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert machine.ask("fine") == {"a": 1}
    for module, said in (("broken", "libcuda"), ("silent", "status 7"), ("odd", "loaded")):
        with pytest.raises(ModelError, match=said):
            machine.ask(module)
