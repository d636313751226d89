"""What the doctor says: every line of the real machine, and the remedies where something is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlagent_tui import doctor, sandbox
from mlagent_tui.doctor import Finding, examine, line
from mlagent_tui.errors import ModelError
from mlagent_tui.llm import machine
from mlagent_tui.settings import Settings
from tests.tiny_gguf import make

NAMES = ["Python", "torch", "llama.cpp", "sandbox", "data sets", "models", "disk", "memory", "terminal"]
CPU = {"name": "CPU", "description": "a processor", "kind": "cpu", "unified": False, "free": 1, "total": 2}
GPU = CPU | {"name": "CUDA0", "description": "NVIDIA H200", "kind": "gpu", "total": 140 * 10**9}
TORCH = {
    "version": "2.15",
    "cuda": "",
    "threads": 2,
    "devices": [{"name": "cpu", "title": "cpu", "problem": ""}],
}
LLAMA = {"version": "0.3.36", "gpu": False, "system": "", "devices": [CPU]}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for the two processes that are asked, which take seconds; another test asks them."""
    answers(monkeypatch)


def answers(monkeypatch: pytest.MonkeyPatch, torch: Any = TORCH, llama: Any = LLAMA) -> None:
    def say(answer: Any) -> Callable[..., Any]:
        def told(*_: object) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

        return told

    monkeypatch.setattr(machine, "ask", say(torch))
    monkeypatch.setattr(machine, "llama_build", say(llama))


def only(findings: list[Finding], name: str) -> list[Finding]:
    return [finding for finding in findings if finding.name == name]


def test_every_subject_has_its_line_in_order() -> None:
    seen = [finding.name for finding in examine(Settings())]
    assert list(dict.fromkeys(seen)) == NAMES


def test_a_healthy_machine_has_status_0_and_marks(capsys: pytest.CaptureFixture[str]) -> None:
    status = doctor.doctor(Settings())
    lines = capsys.readouterr().out.splitlines()
    findings = examine(Settings())
    assert status == int(any(finding.state == "fault" for finding in findings))
    assert any(text.startswith("✔ Python") for text in lines)


def test_the_json_for_a_ticket_holds_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    doctor.doctor(Settings(), as_json=True)
    report = json.loads(capsys.readouterr().out)
    assert list(dict.fromkeys(finding["name"] for finding in report["findings"])) == NAMES
    assert {"state", "found", "remedy"} <= report["findings"][0].keys()


def test_whatever_is_not_well_comes_with_a_remedy() -> None:
    assert all(finding.remedy for finding in examine(Settings()) if finding.state != "ok")


def test_a_library_that_cannot_be_loaded_is_a_fault_and_hides_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = ModelError("it cannot be loaded: libcuda.so.1", "Run the set-up again.")
    answers(monkeypatch, torch=broken, llama=broken)
    assert doctor.doctor(Settings()) == 1
    text = capsys.readouterr().out
    assert text.count("✘") >= 2 and "libcuda.so.1" in text and "Run the set-up again" in text
    assert "✔ Python" in text


def test_gpus_are_named_with_their_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = {
        "name": "cuda:0",
        "title": "NVIDIA H200",
        "problem": "",
        "free": 100 * 10**9,
        "total": 140 * 10**9,
    }
    answers(
        monkeypatch,
        torch=TORCH | {"cuda": "13.2", "devices": [*TORCH["devices"], cuda]},
        llama=LLAMA | {"gpu": True, "devices": [CPU, GPU]},
    )
    findings = examine(Settings())
    assert "100.0 GB of 140.0 GB free" in only(findings, "torch")[1].found
    assert "NVIDIA H200 (CUDA0, 140.0 GB)" in only(findings, "llama.cpp")[0].found


def test_a_device_that_computes_wrong_results_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    mps = {"name": "mps", "title": "Apple GPU", "problem": "it computes wrong results", "free": 1, "total": 2}
    answers(monkeypatch, torch=TORCH | {"devices": [*TORCH["devices"], mps]})
    (fault,) = [f for f in examine(Settings()) if f.name == "torch" and f.state == "fault"]
    assert "wrong results" in fault.found and "--device cpu" in fault.remedy


def test_a_gpu_that_llama_cpp_was_not_built_for_comes_with_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor, "_has_nvidia", lambda: True)
    monkeypatch.setattr(doctor.sys, "platform", "linux")
    (advice,) = only(examine(Settings()), "llama.cpp")
    assert advice.state == "advice"
    assert 'CMAKE_ARGS="-DGGML_CUDA=on"' in advice.remedy and "pip install" in advice.remedy


def test_without_a_sandbox_generated_code_would_run_unconfined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "best_level", lambda: "none")
    monkeypatch.setattr(sandbox, "remedy", lambda: "Install bubblewrap.")
    (fault,) = only(examine(Settings()), "sandbox")
    assert fault.state == "fault" and "bubblewrap" in fault.remedy


def test_missing_data_sets_are_advice_with_the_folder(tmp_path: Path) -> None:
    there, missing = only(examine(Settings(data_dir=tmp_path)), "data sets")
    assert there.state == "ok" and "digits" in there.found
    assert missing.state == "advice" and "cifar10" in missing.found and str(tmp_path) in missing.remedy


def test_the_models_of_the_settings_are_looked_at(tmp_path: Path) -> None:
    good = make(tmp_path / "good.gguf")
    settings = Settings(planner=str(good), coder=str(tmp_path / "none.gguf"))
    findings = only(examine(settings), "models")
    assert any(f.state == "ok" and f.found.startswith("planner: tiny") for f in findings)
    assert any(f.state == "fault" and "none.gguf" in f.found for f in findings)


def test_a_server_that_the_settings_name_is_not_contacted() -> None:
    assert examine(Settings(planner="http://10.1.2.3:8000/v1#m"))  # the network of tests refuses to be used


def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "DISK_WANTED", 10**18)
    assert all(finding.state == "advice" for finding in only(examine(Settings()), "disk"))


def test_control_characters_of_a_model_never_reach_the_terminal() -> None:
    assert "\x1b" not in line(Finding("models", "ok", "evil\x1b[2J", "a\x1b]0;x\x07"))
